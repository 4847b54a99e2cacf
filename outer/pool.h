/* pool.h - idle standbys and the clients that wait for one. Floor: outer. */
#ifndef OUTER_POOL_H
#define OUTER_POOL_H

#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct instance;

enum { POOL_TRIES_MAX = 3 };

/* Embedded in a standby. */
struct pool_item {
	struct list_node node;
	struct instance *instance; /* borrowed: set while authenticated */
};

/* Embedded in a session: instances (by serial) that are not to be tried. */
struct pool_waiter {
	struct list_node node;
	uint64_t tried[POOL_TRIES_MAX];
	unsigned tried_count;
	uint64_t silent; /* the last one that did not answer it; 0: none */
	/* Its turn has come: it is off the queue, the item is its to claim. */
	void (*on_item)(struct pool_waiter *waiter, struct pool_item *item);
};

struct pool {
	struct list idle;     /* most recently used first */
	struct list suspects; /* the same, of suspect instances */
	struct list waiters;  /* longest waiting first */
	size_t waiters_max;
};

void pool_init(struct pool *pool, size_t waiters_max);

/*
 * An item is idle: the first waiter that may have it gets it at once (then
 * on_item is called before this returns), else it becomes the most recently
 * used one of the pool.
 */
void pool_put(struct pool *pool, struct pool_item *item);

/*
 * Takes the most recently used item whose instance the waiter has not tried
 * and is not suspect. NULL when there is none.
 */
struct pool_item *
pool_take(struct pool *pool, const struct pool_waiter *waiter);

/* The same of suspects; last of all comes the one that was silent to this
 * waiter before. */
struct pool_item *
pool_take_suspect(struct pool *pool, const struct pool_waiter *waiter);

/*
 * Whether one of the instances, with an idle standby or without, is neither
 * replaced nor tried by the waiter: worth waiting for. suspects: whether a
 * suspect one counts.
 */
bool pool_other_exists(const struct list *instances,
    const struct pool_waiter *waiter, bool suspects);

/* Takes the item out, wherever it is. */
void pool_remove(struct pool_item *item);

/*
 * Queues the waiter: at the end, or, when it waits for the second time, at the
 * front. False when the queue is full (at the end only).
 */
bool pool_wait(struct pool *pool, struct pool_waiter *waiter, bool again);
void pool_unwait(struct pool_waiter *waiter);

/*
 * Changes the instance's suspicion and moves its idle items accordingly. When
 * it ends, waiters get them first, as from pool_put.
 */
void pool_suspect(struct pool *pool, struct instance *instance, bool suspect);

/*
 * One of the instances is gone, or has become suspect: a waiter for whom there
 * is nobody else to wait for gets a suspect's item, if there is one.
 */
void pool_reconsider(struct pool *pool, const struct list *instances);

/* How many clients wait for each of so many instances, rounded up; at most
 * 65535, as FORWARD has it. */
uint16_t pool_waiting_share(const struct pool *pool, size_t instances);

#endif
