/*
 * keeper.c - keeps as many spares as configured, on all shards.
 *
 * Owns:    the shards.
 * Thread:  main.
 * Floor:   inner.
 *
 * A spare that is taken is replaced at once, or within MOMENT_MS while there is
 * plenty, and once a second all is counted
 * anew, so that nothing that went by unseen lasts. During an outage there is
 * one attempt at a time; the first that succeeds brings all the others.
 */
#include "inner/keeper.h"
#include "inner/offers.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "net/loop.h"

#include <stdlib.h>
#include <string.h>

enum {
	TICK_MS = 1000,
	FIRST_DELAY_MS = 100,
	YOUNG_DELAY_MS = 1000, /* the most while an outage is young */
	YOUNG_OUTAGE_MS = 60000,
	REJECTED_DELAY_MS = 5000, /* a wrong key mends itself slowly */
	JITTER_PERCENT = 25,
	WAITING_GOOD_MS = 5000, /* how long a "still waiting" counts */
	LOG_EVERY_MS = 10000,
	MOMENT_MS = 2, /* a few sessions at full speed */
};

static size_t
count(const struct keeper *keeper, enum spare_state state)
{
	size_t sum = 0;

	for (unsigned i = 0; i < keeper->shard_count; i++)
		sum += inner_shard_count(&keeper->shards[i], state);
	return sum;
}

/* In the order in which a spare goes, so that none is missed. */
static size_t
on_the_way(const struct keeper *keeper)
{
	size_t connecting = count(keeper, SPARE_CONNECTING);

	return connecting + count(keeper, SPARE_HANDSHAKE);
}

static size_t
wanted(const struct keeper *keeper)
{
	return demand_target(&keeper->demand, keeper->config->min_free,
		   keeper->config->max_free) +
	    keeper->waiting;
}

/* How many to dial now. */
static size_t
missing(const struct keeper *keeper)
{
	size_t dialing = on_the_way(keeper);
	size_t have = dialing + count(keeper, SPARE_IDLE);
	size_t room = keeper->down ? 1 : keeper->config->max_dialing;
	size_t lack = wanted(keeper) > have ? wanted(keeper) - have : 0;

	if (keeper->stopping || keeper->retry_waits || dialing >= room)
		return 0;
	return lack < room - dialing ? lack : room - dialing;
}

static void
tell_if_over(struct keeper *keeper)
{
	void (*on_idle_end)(void *) = keeper->on_idle_end;

	if (!keeper->stopping || on_idle_end == NULL)
		return;
	for (unsigned i = 0; i < keeper->shard_count; i++)
		if (!atomic_load(&keeper->shards[i].over))
			return;
	keeper->on_idle_end = NULL;
	on_idle_end(keeper->arg);
}

/* Whether a link that the outer has let in still stands by or is in use. */
static bool
has_good_link(const struct keeper *keeper)
{
	static const enum spare_state good[] = { SPARE_IDLE, SPARE_DIALING,
		SPARE_STARTED, SPARE_RELAYING };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (count(keeper, good[i]) > 0)
			return true;
	return false;
}

static void
log_outage(struct keeper *keeper, enum spare_end end, const char *why,
    uint64_t now, bool first)
{
	bool rejected = end == SPARE_END_REJECTED;
	char outer[ADDR_TEXT_SIZE];

	if (!first && !rejected && now - keeper->logged_ms < LOG_EVERY_MS)
		return;
	keeper->logged_ms = now;
	addr_format(&keeper->config->register_addr, outer, sizeof(outer));
	log_at(rejected ? LOG_ERROR : LOG_WARN, "keeper",
	    rejected ? "rejected: will try again" : "no link: will try again",
	    KV_STR("outer", outer), KV_STR("why", why),
	    KV_MS("for", now - keeper->down_since_ms),
	    KV_MS("next", keeper->delay_ms));
}

/* Spares of a shard that are idle or will be. */
static unsigned
stock(const struct inner_shard *shard)
{
	unsigned sum = inner_shard_count(shard, SPARE_CONNECTING);

	sum += inner_shard_count(shard, SPARE_HANDSHAKE);
	return sum + inner_shard_count(shard, SPARE_IDLE);
}

/* So many new spares: each to the shard that has the fewest, and one message
 * to each shard. */
