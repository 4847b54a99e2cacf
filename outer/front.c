/*
 * front.c - listens for clients.
 *
 * Owns:    the public listener.
 * Thread:  main.
 * Floor:   outer.
 *
 * A session needs a descriptor for its link as well. So clients are accepted
 * only while both are to be had: who comes too early waits in the kernel's
 * backlog, and the links that will serve those already here still get in.
 */
#include "outer/front.h"
#include "outer/session.h"
#include "outer/hub.h"
#include "base/log.h"
#include "net/loop.h"

#include <stdlib.h>

enum { CALM_MS = 1000 }; /* room for so long is worth a line */

struct front {
	struct hub *hub;	  /* borrowed */
	struct listen *listen;	  /* owned */
	struct loop_timer *calm;  /* owned */
	struct loop_timer *again; /* owned: looks while full, for pipes close
				   * unheard */
	bool full;		  /* not accepting */
	bool told;		  /* the log knows */
};

static void
tell_full(struct front *front)
{
	const struct hub *hub = front->hub;

	loop_timer_stop(front->calm);
	if (front->told)
		return;
	front->told = true;
	log_warn("front", "no descriptors for more sessions: accepting pauses",
	    KV_U64("sessions", hub_sessions(hub)),
	    KV_U64("descriptors", hub->max_fds));
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

static void
on_accept(sock_fd fd, const struct endpoint *peer, void *arg)
{
	struct front *front = arg;
	struct hub *hub = front->hub;

	session_start(hub, fd, peer);
	if (front->full || hub_has_room(hub))
		return;
	front->full = true;
	atomic_store(&hub->watchful, true);
	listen_pause(front->listen, true);
	tell_full(front);
	loop_timer_start(front->again, CALM_MS);
	hub->on_change(hub->arg); /* what ended before we were watchful */
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
	loop_timer_free(front->calm);
	loop_timer_free(front->again);
	free(front);
}

void
front_look(struct front *front)
{
	if (!front->full || !hub_has_room(front->hub))
		return;
	front->full = false;
	atomic_store(&front->hub->watchful, false);
	listen_pause(front->listen, false);
	loop_timer_start(front->calm, CALM_MS);
}
