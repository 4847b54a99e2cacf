/*
 * pump_raw.c - what pump_copy and pump_splice share: two bare streams, what
 * could not be written, and the frames that come first.
 *
 * Owns:    both sockets, unsent bytes.
 * Thread:  the loop's.
 * Floor:   relay.
 *
 * A side is read only when nothing waits to go to its peer. So what a direction
 * holds is the rest of one piece, and usually nothing.
 */
#include "relay/pump_parts.h"
#include "net/link.h"
#include "net/tls.h"
#include "sys/inet.h"
#include "sys/sock.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of one direction in one wake-up; then others have their turn. */
enum { BUDGET = 512 * 1024 };

struct pump_held {
	size_t len, sent; /* sent: how many of them have left */
	unsigned char bytes[];
};

static size_t
held_len(const struct pump_side *side)
{
	return side->held == NULL ? 0 : side->held->len - side->held->sent;
}

static void
drop_held(struct pump_side *side)
{
	if (side->held != NULL)
		pump_kit_hold(side->pump->kit, 0, side->held->len);
	free(side->held);
	side->held = NULL;
}

/* What is held, with room for so many more bytes behind it. NULL: no memory. */
static unsigned char *
hold_more(struct pump_side *side, size_t more)
{
	size_t len = held_len(side);
	struct pump_held *held = malloc(sizeof(*held) + len + more);

	if (held == NULL)
		return NULL;
	if (len > 0)
		memcpy(held->bytes, side->held->bytes + side->held->sent, len);
	held->len = len + more;
	held->sent = 0;
	pump_kit_hold(side->pump->kit, held->len,
	    side->held != NULL ? side->held->len : 0);
	free(side->held);
	side->held = held;
	return held->bytes + len;
}

static void
hold(struct pump_side *side, const unsigned char *bytes, size_t len)
{
	unsigned char *room;

	if (len == 0)
		return;
	if ((room = hold_more(side, len)) == NULL)
		pump_close(side->pump, PUMP_NO_MEMORY);
	else
		memcpy(room, bytes, len);
}

void
pump_raw_send(struct pump_side *to, const unsigned char *bytes, size_t len)
{
	size_t held = held_len(to), sent;
	ssize_t n;

	if (held + len == 0)
		return;
	n = stream_send(&to->stream,
	    held > 0 ? to->held->bytes + to->held->sent : NULL, held, bytes,
	    len);
	if (n < 0 && n != SOCK_AGAIN) {
		pump_on_unsendable(to, inet_error());
		return;
	}
	sent = n > 0 ? (size_t)n : 0;
	if (sent > 0)
		pump_moved(to, sent);
	if (sent < held) {
		to->held->sent += sent;
		hold(to, bytes, len);
		return;
	}
	drop_held(to);
	hold(to, bytes + (sent - held), len - (sent - held));
}

size_t
pump_raw_unsent(const struct pump_side *side)
{
	return held_len(side) +
	    (side->pipe == NULL ? 0 : side->pipe->splice.held);
}

/* Sends what waits to go to the side. */
static void
flush(struct pump_side *to)
{
	if (to->finished)
		return;
	if (to->held != NULL)
		pump_raw_send(to, NULL, 0);
	else if (to->pipe != NULL)
		pump_splice_flush(to);
}

/* Passes on what the gate gives out. */
static void
send_all(struct pump_side *to, struct evbuffer *bytes)
{
	size_t len = evbuffer_get_length(bytes);
	unsigned char *flat = evbuffer_pullup(bytes, -1);

	if (flat == NULL && len > 0)
		pump_close(to->pump, PUMP_NO_MEMORY);
	else
		pump_raw_send(to, flat, len);
}

