/* pump_memory.h - what all pumps of the program hold for slow readers and
 * slow senders of records, and how much one of them may. Floor: relay. */
#ifndef RELAY_PUMP_MEMORY_H
#define RELAY_PUMP_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PUMP_MEMORY_LOOPS = 65,	       /* that may share it */
	PUMP_MEMORY_LEAST = 16 * 1024, /* what a direction always may hold */
	PUMP_MEMORY_WHOLE = 256,       /* parts of its own bound */
	PUMP_MEMORY_LINE = 64,	       /* bytes: no two loops write to one */
};

/* What one loop holds; written by its thread alone. */
struct pump_share {
	atomic_size_t held;
	char apart[PUMP_MEMORY_LINE - sizeof(atomic_size_t)];
};

struct pump_memory {
	size_t most;	   /* bytes */
	atomic_uint loops; /* that have a share */
	atomic_uint part;  /* of PUMP_MEMORY_WHOLE: what a direction may hold */
	struct pump_share shares[PUMP_MEMORY_LOOPS];
};

/* most: from 1 on. */
void pump_memory_init(struct pump_memory *memory, size_t most);

/* One more loop. Borrowed: lives as long as the memory. At most
 * PUMP_MEMORY_LOOPS times. */
struct pump_share *pump_memory_join(struct pump_memory *memory);

/* A loop holds so many bytes more, so many less than before. */
void pump_memory_add(struct pump_memory *memory, struct pump_share *share,
    size_t bytes);
void pump_memory_sub(struct pump_memory *memory, struct pump_share *share,
    size_t bytes);

/* What all loops hold. From any thread, as all below. */
size_t pump_memory_held(const struct pump_memory *memory);

/*
 * How much of its own bound a direction may hold now: all of it, until three
 * quarters of the memory are held; then ever less, and PUMP_MEMORY_LEAST when
 * all is.
 */
size_t pump_memory_room(const struct pump_memory *memory, size_t bound);

/* Whether seven eighths are held; whether all is. */
bool pump_memory_tight(const struct pump_memory *memory);
bool pump_memory_full(const struct pump_memory *memory);

#endif
