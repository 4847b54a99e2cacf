/*
 * inet_win32.c - sockets that begin, on Windows.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys. The system's own texts come in its user's language and code
 *          page; a log has these instead.
 */
#include "sys/inet.h"

#include <stdio.h>

static const struct {
	int error;
	const char *text;
} texts[] = {
	{ WSAEACCES, "permission denied" },
	{ WSAEADDRINUSE, "address already in use" },
	{ WSAEADDRNOTAVAIL, "the address is none of this machine" },
	{ WSAEAFNOSUPPORT, "address family not supported" },
	{ WSAECONNABORTED, "connection aborted" },
	{ WSAECONNREFUSED, "connection refused" },
	{ WSAECONNRESET, "connection reset by peer" },
	{ WSAEHOSTUNREACH, "no route to host" },
	{ WSAEINVAL, "invalid argument" },
	{ WSAEMFILE, "too many open sockets" },
	{ WSAENETDOWN, "network is down" },
	{ WSAENETRESET, "connection lost: keep-alive was not answered" },
	{ WSAENETUNREACH, "network is unreachable" },
	{ WSAENOBUFS, "no buffer space available" },
	{ WSAENOTCONN, "not connected" },
	{ WSAESHUTDOWN, "the direction has been ended" },
	{ WSAETIMEDOUT, "connection timed out" },
};

int
inet_error(void)
{
	return WSAGetLastError();
}

const char *
inet_error_text(int error)
{
	static _Thread_local char other[32];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].error == error)
			return texts[i].text;
	snprintf(other, sizeof(other), "socket error %d", error);
	return other;
}

const char *
inet_lookup_text(int result)
{
	switch (result) {
	case EAI_NONAME: /* WSAHOST_NOT_FOUND */
		return "name not known";
	case EAI_AGAIN:
		return "temporary failure in name resolution";
	case EAI_FAMILY:
		return "address family not supported";
	case EAI_MEMORY:
		return "out of memory";
	default:
		return "the name cannot be looked up";
	}
}

bool
inet_is_timeout(int error)
{
	return error == WSAETIMEDOUT;
}

bool
inet_is_shortage(int error)
{
	return error == WSAEMFILE || error == WSAENOBUFS ||
	    error == WSA_NOT_ENOUGH_MEMORY;
}

bool
inet_is_peers_end(int error)
{
	return error == WSAECONNRESET || error == WSAECONNABORTED;
}

sock_fd
inet_open(int family)
{
	SOCKET fd = WSASocketW(family, SOCK_STREAM, 0, NULL, 0,
	    WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
	u_long on = 1;

	if (fd != INVALID_SOCKET)
		(void)ioctlsocket(fd, FIONBIO, &on);
	return (sock_fd)fd;
}

int
inet_connect(sock_fd fd, const struct sockaddr *to, size_t len)
{
	int error;

	if (connect((SOCKET)fd, to, (int)len) == 0)
		return 0;
	error = WSAGetLastError();
	return error == WSAEWOULDBLOCK ? INET_UNDER_WAY : error;
}

int
inet_connected(sock_fd fd)
{
	int error = 0, len = sizeof(error);

	if (getsockopt((SOCKET)fd, SOL_SOCKET, SO_ERROR, (char *)&error,
		&len) != 0)
		return WSAGetLastError();
	return error;
}

bool
inet_near_end(const struct sockaddr *to, size_t len,
    struct sockaddr_storage *from)
{
	SOCKET fd = WSASocketW(to->sa_family, SOCK_DGRAM, 0, NULL, 0,
	    WSA_FLAG_NO_HANDLE_INHERIT);
	int size = sizeof(*from);
	bool known;

	if (fd == INVALID_SOCKET)
		return false;
	known = connect(fd, to, (int)len) == 0 &&
	    getsockname(fd, (struct sockaddr *)from, &size) == 0;
	(void)closesocket(fd);
	return known;
}

/*
 * SO_REUSEADDR would let any program take the port over; this keeps it to
 * ourselves. TIME_WAIT does not hold a port up there, but a connection that has
 * still to end does.
 */
bool
inet_bind(sock_fd fd, const struct sockaddr *at, size_t len)
{
	BOOL on = TRUE;

	(void)setsockopt((SOCKET)fd, SOL_SOCKET, SO_EXCLUSIVEADDRUSE,
	    (const char *)&on, sizeof(on));
	return bind((SOCKET)fd, at, (int)len) == 0;
}
