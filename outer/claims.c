/*
 * claims.c - what inners register over their control links.
 *
 * Owns:    nothing: a registration is its instance's, a service the table's.
 * Thread:  main, but for claim_post and claim_free.
 * Floor:   outer. See doc/PROTOCOL, "The control link".
 *
 * A public address belongs to the inner that asked for it, by its id, not to
 * one run or one link: so an inner that comes back finds it as it was, and
 * those who came in between still wait.
 */
#include "outer/claims.h"
#include "outer/hub.h"
#include "outer/instance.h"
#include "outer/scope.h"
#include "outer/shard.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What becomes of one service that is asked for. */
struct outcome {
	char error[SERVICE_PROBLEM_SIZE]; /* "": it is there */
	char address[ADDR_RANGE_TEXT_SIZE];
	const struct service *service;
};

const struct register_service *
claims_find(const struct instance *instance, const char *name)
{
	const struct registration *all = &instance->registration;

	for (size_t i = 0; i < all->service_count; i++)
		if (strcmp(all->services[i].name, name) == 0)
			return &all->services[i];
	return NULL;
}

/* Whether another run of the inner asks for it as well. */
static bool
is_asked_by_another(const struct service *service, const struct instance *but)
{
	const struct registry *registry = &service->hub->registry;
	const struct instance *one = registry_next(registry, NULL);

	for (; one != NULL; one = registry_next(registry, one)) {
		const struct register_service *offer;

		if (one == but || strcmp(one->inner, service->inner) != 0)
			continue;
		offer = claims_find(one, service->name);
		if (offer != NULL && offer->listen != NULL)
			return true;
	}
	return false;
}

static bool
is_asked_by(const struct instance *instance, const struct service *service)
{
	const struct register_service *offer = claims_find(instance,
	    service->name);

	return service->origin == SERVICE_OF_INNER &&
	    strcmp(service->inner, instance->inner) == 0 && offer != NULL &&
	    offer->listen != NULL;
}

/* --- one service ---------------------------------------------------------- */

static void
refuse(struct outcome *outcome, const char *why)
{
	snprintf(outcome->error, sizeof(outcome->error), "%s", why);
}

static void
open_service(struct services *services, const struct instance *instance,
    const struct register_service *wish, const struct addr_range *range,
    struct outcome *outcome)
{
	const struct service_options options = {
		.name = wish->name,
		.origin = SERVICE_OF_INNER,
		.inner = instance->inner,
	};
	const struct service *other = services_holder(services, range);
	char why[LISTEN_PROBLEM_SIZE];
	struct service *service;

	if (other != NULL) {
		snprintf(outcome->error, sizeof(outcome->error),
		    "%s: it is the address of the service %s%s%s", wish->listen,
		    other->name, other->inner[0] != '\0' ? " of inner " : "",
		    other->inner);
		return;
	}
	service = services_add(services, &options, outcome->error);
	if (service == NULL)
		return;
	if (!service_listen(service, range, why)) {
		refuse(outcome, why);
		services_remove(service, "it cannot listen");
		return;
	}
	outcome->service = service;
	log_info("service", "opened for an inner",
	    KV_STR("service", service->name), KV_STR("inner", instance->inner),
	    KV_STR("address", wish->listen));
}

/* It asks for a public address of its own. */
static void
open_or_keep(struct services *services, const struct instance *instance,
    const struct register_service *wish, struct outcome *outcome)
{
	struct service *service = services_find(services, wish->name,
	    instance->inner);
	struct addr_range range;
	const char *why = addr_range_parse(wish->listen, &range);

	if (why == NULL)
		why = scope_refuses(services->hub, instance, wish->name,
		    &range);
	if (why != NULL) {
		snprintf(outcome->error, sizeof(outcome->error), "%s: %s",
		    wish->listen, why);
		return;
	}
	if (service != NULL && service_listens_on(service, &range)) {
		service_keep(service);
		outcome->service = service;
		return;
	}
	if (service != NULL)
		services_remove(service, "its inner asks for another address");
	open_service(services, instance, wish, &range, outcome);
}

/* The service of that name that the outer has for this inner by itself, at the
 * address that the inner asks for, if it asks for one. NULL: none. */
