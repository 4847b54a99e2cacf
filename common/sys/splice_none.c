/*
 * splice_none.c - a system that cannot splice.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys.
 */
#include "sys/splice.h"

bool
splice_possible(void)
{
	return false;
}

bool
splice_open(struct splice_pipe *made, size_t size)
{
	(void)made;
	(void)size;
	return false;
}

void
splice_close(struct splice_pipe *gone)
{
	(void)gone;
}

ssize_t
splice_fill(struct splice_pipe *to, sock_fd fd, size_t max)
{
	(void)to;
	(void)fd;
	(void)max;
	return SPLICE_UNFIT;
}

ssize_t
splice_drain(struct splice_pipe *from, sock_fd fd)
{
	(void)from;
	(void)fd;
	return SPLICE_UNFIT;
}
