/*
 * pool.c - idle standbys and the clients that wait for one.
 *
 * Owns:    nothing: the items are standbys' and the waiters sessions'.
 * Thread:  the shard's loop only.
 * Floor:   outer.
 *
 * Never both an idle item and a waiter that may have it: put and wait see to
 * that. So a count of waiters is a count of clients that nobody can serve now.
 */
#include "outer/pool.h"
#include "outer/instance.h"

void
pool_init(struct pool *pool, size_t waiters_max)
{
	list_init(&pool->idle);
	list_init(&pool->suspects);
	list_init(&pool->waiters);
	pool->waiters_max = waiters_max;
}

static bool
has_tried(const struct pool_waiter *waiter, const struct instance *instance)
{
	for (unsigned i = 0; i < waiter->tried_count; i++)
		if (waiter->tried[i] == instance->serial)
			return true;
	return false;
}

static struct list *
list_of(struct pool *pool, const struct instance *instance)
{
	return instance->suspect ? &pool->suspects : &pool->idle;
}

void
pool_put(struct pool *pool, struct pool_item *item)
{
	struct list_node *node = list_first(&pool->waiters);

	for (; node != NULL; node = list_next(&pool->waiters, node)) {
		struct pool_waiter *waiter = list_entry(node,
		    struct pool_waiter, node);

		if (!has_tried(waiter, item->instance)) {
			list_remove(&waiter->node);
			waiter->on_item(waiter, item);
			return;
		}
	}
	list_push_front(list_of(pool, item->instance), &item->node);
}

static struct pool_item *
take_from(struct list *list, const struct pool_waiter *waiter,
    uint64_t but_serial)
{
	struct list_node *node = list_first(list);

	for (; node != NULL; node = list_next(list, node)) {
		struct pool_item *item = list_entry(node, struct pool_item,
		    node);

		if (item->instance->serial != but_serial &&
		    !has_tried(waiter, item->instance)) {
			list_remove(&item->node);
			return item;
		}
	}
	return NULL;
}

struct pool_item *
pool_take(struct pool *pool, const struct pool_waiter *waiter)
{
	return take_from(&pool->idle, waiter, 0);
}

struct pool_item *
pool_take_suspect(struct pool *pool, const struct pool_waiter *waiter)
{
	struct pool_item *item = take_from(&pool->suspects, waiter,
	    waiter->silent);

	return item != NULL ? item : take_from(&pool->suspects, waiter, 0);
}

bool
pool_other_exists(const struct list *instances,
    const struct pool_waiter *waiter, bool suspects)
{
	struct list_node *node = list_first(instances);

	for (; node != NULL; node = list_next(instances, node)) {
		struct instance *other = list_entry(node, struct instance,
		    node);

		if ((suspects || !other->suspect) && !other->replaced &&
		    !has_tried(waiter, other))
			return true;
	}
	return false;
}

void
pool_remove(struct pool_item *item)
{
	list_remove(&item->node);
}

bool
pool_wait(struct pool *pool, struct pool_waiter *waiter, bool again)
{
	if (again) {
		list_push_front(&pool->waiters, &waiter->node);
		return true;
	}
	if (pool->waiters.length >= pool->waiters_max)
		return false;
	list_push_back(&pool->waiters, &waiter->node);
	return true;
}

void
pool_unwait(struct pool_waiter *waiter)
{
	list_remove(&waiter->node);
}

void
pool_suspect(struct pool *pool, struct instance *instance, bool suspect)
{
	struct list *from = list_of(pool, instance), moving;
	struct list_node *node, *next;

	if (instance->suspect == suspect)
		return;
	instance->suspect = suspect;
	list_init(&moving);
	for (node = list_first(from); node != NULL; node = next) {
		next = list_next(from, node);
		if (list_entry(node, struct pool_item, node)->instance !=
		    instance)
			continue;
		list_remove(node);
		list_push_front(&moving, node);
	}
	/* least recently used first, so their order stays */
	while ((node = list_pop(&moving)) != NULL) {
		if (suspect)
			list_push_front(&pool->suspects, node);
		else
			pool_put(pool,
			    list_entry(node, struct pool_item, node));
	}
}

void
pool_reconsider(struct pool *pool, const struct list *instances)
{
	struct list_node *node = list_first(&pool->waiters), *next;

	for (; node != NULL; node = next) {
		struct pool_waiter *waiter = list_entry(node,
		    struct pool_waiter, node);
		struct pool_item *item;

		next = list_next(&pool->waiters, node);
		if (pool_other_exists(instances, waiter, false) ||
		    (item = pool_take_suspect(pool, waiter)) == NULL)
			continue;
		list_remove(&waiter->node);
		waiter->on_item(waiter, item);
	}
}

uint16_t
pool_waiting_share(const struct pool *pool, size_t instances)
{
	size_t share;

	if (instances == 0)
		instances = 1;
	share = (pool->waiters.length + instances - 1) / instances;
	return share > UINT16_MAX ? UINT16_MAX : (uint16_t)share;
}
