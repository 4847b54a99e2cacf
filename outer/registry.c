/*
 * registry.c - all instances: who is let in, who is replaced, who has gone.
 *
 * Owns:    every instance.
 * Thread:  main, but for registry_admit, which a shard calls.
 * Floor:   outer.
 *
 * Shards hold instances by pointer. So one is made known by a message to each
 * shard, which is on its way before any link that could ask for it; and it is
 * freed only when each shard has sent back the message that it is gone.
 */
#include "outer/registry.h"
#include "outer/hub.h"
#include "outer/instance.h"
#include "outer/keys.h"
#include "outer/claims.h"
#include "outer/shard.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#include <string.h>

void
registry_init(struct registry *registry, struct hub *hub)
{
	memset(registry, 0, sizeof(*registry));
	registry->hub = hub;
	list_init(&registry->all);
	list_init(&registry->leaving);
	registry->next_serial = 1;
	registry->grace_ms = REGISTRY_GRACE_MS;
}

static void
free_all(struct list *list)
{
	struct list_node *node;

	while ((node = list_pop(list)) != NULL)
		instance_free(list_entry(node, struct instance, node));
}

void
registry_fini(struct registry *registry)
{
	free_all(&registry->all);
	free_all(&registry->leaving);
}

struct instance *
registry_next(const struct registry *registry, const struct instance *instance)
{
	struct list_node *node = instance == NULL
	    ? list_first(&registry->all)
	    : list_next(&registry->all, &instance->node);

	return node == NULL ? NULL : list_entry(node, struct instance, node);
}

/* --- telling all shards, one message for each ---------------------------- */

static void
on_told(struct inbox_message *message)
{
	struct instance_part *part = list_entry(message, struct instance_part,
	    message);
	struct instance *instance = part->instance;

	if (--instance->in_flight > 0 || !atomic_load(&instance->gone))
		return;
	list_remove(&instance->node);
	instance_free(instance);
}

static void
send_back(struct instance_part *part)
{
	part->message.run = on_told;
	shard_post_main(&part->instance->hub->shards[part->shard],
	    &part->message);
}

static void
on_known(struct inbox_message *message)
{
	struct instance_part *part = list_entry(message, struct instance_part,
	    message);
	struct instance *instance = part->instance;

	pool_learn(&instance->hub->shards[part->shard].pool, instance);
	send_back(part);
}

static void
on_gone(struct inbox_message *message)
{
	struct instance_part *part = list_entry(message, struct instance_part,
	    message);
	struct instance *instance = part->instance;

	pool_forget(&instance->hub->shards[part->shard].pool, instance);
	send_back(part);
}

/* The last thing that a caller does with an instance that is gone. */
static void
tell_shards(struct instance *instance, void (*run)(struct inbox_message *))
{
	unsigned count = instance->part_count;
	struct hub *hub = instance->hub;

	instance->in_flight = count;
	for (unsigned i = 0; i < count; i++) {
		instance->parts[i].message.run = run;
		shard_post(&hub->shards[i], &instance->parts[i].message);
	}
}

/* --- draining ------------------------------------------------------------- */

static bool
is_run(const struct registry_run *run, const char *inner, const char *id)
{
	return strcmp(run->id, id) == 0 && strcmp(run->inner, inner) == 0;
}

/* Whether that run was drained and has not been told otherwise since: it is
 * here by another key, or was here before. */
static bool
was_drained(const struct registry *registry, const char *inner, const char *id)
{
	const struct instance *other = registry_next(registry, NULL);

	for (; other != NULL; other = registry_next(registry, other))
		if (other->draining && other->has_secret &&
		    strcmp(other->id, id) == 0 &&
		    strcmp(other->inner, inner) == 0)
			return true;
	for (unsigned i = 0; i < REGISTRY_DRAINED_MAX; i++)
		if (is_run(&registry->drained[i], inner, id))
			return true;
	return false;
}

/* It is back, and known by itself. */
static void
forget_drained(struct registry *registry, const struct instance *instance)
{
	for (unsigned i = 0; i < REGISTRY_DRAINED_MAX; i++)
		if (is_run(&registry->drained[i], instance->inner,
			instance->id))
			registry->drained[i].id[0] = '\0';
}

