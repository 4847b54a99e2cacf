/*
 * pump.c - joins two links, on bufferevents.
 *
 * Owns:    both links from pump_start until done.
 * Thread:  the loop's.
 * Floor:   relay.
 *
 * Back-pressure: bytes that came from one side go to the other side's output
 * at once; when that holds nearly buffer_bytes the first side is not read any
 * more until the output has fallen to a quarter. So what a pump holds is
 * bounded, and a slow reader slows the sender, as with a direct connection.
 *
 * TCP_USER_TIMEOUT is off from here on: Linux counts a closed window against
 * it even while the peer answers every probe, so it would cut off a reader
 * that merely pauses. Instead the pump asks the system, while nothing moves,
 * whether a side still acknowledges anything.
 */
#include "relay/pump.h"
#include "base/clock.h"
#include "net/link.h"
#include "net/loop.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>

/* How often to look after a side that is not being read. */
enum { UNREAD_LOOK_MS = 2000 };

struct side {
	struct pump *pump;
	struct side *peer;
	struct link *link; /* owned */
	bool eof;	   /* it will send no more */
	bool finished;	   /* we have ended our direction to it */
	bool gated;	   /* frames still come first */
	bool paused;	   /* not read: the peer's output is full */
	int64_t sent;	   /* bytes that left for it; starts below
					 * zero by what was there before */
};

struct pump {
	struct loop *loop; /* borrowed */
	struct side a, b;
	struct pump_options options;
	struct loop_timer *look; /* owned: has it gone quiet? */
	uint64_t moved_ms;	 /* when bytes last moved */
	bool holding;		 /* a's FIN, as long as b has not ended */
	bool closed;
	struct reap reap;
};

static const struct {
	const char *text; /* its side's name follows, if any */
	enum { NO_SIDE, SIDE_A, SIDE_B } side;
} ends[PUMP_NENDS] = {
	[PUMP_DONE] = { "done", NO_SIDE },
	[PUMP_A_RESET] = { "reset by the", SIDE_A },
	[PUMP_B_RESET] = { "reset by the", SIDE_B },
	[PUMP_A_GONE] = { "nothing acknowledged by the", SIDE_A },
	[PUMP_B_GONE] = { "nothing acknowledged by the", SIDE_B },
	[PUMP_IDLE] = { "idle for too long", NO_SIDE },
	[PUMP_STOPPED] = { "stopped", NO_SIDE },
	[PUMP_BAD_FRAME] = { "protocol error", NO_SIDE },
	[PUMP_NO_START] = { "the link ended before START", NO_SIDE },
	[PUMP_NO_MEMORY] = { "out of memory", NO_SIDE },
};

const char *
pump_end_text(enum pump_end end, const char *a, const char *b,
    char out[PUMP_END_SIZE])
{
	if (ends[end].side == NO_SIDE)
		snprintf(out, PUMP_END_SIZE, "%s", ends[end].text);
	else
		snprintf(out, PUMP_END_SIZE, "%s %s", ends[end].text,
		    ends[end].side == SIDE_A ? a : b);
	return out;
}

static void
on_output_change(struct evbuffer *output, const struct evbuffer_cb_info *info,
    void *arg)
{
	struct side *side = arg;

	(void)output;
	side->sent += (int64_t)info->n_deleted;
	side->pump->moved_ms = clock_ms();
}

static void
close_side(struct side *side, enum pump_end end)
{
	bool linger = end == PUMP_DONE && side->pump->options.whole_close_b;

	evbuffer_remove_cb(link_output(side->link), on_output_change, side);
	if (linger) /* it may still be sending */
		link_retire(side->link);
	else if (end == PUMP_DONE)
		link_free(side->link);
	else
		link_reset(side->link);
	side->link = NULL;
}

static void
pump_free(void *object)
{
	struct pump *pump = object;

	loop_timer_free(pump->look);
	free(pump);
}

static uint64_t
sent_to(const struct side *side)
{
	return side->sent > 0 ? (uint64_t)side->sent : 0;
}