/* Lets the frames that are there pass, and all behind the last of them. */
static void
pass_gate(struct pump_side *from)
{
	struct pump *pump = from->pump;
	struct evbuffer *out = evbuffer_new();
	enum pump_end failure = PUMP_NO_MEMORY;
	bool good = out != NULL;

	if (good) {
		switch (
		    pump->options.gate(pump->frames, out, pump->options.arg)) {
		case PUMP_GATE_OPEN:
			from->gated = false;
			good = evbuffer_add_buffer(out, pump->frames) == 0;
			break;
		case PUMP_GATE_WAIT:
			break;
		case PUMP_GATE_BAD:
			good = false;
			failure = PUMP_BAD_FRAME;
			break;
		}
	}
	if (good)
		send_all(pump_peer(from), out);
	else
		pump_close(pump, failure);
	if (out != NULL)
		evbuffer_free(out);
}

static void
count_frames(struct pump *pump)
{
	size_t len = pump->frames == NULL ? 0
					  : evbuffer_get_length(pump->frames);

	pump_kit_hold(pump->kit, len, pump->frames_held);
	pump->frames_held = (uint32_t)len;
}

static void
drop_frames(struct pump *pump)
{
	if (pump->frames == NULL)
		return;
	evbuffer_free(pump->frames);
	pump->frames = NULL;
	count_frames(pump);
}

/* As a pump_move_fn, while frames come first. */
static size_t
read_frames(struct pump_side *from, size_t max)
{
	struct pump *pump = from->pump;
	unsigned char *scratch = pump->kit->scratch;
	ssize_t n = stream_recv(&from->stream, scratch,
	    max < PUMP_SCRATCH ? max : PUMP_SCRATCH);

	if (n == 0)
		pump_on_eof(from);
	else if (n == SOCK_FAILED)
		pump_on_error(from);
	else if (n > 0 && evbuffer_add(pump->frames, scratch, (size_t)n) != 0)
		pump_close(pump, PUMP_NO_MEMORY);
	else if (n > 0)
		pass_gate(from);
	return n > 0 && !pump->closed && stream_has_more(&from->stream)
	    ? (size_t)n
	    : 0;
}

/* Moves what there is from a side to its peer, within the budget. */
static void
move(struct pump_side *from)
{
	struct pump *pump = from->pump;
	struct pump_side *to = pump_peer(from);
	size_t moved = 0, n = 1;

	flush(to);
	if (from->eof && !pump->closed)
		pump_maybe_finish(to);
	while (n > 0 && moved < BUDGET && !pump->closed && !from->eof &&
	    pump_raw_unsent(to) == 0) {
		n = from->gated ? read_frames(from, pump_room(pump))
				: pump->move(from, pump_room(pump));
		moved += n;
	}
}

/* Wants what the side can be asked for now. */
static void
rearm(struct pump_side *side)
{
	short what = 0;
	bool reads;

	pump_hold_tls(side, stream_held(&side->stream));
	if (pump_raw_unsent(pump_peer(side)) > 0)
		pump_pause(side);
	else
		side->paused = false;
	reads = !side->eof && !side->paused;
	if (reads) /* as net/secure.c does it */
		what |= stream_recv_wants_write(&side->stream) ? READY_WRITE
							       : READY_READ;
	if (!side->finished && (pump_raw_unsent(side) > 0 || side->finishing))
		what |= READY_WRITE;
	if (!ready_want(&side->ready, what))
		pump_close(side->pump, PUMP_NO_MEMORY);
	else if (reads && stream_has_more(&side->stream))
		ready_soon(&side->ready, READY_READ); /* no event will come */
}

static void
on_ready(sock_fd fd, short what, void *arg)
{
	struct pump_side *side = arg;
	struct pump *pump = side->pump;

	(void)fd;
	if (pump->failed) {
		pump_close(pump, pump->failure);
		return;
	}
	if (side->gated && evbuffer_get_length(pump->frames) > 0)
		pass_gate(side);
	if ((what & READY_WRITE) != 0 && !pump->closed)
		move(pump_peer(side));
	if (!pump->closed &&
	    ((what & READY_READ) != 0 ||
		stream_recv_wants_write(&side->stream)))
		move(side);
	if (!pump->closed && pump->frames != NULL) {
		if (pump->b.gated)
			count_frames(pump);
		else
			drop_frames(pump);
	}
	if (!pump->closed)
		rearm(side);
	if (!pump->closed)
		rearm(pump_peer(side));
}