static void
spread(struct keeper *keeper, size_t n)
{
	unsigned have[INNER_WORKERS_MAX], more[INNER_WORKERS_MAX] = { 0 };

	for (unsigned i = 0; i < keeper->shard_count; i++)
		have[i] = stock(&keeper->shards[i]);
	for (; n > 0; n--) {
		unsigned least = 0;

		for (unsigned i = 1; i < keeper->shard_count; i++)
			if (have[i] + more[i] < have[least] + more[least])
				least = i;
		more[least]++;
	}
	for (unsigned i = 0; i < keeper->shard_count; i++)
		if (more[i] > 0)
			inner_shard_start(&keeper->shards[i], more[i]);
}

/* After the callbacks that are running now. */
static void
refill(void *object)
{
	struct keeper *keeper = object;

	if (keeper->retry_waits && !keeper->down && !has_good_link(keeper)) {
		keeper->down = true; /* it was no mishap after all */
		log_outage(keeper, SPARE_END_FAILED, "all links were lost",
		    clock_ms(), true);
	}
	/* said before it is counted, so that no join in between goes unheard */
	atomic_store(&keeper->identity.hear_joins, true);
	spread(keeper, missing(keeper));
	if (!keeper->down && !keeper->retry_waits &&
	    on_the_way(keeper) < keeper->config->max_dialing)
		atomic_store(&keeper->identity.hear_joins, false);
	if (!keeper->stopping)
		control_look(&keeper->control);
	tell_if_over(keeper);
}

static void
refill_soon(struct keeper *keeper)
{
	loop_reap(keeper->loop, &keeper->refill, refill, keeper);
}

static void
on_moment(void *arg)
{
	struct keeper *keeper = arg;

	keeper->moment_waits = false;
	refill_soon(keeper);
}

/* Not in the way of the session that took the spare, and together with those
 * that are taken meanwhile. */
static void
refill_in_a_moment(struct keeper *keeper)
{
	if (keeper->moment_waits)
		return;
	keeper->moment_waits = true;
	loop_timer_start(&keeper->moment, MOMENT_MS);
}

/* Nobody waits, and the next ones will find a spare. */
static bool
has_plenty(const struct keeper *keeper)
{
	return !keeper->down && !keeper->stopping && keeper->waiting == 0 &&
	    2 * count(keeper, SPARE_IDLE) >= wanted(keeper);
}

/* More idle ones than anybody asked for: the oldest go, of those shards that
 * have the most. */
static void
shrink(struct keeper *keeper)
{
	unsigned idle[INNER_WORKERS_MAX], keep[INNER_WORKERS_MAX];
	size_t sum = 0;

	for (unsigned i = 0; i < keeper->shard_count; i++) {
		idle[i] = keep[i] = inner_shard_count(&keeper->shards[i],
		    SPARE_IDLE);
		sum += idle[i];
	}
	for (; sum > wanted(keeper); sum--) {
		unsigned most = 0;

		for (unsigned i = 1; i < keeper->shard_count; i++)
			if (keep[i] > keep[most])
				most = i;
		keep[most]--;
	}
	for (unsigned i = 0; i < keeper->shard_count; i++)
		if (keep[i] < idle[i])
			inner_shard_shrink(&keeper->shards[i], keep[i]);
}

static void
note_demand(struct keeper *keeper)
{
	unsigned refill_us = 0;

	for (unsigned i = 0; i < keeper->shard_count; i++) {
		unsigned one = atomic_load(&keeper->shards[i].refill_us);

		refill_us = one > refill_us ? one : refill_us;
	}
	demand_note(&keeper->demand, keeper->taken, keeper->waiting,
	    refill_us / 1000, clock_ms());
}

static void
on_tick(void *arg)
{
	struct keeper *keeper = arg;

	loop_timer_start(&keeper->tick, TICK_MS);
	if (keeper->stopping)
		return;
	if (clock_ms() - keeper->waiting_ms > WAITING_GOOD_MS)
		keeper->waiting = 0;
	note_demand(keeper);
	shrink(keeper);
	refill_soon(keeper);
}

static void
on_retry(void *arg)
{
	struct keeper *keeper = arg;

	keeper->retry_waits = false;
	refill_soon(keeper);
}

