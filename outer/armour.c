/*
 * armour.c - which links may begin a handshake.
 *
 * Owns:    the table of sources.
 * Thread:  main looks sources up and judges them; a shard only counts in a
 *          place that the link's pass names, which is not given to another
 *          source while that counts anything.
 * Floor:   outer.
 */
#include "outer/armour.h"

enum { SHARE = 8, LEAST = 16, PERCENT = 100 };

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
	return callers_init(&armour->callers, seed);
}

void
armour_fini(struct armour *armour)
{
	callers_fini(&armour->callers);
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
	caller_judge(caller, now_ms, roll);
	if (caller->barred && !may_probe(armour, caller, now_ms))
		return VERDICT_BARRED;
	if (atomic_load(&caller->pending) >= ARMOUR_OF_STRANGER)
		return VERDICT_SOURCE_IS_FULL;
	pass->probe = caller->barred;
	if (pass->probe)
		caller_probes(caller, now_ms, roll);
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

enum verdict
armour_admit(struct armour *armour, const struct endpoint *peer,
    uint64_t now_ms, unsigned roll, struct pass *pass)
{
	struct caller *caller = callers_find(&armour->callers, peer, now_ms);
	/* asked first: then no shard proves one while it is not known */
	bool alone = caller != NULL && atomic_load(&caller->pending) == 0;
	enum verdict verdict;

	*pass = (struct pass){ .caller = caller, .began_ms = now_ms };
	if (caller != NULL && caller_is_known(caller, now_ms)) {
		caller_forgive(caller);
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
	    (pass->caller == NULL || !caller_is_known(pass->caller, now_ms)) &&
	    now_ms >= pass->began_ms + armour->hurry_ms;
}

bool
pass_is_barred(const struct armour *armour, const struct pass *pass,
    uint64_t now_ms)
{
	return pass->kind == PASS_STRANGER && pass->caller != NULL &&
	    atomic_load(&pass->caller->barred) &&
	    !caller_is_known(pass->caller, now_ms) &&
	    (!pass->probe || pass_is_slow(armour, pass, now_ms));
}

void
pass_proved(struct armour *armour, struct pass *pass, unsigned dialing)
{
	if (pass->kind != PASS_STRANGER && pass->kind != PASS_KNOWN)
		return;
	if (pass->caller != NULL) {
		caller_raise_dialing(pass->caller, dialing);
		atomic_fetch_add(&pass->caller->links, 1);
	}
	leave_pending(armour, pass);
	pass->kind = PASS_LINK;
}

void
pass_end(struct armour *armour, struct pass *pass, enum fault fault,
    uint64_t now_ms)
{
	switch (pass->kind) {
	case PASS_NONE:
		break;
	case PASS_STRANGER:
		if (!pass->probe && pass->caller != NULL)
			caller_note(pass->caller, fault, now_ms);
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
	if (caller == NULL || caller_is_known(caller, now_ms))
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
