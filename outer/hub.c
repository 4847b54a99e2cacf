/*
 * hub.c - what main and all shards of the outer share.
 *
 * Owns:    the shards, their threads, the registry.
 * Thread:  main.
 * Floor:   outer.
 */
#include "outer/hub.h"
#include "outer/keys.h"
#include "outer/shard.h"
#include "base/clock.h"
#include "net/loop.h"
#include "net/tls.h"
#include "net/worker.h"
#include "relay/pump_kit.h"
#include "wire/proof.h"

#include <stdlib.h>
#include <string.h>

/* Descriptors for all else: listeners, loops, signals, log, some links that
 * say hello. */
enum { FDS_ASIDE = 32, FDS_PER_SESSION = 2, FDS_PER_WORKER = 8 };

/* What strangers leave free, so that who comes when a session has ended is not
 * behind them. */
enum { FDS_FOR_SESSIONS = 16 };

static bool
start_sources(struct hub *hub)
{
	const struct outer_config *config = hub->config;
	const struct source_limits limits = {
		.sessions = config->address_sessions,
		.rate = config->new_per_second,
		.burst = config->new_burst,
	};
	uint64_t seed;

	return proof_random(&seed, sizeof(seed)) &&
	    sources_init(&hub->sources, &limits, seed) &&
	    armour_init(&hub->armour, &config->startups, hub->max_fds,
		config->handshake_ms, seed);
}

bool
hub_start(struct hub *hub, struct loop *loop, const struct outer_config *config,
    uint64_t max_fds)
{
	unsigned count = config->workers + 1;

	memset(hub, 0, sizeof(*hub));
	hub->loop = loop;
	hub->config = config;
	hub->max_fds = max_fds;
	hub->next_link = hub->next_session = 1;
	registry_init(&hub->registry, hub);
	pump_memory_init(&hub->memory, (size_t)config->memory_bytes);
	hub->rates.all = config->rate;
	hub->rates.each = config->session_rate;
	if (!services_init(&hub->services, hub) || !circle_init(&hub->circle) ||
	    !start_sources(hub))
		return false;
	hub->keys = keys_new(config, NULL);
	hub->tls = tls_slot_new();
	if (hub->keys == NULL || hub->tls == NULL ||
	    (hub->shards = calloc(count, sizeof(*hub->shards))) == NULL)
		return false;
	hub->shard_count = count;
	for (unsigned i = 0; i < count; i++)
		if (!shard_init(&hub->shards[i], hub, i))
			return false;
	hub->threaded = true;
	for (unsigned i = 1; i < count; i++)
		if (!worker_start(hub->shards[i].worker))
			return false;
	return true;
}

static void
join_threads(struct hub *hub)
{
	for (unsigned i = 0; i < hub->shard_count; i++)
		if (hub->shards[i].worker != NULL)
			worker_join(hub->shards[i].worker);
	hub->threaded = false; /* all that is left runs here */
	for (unsigned i = 0; i < hub->shard_count; i++)
		if (hub->shards[i].worker != NULL)
			inbox_drain(loop_inbox(hub->shards[i].loop));
	inbox_drain(loop_inbox(hub->loop));
}

void
hub_stop(struct hub *hub)
{
	if (hub->loop == NULL)
		return;
	join_threads(hub);
	hub->on_change = NULL;
	services_close(&hub->services);
	for (unsigned i = 0; i < hub->shard_count; i++)
		shard_close(&hub->shards[i]);
	for (unsigned i = 0; i < hub->shard_count; i++)
		shard_fini(&hub->shards[i]);
	registry_fini(&hub->registry);
	services_fini(&hub->services);
	circle_fini(&hub->circle);
	sources_fini(&hub->sources);
	armour_fini(&hub->armour);
	free(hub->shards);
	keys_drop(hub->keys);
	tls_slot_free(hub->tls);
}

static void
free_changes(struct shard_keys **changes, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		free(changes[i]);
	free(changes);
}

/* Allocates all there is to allocate: one for each shard. */
static struct shard_keys **
new_changes(unsigned count)
{
	struct shard_keys **changes = calloc(count, sizeof(*changes));

	for (unsigned i = 0; changes != NULL && i < count; i++)
		if ((changes[i] = calloc(1, sizeof(*changes[i]))) == NULL) {
			free_changes(changes, i);
			return NULL;
		}
	return changes;
}

bool
hub_take_keys(struct hub *hub, const struct outer_config *config)
{
	struct keys *keys = keys_new(config, hub->keys);
	struct shard_keys **changes = keys != NULL
	    ? new_changes(hub->shard_count)
	    : NULL;

	if (changes == NULL) {
		keys_drop(keys);
		return false;
	}
	keys_drop(hub->keys);
	hub->keys = keys; /* here first: who asks is answered by the new ones */
	for (unsigned i = 0; i < hub->shard_count; i++) {
		changes[i]->keys = keys_hold(keys);
		shard_take_keys(&hub->shards[i], changes[i]);
	}
	free(changes);
	services_judge_all(&hub->services);
	return true;
}

