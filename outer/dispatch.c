/*
 * dispatch.c - gives each client to a shard that has a standby for it.
 *
 * Owns:    sessions while they wait for a standby.
 * Thread:  main.
 * Floor:   outer.
 *
 * What is idle is read from atomic counts, from which a promise is taken
 * before the session leaves for the shard; a standby that dies under way costs
 * the client one more wait here, at the front. Whoever waits is counted in
 * hub.waiting before the counts are read for the last time, and a shard adds
 * to its count before it reads hub.waiting: both sequentially consistent, so
 * that one of the two sees the other, and no standby stays idle beside a
 * client that waits for it.
 */
#include "outer/dispatch.h"
#include "base/clock.h"
#include "outer/hub.h"
#include "outer/instance.h"
#include "outer/pool.h"
#include "outer/session.h"
#include "outer/shard.h"

enum {
	CROWD_MS = 2,	/* who comes in that time comes at once */
	CROWD_SIZE = 4, /* so many are a crowd */
	HOLD_MS = 1,	/* how long a last standby waits for the rest of it */
	CALM_MS = 100	/* before another one is held */
};

static void on_crowd_over(void *arg);

void
dispatch_init(struct dispatch *dispatch, struct hub *hub, unsigned slot)
{
	dispatch->hub = hub;
	dispatch->slot = slot;
	list_init(&dispatch->arrivals);
	list_init(&dispatch->waiting);
	loop_timer_init(&dispatch->crowd.over, hub->loop, on_crowd_over,
	    dispatch);
}

void
dispatch_close(struct dispatch *dispatch, const char *why)
{
	struct list_node *node;

	while ((node = list_first(&dispatch->arrivals)) != NULL)
		session_close(session_of(node), why);
	while ((node = list_first(&dispatch->waiting)) != NULL)
		session_close(session_of(node), why);
}

void
dispatch_fini(struct dispatch *dispatch)
{
	list_remove(&dispatch->later.node);
	list_remove(&dispatch->busy);
	loop_timer_fini(&dispatch->crowd.over);
}

size_t
dispatch_length(const struct dispatch *dispatch)
{
	return dispatch->arrivals.length + dispatch->waiting.length;
}

/* Of all queues together; wraps where there are fewer now. */
static void
count_waiting(struct dispatch *dispatch)
{
	size_t now = dispatch->waiting.length;

	if (now != dispatch->counted)
		atomic_fetch_add(&dispatch->hub->waiting,
		    now - dispatch->counted);
	dispatch->counted = now;
}

/* Somebody has come, or gone. */
static void
count_here(struct dispatch *dispatch)
{
	struct services *services = &dispatch->hub->services;

	if (dispatch_length(dispatch) == 0)
		list_remove(&dispatch->busy);
	else if (dispatch->busy.list == NULL)
		list_push_back(&services->busy, &dispatch->busy);
}

static size_t
idle_total(const struct dispatch *dispatch)
{
	const struct registry *all = &dispatch->hub->registry;
	struct instance *one = registry_next(all, NULL);
	size_t idle = 0;

	for (; one != NULL; one = registry_next(all, one))
		if (instance_serves(one, dispatch->slot))
			idle += (size_t)instance_idle(one);
	return idle;
}

/* Whether a shard relays for fewer than another, by more than one that may just
 * be ending. */
static bool
relays_less(const struct hub *hub, unsigned shard, unsigned other)
{
	return atomic_load(&hub->shards[shard].relaying_count) + 1 <
	    atomic_load(&hub->shards[other].relaying_count);
}

/* The shard on which the instance has most idle standbys. Of equals the first,
 * for to main's own there is no way to go, unless another relays for fewer: a
 * session that lasts must not keep the threads of others idle. False: none are
 * idle. */
static bool
consider(struct instance *instance)
{
	struct instance_offer *offer = &instance->offer;
	int most = 0;

	offer->idle = 0;
	for (unsigned i = 0; i < instance->part_count; i++) {
		int idle = atomic_load(&instance->parts[i].idle_count);

		if (idle <= 0)
			continue;
		offer->idle += idle;
		if (idle > most ||
		    (idle == most &&
			relays_less(instance->hub, i, offer->shard))) {
			offer->shard = i;
			most = idle;
		}
	}
	return most > 0;
}

static void
note_arrivals(struct dispatch *dispatch)
{
	struct crowd *crowd = &dispatch->crowd;
	uint64_t now_ms = clock_ms();

	if (now_ms - crowd->since_ms > CROWD_MS) {
		crowd->since_ms = now_ms;
		crowd->size = 0;
	}
	crowd->size += dispatch->arrivals.length;
}

static void
let_go(struct crowd *crowd)
{
	crowd->holding = false;
	loop_timer_stop(&crowd->over);
}

/*
 * Whether this instance's last standby is kept back for a moment. A crowd takes
 * the pool while it still is being accepted, with FORWARDs which say that
 * nobody waits; the last of them leaves when the crowd is counted, so that the
 * inner refills for all of it at once and not a round trip later.
 */