/* Where there is room, else in turn. */
static struct registry_run *
room_for_drained(struct registry *registry)
{
	for (unsigned i = 0; i < REGISTRY_DRAINED_MAX; i++)
		if (registry->drained[i].id[0] == '\0')
			return &registry->drained[i];
	return &registry
		    ->drained[registry->next_drained++ % REGISTRY_DRAINED_MAX];
}

/* Classic ones do not tell their runs apart: each may be the next start. */
static void
remember_drained(struct registry *registry, const struct instance *instance)
{
	struct registry_run *run;

	if (!instance->draining || !instance->has_secret)
		return;
	forget_drained(registry, instance); /* of another key */
	run = room_for_drained(registry);
	str_copy(run->inner, sizeof(run->inner), instance->inner);
	str_copy(run->id, sizeof(run->id), instance->id);
}

/* Those of that name that have gone. */
static unsigned
forgive_gone(struct registry *registry, const char *name)
{
	unsigned count = 0;

	for (unsigned i = 0; i < REGISTRY_DRAINED_MAX; i++) {
		struct registry_run *run = &registry->drained[i];

		if (run->id[0] == '\0' ||
		    (strcmp(run->inner, name) != 0 &&
			strcmp(run->id, name) != 0))
			continue;
		log_info("inner", "draining no more",
		    KV_STR("inner", run->inner), KV_STR("instance", run->id));
		run->id[0] = '\0';
		count++;
	}
	return count;
}

unsigned
registry_drain(struct registry *registry, const char *name, bool draining)
{
	struct instance *one = registry_next(registry, NULL);
	unsigned count = 0;

	for (; one != NULL; one = registry_next(registry, one)) {
		if (strcmp(one->inner, name) != 0 && strcmp(one->id, name) != 0)
			continue;
		one->draining = draining;
		services_judge(&registry->hub->services, one);
		log_info("inner", draining ? "draining" : "draining no more",
		    KV_STR("inner", one->inner), KV_STR("instance", one->id));
		count++;
	}
	services_look(&registry->hub->services);
	return draining ? count : count + forgive_gone(registry, name);
}

/* --- going --------------------------------------------------------------- */

static void
on_grace(void *arg)
{
	struct instance *instance = arg;
	struct hub *hub = instance->hub;

	if (atomic_load(&instance->links) > 0)
		return;
	atomic_store(&instance->gone, true);
	if (atomic_load(&instance->links) > 0 || /* see instance_join */
	    instance->in_flight > 0) { /* a shard is slow to learn of it */
		atomic_store(&instance->gone, false);
		loop_timer_start(&instance->grace, hub->registry.grace_ms);
		return;
	}
	log_info("inner", "no links left", KV_STR("inner", instance->inner),
	    KV_STR("instance", instance->id));
	remember_drained(&hub->registry, instance);
	claims_on_gone(&hub->services, instance);
	list_remove(&instance->node);
	list_push_back(&hub->registry.leaving, &instance->node);
	tell_shards(instance, on_gone);
	hub_on_instances(hub);
}

void
registry_look(struct registry *registry)
{
	struct instance *instance = registry_next(registry, NULL);

	for (; instance != NULL; instance = registry_next(registry, instance))
		if (atomic_exchange(&instance->emptied, false))
			loop_timer_start(&instance->grace, registry->grace_ms);
}

struct instance *
registry_of_serial(const struct registry *registry, uint64_t serial)
{
	struct instance *instance = registry_next(registry, NULL);

	while (instance != NULL && instance->serial != serial)
		instance = registry_next(registry, instance);
	return instance;
}

/* --- coming -------------------------------------------------------------- */

static struct instance *
find(const struct registry *registry, const char *inner, const char *id,
    uint32_t key)
{
	struct instance *instance = registry_next(registry, NULL);

	while (instance != NULL && !instance_is(instance, inner, id, key))
		instance = registry_next(registry, instance);
	return instance;
}

