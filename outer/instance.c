/*
 * instance.c - one run of an inner process, as all shards know it.
 *
 * Owns:    nothing.
 * Thread:  any; see the header for who may touch what.
 * Floor:   outer.
 */
#include "outer/instance.h"

#include <stdlib.h>

struct instance *
instance_new(unsigned shards)
{
	struct instance *instance = calloc(1,
	    sizeof(*instance) + shards * sizeof(instance->parts[0]));

	if (instance == NULL)
		return NULL;
	instance->part_count = shards;
	for (unsigned i = 0; i < shards; i++) {
		instance->parts[i].instance = instance;
		instance->parts[i].shard = i;
		list_init(&instance->parts[i].idle);
	}
	return instance;
}

void
instance_free(struct instance *instance)
{
	loop_timer_fini(&instance->grace);
	free(instance);
}

/*
 * Either this sees that the instance is going, or the registry, which sets
 * gone before it looks at links, sees the link: both use sequentially
 * consistent operations, in opposite order.
 */
bool
instance_join(struct instance *instance)
{
	atomic_fetch_add(&instance->links, 1);
	if (!atomic_load(&instance->gone))
		return true;
	(void)instance_leave(instance);
	return false;
}

bool
instance_leave(struct instance *instance)
{
	if (atomic_fetch_sub(&instance->links, 1) != 1)
		return false;
	atomic_store(&instance->emptied, true);
	return true;
}

int
instance_idle(const struct instance *instance)
{
	int idle = 0, here;

	for (unsigned i = 0; i < instance->part_count; i++) {
		here = atomic_load(&instance->parts[i].idle_count);
		idle += here > 0 ? here : 0;
	}
	return idle;
}
