/*
 * pool.c - the idle standbys of one shard.
 *
 * Owns:    nothing: the items are standbys', the instances the registry's.
 * Thread:  the shard's loop only.
 * Floor:   outer.
 *
 * How many are idle is an atomic count for main, which promises them to
 * clients before it sends those here. So the count is what is idle less what
 * is promised: a promise takes one off at once, and the item that fulfils it
 * none. To other shards it is a hint.
 */
#include "outer/pool.h"
#include "outer/instance.h"
#include "base/clock.h"

void
pool_init(struct pool *pool, unsigned shard)
{
	list_init(&pool->parts);
	pool->shard = shard;
}

static struct instance_part *
part_of(const struct pool *pool, struct instance *instance)
{
	return &instance->parts[pool->shard];
}

static struct instance_part *
first_part(const struct pool *pool)
{
	struct list_node *node = list_first(&pool->parts);

	return node == NULL ? NULL
			    : list_entry(node, struct instance_part, node);
}

static struct instance_part *
next_part(const struct pool *pool, const struct instance_part *part)
{
	struct list_node *node = list_next(&pool->parts, &part->node);

	return node == NULL ? NULL
			    : list_entry(node, struct instance_part, node);
}

void
pool_learn(struct pool *pool, struct instance *instance)
{
	list_push_back(&pool->parts, &part_of(pool, instance)->node);
}

void
pool_forget(struct pool *pool, struct instance *instance)
{
	list_remove(&part_of(pool, instance)->node);
}

struct instance *
pool_find(const struct pool *pool, const char *inner, const char *id,
    uint32_t key)
{
	struct instance_part *part = first_part(pool);

	for (; part != NULL; part = next_part(pool, part))
		if (!atomic_load(&part->instance->gone) &&
		    instance_is(part->instance, inner, id, key))
			return part->instance;
	return NULL;
}

void
pool_put(struct pool *pool, struct pool_item *item)
{
	struct instance_part *part = part_of(pool, item->instance);

	list_push_front(&part->idle, &item->node);
	atomic_store_explicit(&part->put_us, clock_us(), memory_order_relaxed);
	atomic_fetch_add(&part->idle_count, 1);
}

void
pool_remove(struct pool *pool, struct pool_item *item)
{
	if (item->node.list == NULL)
		return;
	list_remove(&item->node);
	atomic_fetch_sub(&part_of(pool, item->instance)->idle_count, 1);
}

bool
pool_may_try(const struct pool_history *history,
    const struct instance *instance)
{
	if (!instance_serves(instance, history->slot))
		return false;
	for (unsigned i = 0; i < history->tried_count; i++)
		if (history->tried[i] == instance->serial)
			return false;
	return true;
}

/* More idle standbys; of equals the one that got the latest. */
static bool
is_better(const struct instance_part *part, const struct instance_part *best)
{
	if (best == NULL || part->idle.length != best->idle.length)
		return best == NULL || part->idle.length > best->idle.length;
	return atomic_load(&part->put_us) > atomic_load(&best->put_us);
}

static struct pool_item *
take(struct pool *pool, const struct pool_history *history, bool suspects,
    uint64_t but_serial)
{
	struct instance_part *part = first_part(pool), *best = NULL;
	struct pool_item *item;

	for (; part != NULL; part = next_part(pool, part)) {
		struct instance *instance = part->instance;

		if (part->idle.length > 0 && instance->serial != but_serial &&
		    atomic_load(&instance->suspect) == suspects &&
		    pool_may_try(history, instance) && is_better(part, best))
			best = part;
	}
	if (best == NULL)
		return NULL;
	item = list_entry(list_first(&best->idle), struct pool_item, node);
	pool_remove(pool, item);
	return item;
}

struct pool_item *
pool_take(struct pool *pool, const struct pool_history *history)
{
	return take(pool, history, false, 0);
}

struct pool_item *
pool_take_suspect(struct pool *pool, const struct pool_history *history)
{
	struct pool_item *item = take(pool, history, true, history->silent);

	return item != NULL ? item : take(pool, history, true, 0);
}

struct pool_item *
pool_take_promised(struct pool *pool, struct instance *instance)
{
	struct instance_part *part = part_of(pool, instance);
	struct list_node *node = list_pop(&part->idle);

	if (node != NULL)
		return list_entry(node, struct pool_item, node);
	atomic_fetch_add(&part->idle_count, 1);
	return NULL;
}

static bool
is_worth_waiting(const struct pool_history *history,
    const struct instance *instance, bool suspects)
{
	return (suspects || !atomic_load(&instance->suspect)) &&
	    !atomic_load(&instance->replaced) &&
	    !atomic_load(&instance->gone) && pool_may_try(history, instance);
}

bool
pool_other_exists(const struct pool *pool, const struct pool_history *history,
    bool suspects)
{
	struct instance_part *part = first_part(pool);

	for (; part != NULL; part = next_part(pool, part))
		if (is_worth_waiting(history, part->instance, suspects))
			return true;
	return false;
}

bool
pool_other_idle(const struct pool *pool, const struct pool_history *history,
    const struct instance *but)
{
	struct instance_part *part = first_part(pool);

	for (; part != NULL; part = next_part(pool, part))
		if (part->instance != but &&
		    is_worth_waiting(history, part->instance, false) &&
		    instance_idle(part->instance) > 0)
			return true;
	return false;
}
