/*
 * sock_posix.c - sockets on Linux and other POSIX systems.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys. An option that a system lacks is left out there.
 */
#include "sys/sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { KEEPALIVE_TRIES = 3 };

static bool
set_int(sock_fd fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

void
sock_set_nodelay(sock_fd fd)
{
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

void
sock_set_keepalive(sock_fd fd, uint32_t ms)
{
	int every_s = (int)(ms / 2000 / KEEPALIVE_TRIES);

	if (!set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1))
		return;
	if (every_s < 1)
		every_s = 1;
#ifdef TCP_KEEPIDLE
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, every_s * KEEPALIVE_TRIES);
	set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, every_s);
	set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_TRIES);
#endif
}

void
sock_set_user_timeout(sock_fd fd, uint32_t ms)
{
#ifdef TCP_USER_TIMEOUT
	set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)ms);
#else
	(void)fd;
	(void)ms;
#endif
}

#ifdef TCP_INFO
static bool
tcp_info(sock_fd fd, struct tcp_info *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0;
}

uint32_t
sock_rtt_us(sock_fd fd)
{
	struct tcp_info info;

	return tcp_info(fd, &info) ? info.tcpi_rtt : 0;
}

uint32_t
sock_unanswered_ms(sock_fd fd)
{
	struct tcp_info info;

	if (!tcp_info(fd, &info) ||
	    (info.tcpi_unacked == 0 && info.tcpi_probes == 0))
		return 0;
	return info.tcpi_last_ack_recv;
}
#else
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
#endif

static short
poll_now(sock_fd fd, short wanted)
{
	struct pollfd look = { .fd = fd, .events = wanted };

	return poll(&look, 1, 0) == 1 ? look.revents : 0;
}

bool
sock_gone(sock_fd fd)
{
	return (poll_now(fd, 0) & (POLLERR | POLLHUP)) != 0;
}

bool
sock_ended(sock_fd fd)
{
#ifdef POLLRDHUP
	return (poll_now(fd, POLLRDHUP) & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
#else
	return sock_peek(fd) == SOCK_ENDED;
#endif
}

bool
sock_broken(sock_fd fd)
{
	return (poll_now(fd, 0) & POLLERR) != 0;
}

bool
sock_has_unsent(sock_fd fd)
{
	int bytes = 0;

	return ioctl(fd, TIOCOUTQ, &bytes) == 0 && bytes > 0;
}

/* tcp(7) does not say so, but Linux does: EPIPE when a reset meets a connection
 * that the peer has ended, else ECONNRESET. */
bool
sock_broke_after_end(sock_fd fd, int error)
{
	socklen_t len = sizeof(error);

	if (error == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return false;
	return error == EPIPE;
}

enum sock_state
sock_peek(sock_fd fd)
{
	char byte;
	ssize_t n;

	do
		n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return SOCK_BYTES;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return SOCK_DRY;
	return SOCK_ENDED;
}

size_t
sock_peek_bytes(sock_fd fd, void *out, size_t size)
{
	ssize_t n;

	do
		n = recv(fd, out, size, MSG_PEEK | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n > 0 ? (size_t)n : 0;
}

static ssize_t
result_of(ssize_t n)
{
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR
	    ? SOCK_AGAIN
	    : SOCK_FAILED;
}

ssize_t
sock_recv(sock_fd fd, void *out, size_t size)
{
	return result_of(recv(fd, out, size, MSG_DONTWAIT));
}

ssize_t
sock_send(sock_fd fd, const void *first, size_t first_len, const void *second,
    size_t second_len)
{
	struct iovec pieces[2] = {
		{ .iov_base = (void *)first, .iov_len = first_len },
		{ .iov_base = (void *)second, .iov_len = second_len },
	};
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 2 };

	if (first_len == 0 || second_len == 0) /* cheaper */
		return result_of(send(fd, first_len > 0 ? first : second,
		    first_len + second_len, MSG_DONTWAIT | MSG_NOSIGNAL));
	return result_of(sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

void
sock_finish(sock_fd fd)
{
	(void)shutdown(fd, SHUT_WR);
}

void
sock_close(sock_fd fd)
{
	close(fd);
}

void
sock_reset(sock_fd fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}
