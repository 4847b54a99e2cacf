/*
 * ear.c - a listener for clients, which several services may have in common.
 *
 * Owns:    the listener.
 * Thread:  main.
 * Floor:   outer.
 *
 * Who may not come is reset at once, before anything is made for him. Clients
 * of a Unix socket have no address: its file says who may connect. Where it
 * takes the client's bytes to know whom it is for, or who it is, it goes to the
 * lobby.
 */
#include "outer/ear.h"
#include "outer/front.h"
#include "outer/hub.h"
#include "outer/lobby.h"
#include "outer/refusals.h"
#include "outer/session.h"
#include "base/host.h"
#include "base/log.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ear *
ear_of(struct list_node *node)
{
	return list_entry(node, struct ear, node);
}

static struct front *
next_front(const struct ear *ear, const struct front *front)
{
	struct list_node *node = front == NULL
	    ? list_first(&ear->fronts)
	    : list_next(&ear->fronts, &front->at_ear);

	return node == NULL ? NULL : list_entry(node, struct front, at_ear);
}

/* --- who comes ------------------------------------------------------------ */

enum denial
ear_admit(const struct ear *ear, const struct endpoint *client,
    struct source **source)
{
	struct front *front = next_front(ear, NULL);
	enum denial denial = DENIAL_NONE;

	for (; front != NULL; front = next_front(ear, front))
		if ((denial = front_judge(front, client)) == DENIAL_NONE)
			break;
	if (denial != DENIAL_NONE)
		return denial;
	front = next_front(ear, NULL);
	return front_count(!ear_has_hosts(ear) &&
		    front->service->sources != NULL
		? front->service->sources
		: &ear->hub->sources,
	    client, source);
}

void
ear_refuse(const struct ear *ear, sock_fd fd, const struct endpoint *client,
    enum denial denial)
{
	sock_reset(fd);
	refusals_note(&ear->hub->services.intake.refusals, client, denial);
}

/* Whether it is a proxy that says who its client is: that is said by the
 * address alone, so all services here have to agree. */
static bool
is_proxy(const struct ear *ear, const struct endpoint *peer)
{
	struct front *front = next_front(ear, NULL);

	if (peer->family == 0)
		return false;
	for (; front != NULL; front = next_front(ear, front))
		if (!cidr_list_holds(service_proxies(front->service),
			peer->family, peer->bytes))
			return false;
	return true;
}

static void
on_accept(sock_fd fd, const struct endpoint *peer, void *arg)
{
	struct ear *ear = arg;
	struct session_arrival arrival = { .fd = fd, .client = *peer };
	bool proxy = is_proxy(ear, peer);
	enum denial denial = DENIAL_NONE;

	if (!proxy)
		denial = ear_admit(ear, peer, &arrival.source);
	if (denial != DENIAL_NONE) {
		ear_refuse(ear, fd, peer, denial);
		return;
	}
	endpoint_local(fd, &arrival.public);
	if (proxy || ear_has_hosts(ear))
		lobby_enter(ear, &arrival, proxy);
	else
		front_take(next_front(ear, NULL), &arrival);
}

/* --- whom for ------------------------------------------------------------- */

bool
ear_has_hosts(const struct ear *ear)
{
	struct front *front = next_front(ear, NULL);

	for (; front != NULL; front = next_front(ear, front))
		if (front->service->hosts.count > 0)
			return true;
	return false;
}

struct front *
ear_find(const struct ear *ear, const char *name)
{
	struct front *front = next_front(ear, NULL), *best = NULL;
	const char *pattern = NULL;

	for (; front != NULL; front = next_front(ear, front)) {
		const struct conf_names *hosts = &front->service->hosts;

		for (size_t i = 0; i < hosts->count; i++) {
			if (!host_matches(hosts->items[i], name) ||
			    (best != NULL &&
				!host_better(hosts->items[i], pattern)))
				continue;
			best = front;
			pattern = hosts->items[i];
		}
	}
	return best;
}

struct front *
ear_fallback(const struct ear *ear)
{
	struct front *front = next_front(ear, NULL);

	for (; front != NULL; front = next_front(ear, front))
		if (front->service->hosts.count == 0)
			break;
	return front;
}

/* --- coming and going ----------------------------------------------------- */

