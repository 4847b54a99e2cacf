/*
 * pump.c - joins two sides: when a pump ends, and what a FIN has to wait for.
 *
 * Owns:    both sides from pump_start until done.
 * Thread:  the loop's.
 * Floor:   relay. The bytes are moved by a backend: pump_splice.c, pump_copy.c,
 *          pump_bev.c, of which the best that fits is taken.
 *
 * Back-pressure: a side is not read while more than buffer_bytes wait to go to
 * the other one. So what a pump holds is bounded, and a slow reader slows the
 * sender, as with a direct connection.
 *
 * TCP_USER_TIMEOUT is off from here on: Linux counts a closed window against
 * it even while the peer answers every probe, so it would cut off a reader
 * that merely pauses. Instead the pump asks the system, while nothing moves,
 * whether a side still acknowledges anything.
 */
#include "relay/pump_parts.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/link.h"
#include "sys/sock.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>

/* How often to look after a side that is not being read. */
enum { UNREAD_LOOK_MS = 2000, GUARD_MS = 2000 };

static const struct pump_ops *const best_first[] = {
	&pump_splice,
	&pump_copy,
	&pump_bev,
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

static const struct pump_ops *
pick(const struct pump_kit *kit, const struct link *b,
    const struct pump_options *options)
{
	size_t i = 0;

	if (options->rate != NULL)
		return &pump_bev; /* it alone can be held back */
	while (!best_first[i]->fits(kit, b))
		i++; /* pump_bev fits everything */
	return best_first[i];
}

static void
close_side(struct pump_side *side, enum pump_end end)
{
	bool linger = end == PUMP_DONE && side->pump->options.whole_close_b;

	if (linger)
		pump_kit_make_room(side->pump->kit);
	side->pump->ops->close(side,
	    linger		   ? PUMP_LINGER
		: end == PUMP_DONE ? PUMP_FIN
				   : PUMP_RESET);
	side->stream.fd = SOCK_NONE;
}

static void
pump_free(void *object)
{
	free(object);
}

static uint64_t
sent_to(const struct pump_side *side)
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
	if (!pump->guarded)
		ms = least(ms, least(GUARD_MS, pump->options.peer_ms / 2));
	if (pump->a.paused || pump->b.paused || pump->a.eof || pump->b.eof)
		ms = least(ms, UNREAD_LOOK_MS);
	wheel_put(pump->kit->looks, &pump->look, ms);
}

/* The one way out. */
void
pump_close(struct pump *pump, enum pump_end end)
{
	struct pump_result result = {
		end,
		sent_to(&pump->b),
		sent_to(&pump->a),
	};

	if (pump->closed)
		return;
	if (pump->starting) {
		pump->failed = true;
		pump->failure = end;
		return;
	}
	pump->closed = true;
	wheel_remove(&pump->look);
	close_side(&pump->a, end);
	close_side(&pump->b, end);
	pump_kit_leave(pump->kit);
	loop_reap(pump->kit->loop, &pump->reap, pump_free, pump);
	pump->options.done(&result, pump->options.arg);
}

void
pump_moved(struct pump_side *side, size_t bytes)
{
	side->sent += (int64_t)bytes;
	side->pump->moved_ms = clock_ms();
}

void
pump_pause(struct pump_side *side)
{
	struct pump *pump = side->pump;

	if (side->paused)
		return;
	side->paused = true;
	if (pump->look.due_ms > clock_ms() + UNREAD_LOOK_MS)
		wheel_put(pump->kit->looks, &pump->look, UNREAD_LOOK_MS);
}

/* Whether a FIN to this side must wait for that side's own end. */
static bool
fin_is_held(const struct pump_side *side)
{
	return side == &side->pump->b && is_holding(side->pump);
}

static size_t
unsent(const struct pump_side *side)
{
	return side->pump->ops->unsent(side);
}

/* The peer will send no more and all it sent has left: end our direction. */
void
pump_maybe_finish(struct pump_side *side)
{
	struct pump_side *peer = pump_peer(side);

	if (side->finished || !peer->eof || fin_is_held(side) ||
	    unsent(side) > 0 || !side->pump->ops->finish(side, peer->finished))
		return;
	side->finished = true;
	if (peer->finished)
		pump_close(side->pump, PUMP_DONE); /* which sends the FIN */
}

static void
set_eof(struct pump_side *side)
{
	side->eof = true;
	side->pump->ops->ended(side);
}

void
pump_on_eof(struct pump_side *side)
{
	struct pump *pump = side->pump;

	if (side->gated) {
		pump_close(pump, PUMP_NO_START);
		return;
	}
	set_eof(side);
	if (pump->closed)
		return;
	if (side == &pump->a && sock_gone(side->stream.fd))
		pump->holding = false; /* nobody waits for a reply */
	look_later(pump);
	if (pump->options.whole_close_b && side == &pump->b) {
		set_eof(&pump->a);
		if (!pump->closed)
			pump_maybe_finish(&pump->b);
		if (pump->closed)
			return;
		pump->b.finished = true; /* what waits for it goes nowhere */
	}
	pump_maybe_finish(pump_peer(side));
	if (!pump->closed)
		pump_maybe_finish(side); /* a FIN that was held back */
}

