/*
 * shard.c - all that one event loop of the outer owns.
 *
 * Owns:    its standbys and its sessions.
 * Thread:  the shard's loop only.
 * Floor:   outer.
 */
#include "outer/shard.h"
#include "outer/session.h"
#include "base/clock.h"
#include "relay/pump_kit.h"

#include <string.h>

/* Descriptors for all else: listeners, epoll, signals, log, some links that
 * say hello. */
enum { FDS_ASIDE = 32, FDS_PER_SESSION = 2 };

/* Links that have not authenticated: a part of the descriptors, no more. */
enum { HANDSHAKES_SHARE = 8, HANDSHAKES_MIN = 16, HANDSHAKES_MAX = 1024 };

void
shard_reconsider(struct shard *shard)
{
	pool_reconsider(&shard->pool, &shard->instances.all);
}

static void
on_instance_gone(void *arg)
{
	shard_reconsider(arg);
}

void
shard_init(struct shard *shard, struct loop *loop,
    const struct outer_config *config, uint64_t max_fds)
{
	memset(shard, 0, sizeof(*shard));
	shard->loop = loop;
	shard->config = config;
	shard->max_fds = max_fds;
	shard->pumps = pump_kit_new(loop, config->pump, max_fds);
	shard->next_link = shard->next_session = 1;
	pool_init(&shard->pool, config->queue_length);
	instance_table_init(&shard->instances, loop);
	shard->instances.on_gone = on_instance_gone;
	shard->instances.arg = shard;
	for (int i = 0; i < STANDBY_RELAYING; i++)
		list_init(&shard->standbys[i]);
	list_init(&shard->setting_up);
	list_init(&shard->relaying);
}

void
shard_close(struct shard *shard)
{
	struct list_node *node;

	shard->on_change = NULL;
	while ((node = list_first(&shard->setting_up)) != NULL)
		session_close(session_of(node), "the outer stops");
	while ((node = list_first(&shard->relaying)) != NULL)
		session_close(session_of(node), "the outer stops");
	for (int i = 0; i < STANDBY_RELAYING; i++)
		while ((node = list_first(&shard->standbys[i])) != NULL)
			standby_close(standby_of(node), "the outer stops");
	instance_table_fini(&shard->instances);
	pump_kit_free(shard->pumps);
}

size_t
shard_links(const struct shard *shard)
{
	return shard->standbys[STANDBY_IDLE].length +
	    shard->standbys[STANDBY_STARTING].length;
}

size_t
shard_handshakes_max(const struct shard *shard)
{
	uint64_t share = shard->max_fds / HANDSHAKES_SHARE;

	if (share < HANDSHAKES_MIN)
		return HANDSHAKES_MIN;
	return share > HANDSHAKES_MAX ? HANDSHAKES_MAX : (size_t)share;
}

bool
shard_may_log(struct shard *shard)
{
	uint64_t suppressed;

	if (!log_allow(&shard->strangers, clock_ms(), &suppressed))
		return false;
	if (suppressed > 0)
		log_warn("shard", "lines like the next were left out",
		    KV_U64("count", suppressed));
	return true;
}

/* A client that still waits will need a link beside those that are there. */
bool
shard_has_room(const struct shard *shard)
{
	uint64_t used = shard_links(shard) + shard->pool.waiters.length +
	    shard->setting_up.length +
	    shard->relaying.length * FDS_PER_SESSION +
	    pump_kit_fds(shard->pumps);

	return used + FDS_PER_SESSION + FDS_ASIDE <= shard->max_fds;
}

uint64_t
shard_sessions_max(uint64_t max_fds)
{
	return max_fds <= FDS_ASIDE ? 0
				    : (max_fds - FDS_ASIDE) / FDS_PER_SESSION;
}
