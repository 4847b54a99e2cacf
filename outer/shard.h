/* shard.h - all that one event loop of the outer owns. Floor: outer. */
#ifndef OUTER_SHARD_H
#define OUTER_SHARD_H

#include "base/list.h"
#include "base/log.h"
#include "outer/config.h"
#include "outer/instance.h"
#include "outer/pool.h"
#include "outer/standby.h"

struct loop;
struct pump_kit;

struct shard {
	struct loop *loop;		   /* borrowed */
	const struct outer_config *config; /* borrowed */
	struct pump_kit *pumps;		   /* owned: what sessions share */
	struct pool pool;
	struct instance_table instances;
	struct list standbys[STANDBY_RELAYING]; /* a state is a list */
	struct list setting_up;		  /* sessions that do not relay yet */
	struct list relaying;		  /* sessions that do */
	uint64_t next_link, next_session; /* ids for the log */
	struct log_limit strangers;	  /* lines that strangers can cause */
	bool warned_classic;		  /* that the key crosses the wire */
	uint64_t max_fds;
	/* Called when a session has ended, or a link: there may be room for
	 * another client, or draining may be over. */
	void (*on_change)(void *arg);
	void *on_change_arg;
};

void shard_init(struct shard *shard, struct loop *loop,
    const struct outer_config *config, uint64_t max_fds);

/* Closes every session and standby; the loop's reaper frees them. */
void shard_close(struct shard *shard);

/* See pool_reconsider. */
void shard_reconsider(struct shard *shard);

/* Links that are authenticated and not relaying. */
size_t shard_links(const struct shard *shard);

/* How many links may be in their handshake at once. */
size_t shard_handshakes_max(const struct shard *shard);

/* Whether a line that a stranger causes may be written: they must not fill
 * the disk. What was left out since the last one is told first. */
bool shard_may_log(struct shard *shard);

/* Whether the descriptors allow one more session, with its link. */
bool shard_has_room(const struct shard *shard);

/* How many sessions so many descriptors allow. */
uint64_t shard_sessions_max(uint64_t max_fds);

#endif
