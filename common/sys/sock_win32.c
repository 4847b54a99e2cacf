/*
 * sock_win32.c - sockets on Windows.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys. Every socket here is non-blocking, so no call waits.
 *
 * What Windows does not tell, or has no option for, is left out: round-trip
 * times and what is unacknowledged are unknown. It gives a peer up by itself
 * that acknowledges nothing for some 20 s (TcpMaxDataRetransmissions).
 */
#include "sys/sock.h"
#include "sys/inet.h"

#include <limits.h>
#include <mstcpip.h>

enum { KEEPALIVE_TRIES = 10 }; /* since Windows Vista, and not to be changed */

void
sock_set_nodelay(sock_fd fd)
{
	BOOL on = TRUE;

	(void)setsockopt((SOCKET)fd, IPPROTO_TCP, TCP_NODELAY,
	    (const char *)&on, sizeof(on));
}

void
sock_set_keepalive(sock_fd fd, uint32_t ms)
{
	struct tcp_keepalive wanted = { .onoff = 1 };
	DWORD done;

	if (ms < 4000)
		ms = 4000;
	wanted.keepalivetime = ms / 2;
	wanted.keepaliveinterval = ms / 2 / KEEPALIVE_TRIES;
	(void)WSAIoctl((SOCKET)fd, SIO_KEEPALIVE_VALS, &wanted, sizeof(wanted),
	    NULL, 0, &done, NULL, NULL);
}

void
sock_set_user_timeout(sock_fd fd, uint32_t ms)
{
	(void)fd;
	(void)ms;
}

uint32_t
sock_rtt_us(sock_fd fd)
{
	(void)fd;
	return 0;
}

uint32_t
sock_unanswered_ms(sock_fd fd)
{
	(void)fd;
	return 0;
}

static int
limit(size_t len)
{
	return len < INT_MAX ? (int)len : INT_MAX;
}

static ssize_t
result_of(ssize_t n)
{
	if (n >= 0)
		return n;
	return WSAGetLastError() == WSAEWOULDBLOCK ? SOCK_AGAIN : SOCK_FAILED;
}

static ssize_t
peek(sock_fd fd, void *out, size_t size)
{
	return result_of(recv((SOCKET)fd, out, limit(size), MSG_PEEK));
}

static bool
has_error(sock_fd fd)
{
	WSAPOLLFD look = { .fd = (SOCKET)fd, .events = POLLRDNORM };

	return WSAPoll(&look, 1, 0) == 1 && (look.revents & POLLERR) != 0;
}

/*
 * Windows throws away what was received when a reset comes, so reading tells.
 * Wine does not, but its poll tells. Of POLLHUP nothing can be known: it is said
 * of a peer that has only ended its own direction, too.
 */
bool
sock_broken(sock_fd fd)
{
	char byte;

	return peek(fd, &byte, 1) == SOCK_FAILED || has_error(fd);
}

bool
sock_gone(sock_fd fd)
{
	return sock_broken(fd);
}

bool
sock_has_unsent(sock_fd fd)
{
	(void)fd;
	return false;
}

bool
sock_ended(sock_fd fd)
{
	return sock_peek(fd) == SOCK_ENDED;
}

bool
sock_broke_after_end(sock_fd fd, int error)
{
	(void)fd;
	(void)error;
	return false;
}

enum sock_state
sock_peek(sock_fd fd)
{
	char byte;
	ssize_t n = peek(fd, &byte, 1);

	if (n > 0)
		return SOCK_BYTES;
	return n == SOCK_AGAIN ? SOCK_DRY : SOCK_ENDED;
}

size_t
sock_peek_bytes(sock_fd fd, void *out, size_t size)
{
	ssize_t n = peek(fd, out, size);

	return n > 0 ? (size_t)n : 0;
}

/* A reset reads as an end under Wine. */
ssize_t
sock_recv(sock_fd fd, void *out, size_t size)
{
	ssize_t n = result_of(recv((SOCKET)fd, out, limit(size), 0));

	return n == 0 && has_error(fd) ? SOCK_FAILED : n;
}

ssize_t
sock_send(sock_fd fd, const void *first, size_t first_len, const void *second,
    size_t second_len)
{
	WSABUF pieces[2] = {
		{ (ULONG)limit(first_len), (char *)first },
		{ (ULONG)limit(second_len), (char *)second },
	};
	DWORD sent = 0;

	if (pieces[0].len < first_len)
		pieces[1].len = 0; /* not behind what does not fit */
	if (WSASend((SOCKET)fd, pieces, 2, &sent, 0, NULL, NULL) != 0)
		return result_of(-1);
	return (ssize_t)sent;
}

void
sock_finish(sock_fd fd)
{
	(void)shutdown((SOCKET)fd, SD_SEND);
}

void
sock_close(sock_fd fd)
{
	(void)closesocket((SOCKET)fd);
}

void
sock_reset(sock_fd fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt((SOCKET)fd, SOL_SOCKET, SO_LINGER, (const char *)&now,
	    sizeof(now));
	(void)closesocket((SOCKET)fd);
}