static const struct service *
find_ours(const struct services *services, const struct instance *instance,
    const struct register_service *wish)
{
	const struct service *named = services_find(services, wish->name, NULL);
	struct addr_range range;

	if (named == NULL ||
	    (named->inner[0] != '\0' &&
		strcmp(named->inner, instance->inner) != 0))
		return NULL;
	if (wish->listen != NULL &&
	    (addr_range_parse(wish->listen, &range) != NULL ||
		!service_listens_on(named, &range)))
		return NULL;
	return named;
}

static void
judge(struct services *services, const struct instance *instance,
    const struct register_service *wish, struct outcome *outcome)
{
	const struct service *named = find_ours(services, instance, wish);

	memset(outcome, 0, sizeof(*outcome));
	if (!scope_allows_name(services->hub, instance, wish->name))
		refuse(outcome, "its key is not for this service");
	else if (named != NULL &&
	    !scope_allows_service(services->hub, instance, named))
		refuse(outcome,
		    "its public port is not among Ports of the key");
	else if (named != NULL)
		outcome->service = named;
	else if (wish->listen != NULL)
		open_or_keep(services, instance, wish, outcome);
	else
		refuse(outcome,
		    "the outer has no service of that name for this inner: "
		    "add it to its Services, or RemoteListen here");
	if (outcome->service != NULL)
		service_address(outcome->service, outcome->address);
}

/* --- all that one REGISTER says ------------------------------------------- */

/* Of what the inner has asked for before, that is, by this run alone. */
static void
close_others(struct services *services, const struct instance *instance)
{
	struct service *service = services_next(services, NULL), *next;

	for (; service != NULL; service = next) {
		next = services_next(services, service);
		if (service->origin != SERVICE_OF_INNER ||
		    strcmp(service->inner, instance->inner) != 0 ||
		    is_asked_by(instance, service) ||
		    is_asked_by_another(service, instance))
			continue;
		if (service_is_released(service))
			continue; /* its time runs already */
		services_remove(service, "its inner asks for it no more");
		log_info("service", "closed: its inner asks no more",
		    KV_STR("service", service->name),
		    KV_STR("inner", instance->inner));
	}
}

/* It may ask as often as it likes, and is told all of it each time. */
static void
log_errors(struct services *services, const struct instance *instance,
    const struct outcome *outcomes)
{
	const struct registration *all = &instance->registration;

	for (size_t i = 0; i < all->service_count; i++)
		if (outcomes[i].error[0] != '\0' &&
		    hub_may_log(&services->claims))
			log_warn("service", "not registered",
			    KV_STR("service", all->services[i].name),
			    KV_STR("inner", instance->inner),
			    KV_STR("why", outcomes[i].error));
}

/* Why the key of an instance is not for the service; NULL: it is. */
static const char *
key_lacks(const struct instance *instance, const struct service *service)
{
	const struct hub *hub = service->hub;

	if (!scope_allows_name(hub, instance, service->name))
		return "not served: Services of the inner's key lacks it";
	return scope_allows_service(hub, instance, service)
	    ? NULL
	    : "not served: Ports of the inner's key lacks its public port";
}

/* Services of the outer's that name this inner, which refuses their target or
 * whose key is not for them: their clients would wait for nothing. */
static void
warn_of_unserved(struct services *services, const struct instance *instance)
{
	const struct service *service = services_next(services, NULL);
	char target[ADDR_RANGE_TEXT_SIZE];
	const char *why;

	for (; service != NULL; service = services_next(services, service)) {
		if (strcmp(service->inner, instance->inner) != 0)
			continue;
		if ((why = key_lacks(instance, service)) != NULL) {
			if (hub_may_log(&services->claims))
				log_warn("service", why,
				    KV_STR("service", service->name),
				    KV_STR("inner", instance->inner));
			continue;
		}
		if (service->target.first.kind == ADDR_NONE ||
		    services_may_dial(instance, &service->target) ||
		    !hub_may_log(&services->claims))
			continue;
		addr_range_format(&service->target, target, sizeof(target));
		log_warn("service",
		    "not served: the inner's AllowTargets lacks its target",
		    KV_STR("service", service->name),
		    KV_STR("inner", instance->inner), KV_STR("target", target));
	}
}

