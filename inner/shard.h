/* shard.h - all that one event loop of the inner owns: its spares. Floor:
 * inner. */
#ifndef INNER_SHARD_H
#define INNER_SHARD_H

#include "base/list.h"
#include "inner/config.h"
#include "inner/spare.h"
#include "net/inbox.h"
#include "ops/key.h"
#include "wire/hello.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct control;
struct keeper;
struct loop;
struct pump_kit;
struct resolver;
struct tls_ticket;
struct worker;

enum { SHARD_WHY_SIZE = 192 };

/* Another key, on its way to a shard, which wipes and frees this. */
struct shard_key {
	struct inbox_message message;
	struct inner_shard *shard;
	char text[KEY_MAX + 1];
};

/* What all links of this run have in common. */
struct identity {
	char instance[HELLO_INSTANCE_SIZE + 1]; /* constant */
	_Atomic uint64_t next_link;		/* ids for the log */
	_Atomic uint64_t next_counter;		/* of quick joins */
	_Atomic bool asks_control; /* a WELCOME has asked for a control link */
	_Atomic bool hear_joins;   /* the keeper waits for links to join: shards
				  * tell of them */
};

/*
 * Spares live on one shard from dial to end. The keeper, on the main thread,
 * says how many; the shard tells what has become of them. Either is a message
 * that is embedded here, so that nothing is allocated and a second one is not
 * posted while the first is on its way; for a shard on the main loop it is a
 * call.
 */
struct inner_shard {
	struct loop *loop;	   /* borrowed: main's or the worker's */
	struct worker *worker;	   /* owned; NULL: on the main loop */
	struct resolver *resolver; /* owned */
	struct pump_kit *pumps;	   /* owned: what sessions share */
	const struct inner_config *config; /* borrowed */
	struct identity *identity;	   /* borrowed */
	struct keeper *keeper;		   /* borrowed, the main thread's */
	struct control *control; /* borrowed: whose one link is here, and no
				  * spare; NULL: nobody's */
	struct loop *main_loop;	 /* borrowed: its inbox only */
	struct list spares[SPARE_NSTATES]; /* a state is a list */
	bool draining, closed, asked_quiet;
	char key[KEY_MAX + 1];	   /* AuthKey */
	unsigned key_serial;	   /* counts its changes */
	bool has_stale;		   /* links by an older one stand by */
	struct tls_ticket *ticket; /* owned: for resumption; NULL: none */
	bool has_secret;
	uint8_t secret[PROOF_SIZE]; /* for quick joins: newest handshake's */
	struct inbox_message begin;

	/* What main asks for. */
	struct inbox_message start, shrink, drain;
	_Atomic unsigned to_start;  /* more spares; posted when it was 0 */
	_Atomic unsigned idle_most; /* retire the oldest beyond so many */

	/* What main sees. A spare that changes its state is counted in the new
	 * one before it leaves the old, so it is never missed. */
	_Atomic unsigned gauges[SPARE_NSTATES];
	struct inbox_message look; /* something below has changed */
	_Atomic bool look_waits;
	_Atomic bool joined, over;
	_Atomic unsigned taken;	    /* by FORWARD, ever; wraps */
	_Atomic unsigned waiting;   /* clients, by the newest FORWARD */
	_Atomic unsigned refill_us; /* from dial to joined, smoothed */
	struct inbox_message end;   /* a spare's, of those that matter; others
				     * while it waits are of the same mishap */
	_Atomic bool end_waits;
	enum spare_end end_kind;
	char end_why[SHARD_WHY_SIZE];
};

/*
 * Fills *shard: on the main loop, or, with own_thread, on a worker of its own.
 * control, if any, has been set before.
 * False without memory, descriptors or threads. Give it to inner_shard_close
 * either way.
 */
bool inner_shard_init(struct inner_shard *shard, struct keeper *keeper,
    struct loop *main_loop, bool own_thread);

/* For the main thread: start more spares, retire the oldest idle ones while
 * there are more than most, prepare for the end (see keeper_drain). */
void inner_shard_start(struct inner_shard *shard, unsigned count);
void inner_shard_shrink(struct inner_shard *shard, unsigned most);
void inner_shard_drain(struct inner_shard *shard);

/*
 * For the main thread: from now on links prove this key; takes change. Those
 * that stand by are replaced as soon as one has joined with it: with a wrong
 * one they stay. Wants to be given a new spare (inner_shard_start) for that.
 */
void inner_shard_take_key(struct inner_shard *shard, struct shard_key *change);

/* How many spares are in the state, as seen from any thread. */
unsigned
inner_shard_count(const struct inner_shard *shard, enum spare_state state);

/* Ends the thread: all shards', before the first is closed. */
void inner_shard_join(struct inner_shard *shard);

/* Closes what is left. *shard itself must outlive the main loop, where
 * messages of it may still be. Zeroed is fine. */
void inner_shard_close(struct inner_shard *shard);

/* What a spare tells, on the shard's thread. from: the state it ended in. */
void inner_shard_on_joined(struct inner_shard *shard, struct spare *spare,
    uint64_t took_us);
/* WELCOME asks for a control link. */
void inner_shard_on_control_asked(struct inner_shard *shard);
void inner_shard_on_taken(struct inner_shard *shard, uint16_t waiting);
/* secret: of a full handshake that has just succeeded. Copied, for all shards. */
void inner_shard_on_secret(struct inner_shard *shard,
    const uint8_t secret[PROOF_SIZE]);
/* ticket: of a link that the outer has let in; taken. NULL is fine. */
void
inner_shard_on_ticket(struct inner_shard *shard, struct tls_ticket *ticket);
void inner_shard_on_end(struct inner_shard *shard, enum spare_state from,
    enum spare_end end, const char *why);

#endif
