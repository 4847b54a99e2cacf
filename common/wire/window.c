/*
 * window.c - accepts each counter of a peer once.
 *
 * Owns:    nothing.
 * Thread:  any, at the same time.
 * Floor:   wire. See doc/PROTOCOL, "Quick join".
 *
 * Why it is right. A counter has one slot, counter % WINDOW_SIZE, and is
 * accepted only by the compare-and-exchange that moves its slot from less than
 * counter to counter. Slots only grow: after that exchange the slot is counter
 * or more for ever, and none of the same counter can succeed. All exchanges of
 * one slot have one order, whatever the threads; nothing is read but that
 * slot, so that no order between slots is needed and relaxed will do.
 *
 * Who shares the slot with a counter are the numbers WINDOW_SIZE apart. So a
 * counter that is refused was used, or counter + WINDOW_SIZE or one beyond
 * that was: the newest WINDOW_SIZE are never refused unused.
 */
#include "wire/window.h"

#include <stdatomic.h>
#include <stddef.h>

void
window_init(struct window *window)
{
	for (size_t i = 0; i < WINDOW_SIZE; i++)
		atomic_init(&window->slot[i], 0);
}

bool
window_accept(struct window *window, uint64_t counter)
{
	_Atomic uint64_t *slot = &window->slot[counter % WINDOW_SIZE];
	uint64_t highest = atomic_load_explicit(slot, memory_order_relaxed);

	while (highest < counter)
		if (atomic_compare_exchange_weak_explicit(slot, &highest,
			counter, memory_order_relaxed, memory_order_relaxed))
			return true;
	return false;
}
