/*
 * back.c - listens for inners.
 *
 * Owns:    the listener for links; each link is a standby from its first
 *          moment.
 * Thread:  main.
 * Floor:   outer.
 *
 * The shards see to it that strangers do not use up the descriptors. So no
 * more links are accepted than they have looked at, but for a few.
 */
#include "outer/back.h"
#include "outer/hub.h"
#include "outer/standby.h"

#include <stdlib.h>

struct back {
	struct hub *hub;       /* borrowed */
	struct listen *listen; /* owned */
	bool paused;
};

static void
on_accept(sock_fd fd, const struct endpoint *peer, void *arg)
{
	struct back *back = arg;
	struct hub *hub = back->hub;

	standby_accept(hub, fd, peer);
	if (back->paused || atomic_load(&hub->arriving) < hub_arriving_max(hub))
		return;
	back->paused = true;
	listen_pause(back->listen, true);
	atomic_store(&hub->overrun, true);
	hub->on_change(hub->arg); /* who arrived before we said so */
}

struct back *
back_start(struct hub *hub, char problem[LISTEN_PROBLEM_SIZE])
{
	const struct outer_config *config = hub->config;
	const struct listen_options options = {
		.addr = &config->inner_addr,
		.what = "links",
		.keepalive_ms = config->peer_ms,
		.user_timeout_ms = config->peer_ms,
		.socket_mode = config->socket_mode,
		.socket_owner = config->socket_owner,
		.socket_group = config->socket_group,
	};
	struct back *back = calloc(1, sizeof(*back));

	if (back == NULL)
		return NULL;
	back->hub = hub;
	back->listen = listen_start(hub->loop, &options, on_accept, back,
	    problem);
	if (back->listen == NULL) {
		back_stop(back);
		return NULL;
	}
	return back;
}

void
back_stop(struct back *back)
{
	if (back == NULL)
		return;
	listen_stop(back->listen);
	free(back);
}

void
back_look(struct back *back)
{
	struct hub *hub = back->hub;

	if (!back->paused ||
	    atomic_load(&hub->arriving) >= hub_arriving_max(hub))
		return;
	back->paused = false;
	atomic_store(&hub->overrun, false);
	listen_pause(back->listen, false);
}
