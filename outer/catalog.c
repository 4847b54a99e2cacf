/*
 * catalog.c - the services that the configuration file names.
 *
 * Owns:    nothing.
 * Thread:  main.
 * Floor:   outer.
 */
#include "outer/catalog.h"
#include "outer/circle.h"
#include "outer/config.h"
#include "base/log.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static bool
listen_on_all(struct service *service, const struct addr_ranges *listen,
    char problem[LISTEN_PROBLEM_SIZE])
{
	for (size_t i = 0; i < listen->count; i++)
		if (!service_listen(service, &listen->items[i], problem))
			return false;
	return true;
}

/* Those of the file are told apart when it is read, those of the API are
 * not. */
static bool
goes_round(const struct services *services, const struct outer_service *own,
    char problem[SERVICE_PROBLEM_SIZE])
{
	const struct service *other = circle_ahead(services, &own->target);
	const char *what = "Target is an address";

	for (size_t i = 0; other == NULL && i < own->listen.count; i++) {
		other = circle_behind(services, &own->listen.items[i]);
		what = "Listen is the target";
	}
	if (other != NULL)
		snprintf(problem, SERVICE_PROBLEM_SIZE,
		    "service %s: its %s of the service %s, and neither has a "
		    "tunnel",
		    own->name, what, other->name);
	return other != NULL;
}

static struct service *
add(struct services *services, const struct outer_service *own,
    char problem[SERVICE_PROBLEM_SIZE])
{
	const struct service_options options = {
		.name = own->name,
		.origin = SERVICE_OF_FILE,
		.inner = own->inner != NULL ? own->inner : "",
		.target = &own->target,
		.hosts = &own->hosts,
		.allow = &own->allow,
		.deny = &own->deny,
		.proxies = &own->proxies,
		.max_sessions = own->max_sessions,
		.sources = { own->address_sessions, own->new_per_second,
		    own->new_burst },
		.rate = own->rate,
		.session_rate = own->session_rate,
		.direct = !own->tunnel,
	};
	char why[LISTEN_PROBLEM_SIZE];
	struct service *service;

	if (!own->tunnel && goes_round(services, own, problem))
		return NULL;
	service = services_add(services, &options, problem);
	if (service == NULL || listen_on_all(service, &own->listen, why))
		return service;
	snprintf(problem, SERVICE_PROBLEM_SIZE, "service %s: %s", own->name,
	    why);
	services_remove(service, "it cannot listen");
	return NULL;
}

static bool
add_default(struct services *services, const struct outer_config *config,
    char problem[SERVICE_PROBLEM_SIZE])
{
	const struct service_options options = {
		.name = SERVICE_DEFAULT,
		.origin = SERVICE_OF_FILE,
		.inner = "",
	};
	const struct addr_range range = { config->outer_addr, 1 };
	struct service *service;

	_Static_assert((int)SERVICE_PROBLEM_SIZE >= (int)LISTEN_PROBLEM_SIZE,
	    "the listener may write there");
	if (!outer_config_has_default(config))
		return true;
	service = services_add(services, &options, problem);
	return service != NULL && service_listen(service, &range, problem);
}

bool
catalog_start(struct services *services, const struct outer_config *config,
    char problem[SERVICE_PROBLEM_SIZE])
{
	const struct outer_service *own = config->services.items;

	if (!add_default(services, config, problem))
		return false;
	for (size_t i = 0; i < config->services.count; i++)
		if (add(services, &own[i], problem) == NULL)
			return false;
	return true;
}

static const struct outer_service *
find(const struct outer_config *config, const char *name)
{
	const struct outer_service *own = config->services.items;

	for (size_t i = 0; i < config->services.count; i++)
		if (strcmp(own[i].name, name) == 0)
			return &own[i];
	return NULL;
}

static void
end(struct services *services, const char *name, bool gone)
{
	struct service *service = services_find(services, name, NULL);

	if (service == NULL || service->origin != SERVICE_OF_FILE)
		return;
	services_remove(service,
	    gone ? "its service was removed" : "its service was changed");
	log_info("service", gone ? "removed" : "changed",
	    KV_STR("service", name));
}

void
catalog_change(struct services *services, const struct outer_config *before,
    const struct outer_config *now, catalog_left_out_fn *left_out, void *arg)
{
	const struct outer_service *old = before->services.items;
	const struct outer_service *own = now->services.items;
	char problem[SERVICE_PROBLEM_SIZE];

	for (size_t i = 0; i < before->services.count; i++) {
		const struct outer_service *other = find(now, old[i].name);

		if (other == NULL || !outer_service_same(&old[i], other))
			end(services, old[i].name, other == NULL);
	}
	for (size_t i = 0; i < now->services.count; i++) {
		const struct outer_service *other = find(before, own[i].name);
		const struct service *there = services_find(services,
		    own[i].name, NULL);
		bool fresh = other == NULL;

		if (there != NULL && there->origin == SERVICE_OF_FILE)
			continue;
		if (add(services, &own[i], problem) == NULL) {
			log_error("service", "left out",
			    KV_STR("service", own[i].name),
			    KV_STR("why", problem));
			if (left_out != NULL)
				left_out(own[i].name, problem, arg);
		} else if (fresh)
			log_info("service", "added",
			    KV_STR("service", own[i].name));
	}
}
