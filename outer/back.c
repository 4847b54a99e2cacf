/*
 * back.c - listens for inners.
 *
 * Owns:    nothing: each link is a standby from its first moment.
 * Thread:  main.
 * Floor:   outer.
 */
#include "outer/back.h"
#include "outer/hub.h"
#include "outer/standby.h"

static void
on_accept(int fd, void *arg)
{
	standby_accept(arg, fd);
}

struct listen *
back_start(struct hub *hub, char problem[LISTEN_PROBLEM_SIZE])
{
	const struct outer_config *config = hub->config;
	const struct listen_options options = {
		.addr = &config->inner_addr,
		.what = "links",
		.socket_mode = config->socket_mode,
		.socket_owner = config->socket_owner,
		.socket_group = config->socket_group,
	};

	return listen_start(hub->loop, &options, on_accept, hub, problem);
}