static struct instance *
make(struct registry *registry, const struct admission *admission)
{
	struct hub *hub = registry->hub;
	struct instance *instance = instance_new(hub->shard_count);

	if (instance == NULL)
		return NULL;
	str_copy(instance->inner, sizeof(instance->inner), admission->inner);
	str_copy(instance->id, sizeof(instance->id), admission->id);
	instance->key = admission->key;
	atomic_init(&instance->by_name, admission->registers);
	instance->has_secret = admission->has_secret;
	memcpy(instance->secret, admission->secret, sizeof(instance->secret));
	if (admission->has_secret) /* before any shard knows it: never zero */
		instance_renew_secret(instance, admission->secret);
	instance->serial = registry->next_serial++;
	instance->since_s = clock_wall_s();
	instance->hub = hub;
	instance->draining = was_drained(registry, instance->inner,
	    instance->id);
	forget_drained(registry, instance);
	loop_timer_init(&instance->grace, hub->loop, on_grace, instance);
	loop_timer_start(&instance->grace, registry->grace_ms);
	list_push_back(&registry->all, &instance->node);
	services_judge(&hub->services, instance);
	log_info("inner", "connected", KV_STR("inner", instance->inner),
	    KV_STR("instance", instance->id));
	if (instance->draining)
		log_info("inner", "still draining",
		    KV_STR("inner", instance->inner),
		    KV_STR("instance", instance->id));
	tell_shards(instance, on_known);
	return instance;
}

/* Marks all other runs of the same inner. One run with another key is not
 * another run. */
static void
replace_others(struct registry *registry, const struct instance *young)
{
	struct instance *old = registry_next(registry, NULL);

	for (; old != NULL; old = registry_next(registry, old)) {
		if (old == young || atomic_load(&old->replaced) ||
		    strcmp(old->id, young->id) == 0 ||
		    strcmp(old->inner, young->inner) != 0)
			continue;
		atomic_store(&old->replaced, true);
		str_copy(registry->replaced[registry->next_replaced],
		    sizeof(registry->replaced[0]), old->id);
		registry->next_replaced = (registry->next_replaced + 1) %
		    REGISTRY_REPLACED_MAX;
		log_info("inner", "replaced by a younger run",
		    KV_STR("inner", old->inner), KV_STR("instance", old->id),
		    KV_STR("by", young->id));
	}
	hub_order(registry->hub, SHARD_DISMISS_REPLACED);
}

static bool
was_replaced(const struct registry *registry, const char *id)
{
	for (unsigned i = 0; i < REGISTRY_REPLACED_MAX; i++)
		if (strcmp(registry->replaced[i], id) == 0)
			return true;
	return false;
}

static bool
must_yield(const struct registry *registry, const char *inner, const char *id)
{
	struct instance *other = registry_next(registry, NULL);

	if (!was_replaced(registry, id))
		return false;
	for (; other != NULL; other = registry_next(registry, other))
		if (strcmp(other->inner, inner) == 0 &&
		    strcmp(other->id, id) != 0)
			return true;
	return false;
}

static void
decide(struct registry *registry, struct admission *admission)
{
	struct instance *instance;

	if (!keys_allow(registry->hub->keys, admission->inner,
		admission->key)) {
		admission->revoked = true;
		return;
	}
	if (must_yield(registry, admission->inner, admission->id)) {
		admission->why = "replaced by a younger run with the same "
				 "InnerId";
		return;
	}
	instance = find(registry, admission->inner, admission->id,
	    admission->key);
	if (instance == NULL) {
		if ((instance = make(registry, admission)) == NULL) {
			admission->why = "out of memory";
			return;
		}
		if (admission->replace)
			replace_others(registry, instance);
	}
	atomic_store(&instance->replaced, false); /* it is in its place */
	admission->instance = instance;
}

static void
on_answer(struct inbox_message *message)
{
	struct admission *admission = list_entry(message, struct admission,
	    message);

	admission->answered(admission);
}

static void
on_question(struct inbox_message *message)
{
	struct admission *admission = list_entry(message, struct admission,
	    message);
	struct shard *shard = admission->shard;

	decide(&shard->hub->registry, admission);
	admission->message.run = on_answer;
	shard_post(shard, &admission->message);
}

void
registry_admit(struct admission *admission)
{
	admission->message.run = on_question;
	shard_post_main(admission->shard, &admission->message);
}

size_t
registry_serving(const struct registry *registry, unsigned slot)
{
	struct instance *one = registry_next(registry, NULL);
	size_t count = 0;

	for (; one != NULL; one = registry_next(registry, one))
		count += instance_serves(one, slot) &&
		    atomic_load(&one->links) > 0 &&
		    !atomic_load(&one->suspect) && !atomic_load(&one->replaced);
	return count;
}
