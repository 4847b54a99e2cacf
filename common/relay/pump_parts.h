/* pump_parts.h - what a pump is to its backends. Only relay/pump*.c include
 * this. Floor: relay.
 *
 * pump.c knows when a pump ends and what a FIN has to wait for; a backend moves
 * the bytes and reports what it met. */
#ifndef RELAY_PUMP_PARTS_H
#define RELAY_PUMP_PARTS_H

#include "relay/pump.h"
#include "relay/pump_kit.h"
#include "relay/pump_memory.h"
#include "net/loop.h"
#include "net/ready.h"
#include "net/stream.h"
#include "net/wheel.h"
#include "sys/splice.h"

#include <stdatomic.h>

struct pump_held;

struct pump_side;

/*
 * Moves a piece of up to max bytes from a side to its peer, which holds no
 * unsent ones. Returns how many came when more may be there at once; else 0.
 * May close the pump.
 */
typedef size_t pump_move_fn(struct pump_side *from, size_t max);

struct pump_side {
	struct pump *pump;
	struct stream stream; /* owned; by the link, where there is one */
	bool eof;	      /* it will send no more, or is not heard */
	bool finished;	      /* we have ended our direction to it */
	bool gated;	      /* frames still come first */
	bool paused;	      /* not read: the peer has to take bytes first */
	bool finishing;	      /* pump_raw: our end waits until it can be sent */
	bool splices;	      /* pump_raw: its bytes come in large pieces */
	bool unfit;	      /* it cannot be spliced from */
	bool dry;	      /* splice found nothing the last time */
	uint32_t tls_held;    /* of its TLS, as it was counted last */
	int64_t sent;	      /* bytes that left for it; starts below zero by
			* what was there before */
	union {
		struct link *link;	/* owned; pump_bev only */
		struct pump_held *held; /* owned: unsent bytes to it; or NULL */
	};

	/* pump_copy, pump_splice: on bare streams (pump_raw); held is theirs */
	struct pump_pipe *pipe; /* owned: the same, in a pipe; or NULL */
	struct ready ready;
};

struct pump {
	struct pump_kit *kit;	    /* borrowed */
	const struct pump_ops *ops; /* the backend */
	struct pump_side a, b;
	struct pump_options options;
	pump_move_fn *move; /* pump_raw: how bytes are read */
	union {
		struct wheel_node look; /* has it gone quiet? */
		struct reap reap;	/* it is closed */
	};
	uint64_t moved_ms; /* when bytes last moved */
	bool holding;	   /* a's FIN, as long as b has not ended */
	bool starting;	   /* pump_start has not returned: no done */
	bool failed;	   /* it ends as soon as that may be */
	bool closed;
	bool guarded; /* keep-alive and user timeout are as they should */
	enum pump_end failure;	 /* how, if failed */
	uint32_t frames_held;	 /* of frames, as they were counted last */
	struct evbuffer *frames; /* owned: of b, while gated; pump_raw */
};

enum pump_farewell { PUMP_FIN, PUMP_LINGER, PUMP_RESET };

/* A backend. */
struct pump_ops {
	const char *name;
	bool (*fits)(const struct pump_kit *kit, const struct link *b);
	/* Takes a.fd, b, and the bytes of early (or NULL). False without
	 * memory: then all is still the caller's. */
	bool (
	    *start)(struct pump *pump, struct link *b, struct evbuffer *early);
	/* Bytes that wait to go to the side. */
	size_t (*unsent)(const struct pump_side *side);
	/* The side is at eof: it is not read, and its peer is to be finished
	 * once all is sent. */
	void (*ended)(struct pump_side *side);
	/* Ends our direction to the side; all has left. last: the other one has
	 * ended, and close follows. False: not yet, pump_maybe_finish is called
	 * again. */
	bool (*finish)(struct pump_side *side, bool last);
	/* PUMP_LINGER: with a FIN, though the side may still be sending. */
	void (*close)(struct pump_side *side, enum pump_farewell how);
};
extern const struct pump_ops pump_splice, pump_copy, pump_bev;

static inline struct pump_side *
pump_peer(const struct pump_side *side)
{
	struct pump *pump = side->pump;

	return side == &pump->a ? &pump->b : &pump->a;
}

/* --- what backends report; each but pump_moved may close the pump --- */

/* So many bytes have left for the side. */
void pump_moved(struct pump_side *side, size_t bytes);

/* The side is not read for now, for what came from it still waits. */
void pump_pause(struct pump_side *side);

