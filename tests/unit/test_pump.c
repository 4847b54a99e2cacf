/*
 * test_pump.c - two socket pairs joined by a pump: half-close, back-pressure,
 * resets, idle, the gate, peers that cannot half-close.
 *
 * The test holds the right ends, left and right: left <-> pump <-> right.
 */
#include "tests/unit/pairs.h"
#include "tests/unit/suites.h"
#include "net/link.h"
#include "net/loop.h"
#include "net/rate.h"
#include "relay/pump.h"
#include "relay/pump_kit.h"
#include "relay/pump_memory.h"
#include "sys/sock.h"
#include "sys/splice.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUFFER = 16 * 1024,
	IDLE_MS = 10000,
	LOTS = 3 * 1024 * 1024,
	ROUNDS = 2000000,
};

static struct loop *loop;
static struct pump_kit *kit;
static struct pump_memory memory;
static struct rate_limits limits;
static struct rate *rate;   /* NULL: no limits */
static sock_fd left, right; /* the test's ends */
static struct pump *pump;
static struct pump_result result;
static bool done;

static void
on_done(const struct pump_result *r, void *arg)
{
	(void)arg;
	ck_assert(!done);
	result = *r;
	done = true;
}

static struct pump_options
plain(void)
{
	return (struct pump_options){ .buffer_bytes = BUFFER,
		.idle_ms = IDLE_MS,
		.peer_ms = IDLE_MS,
		.rate = rate,
		.done = on_done };
}

/* What waits in the pump's link to right before it starts: READY, so to say. */
static void
start_with(const struct pump_options *options, const char *prefix)
{
	sock_fd a[2], b[2];
	struct link *link;

	pairs_tcp(a);
	pairs_tcp(b);
	left = a[1];
	right = b[1];
	link = link_new(loop, b[0]);
	ck_assert(link_write(link, prefix, strlen(prefix)));
	pump = pump_start(kit, a[0], link, options);
	ck_assert_ptr_nonnull(pump);
}

static void
start(void)
{
	struct pump_options options = plain();

	start_with(&options, "");
}

static enum pump_choice choice;