bool
hub_may_log(struct log_limit *limit)
{
	uint64_t suppressed;

	if (!log_allow(limit, clock_ms(), &suppressed))
		return false;
	if (suppressed > 0)
		log_warn("shard", "lines like the next were left out",
		    KV_U64("count", suppressed));
	return true;
}

void
hub_order(struct hub *hub, unsigned order)
{
	for (unsigned i = 0; i < hub->shard_count; i++)
		shard_order(&hub->shards[i], order);
}

void
hub_on_instances(struct hub *hub)
{
	registry_look(&hub->registry);
	services_look(&hub->services);
}

struct shard *
hub_shard_for_link(struct hub *hub)
{
	struct shard *best = &hub->shards[0];

	for (unsigned i = 1; i < hub->shard_count; i++)
		if (atomic_load(&hub->shards[i].link_count) <
		    atomic_load(&best->link_count))
			best = &hub->shards[i];
	return best;
}

static size_t
sessions_of(const struct shard *shard)
{
	return atomic_load(&shard->setting_up_count) +
	    atomic_load(&shard->relaying_count);
}

struct shard *
hub_shard_for_session(struct hub *hub)
{
	struct shard *best = &hub->shards[0];

	for (unsigned i = 1; i < hub->shard_count; i++)
		if (sessions_of(&hub->shards[i]) < sessions_of(best))
			best = &hub->shards[i];
	return best;
}

bool
hub_is_quiet(const struct hub *hub)
{
	for (unsigned i = 0; i < hub->shard_count; i++)
		if (!atomic_load(&hub->shards[i].quiet))
			return false;
	return true;
}

size_t
hub_setting_up(const struct hub *hub)
{
	size_t count = 0;

	for (unsigned i = 0; i < hub->shard_count; i++)
		count += atomic_load(&hub->shards[i].setting_up_count);
	return count;
}

static size_t
relaying(const struct hub *hub)
{
	size_t count = 0;

	for (unsigned i = 0; i < hub->shard_count; i++)
		count += atomic_load(&hub->shards[i].relaying_count);
	return count;
}

size_t
hub_sessions(const struct hub *hub)
{
	/* in this order: one that begins to relay is counted twice, if
	 * anything, and not left out */
	size_t count = hub->services.lobby.visitors.length +
	    hub->services.queued + hub_setting_up(hub);

	return count + relaying(hub);
}

static uint64_t
fds_aside(const struct hub *hub)
{
	return FDS_ASIDE + (uint64_t)hub->config->workers * FDS_PER_WORKER +
	    hub->services.intake.ears.length * FDS_PER_FRONT;
}

/* Links without a proof, but for the few that there always may be: those are
 * among what is set aside. */
static uint64_t
fds_of_startups(const struct hub *hub)
{
	size_t pending = armour_pending(&hub->armour);

	return pending > ARMOUR_TIGHT ? pending - ARMOUR_TIGHT : 0;
}

/* A client that still waits will need a link beside those that are there. */
static uint64_t
fds_used(const struct hub *hub)
{
	uint64_t used = atomic_load(&hub->links) + fds_of_startups(hub) +
	    2 * hub->services.queued + hub_setting_up(hub) +
	    relaying(hub) * FDS_PER_SESSION;

	for (unsigned i = 0; i < hub->shard_count; i++)
		used += pump_kit_fds(hub->shards[i].pumps) +
		    atomic_load(&hub->shards[i].dialing_count) +
		    loop_ending(hub->shards[i].loop);
	return used + fds_aside(hub);
}

static bool
has_descriptors(const struct hub *hub)
{
	return hub_sessions(hub) == 0 || /* one at a time, if need be */
	    fds_used(hub) + FDS_PER_SESSION <= hub->max_fds;
}

bool
hub_has_room_for_strangers(const struct hub *hub)
{
	return fds_used(hub) + FDS_FOR_SESSIONS <= hub->max_fds;
}

const char *
hub_why_full(const struct hub *hub, bool paused)
{
	uint32_t most = hub->config->max_sessions;

	if (most > 0 && hub_sessions(hub) >= most)
		return "MaxSessions reached: accepting pauses";
	if (!has_descriptors(hub))
		return "no descriptors for more sessions: accepting pauses";
	if (paused ? pump_memory_tight(&hub->memory)
		   : pump_memory_full(&hub->memory))
		return "MaxBufferMemory reached: accepting pauses";
	return NULL;
}

uint64_t
hub_sessions_max(const struct hub *hub)
{
	uint64_t aside = fds_aside(hub), most = hub->config->max_sessions;
	uint64_t room = 1; /* one is always let in */

	if (hub->max_fds >= aside + FDS_PER_SESSION)
		room = (hub->max_fds - aside) / FDS_PER_SESSION;
	return most > 0 && most < room ? most : room;
}
