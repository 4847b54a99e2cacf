/*
 * watch.c - notices that a peer has gone, without reading from it.
 *
 * Owns:    nothing but its event.
 * Thread:  the loop's.
 * Floor:   net. Edge-triggered: unread bytes wake it once, not for ever.
 */
#include "net/watch.h"
#include "net/loop.h"
#include "sys/sock.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

struct watch {
	struct event event;
	const struct watch_handler *handler; /* borrowed */
	void *arg;
};

static void
on_edge(sock_fd fd, short what, void *arg)
{
	struct watch *watch = arg;

	(void)what;
	if (sock_gone(fd)) {
		event_del(&watch->event);
		watch->handler->on_gone(watch->arg);
	} else if (watch->handler->on_more != NULL) {
		watch->handler->on_more(watch->arg);
	}
}

struct watch *
watch_start(struct loop *loop, sock_fd fd, const struct watch_handler *handler,
    void *arg)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return NULL;
	watch->handler = handler;
	watch->arg = arg;
	loop_prepare_fd(loop, fd);
	if (event_assign(&watch->event, loop_base(loop), fd,
		EV_READ | EV_ET | EV_PERSIST, on_edge, watch) != 0 ||
	    event_add(&watch->event, NULL) != 0) {
		free(watch);
		return NULL;
	}
	return watch;
}

void
watch_end(struct watch *watch)
{
	if (watch == NULL)
		return;
	event_del(&watch->event);
	free(watch);
}