static bool
is_held(struct dispatch *dispatch, const struct instance *instance)
{
	struct crowd *crowd = &dispatch->crowd;
	uint64_t now_ms;

	if (crowd->size < CROWD_SIZE || instance_idle(instance) > 1)
		return false;
	now_ms = clock_ms();
	if (!crowd->holding && dispatch->waiting.length == 0 &&
	    now_ms - crowd->held_ms > CALM_MS) {
		crowd->holding = true;
		crowd->held_ms = now_ms;
		loop_timer_start(&crowd->over, HOLD_MS);
	}
	return crowd->holding;
}

/* What of its size is not idle, times this, tells who is less busy. */
static int64_t
capacity(const struct instance_offer *offer)
{
	return (int64_t)offer->size * offer->weight;
}

static int64_t
busy(const struct instance_offer *offer)
{
	return offer->size - offer->idle;
}

static bool
is_less_busy(const struct instance *one, const struct instance *other)
{
	return busy(&one->offer) * capacity(&other->offer) <
	    busy(&other->offer) * capacity(&one->offer);
}

/* By more than what may just be being replaced: an eighth, and one. */
static bool
is_clearly_busier(const struct instance *one, const struct instance *other)
{
	int64_t surely = busy(&one->offer) - 1 - one->offer.size / 8;

	return surely * capacity(&other->offer) >
	    busy(&other->offer) * capacity(&one->offer);
}

static bool
is_before(const struct instance *one, const struct instance *other)
{
	return *one->offer.turn > *other->offer.turn ||
	    (*one->offer.turn == *other->offer.turn &&
		one->offer.put_us > other->offer.put_us);
}

/*
 * Those that are about as busy for their size as the least busy one take turns:
 * each gains its weight, the first one is taken and pays for all; of equals it
 * is the one that got a standby the latest. So of every so many clients of a
 * service each gets its share, spread evenly.
 */
static struct instance *
take_turn(struct instance *all, const struct instance *least)
{
	struct instance *best = NULL;
	int32_t sum = 0;

	for (struct instance *one = all; one != NULL; one = one->offer.next) {
		if (is_clearly_busier(one, least))
			continue;
		*one->offer.turn += (int32_t)one->offer.weight;
		sum += (int32_t)one->offer.weight;
		if (best == NULL || is_before(one, best))
			best = one;
	}
	*best->offer.turn -= sum;
	return best;
}

/* Several have idle standbys: notes what take_turn asks. */
static struct instance *
weigh(const struct dispatch *dispatch, struct instance *all)
{
	struct instance *least = all;
	uint64_t now_ms = clock_ms();

	for (struct instance *one = all; one != NULL; one = one->offer.next) {
		struct instance_offer *offer = &one->offer;

		offer->size = instance_size(one, offer->idle, now_ms);
		offer->weight = instance_weight(one, dispatch->slot);
		offer->turn = instance_turn(one, dispatch->slot);
		offer->put_us =
		    atomic_load_explicit(&one->parts[offer->shard].put_us,
			memory_order_relaxed);
		if (is_less_busy(one, least))
			least = one;
	}
	return take_turn(all, least);
}

/* One with an idle standby that may be tried for that client. NULL: none. */
static struct instance *
choose(struct dispatch *dispatch, const struct pool_history *history,
    bool suspects, uint64_t but_serial)
{
	const struct registry *registry = &dispatch->hub->registry;
	struct instance *one = registry_next(registry, NULL), *all = NULL;

	for (; one != NULL; one = registry_next(registry, one)) {
		if (one->serial != but_serial &&
		    atomic_load(&one->suspect) == suspects &&
		    pool_may_try(history, one) && !is_held(dispatch, one) &&
		    consider(one)) {
			one->offer.next = all;
			all = one;
		}
	}
	return all == NULL || all->offer.next == NULL ? all
						      : weigh(dispatch, all);
}

static struct instance *
choose_suspect(struct dispatch *dispatch, const struct pool_history *history)
{
	struct instance *one = choose(dispatch, history, true, history->silent);

	return one != NULL ? one : choose(dispatch, history, true, 0);
}

/* Whether somebody who is not suspect may be waited for. */
static bool
worth_waiting(const struct dispatch *dispatch,
    const struct pool_history *history)
{
	const struct registry *all = &dispatch->hub->registry;
	struct instance *other = registry_next(all, NULL);

	for (; other != NULL; other = registry_next(all, other))
		if (!atomic_load(&other->suspect) &&
		    !atomic_load(&other->replaced) &&
		    pool_may_try(history, other))
			return true;
	return false;
}

uint16_t
dispatch_share(size_t waiting, size_t arrivals, size_t idle, size_t serving)
{
	if (arrivals > idle)
		waiting += arrivals - idle;
	if (serving > 1)
		waiting = (waiting + serving - 1) / serving;
	return waiting > UINT16_MAX ? UINT16_MAX : (uint16_t)waiting;
}

