/*
 * armour.c - which links may begin a handshake.
 *
 * Owns:    a table of sources, of a size that never changes.
 * Thread:  main looks sources up and judges them; a shard only counts in a
 *          place that the link's pass names, which is not given to another
 *          source while that counts anything.
 * Floor:   outer.
 *
 * A source may stand in one of WAYS places. Where all of them are taken the
 * one goes that is missed least: without a penalty first, then the one whose
 * penalty ends first. Where all count something, the link has no source: it
 * is bounded by MaxStartups alone.
 */
#include "outer/armour.h"

#include <stdlib.h>
#include <string.h>

enum { WAYS = 16, SHARE = 8, LEAST = 16, PERCENT = 100 };

/* What a fault adds to the penalty. */
static const uint32_t penalty_ms[FAULT_NKINDS] = {
	[FAULT_PROOF] = 5000,
	[FAULT_PROTOCOL] = 5000,
	[FAULT_SILENCE] = 5000,
	[FAULT_LEFT] = 1000,
};

/* Digits, at most so many that they fit. */
static const char *
parse_number(const char *text, uint32_t *out)
{
	uint64_t number = 0;
	int digits = 0;

	for (; *text >= '0' && *text <= '9' && digits < 8; text++, digits++)
		number = number * 10 + (uint64_t)(*text - '0');
	*out = (uint32_t)number;
	return digits > 0 ? text : NULL;
}

bool
startups_parse(const char *text, struct startups *startups)
{
	uint32_t *const parts[] = { &startups->start, &startups->rate,
		&startups->full };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		text = parse_number(text, parts[i]);
		if (text == NULL || *text++ != (i < 2 ? ':' : '\0'))
			return false;
	}
	return startups->start >= 1 && startups->start <= startups->full &&
	    startups->rate >= 1 && startups->rate <= PERCENT &&
	    startups->full <= 1000000;
}

static uint32_t
at_most(uint32_t number, uint64_t most)
{
	return number < most ? number : (uint32_t)most;
}

bool
armour_init(struct armour *armour, const struct startups *limits,
    uint64_t max_fds, uint32_t handshake_ms, uint64_t seed)
{
	uint64_t share = max_fds / SHARE;
	uint32_t hurry_ms = handshake_ms / ARMOUR_HURRY_PART;

	if (share < LEAST)
		share = LEAST;
	armour->limits = *limits;
	armour->limits.full = at_most(limits->full, share);
	armour->limits.start = at_most(limits->start, armour->limits.full);
	armour->known_full = at_most(UINT32_MAX, share);
	armour->hurry_ms = hurry_ms > ARMOUR_HURRY_MIN_MS ? hurry_ms
							  : ARMOUR_HURRY_MIN_MS;
	armour->seed = seed;
	armour->callers = calloc(ARMOUR_CALLERS, sizeof(*armour->callers));
	return armour->callers != NULL;
}

void
armour_fini(struct armour *armour)
{
	free(armour->callers);
	armour->callers = NULL;
}

void
armour_set_tight(struct armour *armour, bool tight)
{
	atomic_store(&armour->tight, tight);
}

size_t
armour_pending(const struct armour *armour)
{
	return (size_t)atomic_load(&armour->pending) +
	    atomic_load(&armour->known_pending);
}

/* --- the table ----------------------------------------------------------- */

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
place_of(const struct armour *armour, uint64_t net, uint8_t family)
{
	uint64_t mixed = net + armour->seed +
	    family * UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return (size_t)(mixed ^ mixed >> 31) % ARMOUR_CALLERS;
}

/* links first: a shard whose last link leaves writes left_ms before it counts
 * that down; and its clock may be ahead of now_ms. */
static bool
is_known(const struct caller *caller, uint64_t now_ms)
{
	uint64_t left_ms;

	if (atomic_load(&caller->links) > 0)
		return true;
	left_ms = atomic_load(&caller->left_ms);
	return left_ms != 0 && now_ms < left_ms + ARMOUR_KNOWN_MS;
}

/* How much is lost when it is forgotten; UINT64_MAX: it must not be. */
static uint64_t
worth(const struct caller *caller, uint64_t now_ms)
{
	if (!caller->used)
		return 0;
	if (atomic_load(&caller->pending) > 0 || is_known(caller, now_ms))
		return UINT64_MAX;
	if (caller->until_ms > now_ms)
		return 2 + caller->until_ms - now_ms;
	for (int i = 0; i < FAULT_NKINDS; i++)
		if (atomic_load(&caller->faults[i]) > 0)
			return 2;
	return 1;
}

