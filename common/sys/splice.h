/* splice.h - bytes from socket to socket that no program copies. Floor: sys. */
#ifndef SYS_SPLICE_H
#define SYS_SPLICE_H

#include "sys/sock.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Whether this system can: else nothing below does anything. */
bool splice_possible(void);

/* A pipe in the kernel that bytes pass through. */
struct splice_pipe {
	int in, out;
	size_t held; /* bytes in it */
};

/*
 * Makes an empty pipe with room for so many bytes, or for as many as
 * /proc/sys/fs/pipe-max-size allows. False when the system has none to give:
 * out of descriptors, or of the pages that a user may have in pipes (a pipe
 * that is then granted is too small to be of use).
 */
bool splice_open(struct splice_pipe *pipe, size_t size);
void splice_close(struct splice_pipe *pipe);

/*
 * Moves up to max bytes from a socket into the pipe, or all that is held out
 * of it. Returns how many; 0 at the end of input; or one of SOCK_AGAIN,
 * SOCK_FAILED of sys/sock.h. SOCK_AGAIN of splice_fill means an empty socket
 * only while the pipe is empty: so fill no other. SPLICE_UNFIT: this socket
 * cannot be spliced, nothing has moved.
 */
enum { SPLICE_UNFIT = -3 };
ssize_t splice_fill(struct splice_pipe *pipe, sock_fd fd, size_t max);
ssize_t splice_drain(struct splice_pipe *pipe, sock_fd fd);

#endif
