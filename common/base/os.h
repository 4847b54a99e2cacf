/* os.h - what this floor needs of the operating system; common/sys keeps it.
 * Floor: base. */
#ifndef BASE_OS_H
#define BASE_OS_H

#include <stddef.h>
#include <sys/types.h>
#include <time.h>

enum { OS_ZONE_SIZE = 8 };

/*
 * Opens a file to append to, with mode 0640 if it is new; programs that this
 * one starts do not get it. It may be renamed while it is open. -1 and errno.
 */
int os_open_log(const char *path);

/*
 * Puts the file behind fd behind the descriptor old, which is never closed in
 * between, and closes fd. Returns 0; or -1 and errno, fd closed all the same.
 */
int os_swap_file(int fd, int old);

/* write(2), of bytes as they are. */
ssize_t os_write(int fd, const void *bytes, size_t len);

/* Local time, and its distance from UTC as in "+0100". */
void os_local_time(time_t when, struct tm *out, char zone[OS_ZONE_SIZE]);

#endif