static uint16_t
share_of(const struct dispatch *dispatch)
{
	size_t arrivals = dispatch->arrivals.length;
	size_t idle = arrivals > 0 ? idle_total(dispatch) : 0;

	return dispatch_share(dispatch->waiting.length, arrivals, idle,
	    registry_serving(&dispatch->hub->registry, dispatch->slot));
}

/* Clients that wait for that instance, in the queues of all services. */
static uint16_t
waiting_share(const struct hub *hub, const struct instance *instance)
{
	const struct list *busy = &hub->services.busy;
	struct list_node *node = list_first(busy);
	unsigned sum = 0;

	for (; node != NULL; node = list_next(busy, node)) {
		const struct dispatch *queue = list_entry(node, struct dispatch,
		    busy);

		if (instance_serves(instance, queue->slot))
			sum += share_of(queue);
	}
	return sum > UINT16_MAX ? UINT16_MAX : (uint16_t)sum;
}

/* Promises a standby and sends the session there. */
static void
give(struct dispatch *dispatch, struct session *session,
    struct instance *instance)
{
	unsigned shard = instance->offer.shard;

	atomic_fetch_sub(&instance->parts[shard].idle_count, 1);
	dispatch_remove(dispatch, session);
	session_send(session, &dispatch->hub->shards[shard], instance,
	    waiting_share(dispatch->hub, instance));
}

/* Who has one that is not suspect may be waited for; only when there is nobody
 * of that kind, a suspect is asked. */
static bool
try_to_give(struct dispatch *dispatch, struct session *session)
{
	const struct pool_history *history = session_history(session);
	struct instance *one = choose(dispatch, history, false, 0);

	if (one == NULL && !worth_waiting(dispatch, history))
		one = choose_suspect(dispatch, history);
	if (one == NULL)
		return false;
	give(dispatch, session, one);
	return true;
}

static void
serve(struct dispatch *dispatch)
{
	struct list_node *node = list_first(&dispatch->waiting), *next;

	for (; node != NULL && idle_total(dispatch) > 0; node = next) {
		next = list_next(&dispatch->waiting, node);
		(void)try_to_give(dispatch, session_of(node));
	}
}

static void
receive(struct dispatch *dispatch)
{
	size_t most = dispatch->hub->config->queue_length;
	struct list_node *node;

	while ((node = list_first(&dispatch->arrivals)) != NULL) {
		struct session *session = session_of(node);

		if (try_to_give(dispatch, session))
			continue;
		if (dispatch->waiting.length >= most &&
		    dispatch->crowd.holding) {
			let_go(&dispatch->crowd);
			serve(dispatch);
			continue;
		}
		if (dispatch->waiting.length >= most) {
			session_close(session, "the queue is full");
			continue;
		}
		list_remove(node); /* it stays here */
		list_push_back(&dispatch->waiting, node);
		session_wait(session);
	}
}

/* The next standby is for the others who wait for the same inner. */
static void
take_turns(struct dispatch *dispatch)
{
	if (dispatch->busy.list == NULL)
		return;
	list_remove(&dispatch->busy);
	list_push_back(&dispatch->hub->services.busy, &dispatch->busy);
}

static void
look(void *object)
{
	struct dispatch *dispatch = object;
	bool untold;

	note_arrivals(dispatch);
	serve(dispatch);
	untold = dispatch->waiting.length == 0;
	receive(dispatch);
	count_waiting(dispatch);
	if (untold) /* what was idle since then nobody has told us */
		serve(dispatch);
	take_turns(dispatch);
}

static void
on_crowd_over(void *arg)
{
	struct dispatch *dispatch = arg;

	dispatch->crowd.holding = false;
	dispatch_look(dispatch);
}

void
dispatch_look(struct dispatch *dispatch)
{
	if (dispatch_length(dispatch) > 0)
		loop_reap(dispatch->hub->loop, &dispatch->later, look,
		    dispatch);
}

void
dispatch_add(struct dispatch *dispatch, struct session *session, bool again)
{
	struct list_node *node = session_node(session);

	dispatch->hub->services.queued++;
	if (again)
		list_push_front(&dispatch->waiting, node);
	else
		list_push_back(&dispatch->arrivals, node);
	count_here(dispatch);
	if (again) {
		count_waiting(dispatch);
		session_wait(session);
	}
	dispatch_look(dispatch);
}

bool
dispatch_last_try(struct dispatch *dispatch, struct session *session)
{
	const struct pool_history *history = session_history(session);
	struct instance *one;

	let_go(&dispatch->crowd);
	if ((one = choose(dispatch, history, false, 0)) == NULL &&
	    (one = choose_suspect(dispatch, history)) == NULL)
		return false;
	give(dispatch, session, one);
	return true;
}

void
dispatch_remove(struct dispatch *dispatch, struct session *session)
{
	struct list_node *node = session_node(session);

	if (node->list == NULL)
		return;
	list_remove(node);
	dispatch->hub->services.queued--;
	count_waiting(dispatch);
	count_here(dispatch);
}
