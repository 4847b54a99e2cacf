/*
 * sources.c - how many sessions each source of clients has, and how fast they
 * come.
 *
 * Owns:    a row for each source that has a session or came of late.
 * Thread:  main; only the count of sessions is taken down on shards.
 * Floor:   outer.
 *
 * Bounded: there are at most SOURCES_IDLE_MAX rows more than sessions. When
 * there would be one more, that without a session goes that was used longest
 * ago; what it forgets is that the source came too fast some time ago.
 */
#include "outer/sources.h"

#include <stdlib.h>
#include <string.h>

enum { TOKEN_MILLI = 1000, BURST_SECONDS = 10 };

bool
sources_init(struct sources *sources, const struct source_limits *limits,
    uint64_t seed)
{
	memset(sources, 0, sizeof(*sources));
	sources->limits = *limits;
	sources->seed = seed;
	list_init(&sources->by_age);
	if (limits->sessions == 0 && limits->rate == 0)
		return true;
	sources->buckets = calloc(SOURCES_BUCKETS, sizeof(struct list));
	if (sources->buckets == NULL)
		return false;
	for (unsigned i = 0; i < SOURCES_BUCKETS; i++)
		list_init(&sources->buckets[i]);
	return true;
}

static void
forget(struct source *source)
{
	list_remove(&source->bucket);
	list_remove(&source->age);
	free(source);
}

void
sources_fini(struct sources *sources)
{
	struct list_node *node;

	if (sources->buckets == NULL)
		return;
	while ((node = list_first(&sources->by_age)) != NULL)
		forget(list_entry(node, struct source, age));
	free(sources->buckets);
	sources->buckets = NULL;
}

static uint64_t
net_of(const struct endpoint *client)
{
	size_t len = client->family == 4 ? 4 : sizeof(uint64_t);
	uint64_t net = 0;

	memcpy(&net, client->bytes, len);
	return net;
}

/* splitmix64 with a secret start: no stranger can choose addresses that all
 * come into one bucket. */
static struct list *
bucket_of(struct sources *sources, uint64_t net, uint8_t family)
{
	uint64_t mixed = net + sources->seed +
	    family * UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return &sources->buckets[(mixed ^ mixed >> 31) % SOURCES_BUCKETS];
}

static void
touch(struct sources *sources, struct source *source)
{
	list_remove(&source->age);
	list_push_back(&sources->by_age, &source->age);
}

/* There are more rows than sessions, so one is found. Rows in use are moved out
 * of the way, to the end, so the next one need not look at them. */
static void
make_room(struct sources *sources)
{
	size_t left = sources->by_age.length;

	while (left-- > 0) {
		struct source *oldest = list_entry(list_first(&sources->by_age),
		    struct source, age);

		if (atomic_load(&oldest->sessions) == 0) {
			forget(oldest);
			return;
		}
		touch(sources, oldest);
	}
}

static struct source *
find(struct sources *sources, uint64_t net, uint8_t family)
{
	struct list *bucket = bucket_of(sources, net, family);
	struct list_node *node = list_first(bucket);

	for (; node != NULL; node = list_next(bucket, node)) {
		struct source *source = list_entry(node, struct source, bucket);

		if (source->net == net && source->family == family)
			return source;
	}
	return NULL;
}

static uint64_t
burst_milli(const struct source_limits *limits)
{
	uint64_t burst = limits->burst > 0
	    ? limits->burst
	    : limits->rate * (uint64_t)BURST_SECONDS;

	return burst * TOKEN_MILLI;
}

static struct source *
add(struct sources *sources, uint64_t net, uint8_t family, uint64_t now_ms)
{
	struct source *source;

	if (sources->by_age.length >=
	    SOURCES_IDLE_MAX + atomic_load(&sources->active))
		make_room(sources);
	if ((source = calloc(1, sizeof(*source))) == NULL)
		return NULL;
	source->sources = sources;
	source->net = net;
	source->family = family;
	source->tokens_milli = burst_milli(&sources->limits);
	source->filled_ms = now_ms;
	list_push_back(bucket_of(sources, net, family), &source->bucket);
	list_push_back(&sources->by_age, &source->age);
	return source;
}

static bool
take_token(struct source *source, const struct source_limits *limits,
    uint64_t now_ms)
{
	uint64_t most = burst_milli(limits);
	uint64_t passed = now_ms - source->filled_ms;
	uint64_t missing = most - source->tokens_milli;

	/* in this order nothing overflows, however long the pause was */
	source->tokens_milli = passed > missing / limits->rate
	    ? most
	    : source->tokens_milli + passed * limits->rate;
	source->filled_ms = now_ms;
	if (source->tokens_milli < TOKEN_MILLI)
		return false;
	source->tokens_milli -= TOKEN_MILLI;
	return true;
}

enum source_verdict
sources_enter(struct sources *sources, const struct endpoint *client,
    uint64_t now_ms, struct source **source)
{
	const struct source_limits *limits = &sources->limits;
	uint64_t net = net_of(client);
	struct source *known;

	*source = NULL;
	if (sources->buckets == NULL || client->family == 0)
		return SOURCE_WELCOME;
	known = find(sources, net, client->family);
	if (known == NULL)
		known = add(sources, net, client->family, now_ms);
	else
		touch(sources, known);
	if (known == NULL)
		return SOURCE_NO_MEMORY;
	if (limits->sessions > 0 &&
	    atomic_load(&known->sessions) >= limits->sessions)
		return SOURCE_TOO_MANY;
	if (limits->rate > 0 && !take_token(known, limits, now_ms))
		return SOURCE_TOO_FAST;
	atomic_fetch_add(&sources->active, 1);
	atomic_fetch_add(&known->sessions, 1);
	*source = known;
	return SOURCE_WELCOME;
}

/* The row goes last: once its count is 0 main may free it. */
void
source_leave(struct source *source)
{
	if (source == NULL)
		return;
	atomic_fetch_sub(&source->sources->active, 1);
	atomic_fetch_sub(&source->sessions, 1);
}

size_t
sources_known(const struct sources *sources)
{
	return sources->by_age.length;
}
