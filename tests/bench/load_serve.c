/*
 * load_serve.c - the target: one loop, edge-triggered, any number of
 * connections. What a connection wants, its first byte tells.
 */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum doing { NEW, ECHO, HTTP, SENDING, SWALLOWING };

struct client {
	int fd;
	enum doing doing;
	uint64_t left; /* bytes to send or to swallow */
	size_t have;   /* bytes of a request in head */
	char *head;    /* a request as far as it has come; NULL until needed */
};

enum { HEAD_ROOM = 1024 };

static char chunk[LOAD_CHUNK];

static void
end(struct client *c)
{
	close(c->fd);
	free(c->head);
	free(c);
}

/* Sends as much as goes now. False: the connection is at its end. */
static bool
go_on_sending(struct client *c)
{
	while (c->left > 0) {
		size_t want = c->left < sizeof(chunk) ? c->left : sizeof(chunk);
		ssize_t n = send(c->fd, chunk, want, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN;
		c->left -= (uint64_t)n;
	}
	return false;
}

static bool
answer(struct client *c, const char *data, size_t len)
{
	/* Small, and the client waits for it: it fits into the socket. */
	return send(c->fd, data, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Bytes of an HTTP request; answered when its head is there. */
static bool
take_request(struct client *c, const char *data, size_t len)
{
	bool last;

	if (c->head == NULL && (c->head = malloc(HEAD_ROOM)) == NULL)
		return false;
	if (c->have + len >= HEAD_ROOM)
		return false;
	memcpy(c->head + c->have, data, len);
	c->have += len;
	c->head[c->have] = '\0';
	if (c->have < 4 || strcmp(c->head + c->have - 4, "\r\n\r\n") != 0)
		return true;
	last = strstr(c->head, "\r\nConnection: close\r\n") != NULL;
	c->have = 0;
	return answer(c, load_response, load_response_len) && !last;
}

/* The first bytes of a connection; an order comes in one piece. */
static bool
take_first(struct client *c, const char *data, size_t *len)
{
	struct load_order order;

	if (data[0] == 'G') {
		c->doing = HTTP;
	} else if (data[0] == 'D' || data[0] == 'U') {
		if (*len < sizeof(order))
			return false;
		memcpy(&order, data, sizeof(order));
		c->left = order.bytes;
		c->doing = order.way == 'D' ? SENDING : SWALLOWING;
		*len -= sizeof(order);
	} else {
		c->doing = ECHO;
	}
	return true;
}

/* False: the connection is at its end. */
static bool
take(struct client *c, const char *data, size_t len)
{
	if (c->doing == NEW && !take_first(c, data, &len))
		return false;
	switch (c->doing) {
	case ECHO:
		return answer(c, data, len);
	case HTTP:
		return take_request(c, data, len);
	case SENDING:
		return go_on_sending(c);
	case SWALLOWING:
		c->left -= len < c->left ? len : c->left;
		return c->left > 0 || (answer(c, "k", 1) && false);
	case NEW:
		break;
	}
	return false;
}

/* Edge-triggered: reads until there is no more. */
static bool
on_readable(struct client *c)
{
	for (;;) {
		ssize_t n = recv(c->fd, chunk, sizeof(chunk), 0);

		if (n < 0)
			return errno == EAGAIN;
		if (n == 0 || !take(c, chunk, (size_t)n))
			return false;
		/* Less than asked for: the socket is empty. */
		if ((size_t)n < sizeof(chunk) && c->doing != SWALLOWING)
			return true;
	}
}

static void
on_event(struct client *c, uint32_t events)
{
	bool alive = (events & (EPOLLERR | EPOLLHUP)) == 0;

	if (alive && (events & EPOLLOUT) != 0 && c->doing == SENDING)
		alive = go_on_sending(c);
	else if (alive && (events & (EPOLLIN | EPOLLRDHUP)) != 0)
		alive = on_readable(c);
	if (alive && (events & EPOLLRDHUP) != 0 && c->doing != SENDING)
		alive = false;
	if (!alive)
		end(c);
}

static void
accept_all(int epoll, int listener)
{
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct client *c = load_alloc(1, sizeof(*c));
		struct epoll_event want = {
			.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
			.data.ptr = c,
		};

		c->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &want) < 0)
			load_die("epoll_ctl");
	}
}

/* Listens and prints the port. */
static int
start_listening(const struct sockaddr_in *at)
{
	struct sockaddr_in got = { .sin_family = AF_INET };
	socklen_t len = sizeof(got);
	int one = 1, fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		load_die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 ||
	    listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&got, &len) < 0)
		load_die("listen");
	printf("{\"port\": %u}\n", (unsigned)ntohs(got.sin_port));
	return fd;
}

int
load_serve(const struct sockaddr_in *at, char **words)
{
	struct epoll_event events[256];
	struct epoll_event want = { .events = EPOLLIN, .data.ptr = NULL };
	int epoll = epoll_create1(EPOLL_CLOEXEC), listener, n;

	(void)words;
	listener = start_listening(at);
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &want) < 0)
		load_die("epoll");
	for (;;) {
		n = epoll_wait(epoll, events, 256, -1);
		if (n < 0 && errno != EINTR)
			load_die("epoll_wait");
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				accept_all(epoll, listener);
			else
				on_event(events[i].data.ptr, events[i].events);
		}
	}
}
