/*
 * pump_memory.c - what all pumps of the program hold for slow readers.
 *
 * Owns:    nothing.
 * Thread:  any; each share is written by its own loop.
 * Floor:   relay.
 *
 * Nothing is counted while bytes pass: only what a pump has to keep because its
 * reader does not take it. Who reads asks for one number, which is written when
 * memory is tight and when it no longer is.
 */
#include "relay/pump_memory.h"

#include <assert.h>
#include <string.h>

void
pump_memory_init(struct pump_memory *memory, size_t most)
{
	memset(memory, 0, sizeof(*memory));
	memory->most = most;
	atomic_store(&memory->part, PUMP_MEMORY_WHOLE);
}

struct pump_share *
pump_memory_join(struct pump_memory *memory)
{
	unsigned next = atomic_fetch_add(&memory->loops, 1);

	assert(next < PUMP_MEMORY_LOOPS);
	return &memory->shares[next];
}

size_t
pump_memory_held(const struct pump_memory *memory)
{
	unsigned loops = atomic_load(&memory->loops);
	size_t held = 0;

	for (unsigned i = 0; i < loops; i++)
		held += atomic_load(&memory->shares[i].held);
	return held;
}

static unsigned
part_of(const struct pump_memory *memory)
{
	size_t held = pump_memory_held(memory), quarter = memory->most / 4;

	if (held < memory->most - quarter)
		return PUMP_MEMORY_WHOLE;
	if (held >= memory->most)
		return 0;
	/* below the whole, so that this is not taken for calm */
	return (unsigned)((double)(memory->most - held) /
	    (double)(quarter + 1) * PUMP_MEMORY_WHOLE);
}

/* Of two loops that change at once one may write what it saw too early; but the
 * one that wrote last looks once more, and then sees both. */
static void
update(struct pump_memory *memory)
{
	unsigned part = part_of(memory);

	while (atomic_load(&memory->part) != part) {
		atomic_store(&memory->part, part);
		part = part_of(memory);
	}
}

void
pump_memory_add(struct pump_memory *memory, struct pump_share *share,
    size_t bytes)
{
	if (bytes == 0)
		return;
	atomic_fetch_add(&share->held, bytes);
	update(memory);
}

void
pump_memory_sub(struct pump_memory *memory, struct pump_share *share,
    size_t bytes)
{
	if (bytes == 0)
		return;
	assert(atomic_load(&share->held) >= bytes);
	atomic_fetch_sub(&share->held, bytes);
	update(memory);
}

size_t
pump_memory_room(const struct pump_memory *memory, size_t bound)
{
	unsigned part = atomic_load_explicit(&memory->part,
	    memory_order_relaxed);

	if (part == PUMP_MEMORY_WHOLE || bound <= PUMP_MEMORY_LEAST)
		return bound;
	return PUMP_MEMORY_LEAST +
	    (bound - PUMP_MEMORY_LEAST) / PUMP_MEMORY_WHOLE * part;
}

bool
pump_memory_tight(const struct pump_memory *memory)
{
	return pump_memory_held(memory) >= memory->most - memory->most / 8;
}

bool
pump_memory_full(const struct pump_memory *memory)
{
	return pump_memory_held(memory) >= memory->most;
}