uint64_t
keeper_next_delay(uint64_t delay_ms, uint64_t outage_ms, uint64_t most_ms)
{
	uint64_t next = delay_ms == 0 ? FIRST_DELAY_MS : 2 * delay_ms;

	if (outage_ms < YOUNG_OUTAGE_MS && next > YOUNG_DELAY_MS &&
	    delay_ms <= YOUNG_DELAY_MS)
		next = YOUNG_DELAY_MS;
	return next < most_ms ? next : most_ms;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t
keeper_jittered(uint64_t delay_ms)
{
	uint64_t jitter = delay_ms * JITTER_PERCENT / 100;

	return loop_jitter(delay_ms - jitter, JITTER_PERCENT);
}

static void
retry_in(struct keeper *keeper, uint64_t ms)
{
	keeper->retry_waits = true;
	loop_timer_start(&keeper->retry, keeper_jittered(ms));
}

/* Something is wrong with the outer or the way to it. */
static void
back_off(struct keeper *keeper, enum spare_end end, const char *why)
{
	uint64_t now = clock_ms(), most = keeper->config->retry_ms;
	bool first = !keeper->down;

	if (keeper->retry_waits)
		return; /* others of the same batch */
	if (first) {
		keeper->down_since_ms = now;
		keeper->delay_ms = 0;
	}
	if (end == SPARE_END_FAILED && has_good_link(keeper)) {
		/* one link too many, or one mishap: no outage */
		keeper->delay_ms = least(YOUNG_DELAY_MS, most);
		log_outage(keeper, end, why, now, false);
		retry_in(keeper, keeper->delay_ms);
		return;
	}
	keeper->down = true;
	if (end == SPARE_END_REJECTED && keeper->delay_ms < REJECTED_DELAY_MS)
		keeper->delay_ms = REJECTED_DELAY_MS / 2;
	else if (end != SPARE_END_REJECTED &&
	    keeper->delay_ms > YOUNG_DELAY_MS &&
	    now - keeper->down_since_ms < YOUNG_OUTAGE_MS)
		keeper->delay_ms = YOUNG_DELAY_MS; /* the key was mended */
	keeper->delay_ms = keeper_next_delay(keeper->delay_ms,
	    now - keeper->down_since_ms, most);
	log_outage(keeper, end, why, now, first);
	retry_in(keeper, keeper->delay_ms);
}

void
keeper_on_end(struct keeper *keeper, enum spare_end end, const char *why)
{
	if (keeper->loop == NULL)
		return; /* stopped */
	if (!keeper->stopping)
		back_off(keeper, end, why);
	refill_soon(keeper);
}

static void
on_joined(struct keeper *keeper)
{
	uint64_t now = clock_ms();
	char outer[ADDR_TEXT_SIZE];

	if (!keeper->down)
		return;
	addr_format(&keeper->config->register_addr, outer, sizeof(outer));
	log_info("keeper", "connected", KV_STR("outer", outer),
	    KV_MS("after", now - keeper->down_since_ms));
	keeper->down = false;
	keeper->delay_ms = 0;
	keeper->retry_waits = false;
	loop_timer_stop(&keeper->retry);
	control_on_connected(&keeper->control);
}

struct inner_shard *
keeper_control_shard(struct keeper *keeper)
{
	return &keeper->control.shard;
}

void
keeper_on_look(struct keeper *keeper, struct inner_shard *shard)
{
	unsigned *seen = &keeper->seen[shard - keeper->shards];
	unsigned taken = atomic_load(&shard->taken);

	if (keeper->loop == NULL)
		return; /* stopped */
	if (taken != *seen) {
		keeper->taken += taken - *seen;
		*seen = taken;
		keeper->waiting = (uint16_t)atomic_load(&shard->waiting);
		keeper->waiting_ms = clock_ms();
		note_demand(keeper);
	}
	if (atomic_exchange(&shard->joined, false))
		on_joined(keeper);
	if (has_plenty(keeper))
		refill_in_a_moment(keeper);
	else
		refill_soon(keeper);
}

/* Shards are what Workers says; none: one on the main loop. */
static bool
start_shards(struct keeper *keeper)
{
	unsigned workers = keeper->config->workers;

	keeper->shards = calloc(workers > 0 ? workers : 1,
	    sizeof(*keeper->shards));
	if (keeper->shards == NULL)
		return false;
	while (keeper->shard_count < (workers > 0 ? workers : 1))
		if (!inner_shard_init(&keeper->shards[keeper->shard_count++],
			keeper, keeper->loop, workers > 0))
			return false;
	return true;
}

static bool
start_offers(struct keeper *keeper)
{
	struct offers *offers;

	if ((keeper->offers = offers_slot_new()) == NULL ||
	    (offers = offers_new(keeper->config)) == NULL)
		return false;
	offers_slot_put(keeper->offers, offers);
	return true;
}

bool
keeper_start(struct keeper *keeper, struct loop *loop,
    const struct inner_config *config, struct tls_slot *tls)
{
	uint8_t random[HELLO_INSTANCE_SIZE / 2];

	memset(keeper, 0, sizeof(*keeper));
	keeper->loop = loop;
	keeper->config = config;
	pump_memory_init(&keeper->memory, (size_t)config->memory_bytes);
	keeper->tls = tls;
	atomic_init(&keeper->identity.next_link, 1);
	atomic_init(&keeper->identity.next_counter, 1);
	atomic_init(&keeper->identity.hear_joins, true);
	atomic_init(&keeper->identity.asks_control, false);
	loop_timer_init(&keeper->tick, loop, on_tick, keeper);
	loop_timer_init(&keeper->retry, loop, on_retry, keeper);
	loop_timer_init(&keeper->moment, loop, on_moment, keeper);
	if (!proof_random(random, sizeof(random)) || !start_offers(keeper))
		return false;
	hex_encode(random, sizeof(random), keeper->identity.instance);
	if (!control_start(&keeper->control, keeper, loop) ||
	    !start_shards(keeper))
		return false;
	keeper->down = true; /* until the first link is there */
	keeper->down_since_ms = clock_ms();
	on_tick(keeper);
	return true;
}

static struct shard_key *
new_change(const char *key)
{
	struct shard_key *change = calloc(1, sizeof(*change));

	if (change != NULL)
		str_copy(change->text, sizeof(change->text), key);
	return change;
}

static void
free_changes(struct shard_key **changes, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		proof_forget(changes[i], sizeof(*changes[i]));
		free(changes[i]);
	}
}