void
pump_on_error(struct pump_side *side)
{
	struct pump *pump = side->pump;
	bool is_a = side == &pump->a;

	if (!is_a && side->eof && pump->options.whole_close_b) {
		/* it had said all; the client still gets what it said */
		side->finished = true;
		if (pump->a.finished)
			pump_close(pump, PUMP_DONE);
		return;
	}
	pump_close(pump, is_a ? PUMP_A_RESET : PUMP_B_RESET);
}

/*
 * A classic peer closes as a whole, and when it has left bytes unread a reset
 * follows its FIN. That may be met before all it said is read, for the client
 * may be slow to take it: it is read to its end.
 */
void
pump_on_unsendable(struct pump_side *side, int error)
{
	struct pump *pump = side->pump;

	if (side != &pump->b || side->eof || !pump->options.whole_close_b ||
	    !sock_broke_after_end(side->stream.fd, error)) {
		pump_on_error(side);
		return;
	}
	side->finished = true;
	pump->holding = false;
	if (!pump->a.eof)
		set_eof(&pump->a);
}

static bool
has_vanished(const struct pump_side *side)
{
	return sock_unanswered_ms(side->stream.fd) >=
	    side->pump->options.peer_ms;
}

static void
let_fin_go(struct pump *pump)
{
	pump->holding = false;
	look_later(pump);
	pump_maybe_finish(&pump->b);
}

/* A side that is not read at the moment may be gone unnoticed. One that has
 * closed in peace is still owed that what it said is delivered. */
static bool
has_left(const struct pump_side *side)
{
	size_t owed = unsent(pump_peer(side));

	if (side->eof ? side->finished : !side->paused)
		return false; /* through with it, or reading it */
	return sock_broken(side->stream.fd) ||
	    (owed == 0 && sock_gone(side->stream.fd));
}

static void
on_left(struct pump_side *side)
{
	pump_on_unsendable(side, 0);
	if (!side->pump->closed)
		look_later(side->pump);
}

/* A session that lasts is worth the calls; most are over before. */
static void
guard(struct pump *pump)
{
	pump->guarded = true;
	sock_set_keepalive(pump->a.stream.fd, pump->options.peer_ms);
	sock_set_keepalive(pump->b.stream.fd, pump->options.peer_ms);
	sock_set_user_timeout(pump->b.stream.fd, 0);
}

/* Whether the FIN of a has waited long enough. */
static bool
may_let_fin_go(const struct pump *pump, uint64_t quiet)
{
	return is_holding(pump) && quiet >= pump->options.hold_fin_ms &&
	    !(pump->options.hold_for_answer && unsent(&pump->a) > 0);
}

/* Looks at the pump now and then: who is still there? */
void
pump_look(struct wheel_node *node)
{
	struct pump *pump = list_entry(node, struct pump, look);
	const struct pump_options *options = &pump->options;
	uint64_t quiet = clock_ms() - pump->moved_ms;

	if (!pump->guarded)
		guard(pump);
	if (quiet >= options->idle_ms)
		pump_close(pump, PUMP_IDLE);
	else if (has_left(&pump->a))
		pump_close(pump, PUMP_A_RESET);
	else if (has_left(&pump->b))
		on_left(&pump->b);
	else if (has_vanished(&pump->a))
		pump_close(pump, PUMP_A_GONE);
	else if (has_vanished(&pump->b))
		pump_close(pump, PUMP_B_GONE);
	else if (may_let_fin_go(pump, quiet))
		let_fin_go(pump);
	else
		look_later(pump);
}

struct pump *
pump_start(struct pump_kit *kit, sock_fd a, struct link *b,
    const struct pump_options *options)
{
	struct pump *pump = calloc(1, sizeof(*pump));

	if (pump == NULL)
		return NULL;
	pump->kit = kit;
	pump->ops = pick(kit, b, options);
	pump->options = *options;
	pump->options.early = NULL; /* borrowed for this call only */
	pump->a.pump = pump->b.pump = pump;
	pump->a.stream.fd = a;
	pump->b.stream.fd = link_fd(b);
	pump->b.gated = options->gate != NULL;
	pump->holding = options->hold_fin_ms > 0;
	pump->moved_ms = clock_ms();

	pump->starting = true;
	if (!pump->ops->start(pump, b, options->early)) {
		free(pump);
		return NULL;
	}
	pump->starting = false;

	pump_kit_enter(kit);
	look_later(pump);
	log_debug("pump", "started", KV_STR("how", pump->ops->name));
	return pump;
}

void
pump_stop(struct pump *pump)
{
	pump_close(pump, PUMP_STOPPED);
}
