/*
 * front.c - one address where clients of a service come in.
 *
 * Owns:    nothing: what listens there is its ear.
 * Thread:  main.
 * Floor:   outer.
 */
#include "outer/front.h"
#include "outer/ear.h"
#include "outer/hub.h"
#include "outer/session.h"
#include "outer/sources.h"
#include "base/clock.h"
#include "net/endpoint.h"

#include <stdio.h>
#include <stdlib.h>

struct front *
front_of(struct list_node *node)
{
	return list_entry(node, struct front, node);
}

/* The service's own list, or else the top level's. */
static const struct cidr_list *
own_or(const struct cidr_list *own, const struct cidr_list *top)
{
	return own->count > 0 ? own : top;
}

enum denial
front_judge(const struct front *front, const struct endpoint *client)
{
	const struct service *service = front->service;
	const struct outer_config *config = service->hub->config;
	const struct cidr_list *deny = own_or(&service->deny, &config->deny);
	const struct cidr_list *allow = own_or(&service->allow, &config->allow);

	if (client->family == 0)
		return DENIAL_NONE;
	if (cidr_list_holds(deny, client->family, client->bytes))
		return DENIAL_LISTED;
	if (allow->count > 0 &&
	    !cidr_list_holds(allow, client->family, client->bytes))
		return DENIAL_NOT_ALLOWED;
	return DENIAL_NONE;
}

enum denial
front_count(struct sources *sources, const struct endpoint *client,
    struct source **source)
{
	switch (sources_enter(sources, client, clock_ms(), source)) {
	case SOURCE_WELCOME:
		break;
	case SOURCE_TOO_MANY:
		return DENIAL_TOO_MANY;
	case SOURCE_TOO_FAST:
		return DENIAL_TOO_FAST;
	case SOURCE_NO_MEMORY:
		return DENIAL_NO_MEMORY;
	}
	return DENIAL_NONE;
}

void
front_take(struct front *front, struct session_arrival *arrival)
{
	struct service *service = front->service;

	arrival->nth = front->nth;
	session_start(service, arrival);
	intake_on_client(&service->hub->services.intake, service);
}

void
front_address(const struct front *front, struct addr *addr)
{
	*addr = front->ear->addr;
}

bool
front_start(struct service *service, const struct addr *addr, unsigned nth,
    char problem[LISTEN_PROBLEM_SIZE])
{
	struct front *front = calloc(1, sizeof(*front));

	if (front == NULL) {
		snprintf(problem, LISTEN_PROBLEM_SIZE, "out of memory");
		return false;
	}
	front->service = service;
	front->nth = nth;
	if (!ear_join(front, addr, problem)) {
		free(front);
		return false;
	}
	list_push_back(&service->fronts, &front->node);
	if (service->direct &&
	    (front->places = circle_add(&service->hub->circle,
		 front->ear->listen)) == NULL) {
		snprintf(problem, LISTEN_PROBLEM_SIZE, "out of memory");
		front_stop(front);
		return false;
	}
	return true;
}

void
front_stop(struct front *front)
{
	circle_drop(&front->service->hub->circle, front->places);
	list_remove(&front->node);
	ear_leave(front);
	free(front);
}
