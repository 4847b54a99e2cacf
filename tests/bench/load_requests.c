/*
 * load_requests.c - a connection for each HTTP request, some at once. Counted
 * as right is only the whole answer and then the end of the connection.
 */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* One that may go ahead as early data: no query, no body. */
static const char request[] = "GET /small HTTP/1.1\r\nHost: bench\r\n"
			      "Connection: close\r\n\r\n";

struct slot {
	int fd; /* -1: free */
	bool asked;
	uint64_t began, first; /* ns; first: 0 until a byte came */
	size_t have;
	char answer[512];
};

struct run {
	struct sockaddr_in to;
	int epoll;
	size_t to_start, busy, errors;
	struct load_samples first, whole;
};

/* Opens the slot's next connection, or leaves it free at the end. */
static void
start(struct run *run, struct slot *s)
{
	struct epoll_event want = {
		.events = EPOLLIN | EPOLLOUT | EPOLLET,
		.data.ptr = s,
	};

	s->fd = -1;
	while (run->to_start > 0) {
		run->to_start--;
		s->asked = false;
		s->first = 0;
		s->have = 0;
		s->began = load_now();
		s->fd = load_connect(&run->to, SOCK_NONBLOCK);
		if (s->fd < 0) {
			run->errors++;
			continue;
		}
		if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, s->fd, &want) < 0)
			load_die("epoll_ctl");
		run->busy++;
		return;
	}
}

static void
finish(struct run *run, struct slot *s, bool right)
{
	uint64_t now = load_now();

	close(s->fd);
	run->busy--;
	if (right) {
		load_sample(&run->first, s->first - s->began);
		load_sample(&run->whole, now - s->began);
	} else {
		run->errors++;
	}
	start(run, s);
}

static void
receive(struct run *run, struct slot *s)
{
	for (;;) {
		ssize_t n = recv(s->fd, s->answer + s->have,
		    sizeof(s->answer) - s->have, 0);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			finish(run, s,
			    n == 0 && s->have == load_response_len &&
				memcmp(s->answer, load_response, s->have) == 0);
			return;
		}
		if (s->first == 0)
			s->first = load_now();
		s->have += (size_t)n;
	}
}

static void
on_event(struct run *run, struct slot *s, uint32_t events)
{
	if (!s->asked && (events & EPOLLOUT) != 0) {
		s->asked = true;
		if (send(s->fd, request, sizeof(request) - 1, MSG_NOSIGNAL) !=
		    (ssize_t)sizeof(request) - 1) {
			finish(run, s, false);
			return;
		}
	}
	if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
		receive(run, s);
}

/* Those that have been silent for too long are errors. */
static void
give_up(struct run *run, struct slot *slots, size_t count)
{
	uint64_t now = load_now();

	for (size_t i = 0; i < count; i++)
		if (slots[i].fd >= 0 &&
		    now - slots[i].began > LOAD_PATIENCE_MS * 1000000ull)
			finish(run, &slots[i], false);
}

int
load_requests(const struct sockaddr_in *to, char **words)
{
	size_t total = strtoul(words[0], NULL, 10);
	size_t count = strtoul(words[1], NULL, 10);
	struct run run = { .to = *to, .to_start = total };
	struct slot *slots = load_alloc(count, sizeof(*slots));
	struct epoll_event events[64];
	uint64_t began = load_now();

	run.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (run.epoll < 0)
		load_die("epoll_create1");
	for (size_t i = 0; i < count; i++)
		start(&run, &slots[i]);
	while (run.busy > 0) {
		int n = epoll_wait(run.epoll, events, 64, 1000);

		for (int i = 0; i < n; i++)
			on_event(&run, events[i].data.ptr, events[i].events);
		if (n == 0)
			give_up(&run, slots, count);
	}
	printf("{\"seconds\": %.6f, \"count\": %zu, \"errors\": %zu",
	    (double)(load_now() - began) / 1e9, total - run.errors, run.errors);
	load_print_samples("first", &run.first);
	load_print_samples("whole", &run.whole);
	puts("}");
	free(run.first.ns);
	free(run.whole.ns);
	free(slots);
	return 0;
}