bool
keeper_take_key(struct keeper *keeper, const char *key)
{
	struct shard_key *changes[INNER_WORKERS_MAX + 1];

	for (unsigned i = 0; i < keeper->shard_count + 1; i++)
		if ((changes[i] = new_change(key)) == NULL) {
			free_changes(changes, i);
			return false;
		}
	inner_shard_take_key(&keeper->control.shard,
	    changes[keeper->shard_count]);
	for (unsigned i = 0; i < keeper->shard_count; i++) {
		inner_shard_take_key(&keeper->shards[i], changes[i]);
		if (!keeper->down && !keeper->stopping)
			inner_shard_start(&keeper->shards[i], 1);
	}
	keeper->delay_ms = 0;
	keeper->retry_waits = false;
	loop_timer_stop(&keeper->retry);
	refill_soon(keeper);
	return true;
}

struct offers *
keeper_read_offers(struct keeper *keeper, const struct inner_config *config)
{
	struct offers *offers = offers_new(config), *old;
	bool inherited;

	if (offers == NULL)
		return NULL;
	old = offers_slot_get(keeper->offers);
	inherited = offers_inherit(offers, old);
	offers_release(old);
	if (inherited)
		return offers;
	offers_release(offers);
	return NULL;
}

void
keeper_take_offers(struct keeper *keeper, struct offers *offers)
{
	offers_slot_put(keeper->offers, offers);
	control_on_offers(&keeper->control);
}

void
keeper_drain(struct keeper *keeper, void (*on_idle_end)(void *arg), void *arg)
{
	keeper->stopping = true;
	keeper->on_idle_end = on_idle_end;
	keeper->arg = arg;
	for (unsigned i = 0; i < keeper->shard_count; i++)
		inner_shard_drain(&keeper->shards[i]);
	control_drain(&keeper->control);
	refill_soon(keeper);
}

void
keeper_stop(struct keeper *keeper)
{
	if (keeper->loop == NULL)
		return;
	keeper->stopping = true;
	keeper->on_idle_end = NULL;
	for (unsigned i = 0; i < keeper->shard_count; i++)
		inner_shard_join(&keeper->shards[i]);
	for (unsigned i = 0; i < keeper->shard_count; i++)
		inner_shard_close(&keeper->shards[i]);
	control_stop(&keeper->control);
	list_remove(&keeper->refill.node);
	loop_timer_fini(&keeper->tick);
	loop_timer_fini(&keeper->retry);
	loop_timer_fini(&keeper->moment);
	keeper->loop = NULL;
}

void
keeper_free(struct keeper *keeper)
{
	free(keeper->shards);
	keeper->shards = NULL;
	offers_slot_free(keeper->offers);
	keeper->offers = NULL;
}
