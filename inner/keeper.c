/*
 * keeper.c - keeps as many spares as configured.
 *
 * Owns:    every spare.
 * Thread:  the loop's.
 * Floor:   inner.
 *
 * A spare that is taken is replaced at once, and once a second all is counted
 * anew, so that nothing that went by unseen lasts. During an outage there is
 * one attempt at a time; the first that succeeds brings all the others.
 */
#include "inner/keeper.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "net/loop.h"

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
};

static size_t
count(const struct keeper *keeper, enum spare_state state)
{
	return keeper->spares[state].length;
}

static size_t
on_the_way(const struct keeper *keeper)
{
	return count(keeper, SPARE_CONNECTING) + count(keeper, SPARE_HANDSHAKE);
}

static size_t
wanted(const struct keeper *keeper)
{
	return (size_t)keeper->config->max_free + keeper->waiting;
}

/* How many to dial now. */
static size_t
missing(const struct keeper *keeper)
{
	size_t dialing = on_the_way(keeper);
	size_t have = count(keeper, SPARE_IDLE) + dialing;
	size_t room = keeper->down ? 1 : keeper->config->max_dialing;
	size_t lack = wanted(keeper) > have ? wanted(keeper) - have : 0;

	if (keeper->stopping || keeper->retry_waits || dialing >= room)
		return 0;
	return lack < room - dialing ? lack : room - dialing;
}

static void
tell_if_over(struct keeper *keeper)
{
	if (!keeper->stopping || keeper->on_idle_end == NULL)
		return;
	for (int i = 0; i < SPARE_CLOSED; i++)
		if (keeper->spares[i].length > 0)
			return;
	keeper->on_idle_end(keeper->arg);
}

/* Whether a link that the outer has let in still stands by or is in use. */
static bool
has_good_link(const struct keeper *keeper)
{
	return count(keeper, SPARE_IDLE) + count(keeper, SPARE_DIALING) +
	    count(keeper, SPARE_STARTED) + count(keeper, SPARE_RELAYING) >
	    0;
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
	for (size_t n = missing(keeper); n > 0; n--) {
		if (spare_start(keeper))
			continue;
		keeper_on_end(keeper, SPARE_END_FAILED,
		    "out of memory or descriptors");
		break;
	}
	tell_if_over(keeper);
}

static void
refill_soon(struct keeper *keeper)
{
	loop_reap(keeper->loop, &keeper->refill, refill, keeper);
}

/* More idle ones than anybody asked for: the oldest go. */
static void
shrink(struct keeper *keeper)
{
	size_t idle = count(keeper, SPARE_IDLE);

	for (; idle > wanted(keeper); idle--)
		spare_retire(spare_of(list_first(&keeper->spares[SPARE_IDLE])),
		    GOAWAY_SHRINK);
}

static void
on_tick(void *arg)
{
	struct keeper *keeper = arg;

	loop_timer_start(keeper->tick, TICK_MS);
	if (keeper->stopping)
		return;
	if (clock_ms() - keeper->waiting_ms > WAITING_GOOD_MS)
		keeper->waiting = 0;
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

/* Never more than the delay itself: "at most 1 s" is a promise. */
static uint64_t
jittered(uint64_t delay_ms)
{
	uint64_t jitter = delay_ms * JITTER_PERCENT / 100;

	return loop_jitter(delay_ms - jitter, JITTER_PERCENT);
}

static void
retry_in(struct keeper *keeper, uint64_t ms)
{
	keeper->retry_waits = true;
	loop_timer_start(keeper->retry, jittered(ms));
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
	if (!keeper->stopping && end != SPARE_END_NORMAL)
		back_off(keeper, end, why);
	refill_soon(keeper);
}

void
keeper_on_joined(struct keeper *keeper)
{
	uint64_t now = clock_ms();
	char outer[ADDR_TEXT_SIZE];

	if (keeper->down) {
		addr_format(&keeper->config->register_addr, outer,
		    sizeof(outer));
		log_info("keeper", "connected", KV_STR("outer", outer),
		    KV_MS("after", now - keeper->down_since_ms));
		keeper->down = false;
		keeper->delay_ms = 0;
		keeper->retry_waits = false;
		loop_timer_stop(keeper->retry);
	}
	refill_soon(keeper);
}

void
keeper_on_taken(struct keeper *keeper, uint16_t waiting)
{
	keeper->waiting = waiting;
	keeper->waiting_ms = clock_ms();
	refill_soon(keeper);
}

bool
keeper_start(struct keeper *keeper, struct loop *loop,
    struct resolver *resolver, const struct inner_config *config)
{
	uint8_t random[HELLO_INSTANCE_SIZE / 2];

	memset(keeper, 0, sizeof(*keeper));
	keeper->loop = loop;
	keeper->resolver = resolver;
	keeper->config = config;
	keeper->next_link = 1;
	for (int i = 0; i < SPARE_NSTATES; i++)
		list_init(&keeper->spares[i]);
	if (!proof_random(random, sizeof(random)))
		return false;
	hex_encode(random, sizeof(random), keeper->instance);
	keeper->tick = loop_timer_new(loop, on_tick, keeper);
	keeper->retry = loop_timer_new(loop, on_retry, keeper);
	if (keeper->tick == NULL || keeper->retry == NULL)
		return false;
	keeper->down = true; /* until the first link is there */
	keeper->down_since_ms = clock_ms();
	on_tick(keeper);
	return true;
}

void
keeper_drain(struct keeper *keeper, void (*on_idle_end)(void *arg), void *arg)
{
	static const enum spare_state unused[] = {
		SPARE_CONNECTING,
		SPARE_HANDSHAKE,
	};
	struct list_node *node;

	keeper->stopping = true;
	keeper->on_idle_end = on_idle_end;
	keeper->arg = arg;
	for (size_t i = 0; i < sizeof(unused) / sizeof(unused[0]); i++)
		while ((node = list_first(&keeper->spares[unused[i]])) != NULL)
			spare_close(spare_of(node), SPARE_END_NORMAL,
			    "the inner is stopping");
	while ((node = list_first(&keeper->spares[SPARE_IDLE])) != NULL)
		spare_retire(spare_of(node), GOAWAY_SHUTDOWN);
	node = list_first(&keeper->spares[SPARE_DIALING]);
	for (; node != NULL;
	     node = list_next(&keeper->spares[SPARE_DIALING], node))
		spare_will_leave(spare_of(node));
	refill_soon(keeper);
}

void
keeper_stop(struct keeper *keeper)
{
	struct list_node *node;

	if (keeper->loop == NULL)
		return;
	keeper->stopping = true;
	keeper->on_idle_end = NULL;
	for (int i = 0; i < SPARE_CLOSED; i++)
		while ((node = list_first(&keeper->spares[i])) != NULL)
			spare_close(spare_of(node), SPARE_END_NORMAL,
			    "the inner stops");
	list_remove(&keeper->refill.node);
	loop_timer_free(keeper->tick);
	loop_timer_free(keeper->retry);
}
