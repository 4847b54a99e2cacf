/*
 * demand.c - how many idle spares it takes to serve those who come.
 *
 * Owns:    nothing.
 * Thread:  any, one at a time.
 * Floor:   inner. Pure: the caller says what time it is.
 *
 * Idle spares must last until those that replace them stand by. So spares are
 * counted that one such time, the window, has taken; the most of them, fading
 * by half in DEMAND_HALF_LIFE_MS, is what the next window may take too. Twice
 * that is kept, since windows do not begin when crowds do.
 */
#include "inner/demand.h"

enum { WHOLE = 1000, HEAD_ROOM = 2, STEPS = 20 /* a half-life has */ };

static uint64_t
bounded(uint64_t value, uint64_t least, uint64_t most)
{
	return value < least ? least : value > most ? most : value;
}

/* 0.9659 to the power of 20 is a half. */
static void
decay(struct demand *demand, uint64_t now_ms)
{
	const uint64_t step_ms = DEMAND_HALF_LIFE_MS / STEPS;

	while (demand->level > 0 && now_ms - demand->decayed_ms >= step_ms) {
		demand->level = demand->level * 9659 / 10000;
		demand->decayed_ms += step_ms;
	}
	if (demand->level == 0)
		demand->decayed_ms = now_ms;
}

void
demand_note(struct demand *demand, unsigned taken, unsigned waiting,
    uint64_t refill_ms, uint64_t now_ms)
{
	uint64_t window = bounded(refill_ms, DEMAND_WINDOW_LEAST_MS,
	    DEMAND_WINDOW_MOST_MS);
	uint64_t level;

	decay(demand, now_ms);
	if (now_ms - demand->window_ms >= window) {
		demand->window_ms = now_ms;
		demand->window_base = demand->taken;
	}
	demand->taken = taken;
	level = ((uint64_t)(taken - demand->window_base) + waiting) * WHOLE;
	if (level > demand->level)
		demand->level = level;
}

size_t
demand_target(const struct demand *demand, size_t least, size_t most)
{
	uint64_t target = (HEAD_ROOM * demand->level + WHOLE - 1) / WHOLE;

	return (size_t)bounded(target, least, most);
}