void
ear_update(struct ear *ear)
{
	struct front *front = next_front(ear, NULL);
	bool all_full = true;

	for (; front != NULL; front = next_front(ear, front))
		all_full = all_full && front->service->full;
	listen_pause(ear->listen, all_full || ear->hub->services.intake.full);
}

/* The one that listens there, if it is for names; a port that the system is to
 * choose is always another. */
static struct ear *
shared_ear(struct intake *intake, const struct service *service,
    const struct addr *addr)
{
	struct list_node *node = list_first(&intake->ears);
	char wanted[ADDR_TEXT_SIZE], text[ADDR_TEXT_SIZE];

	addr_format(addr, wanted, sizeof(wanted));
	for (; node != NULL; node = list_next(&intake->ears, node)) {
		struct ear *ear = ear_of(node);

		addr_format(&ear->addr, text, sizeof(text));
		if (strcmp(text, wanted) != 0)
			continue;
		return service->hosts.count > 0 ||
			(service->origin == SERVICE_OF_FILE &&
			    ear_fallback(ear) == NULL)
		    ? ear
		    : NULL;
	}
	return NULL;
}

static bool
open_ear(struct ear *ear, const struct addr *addr,
    char problem[LISTEN_PROBLEM_SIZE])
{
	const struct outer_config *config = ear->hub->config;
	const struct listen_options options = {
		.addr = addr,
		.what = "clients",
		.service = ear->name,
		.keepalive_ms = config->peer_ms,
		.socket_mode = config->socket_mode,
		.socket_owner = config->socket_owner,
		.socket_group = config->socket_group,
	};

	ear->listen = listen_start(ear->hub->loop, &options, on_accept, ear,
	    problem);
	if (ear->listen == NULL)
		return false;
	ear->addr = *addr;
	if (addr->kind == ADDR_TCP && addr->port == 0)
		ear->addr.port = listen_port(ear->listen);
	list_push_back(&ear->hub->services.intake.ears, &ear->node);
	return true;
}

/* NULL with one line in problem. */
static struct ear *
ear_new(const struct service *service, const struct addr *addr,
    char problem[LISTEN_PROBLEM_SIZE])
{
	const struct intake *intake = &service->hub->services.intake;
	struct ear *ear;

	if (intake->ears.length >= intake_ears_max(intake)) {
		snprintf(problem, LISTEN_PROBLEM_SIZE,
		    "there are as many public addresses, %zu, as the "
		    "descriptors of this program allow",
		    intake->ears.length);
		return NULL;
	}
	if ((ear = calloc(1, sizeof(*ear))) == NULL) {
		snprintf(problem, LISTEN_PROBLEM_SIZE, "out of memory");
		return NULL;
	}
	ear->hub = service->hub;
	str_copy(ear->name, sizeof(ear->name), service->name);
	list_init(&ear->fronts);
	list_init(&ear->visitors);
	if (open_ear(ear, addr, problem))
		return ear;
	free(ear);
	return NULL;
}

static void
tell_shared(const struct ear *ear, const struct service *service)
{
	char address[ADDR_TEXT_SIZE];

	addr_format(&ear->addr, address, sizeof(address));
	log_info("listen", "listening too", KV_STR("for", "clients"),
	    KV_STR("service", service->name), KV_STR("address", address),
	    KV_STR("with", ear->name));
}

bool
ear_join(struct front *front, const struct addr *addr,
    char problem[LISTEN_PROBLEM_SIZE])
{
	struct service *service = front->service;
	struct ear *ear = shared_ear(&service->hub->services.intake, service,
	    addr);

	if (ear != NULL)
		tell_shared(ear, service);
	else if ((ear = ear_new(service, addr, problem)) == NULL)
		return false;
	front->ear = ear;
	list_push_back(&ear->fronts, &front->at_ear);
	ear_update(ear);
	return true;
}

void
ear_leave(struct front *front)
{
	struct ear *ear = front->ear;

	list_remove(&front->at_ear);
	lobby_let_go(ear, front->service);
	if (ear->fronts.length > 0) {
		ear_update(ear);
		return;
	}
	lobby_close(ear);
	list_remove(&ear->node);
	listen_stop(ear->listen);
	free(ear);
}
