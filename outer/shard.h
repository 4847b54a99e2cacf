/* shard.h - all that one event loop of the outer owns. Floor: outer. */
#ifndef OUTER_SHARD_H
#define OUTER_SHARD_H

#include "base/list.h"
#include "base/log.h"
#include "net/inbox.h"
#include "net/loop.h"
#include "outer/hub.h"
#include "outer/pool.h"
#include "outer/standby.h"

#include <stdatomic.h>

struct keys;
struct pump_kit;
struct resolver;
struct worker;

/* What a shard tells main, and main a shard: bits, of which one message
 * carries all there are. */
enum shard_note {
	SHARD_IDLE = 1,	     /* a standby is idle, and clients wait */
	SHARD_INSTANCES = 2, /* one lost its last link, or is suspect */
	SHARD_ENDED = 4,     /* a session or a link ended, and main is
			      * watchful */
};
enum shard_order {
	SHARD_DISMISS_REPLACED = 1, /* idle links of replaced instances */
	SHARD_DISMISS_ALL = 2,	    /* all links that start no session */
	SHARD_SAY_WHEN_QUIET = 4,   /* SHARD_ENDED once no link speaks */
	SHARD_END_BARRED = 8,	    /* handshakes of barred sources */
	SHARD_END_SLOW = 16,	    /* slow handshakes: others wait */
};

/* Other keys, on their way to a shard, which frees this. */
struct shard_keys {
	struct inbox_message message;
	struct shard *shard;
	struct keys *keys; /* owned: one reference */
};

struct shard {
	struct hub *hub;		   /* borrowed */
	struct worker *worker;		   /* owned; NULL: on main's loop */
	struct loop *loop;		   /* borrowed */
	const struct outer_config *config; /* borrowed */
	struct pump_kit *pumps;		   /* owned: what sessions share */
	struct rate *rate;	   /* owned: how fast they may go; or NULL */
	struct list throttles;	   /* likewise, of services with limits */
	struct keys *keys;	   /* owned: one reference */
	struct resolver *resolver; /* owned; NULL: see direct.c */
	struct pool pool;
	struct list standbys[STANDBY_RELAYING]; /* a state is a list */
	struct list setting_up;	    /* sessions that do not relay yet */
	struct list relaying;	    /* sessions that do */
	struct log_limit strangers; /* lines that strangers can cause */

	/* Read by main. Of links and sessions on their way here main counts
	 * one up as it sends them. */
	atomic_size_t link_count; /* that do not relay */
	atomic_size_t setting_up_count, relaying_count;
	atomic_size_t dialing_count; /* targets that the outer dials itself */

	atomic_uint notes, orders;
	struct inbox_message note, order;
	atomic_bool quiet;	/* all last words are said */
	struct reap note_later; /* without threads: after the callbacks */
};

/* All but the first have a worker, to be started when all shards are there.
 * False without memory or descriptors; give it to shard_fini either way. */
bool shard_init(struct shard *shard, struct hub *hub, unsigned index);

/* Closes every session and standby. Its thread, if any, has ended. */
void shard_close(struct shard *shard);
void shard_fini(struct shard *shard); /* frees the loop of its own */

/* To the shard, from main; to main, from the shard. Takes the message. On one
 * and the same thread it runs now. */
void shard_post(struct shard *shard, struct inbox_message *message);
void shard_post_main(struct shard *shard, struct inbox_message *message);

/* From main: one of enum shard_order, carried out soon. */
void shard_order(struct shard *shard, unsigned order);

/* From main: takes the keys, soon, and frees change. What stands by or relays
 * by a key that is none any more ends. */
void shard_take_keys(struct shard *shard, struct shard_keys *change);

/* To main, from the shard: one of enum shard_note, heard after the callbacks
 * that run now. */
void shard_tell(struct shard *shard, unsigned note);

/* A standby is idle; a session or a link has ended: tells main if it wants to
 * know. */
void shard_on_idle(struct shard *shard);
void shard_on_end(struct shard *shard);

#endif
