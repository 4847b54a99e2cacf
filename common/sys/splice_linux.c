/*
 * splice_linux.c - splice(2) through a pipe.
 *
 * Owns:    nothing; the pipes are the caller's.
 * Thread:  any.
 * Floor:   sys.
 *
 * SPLICE_F_MORE is never said: on a last piece it would cork it for 200 ms.
 * There is no MSG_NOSIGNAL either: the programs ignore SIGPIPE.
 */
#include "sys/splice.h"
#include "sys/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { SIZE_LEAST = 64 * 1024 }; /* what a new pipe has, by pipe(7) */

bool
splice_possible(void)
{
	return true;
}

/* A new pipe that is smaller than that has met the limit of its user. */
static bool
set_size(int fd, size_t size)
{
	int has = fcntl(fd, F_GETPIPE_SZ);

	while (has >= SIZE_LEAST && (size_t)has < size) {
		int now = fcntl(fd, F_SETPIPE_SZ, (int)size);

		if (now > has)
			has = now;
		size /= 2; /* above pipe-max-size, for this user */
	}
	return has >= SIZE_LEAST;
}

bool
splice_open(struct splice_pipe *made, size_t size)
{
	int ends[2];

	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
		return false;
	made->out = ends[0];
	made->in = ends[1];
	made->held = 0;
	if (set_size(made->in, size))
		return true;
	splice_close(made);
	return false;
}

void
splice_close(struct splice_pipe *gone)
{
	close(gone->in);
	close(gone->out);
}

static ssize_t
result_of(ssize_t n)
{
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EINTR)
		return SOCK_AGAIN;
	return errno == EINVAL || errno == ENOSYS || errno == ENOMEM
	    ? SPLICE_UNFIT
	    : SOCK_FAILED;
}

ssize_t
splice_fill(struct splice_pipe *to, sock_fd fd, size_t max)
{
	ssize_t n = result_of(splice(fd, NULL, to->in, NULL, max,
	    SPLICE_F_MOVE | SPLICE_F_NONBLOCK));

	if (n > 0)
		to->held += (size_t)n;
	return n;
}

ssize_t
splice_drain(struct splice_pipe *from, sock_fd fd)
{
	ssize_t n = result_of(splice(from->out, NULL, fd, NULL, from->held,
	    SPLICE_F_MOVE | SPLICE_F_NONBLOCK));

	if (n > 0)
		from->held -= (size_t)n;
	return n;
}
