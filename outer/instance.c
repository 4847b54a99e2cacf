/*
 * instance.c - one run of an inner process, as the outer knows it.
 *
 * Owns:    every instance.
 * Thread:  the shard's loop only.
 * Floor:   outer.
 */
#include "outer/instance.h"
#include "base/log.h"
#include "base/str.h"
#include "net/loop.h"

#include <stdlib.h>
#include <string.h>

void
instance_table_init(struct instance_table *table, struct loop *loop)
{
	memset(table, 0, sizeof(*table));
	list_init(&table->all);
	table->loop = loop;
	table->next_serial = 1;
}

static void
instance_free(struct instance *instance)
{
	list_remove(&instance->node);
	loop_timer_free(instance->grace);
	free(instance);
}

void
instance_table_fini(struct instance_table *table)
{
	struct list_node *node;

	while ((node = list_first(&table->all)) != NULL)
		instance_free(list_entry(node, struct instance, node));
}

static void
on_grace(void *arg)
{
	struct instance *instance = arg;
	struct instance_table *table = instance->table;

	log_info("inner", "no links left", KV_STR("inner", instance->inner),
	    KV_STR("instance", instance->id));
	instance_free(instance);
	if (table->on_gone != NULL)
		table->on_gone(table->arg);
}

static struct instance *
find(const struct instance_table *table, const char *inner, const char *id)
{
	struct list_node *node = list_first(&table->all);

	for (; node != NULL; node = list_next(&table->all, node)) {
		struct instance *instance = list_entry(node, struct instance,
		    node);

		if (strcmp(instance->id, id) == 0 &&
		    strcmp(instance->inner, inner) == 0)
			return instance;
	}
	return NULL;
}

struct instance *
instance_get(struct instance_table *table, const char *inner, const char *id)
{
	struct instance *instance = find(table, inner, id);

	if (instance != NULL)
		return instance;
	if ((instance = calloc(1, sizeof(*instance))) == NULL)
		return NULL;
	instance->grace = loop_timer_new(table->loop, on_grace, instance);
	if (instance->grace == NULL) {
		free(instance);
		return NULL;
	}
	str_copy(instance->inner, sizeof(instance->inner), inner);
	str_copy(instance->id, sizeof(instance->id), id);
	list_init(&instance->standbys);
	instance->serial = table->next_serial++;
	instance->table = table;
	list_push_back(&table->all, &instance->node);
	log_info("inner", "connected", KV_STR("inner", inner),
	    KV_STR("instance", id));
	return instance;
}

void
instance_join(struct instance *instance, struct list_node *standby)
{
	loop_timer_stop(instance->grace);
	instance->replaced = false; /* who may join is in its place */
	list_push_back(&instance->standbys, standby);
}

void
instance_leave(struct instance *instance, struct list_node *standby)
{
	list_remove(standby);
	if (instance->standbys.length == 0)
		loop_timer_start(instance->grace, INSTANCE_GRACE_MS);
}

void
instance_replace_others(struct instance_table *table,
    const struct instance *young)
{
	struct list_node *node = list_first(&table->all);

	for (; node != NULL; node = list_next(&table->all, node)) {
		struct instance *old = list_entry(node, struct instance, node);

		if (old == young || old->replaced ||
		    strcmp(old->inner, young->inner) != 0)
			continue;
		old->replaced = true;
		str_copy(table->replaced[table->next_replaced],
		    sizeof(table->replaced[0]), old->id);
		table->next_replaced = (table->next_replaced + 1) %
		    INSTANCE_REPLACED_MAX;
		log_info("inner", "replaced by a younger run",
		    KV_STR("inner", old->inner), KV_STR("instance", old->id),
		    KV_STR("by", young->id));
	}
}

static bool
was_replaced(const struct instance_table *table, const char *id)
{
	for (unsigned i = 0; i < INSTANCE_REPLACED_MAX; i++)
		if (strcmp(table->replaced[i], id) == 0)
			return true;
	return false;
}

bool
instance_must_yield(const struct instance_table *table, const char *inner,
    const char *id)
{
	struct list_node *node = list_first(&table->all);

	if (!was_replaced(table, id))
		return false;
	for (; node != NULL; node = list_next(&table->all, node)) {
		struct instance *other = list_entry(node, struct instance,
		    node);

		if (strcmp(other->inner, inner) == 0 &&
		    strcmp(other->id, id) != 0)
			return true;
	}
	return false;
}

size_t
instance_serving(const struct instance_table *table)
{
	struct list_node *node = list_first(&table->all);
	size_t count = 0;

	for (; node != NULL; node = list_next(&table->all, node)) {
		struct instance *one = list_entry(node, struct instance, node);

		count += one->standbys.length > 0 && !one->suspect &&
		    !one->replaced;
	}
	return count;
}
