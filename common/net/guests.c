/*
 * guests.c - the connections of a server that accepts by itself.
 *
 * Owns:    a reference to each bufferevent.
 * Thread:  the loop's.
 * Floor:   net. The server tells nobody when it frees a connection; but
 *          bufferevent_free takes the callbacks off, and that can be seen. So
 *          they are looked at by a timer, which runs while there are any.
 */
#include "net/guests.h"
#include "net/endpoint.h"
#include "net/loop.h"
#include "base/clock.h"
#include "base/list.h"

#include <event2/bufferevent.h>
#include <stdlib.h>

struct guest {
	struct list_node node;
	struct bufferevent *bev; /* a reference of ours */
	uint64_t until_ms;	 /* UINT64_MAX: it waits for us */
};

struct guests {
	struct loop *loop; /* borrowed */
	struct guests_options options;
	struct list all;
	struct loop_timer look;
	bool full;
};

static void
let_go(struct guest *guest)
{
	list_remove(&guest->node);
	bufferevent_decref(guest->bev); /* the last one closes the socket */
	free(guest);
}

static bool
has_left(struct guest *guest)
{
	bufferevent_event_cb on_event;

	bufferevent_getcb(guest->bev, NULL, NULL, &on_event, NULL);
	return on_event == NULL;
}

static void
look_at(struct guests *guests, struct guest *guest, uint64_t now)
{
	if (!has_left(guest) && now >= guest->until_ms) {
		guest->until_ms = now + guests->options.patience_ms;
		bufferevent_trigger_event(guest->bev, BEV_EVENT_TIMEOUT, 0);
	}
	if (has_left(guest))
		let_go(guest);
}

static void
set_full(struct guests *guests)
{
	bool full = guests->all.length >= guests->options.max;

	if (guests->full == full)
		return;
	guests->full = full;
	guests->options.on_full(full, guests->options.arg);
}

static void
on_look(void *arg)
{
	struct guests *guests = arg;
	struct list_node *node = list_first(&guests->all), *next;
	uint64_t now = clock_ms();

	for (; node != NULL; node = next) {
		next = list_next(&guests->all, node);
		look_at(guests, list_entry(node, struct guest, node), now);
	}
	set_full(guests);
	if (guests->all.length > 0)
		loop_timer_start(&guests->look, GUESTS_LOOK_MS);
}

struct guests *
guests_new(struct loop *loop, const struct guests_options *options)
{
	struct guests *guests = calloc(1, sizeof(*guests));

	if (guests == NULL)
		return NULL;
	guests->loop = loop;
	guests->options = *options;
	list_init(&guests->all);
	loop_timer_init(&guests->look, loop, on_look, guests);
	return guests;
}

void
guests_free(struct guests *guests)
{
	struct list_node *node;

	if (guests == NULL)
		return;
	while ((node = list_first(&guests->all)) != NULL)
		let_go(list_entry(node, struct guest, node));
	loop_timer_fini(&guests->look);
	free(guests);
}

struct bufferevent *
guests_admit(struct guests *guests)
{
	struct guest *guest = calloc(1, sizeof(*guest));

	if (guest == NULL)
		return NULL;
	guest->bev = bufferevent_socket_new(loop_base(guests->loop), -1,
	    BEV_OPT_CLOSE_ON_FREE);
	if (guest->bev == NULL) {
		free(guest);
		return NULL;
	}
	bufferevent_incref(guest->bev);
	guest->until_ms = clock_ms() + guests->options.patience_ms;
	list_push_back(&guests->all, &guest->node);
	if (guests->all.length == 1)
		loop_timer_start(&guests->look, GUESTS_LOOK_MS);
	set_full(guests);
	return guest->bev;
}

static struct guest *
find(struct guests *guests, const struct bufferevent *bev)
{
	struct list_node *node = list_first(&guests->all);

	for (; node != NULL; node = list_next(&guests->all, node))
		if (list_entry(node, struct guest, node)->bev == bev)
			return list_entry(node, struct guest, node);
	return NULL;
}

void
guests_hold(struct guests *guests, struct bufferevent *bev)
{
	struct guest *guest = find(guests, bev);

	if (guest != NULL)
		guest->until_ms = UINT64_MAX;
}

void
guests_go_on(struct guests *guests, struct bufferevent *bev)
{
	struct guest *guest = find(guests, bev);

	if (guest != NULL)
		guest->until_ms = clock_ms() + guests->options.patience_ms;
}

void
guests_peer(struct bufferevent *guest, struct endpoint *peer)
{
	endpoint_peer(bufferevent_getfd(guest), peer);
}
