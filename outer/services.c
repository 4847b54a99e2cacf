/*
 * services.c - all services: which there are, and which instance serves which.
 *
 * Owns:    every service.
 * Thread:  main.
 * Floor:   outer.
 *
 * Shards ask whether an instance serves a client's service for each try. So the
 * answer is one bit of the instance, at the service's slot, which main alone
 * writes; a slot is given to another service only when no session holds the
 * one before.
 */
#include "outer/services.h"
#include "outer/hub.h"
#include "outer/instance.h"
#include "outer/claims.h"
#include "outer/scope.h"
#include "outer/session.h"
#include "base/targets.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { SWEEP_MS = 1000 };

static void on_sweep(void *arg);

bool
services_init(struct services *services, struct hub *hub)
{
	memset(services, 0, sizeof(*services));
	services->hub = hub;
	services->next_id = 1; /* 0 is the default's */
	list_init(&services->all);
	list_init(&services->leaving);
	list_init(&services->busy);
	loop_timer_init(&services->sweep, hub->loop, on_sweep, services);
	lobby_init(&services->lobby);
	return intake_init(&services->intake, hub);
}

static void
free_all(struct list *list)
{
	struct list_node *node;

	while ((node = list_pop(list)) != NULL)
		service_free(list_entry(node, struct service, node));
}

void
services_fini(struct services *services)
{
	if (services->hub == NULL)
		return;
	free_all(&services->all);
	free_all(&services->leaving);
	intake_fini(&services->intake);
	loop_timer_fini(&services->sweep);
}

struct service *
services_next(const struct services *services, const struct service *service)
{
	struct list_node *node = service == NULL
	    ? list_first(&services->all)
	    : list_next(&services->all, &service->node);

	return node == NULL ? NULL : list_entry(node, struct service, node);
}

struct service *
services_find(const struct services *services, const char *name,
    const char *inner)
{
	struct service *service = services_next(services, NULL);

	for (; service != NULL; service = services_next(services, service)) {
		bool inners = service->origin == SERVICE_OF_INNER;

		if (inners == (inner != NULL) &&
		    strcmp(service->name, name) == 0 &&
		    (!inners || strcmp(service->inner, inner) == 0))
			break;
	}
	return service;
}

struct service *
services_holder(const struct services *services, const struct addr_range *range)
{
	struct service *service = services_next(services, NULL);

	while (service != NULL && !service_listens_within(service, range))
		service = services_next(services, service);
	return service;
}

/* --- who serves what ------------------------------------------------------ */

/* Whether the target of an offer has all of it, or its ports among its own. */
static bool
has_target(const char *offered, const struct addr_range *wanted,
    const char *text)
{
	const char *ports = strrchr(offered, ':');
	struct addr_range range;
	unsigned from;

	if (strcmp(offered, text) == 0)
		return true;
	if (ports == NULL || strchr(ports, '-') == NULL ||
	    addr_range_parse(offered, &range) != NULL ||
	    range.first.kind != wanted->first.kind ||
	    strcasecmp(range.first.host, wanted->first.host) != 0 ||
	    wanted->first.port < range.first.port)
		return false;
	from = wanted->first.port - range.first.port;
	return from + wanted->count <= range.count;
}

/* All of it: each of its ports is somebody's. */
static bool
allows(const struct instance *instance, const struct addr_range *wanted)
{
	struct addr one = wanted->first;

	if (wanted->count <= 1)
		return targets_allow(&instance->allow, &one);
	for (unsigned i = 0; addr_range_nth(wanted, i, &one); i++)
		if (!targets_allow(&instance->allow, &one))
			return false;
	return true;
}

/* One that has not said what it allows is asked each time. A classic one dials
 * what its own file says. */
bool
services_may_dial(const struct instance *instance,
    const struct addr_range *wanted)
{
	const struct registration *offer = &instance->registration;
	char target[ADDR_RANGE_TEXT_SIZE];

	if (!instance->registered)
		return instance->has_secret;
	addr_range_format(wanted, target, sizeof(target));
	for (size_t i = 0; i < offer->service_count; i++)
		if (has_target(offer->services[i].target, wanted, target))
			return true;
	return allows(instance, wanted);
}

bool
services_may_reach(const struct services *services, const char *inner,
    const struct addr_range *target, const char **refuser)
{
	const struct registry *registry = &services->hub->registry;
	const struct instance *one = registry_next(registry, NULL);

	*refuser = NULL;
	for (; one != NULL; one = registry_next(registry, one)) {
		if (inner[0] != '\0' && strcmp(inner, one->inner) != 0)
			continue;
		if (services_may_dial(one, target))
			return true;
		*refuser = one->inner;
	}
	return *refuser == NULL;
}

/* An inner without services by name has one, whatever the outer calls it: where
 * the outer names the inner, it is that. */
static bool
offers(const struct instance *instance, const struct service *service)
{
	const struct register_service *offer = claims_find(instance,
	    service->name);

	if (offer != NULL)
		return offer->healthy;
	return !atomic_load(&instance->by_name) &&
	    (service->slot == SERVICE_SLOT_DEFAULT ||
		(service->inner[0] != '\0' &&
		    service->origin != SERVICE_OF_INNER));
}

/* Whether it has registered the service's name, or its target, and says that it
 * is not healthy. */
static bool
is_bad(const struct instance *instance, const struct service *service)
{
	const struct registration *all = &instance->registration;
	char target[ADDR_RANGE_TEXT_SIZE];

	for (size_t i = 0; i < all->service_count; i++) {
		const struct register_service *offer = &all->services[i];

		if (offer->healthy)
			continue;
		addr_range_format(&service->target, target, sizeof(target));
		if (strcmp(offer->name, service->name) == 0 ||
		    strcmp(offer->target, target) == 0)
			return true;
	}
	return false;
}

