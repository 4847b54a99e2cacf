/*
 * load_bulk.c - some streams at once, each of so many bytes, down or up. A
 * stream is right if exactly its bytes came down, or if the target said that
 * all had come up.
 */
#include "load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct stream {
	int fd;
	bool up, ordered, done, right;
	uint64_t wanted, moved;
};

static char chunk[LOAD_CHUNK];

static void
finish(struct stream *s, bool right)
{
	close(s->fd);
	s->done = true;
	s->right = right;
}

static void
send_some(struct stream *s)
{
	while (s->moved < s->wanted) {
		uint64_t left = s->wanted - s->moved;
		ssize_t n = send(s->fd, chunk,
		    left < sizeof(chunk) ? left : sizeof(chunk), MSG_NOSIGNAL);

		if (n < 0) {
			if (errno != EAGAIN)
				finish(s, false);
			return;
		}
		s->moved += (uint64_t)n;
	}
}

static void
receive_some(struct stream *s)
{
	for (;;) {
		ssize_t n = recv(s->fd, chunk, sizeof(chunk), 0);

		if (n < 0) {
			if (errno != EAGAIN)
				finish(s, false);
			return;
		}
		if (n == 0) {
			finish(s, !s->up && s->moved == s->wanted);
			return;
		}
		if (s->up) { /* the target has it all */
			finish(s, s->moved == s->wanted && chunk[0] == 'k');
			return;
		}
		s->moved += (uint64_t)n;
	}
}

static void
on_event(struct stream *s, uint32_t events)
{
	struct load_order order = { s->up ? 'U' : 'D', s->wanted };

	if (!s->ordered && (events & EPOLLOUT) != 0) {
		s->ordered = true;
		if (send(s->fd, &order, sizeof(order), MSG_NOSIGNAL) !=
		    (ssize_t)sizeof(order)) {
			finish(s, false);
			return;
		}
	}
	if (s->up && s->ordered && (events & EPOLLOUT) != 0)
		send_some(s);
	if (!s->done && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
		receive_some(s);
}

static void
start(struct stream *s, int epoll, const struct sockaddr_in *to)
{
	struct epoll_event want = {
		.events = EPOLLIN | EPOLLOUT | EPOLLET,
		.data.ptr = s,
	};

	s->fd = load_connect(to, SOCK_NONBLOCK);
	if (s->fd < 0)
		s->done = true;
	else if (epoll_ctl(epoll, EPOLL_CTL_ADD, s->fd, &want) < 0)
		load_die("epoll_ctl");
}

/* Until all are done or nothing moves any more. */
static void
run(int epoll, const struct stream *streams, size_t count)
{
	struct epoll_event events[64];

	for (;;) {
		size_t done = 0;
		int n;

		for (size_t i = 0; i < count; i++)
			done += streams[i].done;
		if (done == count)
			return;
		n = epoll_wait(epoll, events, 64, LOAD_PATIENCE_MS);
		if (n == 0)
			return;
		for (int i = 0; i < n; i++)
			on_event(events[i].data.ptr, events[i].events);
	}
}

int
load_bulk(const struct sockaddr_in *to, char **words)
{
	bool up = strcmp(words[0], "up") == 0;
	size_t count = strtoul(words[1], NULL, 10), wrong = 0;
	uint64_t bytes = strtoull(words[2], NULL, 10), moved = 0, began;
	struct stream *streams = load_alloc(count, sizeof(*streams));
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0)
		load_die("epoll_create1");
	began = load_now();
	for (size_t i = 0; i < count; i++) {
		streams[i].up = up;
		streams[i].wanted = bytes;
		start(&streams[i], epoll, to);
	}
	run(epoll, streams, count);
	for (size_t i = 0; i < count; i++) {
		wrong += !streams[i].right;
		moved += streams[i].moved;
	}
	printf("{\"seconds\": %.6f, \"bytes\": %" PRIu64 ", \"errors\": %zu}\n",
	    (double)(load_now() - began) / 1e9, moved, wrong);
	free(streams);
	return 0;
}
