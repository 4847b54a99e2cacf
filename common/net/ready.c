/*
 * ready.c - tells when a bare descriptor can be read or written.
 *
 * Owns:    nothing.
 * Thread:  the loop's.
 * Floor:   net. One event for both, to keep a session small: to want something
 *          else it is taken off and put on again, which the loop's change list
 *          turns into one epoll_ctl, or none.
 */
#include "net/ready.h"
#include "net/loop.h"

void
ready_init(struct ready *ready, struct loop *loop, sock_fd fd,
    ready_fn *on_ready, void *arg)
{
	loop_prepare_fd(loop, fd);
	(void)event_assign(&ready->event, loop_base(loop), fd,
	    EV_READ | EV_PERSIST, on_ready, arg);
	ready->wanted = 0;
}

bool
ready_want(struct ready *ready, short what)
{
	struct event *event = &ready->event;

	if (what == ready->wanted)
		return true;
	(void)event_del(event);
	ready->wanted = 0;
	if (what == 0)
		return true;
	if (event_assign(event, event_get_base(event), event_get_fd(event),
		(short)(what | EV_PERSIST), event_get_callback(event),
		event_get_callback_arg(event)) != 0 ||
	    event_add(event, NULL) != 0)
		return false;
	ready->wanted = what;
	return true;
}

void
ready_soon(struct ready *ready, short what)
{
	event_active(&ready->event, what, 0);
}

void
ready_fini(struct ready *ready)
{
	if (event_initialized(&ready->event))
		(void)event_del(&ready->event);
	ready->wanted = 0;
}
