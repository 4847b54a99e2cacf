/*
 * pairs.c - connected sockets for tests, on any system.
 */
#include "tests/unit/pairs.h"
#include "tests/unit/suites.h"
#include "sys/inet.h"

#include <event2/util.h>

sock_fd
pairs_listener(uint16_t *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	sock_fd fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, len), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	getsockname(fd, (struct sockaddr *)&at, &len);
	*port = ntohs(at.sin_port);
	return fd;
}

void
pairs_tcp(sock_fd pair[2])
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint16_t port;
	sock_fd listener = pairs_listener(&port);

	at.sin_port = htons(port);
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(pair[0], (struct sockaddr *)&at, sizeof(at)),
	    0);
	pair[1] = accept(listener, NULL, NULL);
	sock_close(listener);
	for (int i = 0; i < 2; i++)
		evutil_make_socket_nonblocking(pair[i]);
}

void
pairs_local(sock_fd pair[2])
{
	ck_assert_int_eq(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (int i = 0; i < 2; i++) {
		evutil_make_socket_nonblocking(pair[i]);
		sock_set_nodelay(pair[i]); /* where it is TCP */
	}
}

bool
pairs_tell_resets(void)
{
	sock_fd pair[2];
	char byte;
	bool told;

	pairs_tcp(pair);
	sock_reset(pair[0]);
	while (!sock_gone(pair[1]))
		continue;
	told = recv(pair[1], &byte, 1, 0) < 0;
	sock_close(pair[1]);
	return told;
}
