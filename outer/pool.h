/* pool.h - the idle standbys of one shard. Floor: outer. */
#ifndef OUTER_POOL_H
#define OUTER_POOL_H

#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct instance;
struct instance_part;

enum { POOL_TRIES_MAX = 3 };

/* Embedded in a standby. */
struct pool_item {
	struct list_node node;
	struct instance *instance; /* borrowed: set while authenticated */
};

/* What a client has behind it: instances, by serial, that are not to be tried
 * for it. Zeroed is one who has tried none. */
struct pool_history {
	uint64_t tried[POOL_TRIES_MAX];
	unsigned tried_count;
	uint64_t silent; /* the last one that did not answer it; 0: none */
	uint16_t slot;	 /* of its service: see instance_serves */
};

struct pool {
	struct list parts; /* instance_part: the instances known here */
	unsigned shard;
};

void pool_init(struct pool *pool, unsigned shard);

/* An instance becomes known to this shard, or is forgotten; it has no idle
 * items then. */
void pool_learn(struct pool *pool, struct instance *instance);
void pool_forget(struct pool *pool, struct instance *instance);

/* The known instance of that name, by that key, that links may join. NULL:
 * none. */
struct instance *pool_find(const struct pool *pool, const char *inner,
    const char *id, uint32_t key);

/* An item is idle, and its instance's most recently used one. */
void pool_put(struct pool *pool, struct pool_item *item);

/* Takes the item out, if it is in. */
void pool_remove(struct pool *pool, struct pool_item *item);

/*
 * Takes the most recently used item of an instance that the client has not
 * tried and that is not suspect: of the one with most of them. NULL: none.
 */
struct pool_item *
pool_take(struct pool *pool, const struct pool_history *history);

/* The same of suspects; last of all comes the one that was silent to this
 * client before. */
struct pool_item *
pool_take_suspect(struct pool *pool, const struct pool_history *history);

/* Takes the most recently used item of an instance that main has promised to
 * a client. NULL when it has gone meanwhile: then the promise is void. */
struct pool_item *
pool_take_promised(struct pool *pool, struct instance *instance);

/*
 * Whether one of the instances, with an idle standby or without, is neither
 * replaced nor tried by the client: worth waiting for. suspects: whether a
 * suspect one counts.
 */
bool pool_other_exists(const struct pool *pool,
    const struct pool_history *history, bool suspects);

/* Whether another instance than that one, neither suspect nor replaced, nor
 * tried by the client, has an idle standby, on whichever shard. */
bool pool_other_idle(const struct pool *pool,
    const struct pool_history *history, const struct instance *but);

/* Whether the instance serves that client and may be tried for it. */
bool pool_may_try(const struct pool_history *history,
    const struct instance *instance);

#endif