bool
pump_raw_finish(struct pump_side *side, bool last)
{
	side->finishing = !stream_finish(&side->stream, last);
	return !side->finishing;
}

/* Copies what the link's buffers and early hold. */
static bool
take_bytes(struct pump *pump, struct link *b, struct evbuffer *early)
{
	struct evbuffer *input = link_input(b);
	size_t unsent = evbuffer_get_length(link_output(b));
	size_t first = early == NULL ? 0 : evbuffer_get_length(early);
	size_t unread = evbuffer_get_length(input);
	size_t raw = pump->b.gated ? 0 : unread;
	unsigned char *to_a = NULL, *to_b = NULL;

	if ((unsent > 0 && (to_b = hold_more(&pump->b, unsent)) == NULL) ||
	    (first + raw > 0 &&
		(to_a = hold_more(&pump->a, first + raw)) == NULL))
		return false;
	if (pump->b.gated &&
	    ((pump->frames = evbuffer_new()) == NULL ||
		evbuffer_add_buffer(pump->frames, input) != 0))
		return false;
	if (first > 0)
		evbuffer_remove(early, to_a, first);
	if (raw > 0)
		evbuffer_copyout(input, to_a + first, raw);
	if (unsent > 0)
		link_copy_unsent(b, to_b, unsent);
	pump->b.sent = -(int64_t)unsent;
	return true;
}

/* What waits leaves at once, with the first bytes of a when they are there. */
static void
first_move(struct pump *pump)
{
	size_t max = pump_room(pump);
	ssize_t n = stream_recv(&pump->a.stream, pump->kit->scratch,
	    max < PUMP_SCRATCH ? max : PUMP_SCRATCH);

	if (n == SOCK_FAILED) /* an end of input will be met again */
		pump_on_error(&pump->a);
	pump_raw_send(&pump->b, pump->kit->scratch, n > 0 ? (size_t)n : 0);
	pump_raw_send(&pump->a, NULL, 0);
	rearm(&pump->a);
	rearm(&pump->b);
	if (pump->failed ||
	    (pump->b.gated && evbuffer_get_length(pump->frames) > 0))
		ready_soon(&pump->b.ready, READY_READ);
}

static void
fini(struct pump *pump)
{
	ready_fini(&pump->a.ready);
	ready_fini(&pump->b.ready);
	drop_held(&pump->a);
	drop_held(&pump->b);
	drop_frames(pump);
}

bool
pump_raw_start(struct pump *pump, struct link *b, struct evbuffer *early)
{
	struct loop *loop = pump->kit->loop;

	ready_init(&pump->a.ready, loop, pump->a.stream.fd, on_ready, &pump->a);
	ready_init(&pump->b.ready, loop, pump->b.stream.fd, on_ready, &pump->b);
	if (!ready_want(&pump->a.ready, READY_READ) ||
	    !ready_want(&pump->b.ready, READY_READ) ||
	    !take_bytes(pump, b, early)) {
		fini(pump);
		return false;
	}
	pump->b.stream = link_detach(b);
	if (pump->b.stream.tls != NULL)
		tls_read_ahead(pump->b.stream.tls);
	first_move(pump);
	return true;
}

void
pump_raw_ended(struct pump_side *side)
{
	rearm(side);
}

void
pump_raw_close(struct pump_side *side, enum pump_farewell how)
{
	struct pump *pump = side->pump;
	struct link *link;

	ready_fini(&side->ready);
	drop_held(side);
	pump_hold_tls(side, 0);
	drop_frames(pump);
	pump_kit_give_pipe(pump->kit, side->pipe);
	side->pipe = NULL;
	link = how == PUMP_LINGER ? link_new(pump->kit->loop, side->stream.fd)
				  : NULL;
	if (link != NULL)
		link_linger(link);
	else if (how == PUMP_RESET)
		stream_reset(&side->stream);
	else
		stream_close(&side->stream);
}
