/* wheel.h - many coarse deadlines on one timer. Floor: net. */
#ifndef NET_WHEEL_H
#define NET_WHEEL_H

#include "base/list.h"

#include <stdint.h>

struct loop;
struct wheel;

enum {
	WHEEL_TICK_MS = 128, /* how late a deadline may come */
	WHEEL_SLOTS = 512,
	WHEEL_MOST_MS = (WHEEL_SLOTS - 2) * WHEEL_TICK_MS,
};

/* Embedded in whatever has a deadline. Zeroed is ready. */
struct wheel_node {
	struct list_node node;
	uint64_t due_ms; /* while on the wheel */
};

/* on_due runs in the loop, the node is off the wheel by then; it may put
 * nodes on and take any off. NULL without memory. */
struct wheel *
wheel_new(struct loop *loop, void (*on_due)(struct wheel_node *node));

/* What is still on it is forgotten. NULL is fine. */
void wheel_free(struct wheel *wheel);

/*
 * Sets a deadline, anew if it had one: in ms, or up to WHEEL_TICK_MS later.
 * One that is further away than WHEEL_MOST_MS comes then: look at the clock.
 * Costs no memory.
 */
void wheel_put(struct wheel *wheel, struct wheel_node *node, uint64_t ms);

/* Takes it off, wherever it is. */
void wheel_remove(struct wheel_node *node);

#endif
