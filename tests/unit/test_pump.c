/*
 * test_pump.c - two socket pairs joined by a pump, with each backend:
 * half-close, back-pressure, resets, idle.
 */
#include "tests/unit/pairs.h"
#include "tests/unit/pump_rig.h"
#include "tests/unit/suites.h"
#include "sys/splice.h"

#include <event2/event.h>

enum { LOTS = 3 * 1024 * 1024 };

static struct rate_limits limits;
static enum pump_choice choice;

static void
set_up_with(enum pump_choice one)
{
	choice = one;
	rig_set_up(one);
}

static void
set_up_splice(void)
{
	set_up_with(PUMP_SPLICE);
}

static void
set_up_copy(void)
{
	set_up_with(PUMP_COPY);
}

static void
set_up_bev(void)
{
	set_up_with(PUMP_BEV);
}

/* Limits that are met at times, whatever backend was chosen. */
static void
set_up_limited(void)
{
	set_up_with(PUMP_AUTO);
	limits.all = limits.each = 32 << 20;
	rig.rate = rate_new(rig.loop, &limits);
}

/* Every test runs with each of them. */
static const struct {
	const char *name;
	void (*set_up)(void);
} backends[] = {
	{ "splice", set_up_splice },
	{ "copy", set_up_copy },
	{ "bev", set_up_bev },
	{ "limited", set_up_limited },
};

START_TEST(both_ways_then_done)
{
	rig_start_small();
	rig_say(rig.left, "up");
	rig_expect(rig.right, "up");
	rig_say(rig.right, "down!");
	rig_expect(rig.left, "down!");
	sock_finish(rig.left);
	rig_expect_fin(rig.right);
	sock_finish(rig.right);
	rig_expect_fin(rig.left);
	rig_turn_until_done();
	ck_assert_int_eq(rig.result.end, PUMP_DONE);
	ck_assert_uint_eq(rig.result.a_to_b, 2);
	ck_assert_uint_eq(rig.result.b_to_a, 5);
}
END_TEST

START_TEST(nothing_at_all)
{
	rig_start_small();
	sock_finish(rig.right);
	rig_expect_fin(rig.left);
	sock_finish(rig.left);
	rig_turn_until_done();
	ck_assert_int_eq(rig.result.end, PUMP_DONE);
	ck_assert_uint_eq(rig.result.a_to_b + rig.result.b_to_a, 0);
}
END_TEST

/* The request, FIN, and only then the whole reply: as with nc -N. */
START_TEST(reply_after_half_close)
{
	static char block[64 * 1024], in[64 * 1024];
	size_t sent = 0, got = 0;

	rig_start_small();
	rig_say(rig.left, "q");
	sock_finish(rig.left);
	rig_expect(rig.right, "q");
	rig_expect_fin(rig.right);
	while (got < LOTS) {
		ssize_t n = 0;

		if (sent < LOTS) {
			n = sock_send(rig.right, block, sizeof(block), NULL, 0);
			sent += n > 0 ? (size_t)n : 0;
			if (sent >= LOTS)
				sock_finish(rig.right);
		}
		rig_turn();
		n = sock_recv(rig.left, in, sizeof(in));
		got += n > 0 ? (size_t)n : 0;
	}
	while (got < sent) {
		ssize_t n = rig_read_some(rig.left, in, sizeof(in));

		ck_assert_int_gt(n, 0);
		got += (size_t)n;
	}
	rig_expect_fin(rig.left);
	rig_turn_until_done();
	ck_assert_int_eq(rig.result.end, PUMP_DONE);
	ck_assert_uint_eq(rig.result.b_to_a, sent);
}
END_TEST

static char block[64 * 1024];

/* Sends from right until nobody takes any more; returns how much. */
static size_t
stuff(void)
{
	size_t sent = 0, before;

	do {
		before = sent;
		for (int i = 0; i < 500; i++) {
			ssize_t n = sock_send(rig.right, block, sizeof(block),
			    NULL, 0);

			sent += n > 0 ? (size_t)n : 0;
			rig_turn();
		}
	} while (sent > before);
	return sent;
}

static void
drain(size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = rig_read_some(rig.left, block, sizeof(block));

		ck_assert_int_gt(n, 0);
		ck_assert_uint_le((size_t)n, bytes);
		bytes -= (size_t)n;
	}
}

/* left never reads: after the sockets' own buffers and one of RIG_SMALL, right
 * can write no more, and the pump is idle rather than spinning or growing. */
START_TEST(back_pressure)
{
	size_t sent;

	rig_start_small();
	sent = stuff();
	ck_assert_uint_le(pump_memory_held(&rig.memory), RIG_SMALL);
	if (choice == PUMP_COPY || choice == PUMP_BEV)
		ck_assert_uint_gt(pump_memory_held(&rig.memory), 0);
	sock_finish(rig.right);
	drain(sent);
	ck_assert_uint_eq(pump_memory_held(&rig.memory), 0);
	rig_expect_fin(rig.left);
}
END_TEST