static void
set_up_with(enum pump_choice one)
{
	choice = one;
	loop = loop_new();
	pump_memory_init(&memory, 1 << 30);
	kit = pump_kit_new(loop, choice, 1024, 1, &memory);
	rate = NULL;
	left = right = SOCK_NONE;
	done = false;
	pump = NULL;
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
	rate = rate_new(loop, &limits);
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

static void
tear_down(void)
{
	if (pump != NULL && !done)
		pump_stop(pump);
	ck_assert_uint_eq(pump_memory_held(&memory), 0);
	if (left != SOCK_NONE)
		sock_close(left);
	if (right != SOCK_NONE)
		sock_close(right);
	pump_kit_free(kit);
	rate_free(rate);
	loop_free(loop);
}

static void
turn(void)
{
	event_base_loop(loop_base(loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void
turn_until_done(void)
{
	for (int i = 0; i < ROUNDS && !done; i++)
		turn();
	ck_assert(done);
}

/* Turns the loop until fd has something, then reads. 0 = FIN, SOCK_FAILED =
 * reset. */
static ssize_t
read_some(sock_fd fd, void *out, size_t size)
{
	for (int i = 0; i < ROUNDS; i++) {
		ssize_t n = sock_recv(fd, out, size);

		if (n != SOCK_AGAIN)
			return n;
		turn();
	}
	ck_abort_msg("nothing came");
	return SOCK_AGAIN;
}

static void
expect(sock_fd fd, const char *text)
{
	char got[256];
	size_t have = 0, want = strlen(text);

	while (have < want) {
		ssize_t n = read_some(fd, got + have, want - have);

		ck_assert_int_gt(n, 0);
		have += (size_t)n;
	}
	ck_assert_mem_eq(got, text, want);
}

static void
expect_fin(sock_fd fd)
{
	char byte;

	ck_assert_int_eq(read_some(fd, &byte, 1), 0);
}

static void
expect_reset(sock_fd fd)
{
	char byte;

	ck_assert_int_eq(read_some(fd, &byte, 1), SOCK_FAILED);
}

static void
say(sock_fd fd, const char *text)
{
	ck_assert_int_eq(sock_send(fd, text, strlen(text), NULL, 0),
	    (int)strlen(text));
}

START_TEST(both_ways_then_done)
{
	start();
	say(left, "up");
	expect(right, "up");
	say(right, "down!");
	expect(left, "down!");
	sock_finish(left);
	expect_fin(right);
	sock_finish(right);
	expect_fin(left);
	turn_until_done();
	ck_assert_int_eq(result.end, PUMP_DONE);
	ck_assert_uint_eq(result.a_to_b, 2);
	ck_assert_uint_eq(result.b_to_a, 5);
}
END_TEST

START_TEST(nothing_at_all)
{
	start();
	sock_finish(right);
	expect_fin(left);
	sock_finish(left);
	turn_until_done();
	ck_assert_int_eq(result.end, PUMP_DONE);
	ck_assert_uint_eq(result.a_to_b + result.b_to_a, 0);
}
END_TEST

/* The request, FIN, and only then the whole reply: as with nc -N. */
START_TEST(reply_after_half_close)
{
	static char block[64 * 1024], in[64 * 1024];
	size_t sent = 0, got = 0;

	start();
	say(left, "q");
	sock_finish(left);
	expect(right, "q");
	expect_fin(right);
	while (got < LOTS) {
		ssize_t n = 0;

		if (sent < LOTS) {
			n = sock_send(right, block, sizeof(block), NULL, 0);
			sent += n > 0 ? (size_t)n : 0;
			if (sent >= LOTS)
				sock_finish(right);
		}
		turn();
		n = sock_recv(left, in, sizeof(in));
		got += n > 0 ? (size_t)n : 0;
	}
	while (got < sent) {
		ssize_t n = read_some(left, in, sizeof(in));

		ck_assert_int_gt(n, 0);
		got += (size_t)n;
	}
	expect_fin(left);
	turn_until_done();
	ck_assert_int_eq(result.end, PUMP_DONE);
	ck_assert_uint_eq(result.b_to_a, sent);
}
END_TEST

/* left never reads: after the sockets' own buffers and one BUFFER, right can
 * write no more, and the pump is idle rather than spinning or growing. */
static char block[64 * 1024];

/* Sends from right until nobody takes any more; returns how much. */
static size_t
stuff(void)
{
	size_t sent = 0, before;

	do {
		before = sent;
		for (int i = 0; i < 500; i++) {
			ssize_t n = sock_send(right, block, sizeof(block), NULL,
			    0);

			sent += n > 0 ? (size_t)n : 0;
			turn();
		}
	} while (sent > before);
	return sent;
}

static void
drain(size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = read_some(left, block, sizeof(block));

		ck_assert_int_gt(n, 0);
		ck_assert_uint_le((size_t)n, bytes);
		bytes -= (size_t)n;
	}
}

START_TEST(back_pressure)
{
	size_t sent;

	start();
	sent = stuff();
	ck_assert_uint_le(pump_memory_held(&memory), BUFFER);
	if (choice == PUMP_COPY || choice == PUMP_BEV)
		ck_assert_uint_gt(pump_memory_held(&memory), 0);
	sock_finish(right);
	drain(sent);
	ck_assert_uint_eq(pump_memory_held(&memory), 0);
	expect_fin(left);
}
END_TEST

/* Others hold nearly all there is: a pump holds the least, and goes on. */
START_TEST(tight_memory)
{
	struct pump_share *others = pump_memory_join(&memory);
	struct pump_options options = plain();
	size_t sent;

	options.buffer_bytes = 1024 * 1024;
	pump_memory_add(&memory, others, memory.most);
	start_with(&options, "");
	sent = stuff();
	ck_assert_uint_le(pump_memory_held(&memory) - memory.most,
	    PUMP_MEMORY_LEAST);
	pump_memory_sub(&memory, others, memory.most);
	sock_finish(right);
	drain(sent);
	ck_assert_uint_eq(pump_memory_held(&memory), 0);
	expect_fin(left);
}
END_TEST

/* The same of who reads slowly all the time: what leaves makes no room for
 * more than that. */
START_TEST(tight_memory_and_a_slow_reader)
{
	struct pump_share *others = pump_memory_join(&memory);
	struct pump_options options = plain();
	size_t most = 0, now, got = 0;

	rate_free(rate);
	limits.all = 0;
	limits.each = 20 * 1024; /* 2 KiB at a time */
	rate = options.rate = rate_new(loop, &limits);
	options.buffer_bytes = 1024 * 1024;
	pump_memory_add(&memory, others, memory.most);
	start_with(&options, "");
	(void)stuff();
	while (got < 16 * 1024) {
		got += (size_t)read_some(left, block, 1024);
		now = pump_memory_held(&memory) - memory.most;
		most = now > most ? now : most;
	}
	pump_memory_sub(&memory, others, memory.most);
	ck_assert_uint_le(most, PUMP_MEMORY_LEAST);
	ck_assert_uint_gt(most, 0);
}
END_TEST

START_TEST(reset_is_passed_on)
{
	bool from_left = _i == 0;
	sock_fd other;

	if ((choice == PUMP_BEV || rate != NULL) && !pairs_tell_resets()) {
		skip_test("pump", "bev, limited: reset_is_passed_on",
		    "this system reads a reset as an end");
		return;
	}
	start();
	say(left, "x");
	expect(right, "x");
	other = from_left ? right : left;
	sock_reset(from_left ? left : right);
	if (from_left)
		left = SOCK_NONE;
	else
		right = SOCK_NONE;
	expect_reset(other);
	turn_until_done();
	ck_assert_int_eq(result.end, from_left ? PUMP_A_RESET : PUMP_B_RESET);
}
END_TEST

START_TEST(idle_ends_it)
{
	struct pump_options options = plain();

	options.idle_ms = 50;
	start_with(&options, "");
	while (!done)
		event_base_loop(loop_base(loop), EVLOOP_ONCE);
	ck_assert_int_eq(result.end, PUMP_IDLE);
	expect_reset(left);
	expect_reset(right);
}
END_TEST

START_TEST(stop_resets_both)
{
	start();
	pump_stop(pump);
	ck_assert(done);
	ck_assert_int_eq(result.end, PUMP_STOPPED);
	expect_reset(left);
	expect_reset(right);
}
END_TEST

START_TEST(prefix_is_sent_but_not_counted)
{
	struct pump_options options = plain();

	start_with(&options, "READY");
	say(left, "abc");
	expect(right, "READYabc");
	sock_finish(left);
	sock_finish(right);
	turn_until_done();
	ck_assert_uint_eq(result.a_to_b, 3);
}
END_TEST

/* Frames are lines here: the gate opens behind "go\n". "early\n" has the word
 * sent to left, "bad\n" breaks the protocol. */
static enum pump_gate
gate(struct evbuffer *input, struct evbuffer *output, void *arg)
{
	char *line;
	enum pump_gate said = PUMP_GATE_WAIT;

	(void)arg;
	while (said == PUMP_GATE_WAIT &&
	    (line = evbuffer_readln(input, NULL, EVBUFFER_EOL_LF)) != NULL) {
		if (strcmp(line, "go") == 0)
			said = PUMP_GATE_OPEN;
		else if (strcmp(line, "bad") == 0)
			said = PUMP_GATE_BAD;
		else
			evbuffer_add(output, line, strlen(line));
		free(line);
	}
	return said;
}

static void
start_gated(void)
{
	struct pump_options options = plain();

	options.gate = gate;
	start_with(&options, "");
}

START_TEST(gate_holds_b_but_not_a)
{
	start_gated();
	say(right, "early\ng");
	expect(left, "early");
	say(left, "server speaks first");
	expect(right, "server speaks first");
	say(right, "o\nraw");
	expect(left, "raw");
	say(right, "go\n"); /* raw as well by now */
	expect(left, "go\n");
}
END_TEST

START_TEST(gate_says_bad)
{
	start_gated();
	say(right, "bad\n");
	turn_until_done();
	ck_assert_int_eq(result.end, PUMP_BAD_FRAME);
	expect_reset(left);
}
END_TEST

START_TEST(end_before_gate_opens)
{
	start_gated();
	say(right, "g");
	sock_finish(right);
	turn_until_done();
	ck_assert_int_eq(result.end, PUMP_NO_START);
	expect_reset(left);
}
END_TEST

static void
start_whole(void)
{
	struct pump_options options = plain();

	options.whole_close_b = true;
	options.hold_fin_ms = IDLE_MS;
	start_with(&options, "");
}

/* The FIN of left waits, so the reply still gets through. */
START_TEST(whole_close_holds_fin)
{
	char byte;

	start_whole();
	say(left, "q");
	sock_finish(left);
	expect(right, "q");
	for (int i = 0; i < 1000; i++) {
		turn();
		ck_assert_int_eq(sock_recv(right, &byte, 1), SOCK_AGAIN);
	}
	say(right, "reply");
	sock_close(right);
	right = SOCK_NONE;
	expect(left, "reply");
	expect_fin(left);
	turn_until_done();
	ck_assert_int_eq(result.end, PUMP_DONE);
	ck_assert_uint_eq(result.b_to_a, 5);
}
END_TEST

/* right ends: left gets all of it and a FIN, though it has not ended itself. */
START_TEST(whole_close_ends_both)
{
	start_whole();
	say(right, "bye");
	sock_finish(right);
	expect(left, "bye");
	expect_fin(left);
	expect_fin(right);
	turn_until_done();
	ck_assert_int_eq(result.end, PUMP_DONE);
}
END_TEST

START_TEST(whole_close_without_hold)
{
	struct pump_options options = plain();

	options.whole_close_b = true;
	start_with(&options, "");
	say(left, "answer");
	sock_finish(left);
	expect(right, "answer");
	expect_fin(right);
	sock_close(right);
	right = SOCK_NONE;
	turn_until_done();
	ck_assert_int_eq(result.end, PUMP_DONE);
}
END_TEST

START_TEST(held_fin_goes_when_all_is_quiet)
{
	struct pump_options options = plain();

	options.whole_close_b = true;
	options.hold_fin_ms = 50;
	start_with(&options, "");
	sock_finish(left);
	expect_fin(right); /* by patience, not by right's end */
	ck_assert(!done);
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
	tcase_add_test(tc, gate_holds_b_but_not_a);
	tcase_add_test(tc, gate_says_bad);
	tcase_add_test(tc, end_before_gate_opens);
	tcase_add_test(tc, whole_close_holds_fin);
	tcase_add_test(tc, whole_close_ends_both);
	tcase_add_test(tc, whole_close_without_hold);
	tcase_add_test(tc, held_fin_goes_when_all_is_quiet);
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
		tcase_add_checked_fixture(tc, backends[i].set_up, tear_down);
		tcase_set_timeout(tc, 60);
		add_tests(tc);
		suite_add_tcase(suite, tc);
	}
	return suite;
}
