/*
 * wheel.c - many coarse deadlines on one timer.
 *
 * Owns:    its timer; never the nodes.
 * Thread:  the loop's.
 * Floor:   net.
 *
 * A slot of the wheel is the list of what is due in one tick. The timer sleeps
 * until the next slot that is not empty.
 */
#include "net/wheel.h"
#include "net/loop.h"
#include "base/clock.h"

#include <stdlib.h>

struct wheel {
	struct loop_timer timer;
	void (*on_due)(struct wheel_node *node);
	uint64_t done;	/* the tick up to which all is done */
	uint64_t armed; /* the tick that the timer waits for; 0: none */
	bool turning;	/* on_timer runs, and done is ahead of it */
	struct list slots[WHEEL_SLOTS];
};

static uint64_t
tick_now(void)
{
	return clock_ms() / WHEEL_TICK_MS;
}

static void
arm(struct wheel *wheel, uint64_t tick)
{
	uint64_t now = clock_ms(), at = tick * WHEEL_TICK_MS;

	wheel->armed = tick;
	loop_timer_start(&wheel->timer, at > now ? at - now : 0);
}

/* The nodes that were there before; on_due may put one back into this slot. */
static void
turn_slot(struct wheel *wheel, struct list *slot)
{
	struct list_node *node;

	for (size_t n = slot->length; n > 0; n--) {
		if ((node = list_pop(slot)) == NULL)
			return;
		wheel->on_due(list_entry(node, struct wheel_node, node));
	}
}

static void
arm_next(struct wheel *wheel)
{
	for (uint64_t t = wheel->done + 1; t <= wheel->done + WHEEL_SLOTS; t++)
		if (wheel->slots[t % WHEEL_SLOTS].length > 0) {
			arm(wheel, t);
			return;
		}
}

static void
on_timer(void *arg)
{
	struct wheel *wheel = arg;
	uint64_t now = tick_now(), tick = wheel->done + 1;

	wheel->armed = 0;
	if (now > wheel->done + WHEEL_SLOTS)
		tick = now - WHEEL_SLOTS + 1; /* each slot once */
	wheel->done = now;
	wheel->turning = true;
	for (; tick <= now; tick++)
		turn_slot(wheel, &wheel->slots[tick % WHEEL_SLOTS]);
	wheel->turning = false;
	arm_next(wheel);
}

struct wheel *
wheel_new(struct loop *loop, void (*on_due)(struct wheel_node *node))
{
	struct wheel *wheel = calloc(1, sizeof(*wheel));

	if (wheel == NULL)
		return NULL;
	wheel->on_due = on_due;
	for (size_t i = 0; i < WHEEL_SLOTS; i++)
		list_init(&wheel->slots[i]);
	loop_timer_init(&wheel->timer, loop, on_timer, wheel);
	return wheel;
}

void
wheel_free(struct wheel *wheel)
{
	struct list_node *node;

	if (wheel == NULL)
		return;
	for (size_t i = 0; i < WHEEL_SLOTS; i++)
		while ((node = list_pop(&wheel->slots[i])) != NULL)
			continue;
	loop_timer_fini(&wheel->timer);
	free(wheel);
}

void
wheel_put(struct wheel *wheel, struct wheel_node *node, uint64_t ms)
{
	uint64_t now = clock_ms(), tick;

	list_remove(&node->node);
	node->due_ms = now + (ms < WHEEL_MOST_MS ? ms : WHEEL_MOST_MS);
	tick = node->due_ms / WHEEL_TICK_MS + 1;
	if (wheel->armed == 0 && !wheel->turning)
		wheel->done = now / WHEEL_TICK_MS;
	list_push_back(&wheel->slots[tick % WHEEL_SLOTS], &node->node);
	if (wheel->turning)
		return; /* it looks for the next one when it is through */
	if (wheel->armed == 0 || tick < wheel->armed)
		arm(wheel, tick);
}

void
wheel_remove(struct wheel_node *node)
{
	list_remove(&node->node);
}