/* Without memory all weigh the same. */
static void
weigh(struct instance *instance, const struct service *service)
{
	const struct register_service *offer = claims_find(instance,
	    service->name);

	(void)instance_set_weight(instance, service->slot,
	    offer != NULL ? offer->weight : 1);
}

static bool
serves(const struct instance *instance, const struct service *service)
{
	bool its_inner = service->inner[0] == '\0' ||
	    strcmp(service->inner, instance->inner) == 0;

	if (service->removed || service->direct || !its_inner ||
	    instance->draining ||
	    !scope_allows_service(service->hub, instance, service))
		return false;
	return service->target.first.kind != ADDR_NONE
	    ? services_may_dial(instance, &service->target) &&
		!is_bad(instance, service)
	    : offers(instance, service);
}

static void
judge(struct instance *instance, const struct service *service)
{
	instance_serve(instance, service->slot, serves(instance, service));
	weigh(instance, service);
}

void
services_judge(struct services *services, struct instance *instance)
{
	struct service *service = services_next(services, NULL);

	for (; service != NULL; service = services_next(services, service))
		judge(instance, service);
}

void
services_judge_one(const struct service *service)
{
	struct registry *registry = &service->hub->registry;
	struct list *const lists[] = { &registry->all, &registry->leaving };
	struct list_node *node;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (node = list_first(lists[i]); node != NULL;
		     node = list_next(lists[i], node))
			judge(list_entry(node, struct instance, node), service);
}

void
services_judge_all(struct services *services)
{
	struct service *service = services_next(services, NULL);

	for (; service != NULL; service = services_next(services, service))
		services_judge_one(service);
	services_look(services);
}

/* --- coming and going ----------------------------------------------------- */

/* SERVICES_MAX: none is free. The default's is its own. */
static unsigned
free_slot(const struct services *services)
{
	for (unsigned i = 0; i < SERVICES_MAX; i++) {
		unsigned slot = (services->next_slot + i) % SERVICES_MAX;

		if (slot != SERVICE_SLOT_DEFAULT &&
		    services->slots[slot] == NULL)
			return slot;
	}
	return SERVICES_MAX;
}

static const char *
place(const struct services *services, bool inners, const char *name,
    uint32_t *id, unsigned *slot)
{
	bool is_default = !inners && strcmp(name, SERVICE_DEFAULT) == 0;

	*id = is_default ? 0 : services->next_id;
	*slot = is_default ? SERVICE_SLOT_DEFAULT : free_slot(services);
	if (is_default && services->slots[SERVICE_SLOT_DEFAULT] != NULL)
		return "the one before still has sessions";
	return *slot < SERVICES_MAX ? NULL
				    : "there are as many as there may be";
}

struct service *
services_add(struct services *services, const struct service_options *options,
    char problem[SERVICE_PROBLEM_SIZE])
{
	struct service *service = NULL;
	const char *why;
	unsigned slot;
	uint32_t id;

	bool inners = options->origin == SERVICE_OF_INNER;

	if (services->closed)
		why = "the outer is stopping";
	else if (services_find(services, options->name,
		     inners ? options->inner : NULL) != NULL)
		why = "there is one of that name";
	else if ((why = place(services, inners, options->name, &id, &slot)) ==
		NULL &&
	    (service = service_new(services->hub, options, id,
		 (uint16_t)slot)) == NULL)
		why = "out of memory";
	if (why != NULL) {
		snprintf(problem, SERVICE_PROBLEM_SIZE, "service %s: %s",
		    options->name, why);
		return NULL;
	}
	if (id != 0) {
		services->next_id++;
		services->next_slot = (uint16_t)(slot + 1);
	}
	services->slots[slot] = service;
	if (id != 0)
		atomic_store(&services->hub->wants_control, true);
	list_push_back(&services->all, &service->node);
	services_judge_one(service);
	return service;
}

void
services_remove(struct service *service, const char *why)
{
	struct services *services = &service->hub->services;

	service_stop_listening(service);
	service_keep(service);
	if (service->full)
		services->intake.full_services--;
	service->full = false;
	service->removed = true;
	dispatch_close(&service->dispatch, why);
	services_judge_one(service);
	list_remove(&service->node);
	list_push_back(&services->leaving, &service->node);
	loop_timer_start(&services->sweep, SWEEP_MS);
}

static void
on_sweep(void *arg)
{
	struct services *services = arg;
	struct list_node *node = list_first(&services->leaving), *next;

	for (; node != NULL; node = next) {
		struct service *service = list_entry(node, struct service,
		    node);

		next = list_next(&services->leaving, node);
		if (atomic_load(&service->sessions) > 0)
			continue;
		list_remove(node);
		services->slots[service->slot] = NULL;
		service_free(service);
	}
	if (services->leaving.length > 0)
		loop_timer_start(&services->sweep, SWEEP_MS);
}

void
services_close(struct services *services)
{
	struct list_node *node;

	lobby_end(&services->lobby);
	while ((node = list_first(&services->busy)) != NULL)
		dispatch_close(list_entry(node, struct dispatch, busy),
		    "the outer stops");
}

void
services_stop_listening(struct services *services)
{
	struct service *service = services_next(services, NULL);

	services->closed = true;
	for (; service != NULL; service = services_next(services, service))
		service_stop_listening(service);
}

void
services_look(struct services *services)
{
	struct list_node *node = list_first(&services->busy);

	for (; node != NULL; node = list_next(&services->busy, node))
		dispatch_look(list_entry(node, struct dispatch, busy));
}
