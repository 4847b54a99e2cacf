/* keeper.h - keeps as many spares as configured, on all shards. Floor: inner. */
#ifndef INNER_KEEPER_H
#define INNER_KEEPER_H

#include "inner/config.h"
#include "inner/control.h"
#include "inner/demand.h"
#include "inner/shard.h"
#include "inner/spare.h"
#include "net/loop.h"
#include "relay/pump_memory.h"

struct offers;
struct offers_slot;
struct tls_slot;

struct keeper {
	struct loop *loop;		   /* borrowed: main's */
	const struct inner_config *config; /* borrowed */
	struct identity identity;
	struct tls_slot *tls; /* borrowed: how links use TLS, if they do */
	struct offers_slot *offers; /* owned: what FORWARD may ask for */
	struct inner_shard *shards; /* owned */
	unsigned shard_count;
	struct control control;	   /* has a shard of its own */
	struct pump_memory memory; /* of sessions, on all shards */

	unsigned seen[INNER_WORKERS_MAX]; /* of each shard's taken */
	struct demand demand;
	unsigned taken;	     /* spares, ever; wraps */
	uint16_t waiting;    /* clients, by the newest FORWARD */
	uint64_t waiting_ms; /* when it said so */

	bool down; /* an outage: one attempt at a time */
	uint64_t down_since_ms;
	uint64_t delay_ms;  /* before the next attempt */
	uint64_t logged_ms; /* the outage's last line */
	bool stopping;

	struct loop_timer tick;	 /* once a second */
	struct loop_timer retry; /* the next attempt */
	bool retry_waits;
	struct loop_timer moment; /* the next refill, while there is plenty */
	bool moment_waits;
	struct reap refill;		/* looks after this wake-up */
	void (*on_idle_end)(void *arg); /* stopping, and no spare is left */
	void *arg;
};

/* Fills *keeper, starts its workers and begins to dial. False without memory,
 * threads, descriptors or random bytes. keeper_stop and keeper_free either
 * way. */
bool keeper_start(struct keeper *keeper, struct loop *loop,
    const struct inner_config *config, struct tls_slot *tls);

/* No new spares; idle ones take their leave. on_idle_end(arg) is called when
 * the last session has ended, later or before this returns. */
void
keeper_drain(struct keeper *keeper, void (*on_idle_end)(void *arg), void *arg);

/*
 * From now on links prove this key: one more is dialed on each shard to try it,
 * and when that has joined the others are replaced. An outage is tried to end
 * at once. False without memory: then nothing has changed.
 */
bool keeper_take_key(struct keeper *keeper, const char *key);

/* What the file offers now, with what the outer has said of services of the
 * same name. Held once; NULL without memory. */
struct offers *
keeper_read_offers(struct keeper *keeper, const struct inner_config *config);

/* From now on FORWARD is judged by these; takes offers. */
void keeper_take_offers(struct keeper *keeper, struct offers *offers);

/* Ends the workers and closes everything; the loops' reapers free it. */
void keeper_stop(struct keeper *keeper);

/* After keeper_stop, when the main loop is gone too. */
void keeper_free(struct keeper *keeper);

/* What a shard tells, on the main thread: that one of its figures has changed;
 * that a spare ended otherwise than normal. */
void keeper_on_look(struct keeper *keeper, struct inner_shard *shard);
void keeper_on_end(struct keeper *keeper, enum spare_end end, const char *why);

/* Where the control link is; constant. */
struct inner_shard *keeper_control_shard(struct keeper *keeper);

/* A wait moved by chance, never more than it was: "at most 1 s" is a promise. */
uint64_t keeper_jittered(uint64_t delay_ms);

/*
 * The wait before the next attempt, and what the one after it will be based
 * on: pure, for tests. outage_ms: how long the outage lasts already.
 */
uint64_t
keeper_next_delay(uint64_t delay_ms, uint64_t outage_ms, uint64_t most_ms);

#endif
