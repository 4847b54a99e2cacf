/* keyfile.h - a small file with a secret in it. Floor: sys. */
#ifndef SYS_KEYFILE_H
#define SYS_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>

/* How many bytes of a path are its folder, the separator behind it too. */
size_t keyfile_folder(const char *path);

/* Whether a path says by itself where it leads. */
bool keyfile_is_absolute(const char *path);

/*
 * Reads a regular file, at most size bytes of it. Returns 0 and *len, which is
 * size when there may be more; or an error number: EISDIR, EINVAL for what is
 * no file (fifo, device, socket), else as of open(2), read(2). Waits for
 * nobody. *exposed: users beside its owner and its group may read or write it
 * (always false where the system has no such permissions).
 */
int keyfile_read(const char *path, char *out, size_t size, size_t *len,
    bool *exposed);

#endif
