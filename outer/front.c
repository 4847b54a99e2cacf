/*
 * front.c - one address that listens for clients of a service.
 *
 * Owns:    the listener.
 * Thread:  main.
 * Floor:   outer.
 *
 * Who may not come is reset at once, before anything is made for him. Clients
 * of a Unix socket have no address: its file says who may connect.
 */
#include "outer/front.h"
#include "outer/hub.h"
#include "outer/refusals.h"
#include "outer/session.h"
#include "base/clock.h"
#include "net/endpoint.h"

#include <stdio.h>
#include <stdlib.h>

struct front {
	struct service *service; /* borrowed: whose it is */
	struct listen *listen;	 /* owned */
	struct addr addr;	 /* as asked for; port 0: as it was got */
	unsigned nth;		 /* of the service's addresses */
	struct list_node node;	 /* service.fronts */
	struct list_node all;	 /* intake.fronts */
};

struct front *
front_of(struct list_node *node)
{
	return list_entry(node, struct front, node);
}

struct front *
front_in_intake(struct list_node *node)
{
	return list_entry(node, struct front, all);
}

/* The service's own list, or else the top level's. */
static const struct cidr_list *
own_or(const struct cidr_list *own, const struct cidr_list *top)
{
	return own->count > 0 ? own : top;
}

static enum denial
judge_address(const struct service *service, const struct endpoint *peer)
{
	const struct outer_config *config = service->hub->config;
	const struct cidr_list *deny = own_or(&service->deny, &config->deny);
	const struct cidr_list *allow = own_or(&service->allow, &config->allow);

	if (peer->family == 0)
		return DENIAL_NONE;
	if (cidr_list_holds(deny, peer->family, peer->bytes))
		return DENIAL_LISTED;
	if (allow->count > 0 &&
	    !cidr_list_holds(allow, peer->family, peer->bytes))
		return DENIAL_NOT_ALLOWED;
	return DENIAL_NONE;
}

/* DENIAL_NONE: the client is counted in *source. */
static enum denial
judge(struct service *service, const struct endpoint *peer,
    struct source **source)
{
	struct sources *sources = service->sources != NULL
	    ? service->sources
	    : &service->hub->sources;
	enum denial denial = judge_address(service, peer);

	if (denial != DENIAL_NONE)
		return denial;
	switch (sources_enter(sources, peer, clock_ms(), source)) {
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

static void
on_accept(sock_fd fd, const struct endpoint *peer, void *arg)
{
	struct front *front = arg;
	struct service *service = front->service;
	struct intake *intake = &service->hub->services.intake;
	struct source *source;
	enum denial denial = judge(service, peer, &source);

	if (denial != DENIAL_NONE) {
		sock_reset(fd);
		refusals_note(&intake->refusals, peer, denial);
		return;
	}
	session_start(service, front->nth, fd, peer, source);
	intake_on_client(intake, service);
}

void
front_address(const struct front *front, struct addr *addr)
{
	*addr = front->addr;
}

void
front_update(struct front *front)
{
	const struct service *service = front->service;

	listen_pause(front->listen,
	    service->full || service->hub->services.intake.full);
}

bool
front_start(struct service *service, const struct addr *addr, unsigned nth,
    char problem[LISTEN_PROBLEM_SIZE])
{
	const struct outer_config *config = service->hub->config;
	const struct listen_options options = {
		.addr = addr,
		.what = "clients",
		.service = service->name,
		.keepalive_ms = config->peer_ms,
		.socket_mode = config->socket_mode,
		.socket_owner = config->socket_owner,
		.socket_group = config->socket_group,
	};
	const struct intake *intake = &service->hub->services.intake;
	struct front *front;

	if (intake->fronts.length >= intake_fronts_max(intake)) {
		snprintf(problem, LISTEN_PROBLEM_SIZE,
		    "there are as many public addresses, %zu, as the "
		    "descriptors of this program allow",
		    intake->fronts.length);
		return false;
	}
	if ((front = calloc(1, sizeof(*front))) == NULL) {
		snprintf(problem, LISTEN_PROBLEM_SIZE, "out of memory");
		return false;
	}
	front->service = service;
	front->nth = nth;
	front->listen = listen_start(service->hub->loop, &options, on_accept,
	    front, problem);
	if (front->listen == NULL) {
		free(front);
		return false;
	}
	front->addr = *addr;
	if (addr->kind == ADDR_TCP && addr->port == 0)
		front->addr.port = listen_port(front->listen);
	list_push_back(&service->fronts, &front->node);
	list_push_back(&service->hub->services.intake.fronts, &front->all);
	front_update(front);
	return true;
}

void
front_stop(struct front *front)
{
	list_remove(&front->node);
	list_remove(&front->all);
	listen_stop(front->listen);
	free(front);
}