static bool
is_holding(const struct pump *pump)
{
	return pump->holding && pump->a.eof && !pump->b.eof;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void
look_later(struct pump *pump)
{
	uint64_t quiet = clock_ms() - pump->moved_ms;
	uint64_t idle = pump->options.idle_ms;
	uint64_t ms = least(pump->options.peer_ms,
	    idle > quiet ? idle - quiet : 0);

	if (is_holding(pump))
		ms = least(ms, pump->options.hold_fin_ms);
	if (pump->a.paused || pump->b.paused || pump->a.eof || pump->b.eof)
		ms = least(ms, UNREAD_LOOK_MS);
	loop_timer_start(pump->look, ms);
}

/* The one way out. */
static void
pump_close(struct pump *pump, enum pump_end end)
{
	struct pump_result result = {
		end,
		sent_to(&pump->b),
		sent_to(&pump->a),
	};

	if (pump->closed)
		return;
	pump->closed = true;
	loop_timer_stop(pump->look);
	close_side(&pump->a, end);
	close_side(&pump->b, end);
	loop_reap(pump->loop, &pump->reap, pump_free, pump);
	pump->options.done(&result, pump->options.arg);
}

/* Whether a FIN to this side must wait for that side's own end. */
static bool
fin_is_held(const struct side *side)
{
	return side == &side->pump->b && is_holding(side->pump);
}

/* The peer will send no more and all it sent has left: end our direction. */
static void
maybe_finish(struct side *side)
{
	if (side->finished || !side->peer->eof || fin_is_held(side) ||
	    evbuffer_get_length(link_output(side->link)) > 0)
		return;
	side->finished = true;
	link_finish(side->link);
	if (side->peer->finished)
		pump_close(side->pump, PUMP_DONE);
}

/*
 * Moves what came from a side to its peer's output. Small pieces are copied:
 * libevent keeps each piece it moves in the block it was read into, and a
 * sender of single bytes would fill a block of 4 KiB with every one of them.
 */
static bool
forward(struct side *side)
{
	struct evbuffer *input = link_input(side->link);
	struct evbuffer *output = link_output(side->peer->link);
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
pass_gate(struct side *side)
{
	struct pump *pump = side->pump;

	switch (pump->options.gate(link_input(side->link),
	    link_output(side->peer->link), pump->options.arg)) {
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
	struct side *side = arg;
	struct pump *pump = side->pump;
	size_t held;

	if (side->gated && !pass_gate(side))
		return;
	if (evbuffer_get_length(link_input(side->link)) == 0)
		return;
	if (!forward(side)) {
		pump_close(pump, PUMP_NO_MEMORY);
		return;
	}
	held = evbuffer_get_length(link_output(side->peer->link));
	if (held + LINK_READ_MAX > pump->options.buffer_bytes) {
		side->paused = true;
		link_read(side->link, false);
		look_later(pump);
	}
}

static void
on_drained(void *arg)
{
	struct side *side = arg;

	if (side->peer->paused && !side->peer->eof) {
		side->peer->paused = false;
		link_read(side->peer->link, true);
	}
	maybe_finish(side);
}

static void
set_eof(struct side *side)
{
	side->eof = true;
	link_set_output_low(side->peer->link, 0); /* empty, then FIN */
}

static void
on_eof(void *arg)
{
	struct side *side = arg;
	struct pump *pump = side->pump;

	if (side->gated) {
		pump_close(pump, PUMP_NO_START);
		return;
	}
	set_eof(side);
	if (side == &pump->a && link_is_gone(side->link))
		pump->holding = false; /* nobody waits for a reply */
	look_later(pump);
	if (pump->options.whole_close_b && side == &pump->b) {
		link_read(pump->a.link, false);
		set_eof(&pump->a);
		maybe_finish(&pump->b);
		if (pump->closed)
			return;
	}
	maybe_finish(side->peer);
	if (!pump->closed)
		maybe_finish(side); /* a FIN that was held back */
}

static void
on_error(void *arg, const char *why)
{
	struct side *side = arg;
	struct pump *pump = side->pump;
	bool is_a = side == &pump->a;

	(void)why;
	if (!is_a && side->eof && pump->options.whole_close_b) {
		/* it had said all; the client still gets what it said */
		side->finished = true;
		if (pump->a.finished)
			pump_close(pump, PUMP_DONE);
		return;
	}
	pump_close(pump, is_a ? PUMP_A_RESET : PUMP_B_RESET);
}

static const struct link_handler handler = {
	.on_input = on_input,
	.on_drained = on_drained,
	.on_eof = on_eof,
	.on_error = on_error,
};

static bool
has_vanished(const struct side *side)
{
	return link_unanswered_ms(side->link) >= side->pump->options.peer_ms;
}

static void
let_fin_go(struct pump *pump)
{
	pump->holding = false;
	look_later(pump);
	maybe_finish(&pump->b);
}

/* A side that is not read at the moment may be gone unnoticed. One that has
 * closed in peace is still owed that what it said is delivered. */
static bool
has_left(const struct side *side)
{
	size_t owed = evbuffer_get_length(link_output(side->peer->link));

	if (side->eof ? side->finished : !side->paused)
		return false; /* through with it, or reading it */
	return link_is_broken(side->link) ||
	    (owed == 0 && link_is_gone(side->link));
}

/* Looks at the pump now and then: who is still there? */
static void
on_look(void *arg)
{
	struct pump *pump = arg;
	const struct pump_options *options = &pump->options;
	uint64_t quiet = clock_ms() - pump->moved_ms;

	if (quiet >= options->idle_ms)
		pump_close(pump, PUMP_IDLE);
	else if (has_left(&pump->a))
		pump_close(pump, PUMP_A_RESET);
	else if (has_left(&pump->b))
		pump_close(pump, PUMP_B_RESET);
	else if (has_vanished(&pump->a))
		pump_close(pump, PUMP_A_GONE);
	else if (has_vanished(&pump->b))
		pump_close(pump, PUMP_B_GONE);
	else if (is_holding(pump) && quiet >= options->hold_fin_ms)
		let_fin_go(pump);
	else
		look_later(pump);
}

static void
side_init(struct side *side, struct pump *pump, struct side *peer,
    struct link *link)
{
	side->pump = pump;
	side->peer = peer;
	side->link = link;
	side->sent = -(int64_t)evbuffer_get_length(link_output(link));
}

static void
side_start(struct side *side)
{
	link_set_keepalive(side->link, side->pump->options.peer_ms);
	link_set_user_timeout(side->link, 0);
	link_set_output_low(side->link, side->pump->options.buffer_bytes / 4);
	link_set_handler(side->link, &handler, side);
	if (evbuffer_get_length(link_input(side->link)) > 0)
		link_kick(side->link);
}

struct pump *
pump_start(struct loop *loop, struct link *a, struct link *b,
    const struct pump_options *options)
{
	struct pump *pump = calloc(1, sizeof(*pump));

	if (pump == NULL)
		return NULL;
	pump->loop = loop;
	pump->options = *options;
	side_init(&pump->a, pump, &pump->b, a);
	side_init(&pump->b, pump, &pump->a, b);
	pump->b.gated = options->gate != NULL;
	pump->holding = options->hold_fin_ms > 0;
	pump->moved_ms = clock_ms();
	if ((pump->look = loop_timer_new(loop, on_look, pump)) == NULL ||
	    evbuffer_add_cb(link_output(a), on_output_change, &pump->a) == NULL)
		goto fail;
	if (evbuffer_add_cb(link_output(b), on_output_change, &pump->b) ==
	    NULL) {
		evbuffer_remove_cb(link_output(a), on_output_change, &pump->a);
		goto fail;
	}
	side_start(&pump->a);
	side_start(&pump->b);
	look_later(pump);
	return pump;
fail:
	pump_free(pump);
	return NULL;
}

void
pump_stop(struct pump *pump)
{
	pump_close(pump, PUMP_STOPPED);
}
