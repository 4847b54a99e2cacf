/* rate.h - how fast links may go: each of them, and all of them together, those
 * of other loops too. Floor: net. */
#ifndef NET_RATE_H
#define NET_RATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct link;
struct loop;
struct rate;

/* What all loops share. Bytes a second, in and out each; 0: no limit. */
struct rate_limits {
	uint64_t all, each;
	atomic_uint loops; /* that have limited links now; zero at first */
};

/* limits is borrowed and outlives it. NULL without memory. */
struct rate *rate_new(struct loop *loop, struct rate_limits *limits);

/* When all links have left, before the loop is freed. NULL is fine. */
void rate_free(struct rate *rate);

/*
 * From now on the link reads and writes no faster than it may. Of "all" each
 * loop that has a limited link gets the same part, and its links share it. A
 * loop that is alone has all of it 100 ms after the others have none. False
 * without memory: then nothing has changed.
 */
bool rate_join(struct rate *rate, struct link *link);

/* No limits for it any more; before it is freed. */
void rate_leave(struct rate *rate, struct link *link);

/* Bytes that have come and gone by the links since the first of those that are
 * there joined. Only where "all" has a limit; else 0. */
void rate_moved(const struct rate *rate, uint64_t *in, uint64_t *out);

#endif
