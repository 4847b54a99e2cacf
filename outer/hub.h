/* hub.h - what main and all shards of the outer share. Floor: outer. */
#ifndef OUTER_HUB_H
#define OUTER_HUB_H

#include "base/log.h"
#include "net/inbox.h"
#include "outer/armour.h"
#include "net/rate.h"
#include "outer/circle.h"
#include "outer/config.h"
#include "outer/registry.h"
#include "outer/services.h"
#include "outer/sources.h"
#include "relay/pump_memory.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keys;
struct loop;
struct shard;
struct tls_slot;

struct hub {
	/* constant while shards run */
	const struct outer_config *config; /* borrowed */
	struct loop *loop;		   /* main's; borrowed */
	struct shard *shards; /* owned; the first is on main's loop, the
			       * others each on a thread of its own */
	unsigned shard_count;
	bool threaded; /* those threads run */
	uint64_t max_fds;
	struct tls_slot *tls; /* owned; empty: no links over TLS */

	/* shared by all threads */
	atomic_size_t links;	    /* authenticated and not relaying */
	atomic_size_t waiting;	    /* clients in main's queues */
	struct rate_limits rates;   /* of sessions */
	struct pump_memory memory;  /* of sessions, for slow readers */
	atomic_bool watchful;	    /* main asks to be told of every end */
	atomic_bool warned_classic; /* that the key crosses the wire */
	atomic_bool wants_control;  /* inners are to say what they have */
	struct armour armour;	    /* of links that have no proof yet */
	struct circle circle;	    /* where direct services listen */

	/* main's */
	struct keys *keys; /* owned: one reference */
	struct registry registry;
	struct services services;
	struct sources sources;		  /* of clients */
	uint64_t next_link, next_session; /* ids for the log */
	struct log_limit strangers;	  /* lines that strangers can cause */
	/* a session or a link has ended, and main was watchful */
	void (*on_change)(void *arg);
	void *arg;
};

/*
 * Makes the shards, and threads for all but the first. False
 * without memory, random bytes, descriptors or threads; give it to hub_stop either way.
 */
bool hub_start(struct hub *hub, struct loop *loop,
    const struct outer_config *config, uint64_t max_fds);

/* Ends the threads, closes every session and link and frees all there is. */
void hub_stop(struct hub *hub);

/*
 * Main: makes the keys of the configuration the ones that count, here and on
 * all shards. What was let in by a key that is none any more ends. False
 * without memory or random bytes: then nothing has changed.
 */
bool hub_take_keys(struct hub *hub, const struct outer_config *config);

/*
 * Whether a line that a stranger causes may be written: they must not fill the
 * disk. What was left out since the last one is told first. limit: of the
 * caller's own thread.
 */
bool hub_may_log(struct log_limit *limit);

/* Main: gives all shards an order, one of enum shard_order. */
void hub_order(struct hub *hub, unsigned order);

/* Main: which instances there are has changed, or who of them is suspect. */
void hub_on_instances(struct hub *hub);

/* Main: the shard with the fewest links takes the next one; that with the
 * fewest sessions the next that needs no link. */
struct shard *hub_shard_for_link(struct hub *hub);
struct shard *hub_shard_for_session(struct hub *hub);

/* Main: whether all shards have said that they are quiet. */
bool hub_is_quiet(const struct hub *hub);

/* Main: sessions in all, and those that do not relay yet. */
size_t hub_sessions(const struct hub *hub);
size_t hub_setting_up(const struct hub *hub);

/* Main: why no client may be accepted for now, a constant line for the log;
 * NULL: one may. paused: none is accepted now; memory has to be well below its
 * bound then. */
const char *hub_why_full(const struct hub *hub, bool paused);

/* Main: whether strangers at the link port leave enough descriptors for the
 * sessions that may come. */
bool hub_has_room_for_strangers(const struct hub *hub);

/* How many sessions MaxSessions and the descriptors allow. */
uint64_t hub_sessions_max(const struct hub *hub);

#endif
