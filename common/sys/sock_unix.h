/* sock_unix.h - sockets that are files: unix:///path. Floor: sys. */
#ifndef SYS_SOCK_UNIX_H
#define SYS_SOCK_UNIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr_storage;

/* Whether this system has them; else nothing below can be done. */
bool sock_unix_possible(void);

/* The address of a path of at most ADDR_PATH_MAX bytes; returns its length, 0
 * where that is not possible. */
size_t sock_unix_address(const char *path, struct sockaddr_storage *out);

/*
 * Makes way for a Unix listener at path: removes a socket file that nobody
 * listens on. Returns NULL, or a constant text: somebody listens there, or it
 * is no socket, or the system's reason.
 */
const char *sock_unix_claim(const char *path);

/*
 * Sets mode, and owner and group by name (NULL: leave) of the socket file.
 * Returns NULL, or a constant text that says which of them failed.
 */
const char *sock_unix_permit(const char *path, uint32_t mode, const char *owner,
    const char *group);

/* Which file this is, to remove only that one later. */
struct sock_file_id {
	uint64_t device, inode;
};
bool sock_file_identify(const char *path, struct sock_file_id *id);
/* The same of the file that symbolic links at path lead to. */
bool sock_file_behind(const char *path, struct sock_file_id *id);
/* Removes path if it still is the file of that id. */
void sock_unix_remove(const char *path, const struct sock_file_id *id);

#endif
