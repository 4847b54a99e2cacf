/*
 * test_rate.c - how fast limited links go, by the clock and by libevent's own
 * count; what loops share; and that nothing is left of a limit.
 *
 * The bounds are wide: a machine that is busy moves less, never more. And the
 * limits are low: one that is slow has to reach them.
 */
#include "tests/unit/pairs.h"
#include "tests/unit/suites.h"
#include "base/clock.h"
#include "net/link.h"
#include "net/loop.h"
#include "net/rate.h"
#include "sys/sock.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <string.h>

enum { KIB = 1024, RUN_MS = 600, FLOWS = 4, TICKS_AT_ONCE_MS = 200 };

/* A link, the test's end of it, and what came through. */
struct flow {
	struct loop *loop;
	struct rate *rate;
	struct link *link;
	sock_fd end;
	size_t in, out;
};

static struct loop *loops[2];
static struct rate_limits limits;
static struct rate *rates[2];
static struct flow flows[FLOWS];
static unsigned count;

static void
on_input(void *arg)
{
	struct flow *flow = arg;
	struct evbuffer *input = link_input(flow->link);

	flow->in += evbuffer_get_length(input);
	evbuffer_drain(input, evbuffer_get_length(input));
}

static const struct link_handler handler = { .on_input = on_input };

static void
start(uint64_t all, uint64_t each)
{
	memset(flows, 0, sizeof(flows));
	count = 0;
	limits.all = all;
	limits.each = each;
	atomic_store(&limits.loops, 0);
	for (int i = 0; i < 2; i++) {
		loops[i] = loop_new();
		rates[i] = rate_new(loops[i], &limits);
		ck_assert_ptr_nonnull(rates[i]);
	}
}

/* One more on that loop; limited or not. */
static struct flow *
open_flow(int loop, bool limited)
{
	struct flow *flow = &flows[count++];
	sock_fd pair[2];

	pairs_tcp(pair);
	flow->loop = loops[loop];
	flow->rate = limited ? rates[loop] : NULL;
	flow->end = pair[1];
	flow->link = link_new(loops[loop], pair[0]);
	ck_assert_ptr_nonnull(flow->link);
	if (limited)
		ck_assert(rate_join(rates[loop], flow->link));
	link_set_handler(flow->link, &handler, flow);
	link_write_always(flow->link);
	return flow;
}

static void
close_flow(struct flow *flow)
{
	if (flow->rate != NULL)
		rate_leave(flow->rate, flow->link);
	link_free(flow->link);
	sock_close(flow->end);
	flow->link = NULL;
}

static void
tear_down(void)
{
	for (unsigned i = 0; i < count; i++)
		if (flows[i].link != NULL)
			close_flow(&flows[i]);
	ck_assert_uint_eq(atomic_load(&limits.loops), 0);
	for (int i = 0; i < 2; i++) {
		rate_free(rates[i]);
		loop_free(loops[i]);
	}
}

/* As much as goes, both ways. */
static void
push(struct flow *flow)
{
	static char bytes[64 * KIB];
	struct evbuffer *output = link_output(flow->link);
	ssize_t n;

	while (sock_send(flow->end, bytes, sizeof(bytes), NULL, 0) > 0)
		;
	while ((n = sock_recv(flow->end, bytes, sizeof(bytes))) > 0)
		flow->out += (size_t)n;
	if (evbuffer_get_length(output) < sizeof(bytes))
		evbuffer_add(output, bytes, sizeof(bytes));
}

/* Runs all loops for so long; the counts begin anew. Returns how long it
 * really was; of a pause in which nobody ran, so much as is made up for. Little
 * moves in a turn, so there are many. */
static uint64_t
run(uint64_t ms)
{
	uint64_t ran = 0, last = clock_ms(), now;
	unsigned turns = 0;

	for (unsigned i = 0; i < count; i++)
		flows[i].in = flows[i].out = 0;
	for (; ran < ms || turns < 100; last = now, turns++) {
		for (unsigned i = 0; i < count; i++)
			if (flows[i].link != NULL)
				push(&flows[i]);
		for (int i = 0; i < 2; i++)
			event_base_loop(loop_base(loops[i]),
			    EVLOOP_ONCE | EVLOOP_NONBLOCK);
		now = clock_ms();
		ran += now - last < TICKS_AT_ONCE_MS ? now - last
						     : TICKS_AT_ONCE_MS;
	}
	return ran;
}

