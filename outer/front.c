/*
 * front.c - listens for clients.
 *
 * Owns:    the public listener.
 * Thread:  the loop's.
 * Floor:   outer.
 *
 * A session needs a descriptor for its link as well. So clients are accepted
 * only while both are to be had: who comes too early waits in the kernel's
 * backlog, and the links that will serve those already here still get in.
 */
#include "outer/front.h"
#include "outer/session.h"
#include "outer/shard.h"
#include "base/log.h"

#include <stdlib.h>

struct front {
	struct shard *shard;		/* borrowed */
	struct listen *listen;		/* owned */
	bool full;
};

static void
on_accept(int fd, void *arg)
{
	struct front *front = arg;
	struct shard *shard = front->shard;

	session_start(shard, fd);
	if (front->full || shard_has_room(shard))
		return;
	front->full = true;
	listen_pause(front->listen, true);
	log_warn("front", "no descriptors for more sessions: accepting pauses",
	    KV_U64("sessions", shard->setting_up.length +
	    shard->relaying.length), KV_U64("descriptors", shard->max_fds));
}

struct front *
front_start(struct shard *shard, char problem[LISTEN_PROBLEM_SIZE])
{
	const struct outer_config *config = shard->config;
	const struct listen_options options = {
		.addr = &config->outer_addr, .what = "clients",
		.socket_mode = config->socket_mode,
		.socket_owner = config->socket_owner,
		.socket_group = config->socket_group,
	};
	struct front *front = calloc(1, sizeof(*front));

	if (front == NULL)
		return NULL;
	front->shard = shard;
	front->listen = listen_start(shard->loop, &options, on_accept, front,
	    problem);
	if (front->listen == NULL) {
		free(front);
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
	free(front);
}

void
front_look(struct front *front)
{
	if (!front->full || !shard_has_room(front->shard))
		return;
	front->full = false;
	listen_pause(front->listen, false);
	log_info("front", "room for sessions again: accepting goes on");
}