static struct caller *
find(struct armour *armour, const struct endpoint *peer, uint64_t now_ms)
{
	uint64_t net = net_of(peer), least = UINT64_MAX;
	size_t place = place_of(armour, net, peer->family);
	struct caller *caller, *spare = NULL;

	for (size_t i = 0; i < WAYS; i++) {
		caller = &armour->callers[(place + i) % ARMOUR_CALLERS];
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

/* When a barred source may try again. */
static uint64_t
next_probe(uint64_t now_ms, unsigned roll)
{
	return now_ms + ARMOUR_PROBE_MS / 2 + roll * ARMOUR_PROBE_MS / PERCENT;
}

/* Takes what shards have noted, and bars who is over ARMOUR_PATIENCE_MS: twice
 * as long each time, until it has kept the rules for the longest bar. */
static void
punish(struct caller *caller, uint64_t now_ms, unsigned roll)
{
	uint64_t last_ms = atomic_load(&caller->fault_ms), bar_ms;

	if (caller->until_ms + ARMOUR_BAR_MAX_MS < now_ms)
		caller->level = 0;
	if (caller->barred && now_ms >= caller->until_ms)
		caller->barred = false;
	for (int i = 0; i < FAULT_NKINDS; i++) {
		uint64_t count = atomic_exchange(&caller->faults[i], 0);

		if (caller->until_ms < last_ms && count > 0)
			caller->until_ms = last_ms;
		caller->until_ms += count * penalty_ms[i];
	}
	if (caller->barred || caller->until_ms <= now_ms + ARMOUR_PATIENCE_MS)
		return;
	bar_ms = (uint64_t)ARMOUR_BAR_MS << caller->level;
	if (bar_ms > ARMOUR_BAR_MAX_MS)
		bar_ms = ARMOUR_BAR_MAX_MS;
	else
		caller->level++;
	caller->barred = true;
	caller->until_ms = now_ms + bar_ms;
	caller->probe_ms = next_probe(now_ms, roll);
}

/* --- judging ------------------------------------------------------------- */

/* As sshd does it: from rate per cent at start to all at full. */
static bool
is_turned_away(const struct startups *limits, uint32_t pending, unsigned roll)
{
	uint64_t per_cent;

	if (pending < limits->start)
		return false;
	if (pending >= limits->full)
		return true;
	per_cent = (uint64_t)(PERCENT - limits->rate) *
		(pending - limits->start) / (limits->full - limits->start) +
	    limits->rate;
	return roll < per_cent;
}

/* Links of a known source without a proof, as long as others have enough. */
static uint32_t
most_of_known(const struct armour *armour, const struct caller *caller)
{
	uint64_t most = (uint64_t)atomic_load(&caller->dialing) *
	    ARMOUR_OF_KNOWN_PART;

	if (most < ARMOUR_OF_KNOWN)
		most = ARMOUR_OF_KNOWN;
	return at_most(armour->known_full, most);
}

static enum verdict
admit_known(struct armour *armour, struct caller *caller, struct pass *pass)
{
	unsigned pending = atomic_load(&caller->pending);
	unsigned all = atomic_load(&armour->known_pending);
	uint32_t most = most_of_known(armour, caller);

	/* the oldest one goes when this one is on its shard: for a moment
	 * there are more */
	if (pending >= 2 * most || all >= 2 * armour->known_full)
		return VERDICT_SOURCE_IS_FULL;
	atomic_fetch_add(&armour->known_pending, 1);
	pass->kind = PASS_KNOWN;
	/* what others have too much of makes nobody give up the first few */
	pass->crowded = pending >= most ||
	    (all >= armour->known_full && pending >= LEAST);
	return VERDICT_WELCOME;
}

/* Many barred sources together must not be in the way of others. */
static bool
may_probe(const struct armour *armour, const struct caller *caller,
    uint64_t now_ms)
{
	uint32_t most = atomic_load(&armour->tight)
	    ? at_most(armour->limits.start, ARMOUR_TIGHT)
	    : armour->limits.start;

	return now_ms >= caller->probe_ms &&
	    2 * (uint64_t)atomic_load(&armour->pending) < most;
}

/* What this source has done and has says against one more link of it. */
static enum verdict
judge_caller(const struct armour *armour, struct caller *caller,
    uint64_t now_ms, unsigned roll, struct pass *pass)
{
	punish(caller, now_ms, roll);
	if (caller->barred && !may_probe(armour, caller, now_ms))
		return VERDICT_BARRED;
	if (atomic_load(&caller->pending) >= ARMOUR_OF_STRANGER)
		return VERDICT_SOURCE_IS_FULL;
	pass->probe = caller->barred;
	if (pass->probe)
		caller->probe_ms = next_probe(now_ms, roll);
	return VERDICT_WELCOME;
}

static enum verdict
admit_stranger(struct armour *armour, uint64_t now_ms, unsigned roll,
    struct pass *pass)
{
	enum verdict verdict = VERDICT_WELCOME;
	unsigned pending = atomic_load(&armour->pending);

	if (pass->caller != NULL)
		verdict = judge_caller(armour, pass->caller, now_ms, roll,
		    pass);
	if (verdict != VERDICT_WELCOME)
		return verdict;
	if (is_turned_away(&armour->limits, pending, roll) ||
	    (atomic_load(&armour->tight) && pending >= ARMOUR_TIGHT))
		return VERDICT_MAX_STARTUPS;
	atomic_fetch_add(&armour->pending, 1);
	pass->kind = PASS_STRANGER;
	return VERDICT_WELCOME;
}

/* What a known source did wrong is forgotten, whoever it was there. */
static void
forgive(struct caller *caller)
{
	caller->barred = false;
	caller->level = 0;
	caller->until_ms = 0;
	for (int i = 0; i < FAULT_NKINDS; i++)
		atomic_store(&caller->faults[i], 0);
}

enum verdict
armour_admit(struct armour *armour, const struct endpoint *peer,
    uint64_t now_ms, unsigned roll, struct pass *pass)
{
	struct caller *caller = find(armour, peer, now_ms);
	/* asked first: then no shard proves one while it is not known */
	bool alone = caller != NULL && atomic_load(&caller->pending) == 0;
	enum verdict verdict;

	*pass = (struct pass){ .caller = caller, .began_ms = now_ms };
	if (caller != NULL && is_known(caller, now_ms)) {
		forgive(caller);
		verdict = admit_known(armour, caller, pass);
	} else {
		if (alone)
			atomic_store(&caller->dialing, 0);
		verdict = admit_stranger(armour, now_ms, roll, pass);
	}
	if (verdict == VERDICT_WELCOME && caller != NULL)
		atomic_fetch_add(&caller->pending, 1);
	return verdict;
}

/* --- on shards ----------------------------------------------------------- */

static void
leave_pending(struct armour *armour, const struct pass *pass)
{
	atomic_fetch_sub(pass->kind == PASS_KNOWN ? &armour->known_pending
						  : &armour->pending,
	    1);
	if (pass->caller != NULL) /* last: then the place may be another's */
		atomic_fetch_sub(&pass->caller->pending, 1);
}

/* A shard's clock may be behind that of main. */
bool
pass_is_slow(const struct armour *armour, const struct pass *pass,
    uint64_t now_ms)
{
	return pass->kind == PASS_STRANGER &&
	    (pass->caller == NULL || !is_known(pass->caller, now_ms)) &&
	    now_ms >= pass->began_ms + armour->hurry_ms;
}

bool
pass_is_barred(const struct armour *armour, const struct pass *pass,
    uint64_t now_ms)
{
	return pass->kind == PASS_STRANGER && pass->caller != NULL &&
	    atomic_load(&pass->caller->barred) &&
	    !is_known(pass->caller, now_ms) &&
	    (!pass->probe || pass_is_slow(armour, pass, now_ms));
}

static void
raise_dialing(struct caller *caller, unsigned dialing)
{
	unsigned before = atomic_load(&caller->dialing);

	while (before < dialing &&
	    !atomic_compare_exchange_weak(&caller->dialing, &before, dialing))
		continue;
}

void
pass_proved(struct armour *armour, struct pass *pass, unsigned dialing)
{
	if (pass->kind != PASS_STRANGER && pass->kind != PASS_KNOWN)
		return;
	if (pass->caller != NULL) {
		raise_dialing(pass->caller, dialing);
		atomic_fetch_add(&pass->caller->links, 1);
	}
	leave_pending(armour, pass);
	pass->kind = PASS_LINK;
}

static void
note_fault(struct caller *caller, enum fault fault, uint64_t now_ms)
{
	if (caller == NULL || fault == FAULT_NONE)
		return;
	atomic_store(&caller->fault_ms, now_ms);
	atomic_fetch_add(&caller->faults[fault], 1);
}

void
pass_end(struct armour *armour, struct pass *pass, enum fault fault,
    uint64_t now_ms)
{
	switch (pass->kind) {
	case PASS_NONE:
		break;
	case PASS_STRANGER:
		if (!pass->probe)
			note_fault(pass->caller, fault, now_ms);
		leave_pending(armour, pass);
		break;
	case PASS_KNOWN:
		leave_pending(armour, pass);
		break;
	case PASS_LINK:
		if (pass->caller == NULL)
			break;
		atomic_store(&pass->caller->left_ms, now_ms);
		atomic_fetch_sub(&pass->caller->links, 1);
		break;
	}
	pass->kind = PASS_NONE;
}

bool
pass_may_tell(const struct pass *pass, enum fault fault, uint64_t now_ms,
    unsigned *left_out)
{
	struct caller *caller = pass->caller;
	uint64_t told_ms;

	*left_out = 0;
	if (caller == NULL || is_known(caller, now_ms))
		return true;
	told_ms = atomic_load(&caller->told_ms[fault]);
	if ((told_ms != 0 && now_ms - told_ms < ARMOUR_TELL_MS) ||
	    !atomic_compare_exchange_strong(&caller->told_ms[fault], &told_ms,
		now_ms)) {
		atomic_fetch_add(&caller->untold[fault], 1);
		return false;
	}
	*left_out = atomic_exchange(&caller->untold[fault], 0);
	return true;
}

bool
armour_may_linger(struct armour *armour, uint64_t now_ms)
{
	uint64_t began_ms = atomic_load(&armour->linger_ms);

	if (atomic_load(&armour->tight))
		return false;
	if (now_ms - began_ms >= ARMOUR_LINGER_MS &&
	    atomic_compare_exchange_strong(&armour->linger_ms, &began_ms,
		now_ms))
		atomic_store(&armour->lingering, 0);
	return atomic_fetch_add(&armour->lingering, 1) < armour->known_full;
}