/* Others hold nearly all there is: a pump holds the least, and goes on. */
START_TEST(tight_memory)
{
	struct pump_share *others = pump_memory_join(&rig.memory);
	struct pump_options options = rig_small();
	size_t sent;

	options.buffer_bytes = 1024 * 1024;
	pump_memory_add(&rig.memory, others, rig.memory.most);
	rig_start(&options);
	sent = stuff();
	ck_assert_uint_le(pump_memory_held(&rig.memory) - rig.memory.most,
	    PUMP_MEMORY_LEAST);
	pump_memory_sub(&rig.memory, others, rig.memory.most);
	sock_finish(rig.right);
	drain(sent);
	ck_assert_uint_eq(pump_memory_held(&rig.memory), 0);
	rig_expect_fin(rig.left);
}
END_TEST

/* The same of who reads slowly all the time: what leaves makes no room for
 * more than that. */
START_TEST(tight_memory_and_a_slow_reader)
{
	struct pump_share *others = pump_memory_join(&rig.memory);
	struct pump_options options = rig_small();
	size_t most = 0, now, got = 0;

	rate_free(rig.rate);
	limits.all = 0;
	limits.each = 20 * 1024; /* 2 KiB at a time */
	rig.rate = options.rate = rate_new(rig.loop, &limits);
	options.buffer_bytes = 1024 * 1024;
	pump_memory_add(&rig.memory, others, rig.memory.most);
	rig_start(&options);
	(void)stuff();
	while (got < 16 * 1024) {
		got += (size_t)rig_read_some(rig.left, block, 1024);
		now = pump_memory_held(&rig.memory) - rig.memory.most;
		most = now > most ? now : most;
	}
	pump_memory_sub(&rig.memory, others, rig.memory.most);
	ck_assert_uint_le(most, PUMP_MEMORY_LEAST);
	ck_assert_uint_gt(most, 0);
}
END_TEST

START_TEST(reset_is_passed_on)
{
	bool from_left = _i == 0;
	sock_fd other;

	if ((choice == PUMP_BEV || rig.rate != NULL) && !pairs_tell_resets()) {
		skip_test("pump", "bev, limited: reset_is_passed_on",
		    "this system reads a reset as an end");
		return;
	}
	rig_start_small();
	rig_say(rig.left, "x");
	rig_expect(rig.right, "x");
	other = from_left ? rig.right : rig.left;
	sock_reset(from_left ? rig.left : rig.right);
	if (from_left)
		rig.left = SOCK_NONE;
	else
		rig.right = SOCK_NONE;
	rig_expect_reset(other);
	rig_turn_until_done();
	ck_assert_int_eq(rig.result.end,
	    from_left ? PUMP_A_RESET : PUMP_B_RESET);
}
END_TEST

START_TEST(idle_ends_it)
{
	struct pump_options options = rig_small();

	options.idle_ms = 50;
	rig_start(&options);
	while (!rig.done)
		event_base_loop(loop_base(rig.loop), EVLOOP_ONCE);
	ck_assert_int_eq(rig.result.end, PUMP_IDLE);
	rig_expect_reset(rig.left);
	rig_expect_reset(rig.right);
}
END_TEST

START_TEST(stop_resets_both)
{
	rig_start_small();
	pump_stop(rig.pump);
	ck_assert(rig.done);
	ck_assert_int_eq(rig.result.end, PUMP_STOPPED);
	rig_expect_reset(rig.left);
	rig_expect_reset(rig.right);
}
END_TEST

/* What waits in the pump's link to right before it starts: READY, so to say. */
START_TEST(prefix_is_sent_but_not_counted)
{
	struct pump_options options = rig_small();
	sock_fd a;
	struct link *b = rig_ends(&a);

	ck_assert(link_write(b, "READY", 5));
	rig.pump = pump_start(rig.kit, a, b, &options);
	rig_say(rig.left, "abc");
	rig_expect(rig.right, "READYabc");
	sock_finish(rig.left);
	sock_finish(rig.right);
	rig_turn_until_done();
	ck_assert_uint_eq(rig.result.a_to_b, 3);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, both_ways_then_done);
	tcase_add_test(tc, nothing_at_all);
	tcase_add_test(tc, reply_after_half_close);
	tcase_add_test(tc, back_pressure);
	tcase_add_test(tc, tight_memory);
	tcase_add_test(tc, tight_memory_and_a_slow_reader);
	tcase_add_loop_test(tc, reset_is_passed_on, 0, 2);
	tcase_add_test(tc, idle_ends_it);
	tcase_add_test(tc, stop_resets_both);
	tcase_add_test(tc, prefix_is_sent_but_not_counted);
	pump_peers_add(tc);
}

Suite *
pump_suite(void)
{
	Suite *suite = suite_create("pump");

	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		TCase *tc;

		if (backends[i].set_up == set_up_splice && !splice_possible()) {
			skip_test("pump", "splice",
			    "this system cannot splice");
			continue;
		}
		tc = tcase_create(backends[i].name);
		tcase_add_checked_fixture(tc, backends[i].set_up,
		    rig_tear_down);
		tcase_set_timeout(tc, 60);
		add_tests(tc);
		suite_add_tcase(suite, tc);
	}
	return suite;
}
