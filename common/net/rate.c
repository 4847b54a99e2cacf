/*
 * rate.c - how fast links may go.
 *
 * Owns:    libevent's group of one loop's limited links, while it has any.
 * Thread:  the loop's.
 * Floor:   net.
 *
 * A group wakes up ten times a second, so there is none while nobody is in it;
 * and there it looks how many other loops have one.
 */
#include "net/rate.h"
#include "net/link.h"
#include "net/loop.h"

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>

enum { TICK_MS = 100, TICKS_A_SECOND = 1000 / TICK_MS };

struct rate {
	struct loop *loop;			    /* borrowed */
	struct rate_limits *limits;		    /* borrowed */
	unsigned links;				    /* that have joined */
	struct ev_token_bucket_cfg *each;	    /* owned; or NULL */
	struct bufferevent_rate_limit_group *group; /* owned; or NULL */
	unsigned divisor;			    /* what the group goes by */
	struct loop_timer look;
};

/* So many bytes a second, and no more than in two ticks at once: what a loop
 * could not send in time is not made up for later. */
static struct ev_token_bucket_cfg *
new_bucket(uint64_t bytes)
{
	static const struct timeval tick = { 0, TICK_MS * 1000 };
	size_t a_tick = (size_t)(bytes / TICKS_A_SECOND);

	if (a_tick == 0)
		a_tick = 1;
	return ev_token_bucket_cfg_new(a_tick, 2 * a_tick, a_tick, 2 * a_tick,
	    &tick);
}

static unsigned
loops_of(const struct rate *rate)
{
	unsigned loops = atomic_load(&rate->limits->loops);

	return loops > 0 ? loops : 1;
}

static void
on_look(void *arg)
{
	struct rate *rate = arg;
	unsigned loops = loops_of(rate);
	struct ev_token_bucket_cfg *bucket;

	if (loops != rate->divisor) {
		bucket = new_bucket(rate->limits->all / loops);
		if (bucket != NULL) { /* else again the next time */
			bufferevent_rate_limit_group_set_cfg(rate->group,
			    bucket);
			ev_token_bucket_cfg_free(bucket);
			rate->divisor = loops;
		}
	}
	loop_timer_start(&rate->look, TICK_MS);
}

struct rate *
rate_new(struct loop *loop, struct rate_limits *limits)
{
	struct rate *rate = calloc(1, sizeof(*rate));

	if (rate == NULL)
		return NULL;
	rate->loop = loop;
	rate->limits = limits;
	loop_timer_init(&rate->look, loop, on_look, rate);
	if (limits->each > 0 &&
	    (rate->each = new_bucket(limits->each)) == NULL) {
		rate_free(rate);
		return NULL;
	}
	return rate;
}

void
rate_free(struct rate *rate)
{
	if (rate == NULL)
		return;
	loop_timer_fini(&rate->look);
	if (rate->each != NULL)
		ev_token_bucket_cfg_free(rate->each);
	free(rate);
}

static bool
start_group(struct rate *rate)
{
	struct ev_token_bucket_cfg *bucket;

	rate->divisor = atomic_load(&rate->limits->loops) + 1;
	bucket = new_bucket(rate->limits->all / rate->divisor);
	if (bucket == NULL)
		return false;
	rate->group = bufferevent_rate_limit_group_new(loop_base(rate->loop),
	    bucket);
	ev_token_bucket_cfg_free(bucket);
	if (rate->group == NULL)
		return false;
	atomic_fetch_add(&rate->limits->loops, 1);
	loop_timer_start(&rate->look, TICK_MS);
	return true;
}

static void
end_group(struct rate *rate)
{
	if (rate->group == NULL)
		return;
	loop_timer_stop(&rate->look);
	bufferevent_rate_limit_group_free(rate->group);
	rate->group = NULL;
	atomic_fetch_sub(&rate->limits->loops, 1);
}

bool
rate_join(struct rate *rate, struct link *link)
{
	if (rate->limits->all > 0 && rate->group == NULL && !start_group(rate))
		return false;
	if (!link_limit(link, rate->each, rate->group)) {
		if (rate->links == 0)
			end_group(rate);
		return false;
	}
	rate->links++;
	return true;
}

void
rate_leave(struct rate *rate, struct link *link)
{
	link_unlimit(link);
	if (--rate->links == 0)
		end_group(rate);
}

void
rate_moved(const struct rate *rate, uint64_t *in, uint64_t *out)
{
	ev_uint64_t read = 0, written = 0;

	if (rate->group != NULL)
		bufferevent_rate_limit_group_get_totals(rate->group, &read,
		    &written);
	*in = read;
	*out = written;
}
