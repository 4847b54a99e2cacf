/*
 * callers.c - the sources that links come from.
 *
 * Owns:    a table of sources, of a size that never changes.
 * Thread:  main looks sources up and judges them; other threads count and note
 *          in a row that a link of theirs names, which is not given to another
 *          source while that counts anything.
 * Floor:   outer.
 *
 * A source may stand in one of WAYS places. Where all of them are taken the
 * one goes that is missed least: without a penalty first, then the one whose
 * penalty ends first. Where all count something, the link has no source: it
 * is bounded by MaxStartups alone (armour.h).
 */
#include "outer/callers.h"

#include <stdlib.h>
#include <string.h>

enum { WAYS = 16, PERCENT = 100 };

/* What a fault adds to the penalty. */
static const uint32_t penalty_ms[FAULT_NKINDS] = {
	[FAULT_PROOF] = 5000,
	[FAULT_PROTOCOL] = 5000,
	[FAULT_SILENCE] = 5000,
	[FAULT_LEFT] = 1000,
};

bool
callers_init(struct callers *callers, uint64_t seed)
{
	callers->seed = seed;
	callers->rows = calloc(CALLERS_MAX, sizeof(*callers->rows));
	return callers->rows != NULL;
}

void
callers_fini(struct callers *callers)
{
	free(callers->rows);
	callers->rows = NULL;
}

static uint64_t
net_of(const struct endpoint *peer)
{
	size_t len = peer->family == 4 ? 4 : peer->family == 6 ? 8 : 0;
	uint64_t net = 0;

	memcpy(&net, peer->bytes, len);
	return net;
}

/* splitmix64, from a start that no stranger knows. */
static size_t
place_of(const struct callers *callers, uint64_t net, uint8_t family)
{
	uint64_t mixed = net + callers->seed +
	    family * UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return (size_t)(mixed ^ mixed >> 31) % CALLERS_MAX;
}

/* links first: a shard whose last link leaves writes left_ms before it counts
 * that down; and its clock may be ahead of now_ms. */
bool
caller_is_known(const struct caller *caller, uint64_t now_ms)
{
	uint64_t left_ms;

	if (atomic_load(&caller->links) > 0)
		return true;
	left_ms = atomic_load(&caller->left_ms);
	return left_ms != 0 && now_ms < left_ms + CALLER_KNOWN_MS;
}

/* How much is lost when it is forgotten; UINT64_MAX: it must not be. */
static uint64_t
worth(const struct caller *caller, uint64_t now_ms)
{
	if (!caller->used)
		return 0;
	if (atomic_load(&caller->pending) > 0 ||
	    caller_is_known(caller, now_ms))
		return UINT64_MAX;
	if (caller->until_ms > now_ms)
		return 2 + caller->until_ms - now_ms;
	for (int i = 0; i < FAULT_NKINDS; i++)
		if (atomic_load(&caller->faults[i]) > 0)
			return 2;
	return 1;
}

struct caller *
callers_find(struct callers *callers, const struct endpoint *peer,
    uint64_t now_ms)
{
	uint64_t net = net_of(peer), least = UINT64_MAX;
	size_t place = place_of(callers, net, peer->family);
	struct caller *caller, *spare = NULL;

	for (size_t i = 0; i < WAYS; i++) {
		caller = &callers->rows[(place + i) % CALLERS_MAX];
		if (caller->used && caller->net == net &&
		    caller->family == peer->family)
			return caller;
		if (worth(caller, now_ms) < least) {
			least = worth(caller, now_ms);
			spare = caller;
		}
	}
	if (spare == NULL)
		return NULL;
	memset(spare, 0, sizeof(*spare));
	spare->used = true;
	spare->family = peer->family;
	spare->net = net;
	return spare;
}

/* --- penalties ----------------------------------------------------------- */

void
caller_probes(struct caller *caller, uint64_t now_ms, unsigned roll)
{
	caller->probe_ms = now_ms + CALLER_PROBE_MS / 2 +
	    roll * CALLER_PROBE_MS / PERCENT;
}

/* Takes what shards have noted, and bars who is over CALLER_PATIENCE_MS: twice
 * as long each time, until it has kept the rules for the longest bar. */
void
caller_judge(struct caller *caller, uint64_t now_ms, unsigned roll)
{
	uint64_t last_ms = atomic_load(&caller->fault_ms), bar_ms;

	if (caller->until_ms + CALLER_BAR_MAX_MS < now_ms)
		caller->level = 0;
	if (caller->barred && now_ms >= caller->until_ms)
		caller->barred = false;
	for (int i = 0; i < FAULT_NKINDS; i++) {
		uint64_t count = atomic_exchange(&caller->faults[i], 0);

		if (caller->until_ms < last_ms && count > 0)
			caller->until_ms = last_ms;
		caller->until_ms += count * penalty_ms[i];
	}
	if (caller->barred || caller->until_ms <= now_ms + CALLER_PATIENCE_MS)
		return;
	bar_ms = (uint64_t)CALLER_BAR_MS << caller->level;
	if (bar_ms > CALLER_BAR_MAX_MS)
		bar_ms = CALLER_BAR_MAX_MS;
	else
		caller->level++;
	caller->barred = true;
	caller->until_ms = now_ms + bar_ms;
	caller_probes(caller, now_ms, roll);
}

void
caller_forgive(struct caller *caller)
{
	caller->barred = false;
	caller->level = 0;
	caller->until_ms = 0;
	for (int i = 0; i < FAULT_NKINDS; i++)
		atomic_store(&caller->faults[i], 0);
}

void
caller_note(struct caller *caller, enum fault fault, uint64_t now_ms)
{
	if (fault == FAULT_NONE)
		return;
	atomic_store(&caller->fault_ms, now_ms);
	atomic_fetch_add(&caller->faults[fault], 1);
}

void
caller_raise_dialing(struct caller *caller, unsigned dialing)
{
	unsigned before = atomic_load(&caller->dialing);

	while (before < dialing &&
	    !atomic_compare_exchange_weak(&caller->dialing, &before, dialing))
		continue;
}