static void
expect_rate(size_t bytes, uint64_t rate, uint64_t ms, const char *what)
{
	/* what was left of two ticks, and a piece that began within them */
	size_t most = (size_t)(rate * (ms + TICKS_AT_ONCE_MS + 100) / 1000) +
	    32 * KIB;

	ck_assert_msg(bytes <= most, "%s: %zu bytes in %d ms, over %zu", what,
	    bytes, (int)ms, most);
	ck_assert_msg(bytes >= rate * ms / 1000 / 3,
	    "%s: only %zu bytes in %d ms", what, bytes, (int)ms);
}

START_TEST(each_alone)
{
	struct flow *one, *other, *fast;
	uint64_t ms;

	start(0, 100 * KIB);
	one = open_flow(0, true);
	other = open_flow(0, true);
	fast = open_flow(0, false);
	ms = run(RUN_MS);
	expect_rate(one->in, 100 * KIB, ms, "one, in");
	expect_rate(one->out, 100 * KIB, ms, "one, out");
	expect_rate(other->in, 100 * KIB, ms, "other, in");
	expect_rate(other->out, 100 * KIB, ms, "other, out");
	ck_assert_uint_gt(fast->in, 3 * one->in);
}
END_TEST

START_TEST(all_together)
{
	uint64_t ms, in, out, in_before, out_before;
	struct flow *one, *other;

	start(1000 * KIB, 0);
	one = open_flow(0, true);
	other = open_flow(0, true);
	rate_moved(rates[0], &in_before, &out_before);
	ck_assert_uint_eq(in_before, 0);
	ms = run(RUN_MS);
	expect_rate(one->in + other->in, 1000 * KIB, ms, "both, in");
	expect_rate(one->out + other->out, 1000 * KIB, ms, "both, out");
	/* a fair share each */
	ck_assert_uint_gt(one->in, other->in / 4);
	ck_assert_uint_gt(other->in, one->in / 4);
	rate_moved(rates[0], &in, &out);
	ck_assert_uint_eq(in, one->in + other->in);
	ck_assert_uint_ge(out, one->out + other->out);
	expect_rate(in, 1000 * KIB, ms, "counted, in");
	expect_rate(out, 1000 * KIB, ms, "counted, out");
}
END_TEST

START_TEST(both_limits)
{
	struct flow *one, *other;
	uint64_t ms;

	start(10000 * KIB, 200 * KIB);
	one = open_flow(0, true);
	other = open_flow(0, true);
	ms = run(RUN_MS);
	expect_rate(one->in, 200 * KIB, ms, "one");
	expect_rate(other->in, 200 * KIB, ms, "other");
}
END_TEST

/* Two loops have half each; when one is left alone it has all of it. */
START_TEST(loops_share)
{
	struct flow *here, *there;
	uint64_t ms;

	start(400 * KIB, 0);
	here = open_flow(0, true);
	there = open_flow(1, true);
	ck_assert_uint_eq(atomic_load(&limits.loops), 2);
	run(300); /* here learns of there */
	ms = run(RUN_MS);
	expect_rate(here->in, 200 * KIB, ms, "here");
	expect_rate(there->in, 200 * KIB, ms, "there");
	close_flow(there);
	ck_assert_uint_eq(atomic_load(&limits.loops), 1);
	run(300);
	ms = run(RUN_MS);
	expect_rate(here->in, 400 * KIB, ms, "alone");
	ck_assert_uint_gt(here->in, 240 * KIB * ms / 1000);
}
END_TEST

/* Who has left goes as fast as before, and the group is gone with the last. */
START_TEST(leaving_frees)
{
	struct flow *flow;

	start(50 * KIB, 50 * KIB);
	flow = open_flow(0, true);
	run(200);
	ck_assert_uint_lt(flow->in, 100 * KIB);
	rate_leave(rates[0], flow->link);
	flow->rate = NULL;
	ck_assert_uint_eq(atomic_load(&limits.loops), 0);
	run(400); /* 67 KiB, were it still limited */
	ck_assert_uint_gt(flow->in, 150 * KIB);
	ck_assert_uint_gt(flow->out, 150 * KIB);
}
END_TEST

Suite *
rate_suite(void)
{
	Suite *suite = suite_create("rate");
	TCase *tc = tcase_create("rate");

	tcase_add_checked_fixture(tc, NULL, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, each_alone);
	tcase_add_test(tc, all_together);
	tcase_add_test(tc, both_limits);
	tcase_add_test(tc, loops_share);
	tcase_add_test(tc, leaving_frees);
	suite_add_tcase(suite, tc);
	return suite;
}
