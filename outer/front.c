/*
 * front.c - listens for clients.
 *
 * Owns:    the public listener.
 * Thread:  main.
 * Floor:   outer.
 *
 * A session needs a descriptor for its link as well. So clients are accepted
 * only while both are to be had, fewer sessions are there than there may be, and
 * not all the memory for slow readers is in use: who comes too early waits in the kernel's backlog, and the links that
 * will serve those already here still get in.
 *
 * Who may not come is reset at once, before anything is made for him. Clients
 * of a Unix socket have no address: its file says who may connect.
 */
#include "outer/front.h"
#include "outer/refusals.h"
#include "outer/session.h"
#include "outer/hub.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/endpoint.h"
#include "net/loop.h"

#include <stdlib.h>

enum {
	CALM_MS = 1000, /* room for so long is worth a line */
};

struct front {
	struct hub *hub;	  /* borrowed */
	struct listen *listen;	  /* owned */
	struct loop_timer *calm;  /* owned */
	struct loop_timer *again; /* owned: looks while full, for pipes close
				   * unheard */
	bool full;		  /* not accepting */
	bool told;		  /* the log knows */
	struct refusals refusals;
};

static void
tell_full(struct front *front, const char *why)
{
	const struct hub *hub = front->hub;

	loop_timer_stop(front->calm);
	if (front->told)
		return;
	front->told = true;
	log_warn("front", why, KV_U64("sessions", hub_sessions(hub)),
	    KV_U64("descriptors", hub->max_fds),
	    KV_U64("held", pump_memory_held(&hub->memory)));
}

static void
on_calm(void *arg)
{
	struct front *front = arg;

	front->told = false;
	log_info("front", "room for sessions again: accepting goes on");
}

static void
on_again(void *arg)
{
	struct front *front = arg;

	front_look(front);
	if (front->full)
		loop_timer_start(front->again, CALM_MS);
}

/* Takes fd. */
static void
refuse(struct front *front, sock_fd fd, const struct endpoint *peer,
    enum denial denial)
{
	sock_reset(fd);
	refusals_note(&front->refusals, peer, denial);
}

static enum denial
judge_address(const struct outer_config *config, const struct endpoint *peer)
{
	if (peer->family == 0)
		return DENIAL_NONE;
	if (cidr_list_holds(&config->deny, peer->family, peer->bytes))
		return DENIAL_LISTED;
	if (config->allow.count > 0 &&
	    !cidr_list_holds(&config->allow, peer->family, peer->bytes))
		return DENIAL_NOT_ALLOWED;
	return DENIAL_NONE;
}

/* DENIAL_NONE: the client is counted in *source. */
static enum denial
judge(struct hub *hub, const struct endpoint *peer, struct source **source)
{
	enum denial denial = judge_address(hub->config, peer);

	if (denial != DENIAL_NONE)
		return denial;
	switch (sources_enter(&hub->sources, peer, clock_ms(), source)) {
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
pause_accepting(struct front *front, const char *why)
{
	struct hub *hub = front->hub;

	front->full = true;
	atomic_store(&hub->watchful, true);
	listen_pause(front->listen, true);
	tell_full(front, why);
	loop_timer_start(front->again, CALM_MS);
	hub->on_change(hub->arg); /* what ended before we were watchful */
}

static void
on_accept(sock_fd fd, const struct endpoint *peer, void *arg)
{
	struct front *front = arg;
	struct hub *hub = front->hub;
	struct source *source;
	enum denial denial = judge(hub, peer, &source);
	const char *full;

	if (denial != DENIAL_NONE) {
		refuse(front, fd, peer, denial);
		return;
	}
	session_start(hub, fd, peer, source);
	if (!front->full && (full = hub_why_full(hub, false)) != NULL)
		pause_accepting(front, full);
}

struct front *
front_start(struct hub *hub, char problem[LISTEN_PROBLEM_SIZE])
{
	const struct outer_config *config = hub->config;
	const struct listen_options options = {
		.addr = &config->outer_addr,
		.what = "clients",
		.keepalive_ms = config->peer_ms,
		.socket_mode = config->socket_mode,
		.socket_owner = config->socket_owner,
		.socket_group = config->socket_group,
	};
	struct front *front = calloc(1, sizeof(*front));

	if (front == NULL)
		return NULL;
	front->hub = hub;
	front->calm = loop_timer_new(hub->loop, on_calm, front);
	front->again = loop_timer_new(hub->loop, on_again, front);
	refusals_init(&front->refusals, hub->loop, "front", "client", LOG_INFO);
	if (front->calm != NULL && front->again != NULL)
		front->listen = listen_start(hub->loop, &options, on_accept,
		    front, problem);
	if (front->listen == NULL) {
		front_stop(front);
		return NULL;
	}
	return front;
}

void
front_stop(struct front *front)
{
	if (front == NULL)
		return;
	listen_stop(front->listen);
	refusals_fini(&front->refusals);
	loop_timer_free(front->calm);
	loop_timer_free(front->again);
	free(front);
}

void
front_look(struct front *front)
{
	if (!front->full || hub_why_full(front->hub, true) != NULL)
		return;
	front->full = false;
	atomic_store(&front->hub->watchful, false);
	listen_pause(front->listen, false);
	loop_timer_start(front->calm, CALM_MS);
}
