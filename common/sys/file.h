/* file.h - small files, whole and safely. Floor: sys. */
#ifndef SYS_FILE_H
#define SYS_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct user_id;

/*
 * Reads a whole file of at most max bytes. NULL with *why, a constant text or
 * the system's ("Is a directory"). The caller frees it; a NUL that *len does
 * not count stands at its end.
 */
char *file_read(const char *path, size_t max, size_t *len, const char **why);

/*
 * Writes a whole file: under a temporary name beside it, synced, then renamed,
 * so that a crash leaves the old file or the new one and never a half. secret:
 * only this user may read it. NULL, or why not.
 */
const char *
file_write(const char *path, const void *bytes, size_t len, bool secret);

/* Makes an empty file that is only this user's; does nothing when there is
 * something of that name. NULL, or why not. */
const char *file_make_empty(const char *path);

/* Makes a folder that is only this user's. NULL, or why not. */
const char *file_make_folder(const char *path);

/* Gives a folder its final name; does nothing when one of that name, with
 * something in it, is there. NULL, or why not. */
const char *file_name_folder(const char *from, const char *to);

/* Removes a file, or an empty folder, if it is there. */
void file_remove(const char *path);

bool file_exists(const char *path);

/* Whether users other than its owner may read it, or write to it. */
bool file_is_open_to_others(const char *path);

/* Whether users other than its owner may write to it; of a folder: may put
 * files in the place of those in it. */
bool file_is_written_by_others(const char *path);

/* Gives a file of one name, or a folder, to a user and his group; for root.
 * False: it is as before, or not there. */
bool file_give(const char *path, const struct user_id *id);

/* 16 hex digits by chance, for temporary names: two machines that share a
 * folder may have processes of the same number. False: there is no chance. */
enum { FILE_UNIQUE_SIZE = 17 };
bool file_unique(char out[FILE_UNIQUE_SIZE]);

#endif
