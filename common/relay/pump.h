/* pump.h - joins two links: bytes both ways until both have ended.
 * Floor: relay. */
#ifndef RELAY_PUMP_H
#define RELAY_PUMP_H

#include "sys/sock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evbuffer;
struct link;
struct pump;
struct pump_kit;
struct rate;

enum pump_end {
	PUMP_DONE, /* both directions came to their end */
	PUMP_A_RESET,
	PUMP_B_RESET, /* that side was reset, or broke */
	PUMP_A_GONE,
	PUMP_B_GONE,	/* it acknowledged nothing for peer_ms */
	PUMP_IDLE,	/* nothing moved for idle_ms */
	PUMP_STOPPED,	/* pump_stop */
	PUMP_BAD_FRAME, /* the gate said so */
	PUMP_NO_START,	/* b ended before the gate was open */
	PUMP_NO_MEMORY,
	PUMP_NENDS,
};

struct pump_result {
	enum pump_end end;
	uint64_t a_to_b, b_to_a; /* bytes that were handed to the far
					 * side's system */
};

/*
 * While frames still precede the raw bytes of b, this takes them off b's
 * input: OPEN when all that is left and comes is raw, WAIT for more, BAD to
 * end the pump. It may add bytes to a's output.
 */
enum pump_gate { PUMP_GATE_OPEN, PUMP_GATE_WAIT, PUMP_GATE_BAD };
typedef enum pump_gate
pump_gate_fn(struct evbuffer *b_input, struct evbuffer *a_output, void *arg);

/* Called once, never before pump_start returns, after both links are closed.
 * The pump is gone after it. */
typedef void pump_done_fn(const struct pump_result *result, void *arg);

struct pump_options {
	size_t buffer_bytes;	/* no side holds more unsent bytes */
	uint32_t idle_ms;	/* silence both ways that ends it */
	uint32_t peer_ms;	/* a side that acknowledges nothing for
					 * so long has vanished */
	bool whole_close_b;	/* b cannot half-close (a classic peer):
					 * its end ends both ways */
	uint32_t hold_fin_ms;	/* a's FIN, which would end both ways
					 * there, waits until b ends; or until
					 * a is closed altogether; or until
					 * nothing has moved for so long */
	bool hold_for_answer;	/* and longer, while bytes wait for a: b may
					 * have more to say */
	pump_gate_fn *gate;	/* NULL: all of b's bytes are raw */
	struct evbuffer *early; /* borrowed until pump_start returns, which
					 * takes its bytes: they are of b, and go
					 * to a first. NULL: none */
	struct rate *rate;	/* borrowed: how fast a may go, both ways, by
					 * pump_bev. NULL: as fast as it can */
	pump_done_fn *done;
	void *arg; /* for gate and done */
};

/*
 * Joins a, a connected socket (non-blocking), with the link b, and takes both,
 * with what is in the buffers of b. What b still has to send leaves together
 * with the first bytes of a, if there are any. A FIN of one side is passed on
 * as a FIN once all its bytes are, a reset as a reset. NULL without memory;
 * then both stay with the caller.
 */
struct pump *pump_start(struct pump_kit *kit, sock_fd a, struct link *b,
    const struct pump_options *options);

/* Ends it now: both links are reset. done is called before this returns. */
void pump_stop(struct pump *pump);

/* "done", "reset by the client": for the log; a and b name the sides. out: at
 * least PUMP_END_SIZE bytes; it is returned. */
enum { PUMP_END_SIZE = 64 };
const char *pump_end_text(enum pump_end end, const char *a, const char *b,
    char out[PUMP_END_SIZE]);

#endif