/* The side ended its direction; the side is broken. */
void pump_on_eof(struct pump_side *side);
void pump_on_error(struct pump_side *side);

/* Nothing can be sent to the side any more. error: inet_error() of the call
 * that met it; 0: not known. */
void pump_on_unsendable(struct pump_side *side, int error);

/* All that is held for the side has left: its FIN may be due. */
void pump_maybe_finish(struct pump_side *side);

/* Ends the pump; while it starts, it only marks it as failed. */
void pump_close(struct pump *pump, enum pump_end end);

/* The wheel's: looks at a pump now and then. */
void pump_look(struct wheel_node *node);

/* --- pump_raw: bare streams; how bytes are read is the backend's --- */

bool pump_raw_start(struct pump *pump, struct link *b, struct evbuffer *early);
size_t pump_raw_unsent(const struct pump_side *side);
void pump_raw_ended(struct pump_side *side);
bool pump_raw_finish(struct pump_side *side, bool last);
void pump_raw_close(struct pump_side *side, enum pump_farewell how);

/* What pump_copy does, and pump_splice with small pieces. */
pump_move_fn pump_copy_some, pump_splice_some;

/* Sends what is held for the side and then these bytes; holds what cannot
 * leave now. May close the pump. */
void
pump_raw_send(struct pump_side *to, const unsigned char *bytes, size_t len);

/* Sends what is in the side's pipe; gives the pipe back when it is empty. May
 * close the pump. */
void pump_splice_flush(struct pump_side *to);

/* --- the kit --- */

struct pump_pipe {
	struct list_node node; /* kit.pipes, while it is nobody's */
	struct splice_pipe splice;
};

/* Memory for bytes on their way, whoever's turn it is. Measured, copying 1 and
 * 8 streams: 0.70 and 0.83 CPU s/GiB with 64 KiB, 0.67 and 0.72 with 128 KiB,
 * 0.63 and 0.67 with 256 KiB, which no longer fits caches of the second level
 * everywhere. */
enum { PUMP_SCRATCH = 128 * 1024 };

struct pump_kit {
	struct loop *loop;	    /* borrowed */
	struct pump_memory *memory; /* borrowed: of all loops */
	struct pump_share *share;   /* borrowed: this loop's part of it */
	enum pump_choice choice;
	unsigned char *scratch;	  /* owned, PUMP_SCRATCH bytes */
	struct wheel *looks;	  /* owned: after quiet pumps */
	struct list pipes;	  /* empty ones, nobody's */
	atomic_size_t pipes_made; /* read by other threads too */
	size_t pipes_max;
	size_t linger_max;	  /* links that may linger */
	uint64_t no_pipes_ms;	  /* when the system had none to give */
	size_t pumps, pumps_peak; /* now; since memory was given back */
	size_t pumps_then;	  /* how many there were at that time */
	size_t missed; /* links since then that ended and had no pump */
	struct loop_timer calm; /* tidies up after a rush */
	bool calm_waits;
};

/* An empty pipe, or NULL when there is none to have: then copy. */
struct pump_pipe *pump_kit_take_pipe(struct pump_kit *kit);

/* Takes it back; closes one that still holds bytes. NULL is fine. */
void pump_kit_give_pipe(struct pump_kit *kit, struct pump_pipe *pipe);

/* One more link will linger: where that is one too many, the one that has done
 * so for longest ends. Else clients that do not read could hold any number of
 * descriptors behind their sessions. */
void pump_kit_make_room(struct pump_kit *kit);

/* Bytes that a pump of this loop keeps because they cannot leave now: so many
 * more, so many less. */
static inline void
pump_kit_hold(struct pump_kit *kit, size_t more, size_t less)
{
	pump_memory_add(kit->memory, kit->share, more);
	pump_memory_sub(kit->memory, kit->share, less);
}

/* The same of what TLS keeps for the side now. */
static inline void
pump_hold_tls(struct pump_side *side, size_t bytes)
{
	if (bytes != side->tls_held)
		pump_kit_hold(side->pump->kit, bytes, side->tls_held);
	side->tls_held = (uint32_t)bytes;
}

/* How many of them may wait to go to one side now. */
static inline size_t
pump_room(const struct pump *pump)
{
	return pump_memory_room(pump->kit->memory, pump->options.buffer_bytes);
}

/* Counts the pumps that are there. */
void pump_kit_enter(struct pump_kit *kit);
void pump_kit_leave(struct pump_kit *kit);

#endif
