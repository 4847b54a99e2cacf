/*
 * test_pump_peers.c - what pumps do for peers of two kinds, with each backend:
 * frames until the gate opens, and peers that cannot half-close.
 */
#include "base/clock.h"
#include "tests/unit/pump_rig.h"
#include "tests/unit/suites.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

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
	struct pump_options options = rig_small();

	options.gate = gate;
	rig_start(&options);
}

START_TEST(gate_holds_b_but_not_a)
{
	start_gated();
	rig_say(rig.right, "early\ng");
	rig_expect(rig.left, "early");
	rig_say(rig.left, "server speaks first");
	rig_expect(rig.right, "server speaks first");
	rig_say(rig.right, "o\nraw");
	rig_expect(rig.left, "raw");
	rig_say(rig.right, "go\n"); /* raw as well by now */
	rig_expect(rig.left, "go\n");
}
END_TEST

START_TEST(gate_says_bad)
{
	start_gated();
	rig_say(rig.right, "bad\n");
	rig_turn_until_done();
	ck_assert_int_eq(rig.result.end, PUMP_BAD_FRAME);
	rig_expect_reset(rig.left);
}
END_TEST

START_TEST(end_before_gate_opens)
{
	start_gated();
	rig_say(rig.right, "g");
	sock_finish(rig.right);
	rig_turn_until_done();
	ck_assert_int_eq(rig.result.end, PUMP_NO_START);
	rig_expect_reset(rig.left);
}
END_TEST

static void
start_whole(void)
{
	struct pump_options options = rig_small();

	options.whole_close_b = true;
	options.hold_fin_ms = RIG_LONG_MS;
	rig_start(&options);
}

/* The FIN of left waits, so the reply still gets through. */
START_TEST(whole_close_holds_fin)
{
	char byte;

	start_whole();
	rig_say(rig.left, "q");
	sock_finish(rig.left);
	rig_expect(rig.right, "q");
	for (int i = 0; i < 1000; i++) {
		rig_turn();
		ck_assert_int_eq(sock_recv(rig.right, &byte, 1), SOCK_AGAIN);
	}
	rig_say(rig.right, "reply");
	sock_close(rig.right);
	rig.right = SOCK_NONE;
	rig_expect(rig.left, "reply");
	rig_expect_fin(rig.left);
	rig_turn_until_done();
	ck_assert_int_eq(rig.result.end, PUMP_DONE);
	ck_assert_uint_eq(rig.result.b_to_a, 5);
}
END_TEST

/* right ends: left gets all of it and a FIN, though it has not ended itself. */
START_TEST(whole_close_ends_both)
{
	start_whole();
	rig_say(rig.right, "bye");
	sock_finish(rig.right);
	rig_expect(rig.left, "bye");
	rig_expect_fin(rig.left);
	rig_expect_fin(rig.right);
	rig_turn_until_done();
	ck_assert_int_eq(rig.result.end, PUMP_DONE);
}
END_TEST

/* Sends until nothing more is taken, wherever it stops; returns how much. */
static size_t
fill(sock_fd from)
{
	static const char piece[RIG_SMALL];
	size_t said = 0;

	for (int stuck = 0; stuck < 1000; stuck++) {
		ssize_t n = sock_send(from, piece, sizeof(piece), NULL, 0);

		if (n > 0) {
			said += (size_t)n;
			stuck = 0;
		}
		rig_turn();
	}
	return said;
}

/* right has ended without reading: what is held for it keeps nobody. */
START_TEST(whole_close_leaves_unread)
{
	struct pump_options options = rig_plain;

	options.whole_close_b = true;
	options.hold_fin_ms = RIG_LONG_MS;
	rig_start(&options);
	(void)fill(rig.left);
	rig_say(rig.right, "bye");
	sock_finish(rig.right);
	rig_expect(rig.left, "bye");
	rig_expect_fin(rig.left);
	rig_turn_until_done();
	ck_assert_int_eq(rig.result.end, PUMP_DONE);
	ck_assert_uint_eq(rig.result.b_to_a, 3);
}
END_TEST

START_TEST(whole_close_without_hold)
{
	struct pump_options options = rig_small();

	options.whole_close_b = true;
	rig_start(&options);
	rig_say(rig.left, "answer");
	sock_finish(rig.left);
	rig_expect(rig.right, "answer");
	rig_expect_fin(rig.right);
	sock_close(rig.right);
	rig.right = SOCK_NONE;
	rig_turn_until_done();
	ck_assert_int_eq(rig.result.end, PUMP_DONE);
}
END_TEST

START_TEST(held_fin_goes_when_all_is_quiet)
{
	struct pump_options options = rig_small();

	options.whole_close_b = true;
	options.hold_fin_ms = 50;
	rig_start(&options);
	sock_finish(rig.left);
	rig_expect_fin(rig.right); /* by patience, not by right's end */
	ck_assert(!rig.done);
}
END_TEST

/* left pauses amid the answer: its FIN would cut off what is still to come. */
START_TEST(held_fin_waits_for_a_slow_reader)
{
	static char piece[RIG_SMALL];
	struct pump_options options = rig_plain;
	size_t said, heard = 0;
	uint64_t began;

	options.whole_close_b = true;
	options.hold_fin_ms = 50;
	options.hold_for_answer = true;
	rig_start(&options);
	said = fill(rig.right);
	sock_finish(rig.left);
	for (began = clock_ms(); clock_ms() < began + 500; rig_turn())
		ck_assert_int_eq(sock_recv(rig.right, piece, 1), SOCK_AGAIN);
	while (heard < said)
		heard += (size_t)rig_read_some(rig.left, piece, sizeof(piece));
	rig_expect_fin(rig.right);
	ck_assert(!rig.done);
}
END_TEST

void
pump_peers_add(TCase *tc)
{
	tcase_add_test(tc, gate_holds_b_but_not_a);
	tcase_add_test(tc, gate_says_bad);
	tcase_add_test(tc, end_before_gate_opens);
	tcase_add_test(tc, whole_close_holds_fin);
	tcase_add_test(tc, whole_close_ends_both);
	tcase_add_test(tc, whole_close_leaves_unread);
	tcase_add_test(tc, whole_close_without_hold);
	tcase_add_test(tc, held_fin_goes_when_all_is_quiet);
	tcase_add_test(tc, held_fin_waits_for_a_slow_reader);
}
