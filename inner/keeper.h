/* keeper.h - keeps as many spares as configured, and all that one event loop
 * of the inner owns. Floor: inner. */
#ifndef INNER_KEEPER_H
#define INNER_KEEPER_H

#include "base/list.h"
#include "inner/config.h"
#include "inner/spare.h"
#include "net/loop.h"
#include "wire/hello.h"

struct resolver;

struct keeper {
	struct loop *loop;			/* borrowed */
	struct resolver *resolver;		/* borrowed */
	const struct inner_config *config;	/* borrowed */
	char instance[HELLO_INSTANCE_SIZE + 1]; /* this run */
	struct list spares[SPARE_NSTATES];	/* a state is a list */
	uint64_t next_link;			/* ids for the log */

	uint16_t waiting;    /* clients, by the newest FORWARD */
	uint64_t waiting_ms; /* when it said so */

	bool down; /* an outage: one attempt at a time */
	uint64_t down_since_ms;
	uint64_t delay_ms;  /* before the next attempt */
	uint64_t logged_ms; /* the outage's last line */
	bool stopping;

	struct loop_timer *tick;  /* owned: once a second */
	struct loop_timer *retry; /* owned: the next attempt */
	bool retry_waits;
	struct reap refill;		/* looks after this wake-up */
	void (*on_idle_end)(void *arg); /* stopping, and no spare is left */
	void *arg;
};

/* Fills *keeper and starts to dial. False without memory or random bytes. */
bool keeper_start(struct keeper *keeper, struct loop *loop,
    struct resolver *resolver, const struct inner_config *config);

/* No new spares; idle ones take their leave. on_idle_end(arg) is called when
 * the last session has ended, later or before this returns. */
void
keeper_drain(struct keeper *keeper, void (*on_idle_end)(void *arg), void *arg);

/* Closes everything; the loop's reaper frees it. */
void keeper_stop(struct keeper *keeper);

/* What a spare tells. */
void keeper_on_joined(struct keeper *keeper);
void keeper_on_taken(struct keeper *keeper, uint16_t waiting);
void keeper_on_end(struct keeper *keeper, enum spare_end end, const char *why);

/*
 * The wait before the next attempt, and what the one after it will be based
 * on: pure, for tests. outage_ms: how long the outage lasts already.
 */
uint64_t
keeper_next_delay(uint64_t delay_ms, uint64_t outage_ms, uint64_t most_ms);

#endif
