/*
 * mappings_listen.c - one mapping as a service: whether it may be one, and that
 * it listens.
 *
 * Owns:    nothing: services are the hub's.
 * Thread:  main.
 * Floor:   outer.
 */
#include "outer/mappings_parts.h"
#include "outer/circle.h"
#include "outer/hub.h"
#include "outer/scope.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
mapping_say(char problem[SERVICE_PROBLEM_SIZE], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(problem, SERVICE_PROBLEM_SIZE, format, args);
	va_end(args);
}

/* Whether others leave it its port and its name. */
static enum mapping_outcome
judge(const struct hub *hub, const struct mapping_wish *wish,
    char problem[SERVICE_PROBLEM_SIZE])
{
	const struct services *services = &hub->services;
	const struct addr_range range = { wish->listen, 1 };
	const char *why = scope_port_refuses(hub, &range);
	const struct service *other;

	if (why != NULL) {
		mapping_say(problem, "port: found %u, %s",
		    (unsigned)wish->listen.port, why);
		return MAPPING_FORBIDDEN;
	}
	if ((other = services_holder(services, &range)) != NULL) {
		mapping_say(problem,
		    "port: found %u, the port of the service %s (%s)",
		    (unsigned)wish->listen.port, other->name,
		    service_origin_name(other->origin));
		return MAPPING_TAKEN;
	}
	if ((other = services_find(services, wish->name, NULL)) != NULL) {
		mapping_say(problem,
		    "name: found \"%s\", the name of a service (%s)",
		    wish->name, service_origin_name(other->origin));
		return MAPPING_TAKEN;
	}
	return MAPPING_DONE;
}

/* Whether one without a tunnel leads back here, to its like. */
static enum mapping_outcome
judge_circle(const struct hub *hub, const struct mapping_wish *wish,
    char problem[SERVICE_PROBLEM_SIZE])
{
	const struct addr_range listen = { wish->listen, 1 };
	const struct addr_range target = { wish->target, 1 };
	char text[ADDR_TEXT_SIZE];
	const struct service *other;

	if (wish->tunnel)
		return MAPPING_DONE;
	addr_format(&wish->target, text, sizeof(text));
	if (circle_meet(&listen, &target)) {
		mapping_say(problem,
		    "target_port: found %s, where the mapping itself listens; "
		    "expected another target_port or target_ip where tunnel is "
		    "false",
		    text);
		return MAPPING_WRONG;
	}
	if ((other = circle_ahead(&hub->services, &target)) != NULL)
		mapping_say(problem,
		    "target_port: found %s, an address of the service %s, "
		    "which has no tunnel either",
		    text, other->name);
	else if ((other = circle_behind(&hub->services, &listen)) != NULL)
		mapping_say(problem,
		    "port: found %u, the target of the service %s, which has "
		    "no tunnel either",
		    (unsigned)wish->listen.port, other->name);
	return other == NULL ? MAPPING_DONE : MAPPING_TAKEN;
}

/* A mapping that could never work, by what those inners say that are here: it is
 * not made. */
static enum mapping_outcome
ask_inners(const struct hub *hub, const struct mapping_wish *wish,
    char problem[SERVICE_PROBLEM_SIZE])
{
	const struct addr_range target = { wish->target, 1 };
	char text[ADDR_TEXT_SIZE];
	const char *inner;

	if (!wish->tunnel)
		return MAPPING_DONE;
	if (wish->inner[0] != '\0' &&
	    !scope_has_key(hub, wish->inner, wish->name, 0)) {
		mapping_say(problem,
		    "name: found \"%s\", for which inner %s has no key: add "
		    "it to Services of that key in the outer's file, and send "
		    "SIGHUP",
		    wish->name, wish->inner);
		return MAPPING_FORBIDDEN;
	}
	if (wish->inner[0] != '\0' &&
	    !scope_has_key(hub, wish->inner, wish->name, wish->listen.port)) {
		mapping_say(problem,
		    "port: found %u, for which inner %s has no key: add it to "
		    "Ports of that key in the outer's file, and send SIGHUP",
		    (unsigned)wish->listen.port, wish->inner);
		return MAPPING_FORBIDDEN;
	}
	if (services_may_reach(&hub->services, wish->inner, &target, &inner))
		return MAPPING_DONE;
	addr_format(&wish->target, text, sizeof(text));
	mapping_say(problem,
	    "target_ip: found %s, which inner %s does not allow: add "
	    "\"%s\" to AllowTargets in the file of inner %s, and send it "
	    "SIGHUP",
	    text, inner, text + strlen("tcp://"), inner);
	return MAPPING_FORBIDDEN;
}

void
mapping_problem(const struct mapping *mapping,
    char problem[SERVICE_PROBLEM_SIZE])
{
	problem[0] = '\0';
	if (mapping->service == NULL)
		str_copy(problem, SERVICE_PROBLEM_SIZE, mapping->problem);
	else
		(void)ask_inners(mapping->service->hub, &mapping->wish,
		    problem);
}

static bool
is_full(const struct hub *hub)
{
	const struct intake *intake = &hub->services.intake;

	return intake->ears.length >= intake_ears_max(intake);
}

enum mapping_outcome
mapping_start(struct mapping *mapping, struct hub *hub, bool fresh)
{
	const struct mapping_wish *wish = &mapping->wish;
	const struct addr_range listen = { wish->listen, 1 };
	const struct addr_range target = { wish->target, 1 };
	const struct service_options options = {
		.name = wish->name,
		.origin = SERVICE_OF_API,
		.inner = wish->inner,
		.target = &target,
		.allow = &wish->allow,
		.deny = &wish->deny,
		.max_sessions = wish->max_sessions,
		.direct = !wish->tunnel,
	};
	enum mapping_outcome outcome = judge(hub, wish, mapping->problem);
	struct service *service;
	char why[LISTEN_PROBLEM_SIZE];

	if (outcome == MAPPING_DONE)
		outcome = judge_circle(hub, wish, mapping->problem);
	if (outcome == MAPPING_DONE && fresh)
		outcome = ask_inners(hub, wish, mapping->problem);
	if (outcome != MAPPING_DONE)
		return outcome;
	service = services_add(&hub->services, &options, mapping->problem);
	if (service == NULL)
		return MAPPING_NO_ROOM;
	if (!service_listen(service, &listen, why)) {
		services_remove(service, "it cannot listen");
		mapping_say(mapping->problem, "port: %s", why);
		return is_full(hub) ? MAPPING_NO_ROOM : MAPPING_TAKEN;
	}
	mapping->service = service;
	mapping->problem[0] = '\0';
	return MAPPING_DONE;
}

void
mapping_stop(struct mapping *mapping, const char *why)
{
	if (mapping->service != NULL)
		services_remove(mapping->service, why);
	mapping->service = NULL;
}

void
mapping_say_whose(const struct hub *hub, uint16_t port,
    char problem[SERVICE_PROBLEM_SIZE])
{
	const struct addr_range range = { { .kind = ADDR_TCP, .port = port },
		1 };
	const struct service *other = services_holder(&hub->services, &range);

	if (other == NULL)
		mapping_say(problem, "port: found %u, which no mapping has",
		    (unsigned)port);
	else
		mapping_say(problem,
		    "port: found %u, the port of the service %s, which the "
		    "API has not made (%s%s%s)",
		    (unsigned)port, other->name,
		    service_origin_name(other->origin),
		    other->inner[0] != '\0' ? " " : "", other->inner);
}