static void
answer(struct claim *claim, const struct instance *instance,
    const struct outcome *outcomes)
{
	const struct registration *all = &instance->registration;
	struct registered registered = {
		.service_count = all->service_count,
		.services = calloc(all->service_count + 1,
		    sizeof(*registered.services)),
	};
	char *out = malloc(REGISTER_PAYLOAD_MAX);

	for (size_t i = 0;
	     registered.services != NULL && i < all->service_count; i++) {
		const struct outcome *outcome = &outcomes[i];
		struct registered_service *one = &registered.services[i];

		one->name = all->services[i].name;
		if (outcome->error[0] != '\0') {
			one->error = outcome->error;
			continue;
		}
		one->id = outcome->service->id;
		if (outcome->address[0] != '\0')
			one->address = outcome->address;
	}
	if (out != NULL && registered.services != NULL)
		claim->answer_len = registered_encode(&registered, out);
	free(registered.services);
	if (claim->answer_len > 0)
		claim->answer = out;
	else
		free(out);
}

/* An entry that is none allows nothing. False without memory. */
static bool
read_allow(const struct registration *from, struct targets *to)
{
	*to = (struct targets){ .count = 0 };
	to->entries = calloc(from->allow_count + 1, sizeof(*to->entries));
	for (size_t i = 0; to->entries != NULL && i < from->allow_count; i++)
		if (targets_parse(from->allow[i], &to->entries[to->count]) ==
		    NULL)
			to->count++;
	return to->entries != NULL;
}

/* As of a plain file. */
static bool
is_default_alone(const struct registration *registration)
{
	return registration->service_count == 1 &&
	    registration->services[0].listen == NULL &&
	    strcmp(registration->services[0].name, REGISTER_DEFAULT) == 0;
}

static void
take(struct claim *claim, struct services *services, struct instance *instance)
{
	struct registration *now = &claim->registration;
	struct outcome *outcomes = calloc(now->service_count + 1,
	    sizeof(*outcomes));

	struct targets allow;

	if (outcomes == NULL || !read_allow(now, &allow)) {
		free(outcomes);
		return; /* no answer: the link ends, and the inner tries again */
	}
	free(instance->allow.entries);
	instance->allow = allow;
	register_free(&instance->registration);
	instance->registration = *now;
	memset(now, 0, sizeof(*now));
	instance->registered = true;
	atomic_store(&instance->by_name,
	    !is_default_alone(&instance->registration));
	close_others(services, instance);
	now = &instance->registration;
	for (size_t i = 0; i < now->service_count; i++)
		judge(services, instance, &now->services[i], &outcomes[i]);
	services_judge(services, instance);
	services_look(services);
	log_errors(services, instance, outcomes);
	warn_of_unserved(services, instance);
	answer(claim, instance, outcomes);
	free(outcomes);
}

void
claims_on_gone(struct services *services, const struct instance *instance)
{
	struct service *service = services_next(services, NULL);

	for (; service != NULL; service = services_next(services, service))
		if (is_asked_by(instance, service) &&
		    !is_asked_by_another(service, instance))
			service_release_later(service);
}

/* --- from shard to main and back ------------------------------------------ */

static void
on_answer(struct inbox_message *message)
{
	struct claim *claim = list_entry(message, struct claim, message);

	claim->answered(claim);
}

static void
on_claim(struct inbox_message *message)
{
	struct claim *claim = list_entry(message, struct claim, message);
	struct hub *hub = claim->shard->hub;
	struct instance *instance = registry_of_serial(&hub->registry,
	    claim->serial);

	if (instance != NULL)
		take(claim, &hub->services, instance);
	claim->message.run = on_answer;
	shard_post(claim->shard, &claim->message);
}

void
claim_post(struct claim *claim)
{
	claim->message.run = on_claim;
	shard_post_main(claim->shard, &claim->message);
}

void
claim_free(struct claim *claim)
{
	register_free(&claim->registration);
	free(claim->answer);
	free(claim);
}
