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

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>

struct guest {
	struct list_node node;
	struct bufferevent *bev; /* a reference of ours */
	struct guests *guests;	 /* borrowed */
	uint64_t until_ms;	 /* UINT64_MAX: it waits for us */
	bool asks;		 /* bytes of a request have come */
	bool told;		 /* the server has said something */
	bool ended;		 /* and nothing more becomes of it */
	struct endpoint peer;	 /* once it asks */
};

struct guests {
	struct loop *loop; /* borrowed */
	struct guests_options options;
	struct list all;
	struct loop_timer look, tell;
	bool full;
};

static void
on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
	struct guest *guest = arg;

	(void)input;
	if (info->n_added == 0 || guest->asks || guest->ended)
		return;
	guest->asks = true;
	guests_peer(guest->bev, &guest->peer);
}

/* The socket is written to from the loop, so this is looked at before. */
static void
on_output(struct evbuffer *output, const struct evbuffer_cb_info *info,
    void *arg)
{
	struct guest *guest = arg;

	(void)output;
	if (info->n_added == 0 || guest->until_ms == UINT64_MAX)
		return;
	guest->told = true;
	loop_timer_soon(&guest->guests->tell);
}

static void
let_go(struct guest *guest)
{
	list_remove(&guest->node);
	(void)evbuffer_remove_cb(bufferevent_get_input(guest->bev), on_input,
	    guest);
	(void)evbuffer_remove_cb(bufferevent_get_output(guest->bev), on_output,
	    guest);
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

/* Only of one that asks: of that the peer is known. */
static void
tell_trouble(struct guest *guest, enum guests_trouble trouble)
{
	const struct guests_options *options = &guest->guests->options;

	guest->ended = options->on_trouble(trouble, guest->bev, &guest->peer,
	    options->arg);
	guest->asks = !guest->ended;
}

static void
look_at(struct guests *guests, struct guest *guest, uint64_t now)
{
	if (!has_left(guest) && now >= guest->until_ms) {
		guest->until_ms = now + guests->options.patience_ms;
		if (guest->asks &&
		    evbuffer_get_length(bufferevent_get_output(guest->bev)) ==
			0)
			tell_trouble(guest, GUESTS_LATE);
		bufferevent_trigger_event(guest->bev, BEV_EVENT_TIMEOUT, 0);
	}
	if (!has_left(guest))
		return;
	if (guest->asks && guest->until_ms != UINT64_MAX)
		tell_trouble(guest, GUESTS_LEFT);
	let_go(guest);
}

static void
on_tell(void *arg)
{
	struct guests *guests = arg;
	struct list_node *node = list_first(&guests->all);

	for (; node != NULL; node = list_next(&guests->all, node)) {
		struct guest *guest = list_entry(node, struct guest, node);

		if (guest->told && guest->asks && !has_left(guest))
			tell_trouble(guest, GUESTS_TOLD);
		guest->told = false;
	}
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
	loop_timer_init(&guests->tell, loop, on_tell, guests);
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
	loop_timer_fini(&guests->tell);
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
	if (evbuffer_add_cb(bufferevent_get_input(guest->bev), on_input,
		guest) == NULL ||
	    evbuffer_add_cb(bufferevent_get_output(guest->bev), on_output,
		guest) == NULL) {
		bufferevent_free(guest->bev);
		free(guest);
		return NULL;
	}
	bufferevent_incref(guest->bev);
	guest->guests = guests;
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

	if (guest == NULL)
		return;
	guest->until_ms = clock_ms() + guests->options.patience_ms;
	guest->asks = evbuffer_get_length(bufferevent_get_input(guest->bev)) >
	    0;
}

void
guests_peer(struct bufferevent *guest, struct endpoint *peer)
{
	endpoint_peer(bufferevent_getfd(guest), peer);
}

void
guests_waiting(struct bufferevent *guest, char *out, size_t size)
{
	struct evbuffer *output = bufferevent_get_output(guest);
	ev_ssize_t len;

	/* a bufferevent lets nobody else take from its output, nor look */
	(void)evbuffer_unfreeze(output, 1);
	len = evbuffer_copyout(output, out, size - 1);
	(void)evbuffer_freeze(output, 1);
	out[len > 0 ? len : 0] = '\0';
}

void
guests_say(struct bufferevent *guest, struct evbuffer *answer)
{
	struct evbuffer *output = bufferevent_get_output(guest);

	if (evbuffer_get_length(output) == 0) {
		(void)evbuffer_write(answer, bufferevent_getfd(guest));
		return;
	}
	(void)evbuffer_unfreeze(output, 1);
	(void)evbuffer_drain(output, evbuffer_get_length(output));
	(void)evbuffer_freeze(output, 1);
	(void)evbuffer_add_buffer(output, answer);
}
