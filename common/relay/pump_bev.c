/*
 * pump_bev.c - bytes moved by libevent's bufferevents: any kind of link, any
 * system.
 *
 * Owns:    both links.
 * Thread:  the loop's.
 * Floor:   relay.
 *
 * Bytes that came from one side go to the other side's output at once; when
 * that holds nearly all it may the first side is not read any more until the
 * output has fallen to a quarter of that.
 */
#include "relay/pump_parts.h"
#include "net/link.h"
#include "net/rate.h"
#include "sys/inet.h"

#include <event2/buffer.h>

static void
on_output_change(struct evbuffer *output, const struct evbuffer_cb_info *info,
    void *arg)
{
	struct pump_side *side = arg;

	(void)output;
	pump_kit_hold(side->pump->kit, info->n_added, info->n_deleted);
	pump_moved(side, info->n_deleted);
}

/*
 * Moves what came from a side to its peer's output. Small pieces are copied:
 * libevent keeps each piece it moves in the block it was read into, and a
 * sender of single bytes would fill a block of 4 KiB with every one of them.
 */
static bool
forward(struct pump_side *side)
{
	struct evbuffer *input = link_input(side->link);
	struct evbuffer *output = link_output(pump_peer(side)->link);
	size_t len = evbuffer_get_length(input);
	unsigned char *bytes;

	if (len > LINK_READ_MAX / 2)
		return evbuffer_add_buffer(output, input) == 0;
	bytes = evbuffer_pullup(input, -1);
	return bytes != NULL && evbuffer_add(output, bytes, len) == 0 &&
	    evbuffer_drain(input, len) == 0;
}

/* Lets the frames before the raw bytes pass. True: the rest is raw. */
static bool
pass_gate(struct pump_side *side)
{
	struct pump *pump = side->pump;

	switch (pump->options.gate(link_input(side->link),
	    link_output(pump_peer(side)->link), pump->options.arg)) {
	case PUMP_GATE_OPEN:
		side->gated = false;
		return true;
	case PUMP_GATE_WAIT:
		break;
	case PUMP_GATE_BAD:
		pump_close(pump, PUMP_BAD_FRAME);
		break;
	}
	return false;
}

static void
on_input(void *arg)
{
	struct pump_side *side = arg;
	struct pump *pump = side->pump;
	struct link *to = pump_peer(side)->link;
	bool raw = !side->gated || pass_gate(side);
	size_t held;

	if (pump->closed)
		return;
	if (raw && evbuffer_get_length(link_input(side->link)) > 0 &&
	    !forward(side)) {
		pump_close(pump, PUMP_NO_MEMORY);
		return;
	}
	link_wrote(to);
	held = evbuffer_get_length(link_output(to));
	if (held + LINK_READ_MAX > pump_room(pump)) {
		link_read(side->link, false);
		pump_pause(side);
	}
}

/* The mark at which this is asked is of buffer_bytes, but a side may hold less
 * while memory is tight. What is left is asked for again with its next bytes
 * that leave. */
static bool
has_room(const struct pump_side *side)
{
	return evbuffer_get_length(link_output(side->link)) <=
	    pump_room(side->pump) / 4;
}

static void
on_drained(void *arg)
{
	struct pump_side *side = arg, *peer = pump_peer(side);

	if (peer->paused && !peer->eof && has_room(side)) {
		peer->paused = false;
		link_read(peer->link, true);
	}
	pump_maybe_finish(side);
}

static void
on_eof(void *arg)
{
	pump_on_eof(arg);
}

static void
on_error(void *arg, const char *why)
{
	int error = inet_error();

	(void)why;
	pump_on_unsendable(arg, error);
}

static void
on_held(void *arg, size_t bytes)
{
	pump_hold_tls(arg, bytes);
}

static const struct link_handler handler = {
	.on_input = on_input,
	.on_drained = on_drained,
	.on_eof = on_eof,
	.on_error = on_error,
	.on_held = on_held,
};

static bool
fits(const struct pump_kit *kit, const struct link *b)
{
	(void)kit;
	(void)b;
	return true;
}

/* Counts from now on what waits and what leaves for the side. */
static bool
side_init(struct pump_side *side, struct link *link)
{
	struct evbuffer *output = link_output(link);
	size_t len = evbuffer_get_length(output);

	if (evbuffer_add_cb(output, on_output_change, side) == NULL)
		return false;
	side->link = link;
	side->sent = -(int64_t)len;
	pump_kit_hold(side->pump->kit, len, 0);
	pump_hold_tls(side, link_held(link));
	return true;
}

/* No longer: before the link goes. */
static void
side_fini(struct pump_side *side)
{
	struct evbuffer *output;

	if (side->link == NULL)
		return;
	output = link_output(side->link);
	pump_kit_hold(side->pump->kit, 0, evbuffer_get_length(output));
	pump_hold_tls(side, 0);
	evbuffer_remove_cb(output, on_output_change, side);
	side->link = NULL;
}

static void
side_start(struct pump_side *side)
{
	link_set_output_low(side->link, side->pump->options.buffer_bytes / 4);
	link_set_handler(side->link, &handler, side);
	link_write_always(side->link);
	if (evbuffer_get_length(link_input(side->link)) > 0)
		link_kick(side->link);
}

static bool
join_rate(struct pump *pump, struct link *a)
{
	return pump->options.rate == NULL || rate_join(pump->options.rate, a);
}

static void
leave_rate(struct pump *pump, struct link *a)
{
	if (pump->options.rate != NULL)
		rate_leave(pump->options.rate, a);
}

static bool
start(struct pump *pump, struct link *b, struct evbuffer *early)
{
	struct link *a = link_new(pump->kit->loop, pump->a.stream.fd);

	if (a == NULL)
		return false;
	if (!join_rate(pump, a)) {
		(void)link_detach(a);
		return false;
	}
	if (!side_init(&pump->a, a) || !side_init(&pump->b, b) ||
	    (early != NULL &&
		evbuffer_add_buffer(link_output(a), early) != 0)) {
		side_fini(&pump->a);
		side_fini(&pump->b);
		leave_rate(pump, a);
		(void)link_detach(a);
		return false;
	}
	side_start(&pump->a);
	side_start(&pump->b);
	return true;
}

static size_t
unsent(const struct pump_side *side)
{
	return evbuffer_get_length(link_output(side->link));
}

static void
ended(struct pump_side *side)
{
	link_read(side->link, false);
	link_set_output_low(pump_peer(side)->link, 0); /* empty, then FIN */
}

static bool
finish(struct pump_side *side, bool last)
{
	/* to close a plain one sends the FIN as well */
	return (last && !link_is_tls(side->link)) || link_finish(side->link);
}

static void
close_side(struct pump_side *side, enum pump_farewell how)
{
	struct pump *pump = side->pump;
	struct link *link = side->link;

	if (side == &pump->a)
		leave_rate(pump, link);
	side_fini(side);
	switch (how) {
	case PUMP_FIN:
		link_free(link);
		break;
	case PUMP_LINGER:
		link_linger(link);
		break;
	case PUMP_RESET:
		link_reset(link);
		break;
	}
}

const struct pump_ops pump_bev = {
	.name = "bev",
	.fits = fits,
	.start = start,
	.unsent = unsent,
	.ended = ended,
	.finish = finish,
	.close = close_side,
};
