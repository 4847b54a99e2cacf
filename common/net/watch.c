/*
 * watch.c - notices that a peer has gone, without reading from it.
 *
 * Owns:    nothing but its event and timer.
 * Thread:  the loop's.
 * Floor:   net. Edge-triggered: unread bytes wake it once, not for ever. A
 *          system that cannot do that (EV_FEATURE_ET of libevent) is asked by a
 *          timer from the first bytes on.
 */
#include "net/watch.h"
#include "net/loop.h"
#include "sys/sock.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

/* How often: while more bytes are of use, and else. */
enum { MORE_MS = 20, GONE_MS = 500 };

struct watch {
	struct event event;
	struct loop_timer timer;	     /* zeroed where there are edges */
	sock_fd fd;			     /* borrowed */
	const struct watch_handler *handler; /* borrowed */
	void *arg;
};

static void
look(struct watch *watch)
{
	bool timed = watch->timer.loop != NULL;

	if (sock_gone(watch->fd)) {
		event_del(&watch->event);
		watch->handler->on_gone(watch->arg);
		return;
	}
	if (timed) {
		event_del(&watch->event);
		loop_timer_start(&watch->timer,
		    watch->handler->on_more != NULL ? MORE_MS : GONE_MS);
	}
	if (watch->handler->on_more != NULL)
		watch->handler->on_more(watch->arg);
}

static void
on_readable(sock_fd fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look(arg);
}

static void
on_time(void *arg)
{
	look(arg);
}

struct watch *
watch_start(struct loop *loop, sock_fd fd, const struct watch_handler *handler,
    void *arg)
{
	struct event_base *base = loop_base(loop);
	bool edges = (event_base_get_features(base) & EV_FEATURE_ET) != 0;
	struct watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return NULL;
	watch->fd = fd;
	watch->handler = handler;
	watch->arg = arg;
	loop_prepare_fd(loop, fd);
	if (!edges)
		loop_timer_init(&watch->timer, loop, on_time, watch);
	if (event_assign(&watch->event, base, fd,
		edges ? EV_READ | EV_ET | EV_PERSIST : EV_READ | EV_PERSIST,
		on_readable, watch) != 0 ||
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
	loop_timer_fini(&watch->timer);
	free(watch);
}
