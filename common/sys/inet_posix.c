/*
 * inet_posix.c - sockets that begin, on Linux and other POSIX systems.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys.
 */
#include "sys/inet.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int
inet_error(void)
{
	return errno;
}

const char *
inet_error_text(int error)
{
	return strerror(error);
}

const char *
inet_lookup_text(int result)
{
	return gai_strerror(result);
}

bool
inet_is_timeout(int error)
{
	return error == ETIMEDOUT;
}

bool
inet_is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	    error == ENOMEM;
}

/* libevent passes over ECONNABORTED itself. */
bool
inet_is_peers_end(int error)
{
	return error == ECONNABORTED || error == EPROTO;
}

sock_fd
inet_open(int family)
{
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/*
 * On this machine a connection is there, or refused, when connect(2) has said
 * that it is under way: asked again, it says so, which saves a trip through
 * the loop.
 */
int
inet_connect(sock_fd fd, const struct sockaddr *to, size_t len)
{
	if (connect(fd, to, (socklen_t)len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (connect(fd, to, (socklen_t)len) == 0 || errno == EISCONN)
		return 0;
	return errno == EALREADY ? INET_UNDER_WAY : errno;
}

int
inet_connected(sock_fd fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return errno;
	return error;
}

bool
inet_near_end(const struct sockaddr *to, size_t len,
    struct sockaddr_storage *from)
{
	int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(*from);
	bool known;

	if (fd < 0)
		return false;
	known = connect(fd, to, (socklen_t)len) == 0 &&
	    getsockname(fd, (struct sockaddr *)from, &size) == 0;
	close(fd);
	return known;
}

bool
inet_bind(sock_fd fd, const struct sockaddr *at, size_t len)
{
	int on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(fd, at, (socklen_t)len) == 0;
}
