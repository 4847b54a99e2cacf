/* demand.h - how many idle spares it takes to serve those who come. Floor:
 * inner. */
#ifndef INNER_DEMAND_H
#define INNER_DEMAND_H

#include <stddef.h>
#include <stdint.h>

enum {
	DEMAND_WINDOW_LEAST_MS = 50, /* a browser's connections come so close */
	DEMAND_WINDOW_MOST_MS = 2000,
	DEMAND_HALF_LIFE_MS = 20000,
};

/* Zeroed is ready. */
struct demand {
	uint64_t level;	      /* spares taken in one window, in thousandths: the
				 * most there was, decaying */
	uint64_t window_ms;   /* when the present window began */
	unsigned window_base; /* taken before it */
	unsigned taken;	      /* by the last note */
	uint64_t decayed_ms;  /* level has decayed up to here */
};

/*
 * taken: spares ever taken (it may wrap); waiting: clients that none was left
 * for; refill_ms: how long a new spare takes to stand by, which is how long
 * the idle ones must last. Times never go back.
 */
void demand_note(struct demand *demand, unsigned taken, unsigned waiting,
    uint64_t refill_ms, uint64_t now_ms);

/* Twice what one window took, from least to most. */
size_t demand_target(const struct demand *demand, size_t least, size_t most);

#endif
