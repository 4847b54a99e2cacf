/* sources.h - how many sessions each source of clients has, and how fast they
 * come. Floor: outer. */
#ifndef OUTER_SOURCES_H
#define OUTER_SOURCES_H

#include "base/list.h"
#include "net/endpoint.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SOURCES_BUCKETS = 4096,
	SOURCES_IDLE_MAX = 16384, /* remembered without a session */
};

/* What one source may do. 0: no limit. */
struct source_limits {
	uint32_t sessions; /* at once */
	uint32_t rate;	   /* new ones a second, in the long run */
	uint32_t burst;	   /* new ones at once, after a pause; 0: as many as
			    * come in 10 seconds */
};

/* An IPv4 address, or an IPv6 /64: who has one address of it has them all. */
struct source {
	struct list_node bucket, age;
	struct sources *sources;
	uint8_t family;
	uint64_t net;	       /* what tells it from others */
	atomic_uint sessions;  /* written by any thread, up by main only */
	uint64_t tokens_milli; /* a new session takes 1000 */
	uint64_t filled_ms;    /* tokens are true up to here */
};

struct sources {
	struct source_limits limits;
	struct list *buckets; /* owned; NULL: no limits */
	struct list by_age;   /* of source.age, used last at the end */
	atomic_size_t active; /* sessions that are counted */
	uint64_t seed;	      /* so that nobody can fill one bucket */
};

enum source_verdict {
	SOURCE_WELCOME,
	SOURCE_TOO_MANY, /* it has as many sessions as it may */
	SOURCE_TOO_FAST,
	SOURCE_NO_MEMORY,
};

/* seed: a number that no stranger knows. False without memory. */
bool sources_init(struct sources *sources, const struct source_limits *limits,
    uint64_t seed);

/* When no session is left; zeroed is fine. */
void sources_fini(struct sources *sources);

/*
 * A new client at now_ms. SOURCE_WELCOME: it counts as a session of *source
 * until source_leave; NULL where there are no limits, or none for clients of a
 * Unix socket. Else it counts as nothing. Main only.
 */
enum source_verdict sources_enter(struct sources *sources,
    const struct endpoint *client, uint64_t now_ms, struct source **source);

/* A session of the source has ended. From any thread; NULL is fine. */
void source_leave(struct source *source);

/* How many sources are remembered. */
size_t sources_known(const struct sources *sources);

#endif
