/*
 * test_armour.c - who may begin a handshake, by a clock of the test's own.
 */
#include "tests/unit/suites.h"
#include "tests/unit/test_armour.h"

#include <string.h>

static const struct {
	const char *text;
	bool good;
	struct startups want;
} texts[] = {
	{ "100:30:1000", true, { 100, 30, 1000 } },
	{ "1:1:1", true, { 1, 1, 1 } },
	{ "5:100:1000000", true, { 5, 100, 1000000 } },
	{ "", false, { 0 } },
	{ "100", false, { 0 } },
	{ "100:30", false, { 0 } },
	{ "100:30:", false, { 0 } },
	{ "100:30:1000:", false, { 0 } },
	{ "100:30:1000 ", false, { 0 } },
	{ " 100:30:1000", false, { 0 } },
	{ "-1:30:1000", false, { 0 } },
	{ "0:30:1000", false, { 0 } },
	{ "100:0:1000", false, { 0 } },
	{ "100:101:1000", false, { 0 } },
	{ "100:30:99", false, { 0 } },
	{ "100:30:1000001", false, { 0 } },
	{ "4294967297:30:4294967298", false, { 0 } },
};

START_TEST(parse)
{
	struct startups got;

	ck_assert_msg(startups_parse(texts[_i].text, &got) == texts[_i].good,
	    "\"%s\"", texts[_i].text);
	if (texts[_i].good)
		ck_assert_mem_eq(&got, &texts[_i].want, sizeof(got));
}
END_TEST

/* From 30 per cent at 100 on, all at 1000. */
START_TEST(early_drop)
{
	static const struct {
		unsigned pending, roll;
		enum verdict verdict;
	} rows[] = {
		{ 0, 0, VERDICT_WELCOME },
		{ 99, 0, VERDICT_WELCOME },
		{ 100, 29, VERDICT_MAX_STARTUPS },
		{ 100, 30, VERDICT_WELCOME },
		{ 550, 64, VERDICT_MAX_STARTUPS },
		{ 550, 65, VERDICT_WELCOME },
		{ 999, 98, VERDICT_MAX_STARTUPS },
		{ 999, 99, VERDICT_WELCOME },
		{ 1000, 99, VERDICT_MAX_STARTUPS },
	};
	struct endpoint peer = v4(1);
	unsigned pending = 0;
	struct pass pass;

	for (size_t i = 0; i < COUNT(rows); i++) {
		for (; pending < rows[i].pending; pending++)
			ck_assert_int_eq(admit(v4(1000 + pending / 30), T,
					     &passes[pending]),
			    VERDICT_WELCOME);
		ck_assert_int_eq(armour_admit(&armour, &peer, T, rows[i].roll,
				     &pass),
		    rows[i].verdict);
		end(&pass, FAULT_NONE, T);
	}
	while (pending > 0)
		end(&passes[--pending], FAULT_NONE, T);
	ck_assert_uint_eq(atomic_load(&armour.pending), 0);
}
END_TEST

START_TEST(each_stranger_has_a_bound)
{
	struct pass pass;

	for (int i = 0; i < ARMOUR_OF_STRANGER; i++)
		ck_assert_int_eq(admit(v4(1), T, &passes[i]), VERDICT_WELCOME);
	ck_assert_int_eq(admit(v4(1), T, &pass), VERDICT_SOURCE_IS_FULL);
	ck_assert_int_eq(pass.kind, PASS_NONE);
	ck_assert_int_eq(admit(v4(2), T, &pass), VERDICT_WELCOME);
	end(&passes[0], FAULT_NONE, T);
	end(&passes[0], FAULT_NONE, T); /* idempotent */
	ck_assert_int_eq(admit(v4(1), T, &passes[0]), VERDICT_WELCOME);
	ck_assert_int_eq(admit(v4(1), T, &pass), VERDICT_SOURCE_IS_FULL);
}
END_TEST

/* All of an IPv6 /64 is one; its neighbour, or IPv4, is not. */
START_TEST(what_a_source_is)
{
	struct pass pass;

	for (int i = 0; i < ARMOUR_OF_STRANGER; i++)
		ck_assert_int_eq(admit(v6(1, (uint8_t)i), T, &passes[i]),
		    VERDICT_WELCOME);
	ck_assert_int_eq(admit(v6(1, 200), T, &pass), VERDICT_SOURCE_IS_FULL);
	ck_assert_int_eq(admit(v6(2, 1), T, &pass), VERDICT_WELCOME);
	for (int i = 0; i < ARMOUR_OF_STRANGER; i++)
		ck_assert_int_eq(admit((struct endpoint){ 0 }, T,
				     &passes[100 + i]),
		    VERDICT_WELCOME);
	ck_assert_int_eq(admit((struct endpoint){ 0 }, T, &pass),
	    VERDICT_SOURCE_IS_FULL);
}
END_TEST

static void
fill_up(void)
{
	for (unsigned i = 0; i < limits.full; i++) {
		struct endpoint peer = v4(100000 + i / 16);

		while (armour_admit(&armour, &peer, T, 99, &passes[i]) !=
		    VERDICT_WELCOME)
			ck_abort_msg("not full yet");
	}
}

/* Neither others nor its own mistakes keep it out, while a link stands by and
 * for some time after. */
START_TEST(known_source_is_let_in)
{
	struct pass *link = known_link(v4(1), T), pass;

	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(come_to_fail(v4(1), FAULT_PROOF, T),
		    VERDICT_WELCOME);
	fill_up();
	ck_assert_int_eq(admit(v4(2), T, &pass), VERDICT_MAX_STARTUPS);
	ck_assert_int_eq(admit(v4(1), T, &pass), VERDICT_WELCOME);
	ck_assert_int_eq(pass.kind, PASS_KNOWN);
	end(&pass, FAULT_NONE, T);
	end(link, FAULT_NONE, T);
	ck_assert_int_eq(admit(v4(1), T + CALLER_KNOWN_MS - 1, &pass),
	    VERDICT_WELCOME);
	end(&pass, FAULT_NONE, T);
	ck_assert_int_eq(admit(v4(1), T + CALLER_KNOWN_MS, &pass),
	    VERDICT_MAX_STARTUPS);
	ck_assert_uint_eq(atomic_load(&armour.known_pending), 0);
}
END_TEST

/* A shard's clock is read a moment after main's. */
START_TEST(known_source_that_leaves_just_now)
{
	struct pass *link = known_link(v4(1), T), pass;

	end(link, FAULT_NONE, T + 1);
	ck_assert_int_eq(admit(v4(1), T, &pass), VERDICT_WELCOME);
	ck_assert_int_eq(pass.kind, PASS_KNOWN);
}
END_TEST

/* Its own bound: the oldest makes room, and at twice as many it is full. */
START_TEST(known_source_has_a_bound_of_its_own)
{
	struct pass *link = known_link(v4(1), T), pass;

	for (int i = 0; i < 2 * ARMOUR_OF_KNOWN; i++) {
		ck_assert_int_eq(admit(v4(1), T, &passes[i]), VERDICT_WELCOME);
		ck_assert_int_eq(passes[i].crowded, i >= ARMOUR_OF_KNOWN);
	}
	ck_assert_int_eq(admit(v4(1), T, &pass), VERDICT_SOURCE_IS_FULL);
	ck_assert_int_eq(admit(v4(2), T, &pass), VERDICT_WELCOME);
	end(link, FAULT_NONE, T);
}
END_TEST

static const struct {
	unsigned dialing, fds, want;
} dialings[] = {
	{ 0, FDS, ARMOUR_OF_KNOWN }, { 1, FDS, ARMOUR_OF_KNOWN },
	{ 64, FDS, 256 }, { 65, FDS, 260 }, { 1000, 64000, 4000 },
	{ 1000, FDS, FDS / 8 }, /* an eighth of them */
};

/* How many links of v4(1) are welcome before one has to go. */
static unsigned
room_of_known(void)
{
	unsigned room = 0;

	for (unsigned i = 0; i < COUNT(passes); i++)
		if (admit(v4(1), T, &passes[i]) == VERDICT_WELCOME &&
		    !passes[i].crowded)
			room++;
	for (unsigned i = 0; i < COUNT(passes); i++)
		end(&passes[i], FAULT_NONE, T);
	return room;
}

/* What the most that one of its inners has proved to make at once asks for. */
START_TEST(bound_of_known_source_is_its_inners)
{
	struct pass one, other, last;

	armour_fini(&armour);
	memset(&armour, 0, sizeof(armour));
	ck_assert(
	    armour_init(&armour, &limits, dialings[_i].fds, HANDSHAKE_MS, 7));
	ck_assert_int_eq(admit(v4(1), T, &one), VERDICT_WELCOME);
	ck_assert_int_eq(admit(v4(1), T, &other), VERDICT_WELCOME);
	ck_assert_int_eq(admit(v4(1), T, &last), VERDICT_WELCOME);
	pass_proved(&armour, &one, 0);
	pass_proved(&armour, &other, dialings[_i].dialing);
	pass_proved(&armour, &last, 1);
	ck_assert_uint_eq(room_of_known(), dialings[_i].want);
	end(&one, FAULT_NONE, T);
	end(&other, FAULT_NONE, T);
	ck_assert_uint_eq(room_of_known(), dialings[_i].want);
	end(&last, FAULT_NONE, T);
	/* it is forgotten with all else that was known */
	ck_assert(is_free(v4(1), T + CALLER_KNOWN_MS));
	(void)known_link(v4(1), T + CALLER_KNOWN_MS);
	ck_assert_uint_eq(room_of_known(), ARMOUR_OF_KNOWN);
}
END_TEST

/* Silent ones at one known address take the place of no other's. */
START_TEST(known_sources_are_not_in_each_others_way)
{
	unsigned share = 32; /* an eighth of the descriptors */
	struct pass pass;

	armour_fini(&armour);
	memset(&armour, 0, sizeof(armour));
	ck_assert(armour_init(&armour, &limits, 8 * share, HANDSHAKE_MS, 7));
	(void)known_link(v4(1), T);
	for (unsigned i = 0; i < share; i++)
		ck_assert_int_eq(admit(v4(1), T, &passes[i]), VERDICT_WELCOME);
	(void)known_link(v4(2), T);
	for (unsigned i = 0; i < 18; i++) {
		ck_assert_int_eq(admit(v4(2), T, &passes[share + i]),
		    VERDICT_WELCOME);
		ck_assert_int_eq(passes[share + i].crowded, i >= 16);
	}
	ck_assert_int_eq(admit(v4(1), T, &pass), VERDICT_WELCOME);
	ck_assert(pass.crowded);
}
END_TEST

START_TEST(few_descriptors_are_shared)
{
	struct pass pass;

	armour_fini(&armour);
	memset(&armour, 0, sizeof(armour));
	ck_assert(armour_init(&armour, &limits, 64, HANDSHAKE_MS, 7));
	for (unsigned i = 0; i < 16; i++)
		ck_assert_int_eq(admit(v4(i), T, &passes[i]), VERDICT_WELCOME);
	ck_assert_int_eq(admit(v4(100), T, &pass), VERDICT_MAX_STARTUPS);
}
END_TEST

/* More sources than places: what counts something stays, the rest is bounded
 * all the same. */
START_TEST(table_is_bounded)
{
	struct pass *link = known_link(v4(1), T), pass;
	unsigned without = 0;

	for (int i = 0; i < 4; i++)
		come_to_fail(v4(2), FAULT_PROTOCOL, T);
	ck_assert_int_eq(admit(v4(2), T, &pass), VERDICT_BARRED);
	for (unsigned i = 0; i < 3 * CALLERS_MAX; i++) {
		ck_assert_int_eq(admit(v4(1000 + i), T, &pass),
		    VERDICT_WELCOME);
		end(&pass, FAULT_NONE, T);
	}
	ck_assert_int_eq(admit(v4(2), T, &pass), VERDICT_BARRED);
	ck_assert_int_eq(admit(v4(1), T, &pass), VERDICT_WELCOME);
	ck_assert_int_eq(pass.kind, PASS_KNOWN);
	end(&pass, FAULT_NONE, T);
	armour.limits.full = armour.limits.start = 2 * CALLERS_MAX;
	for (unsigned i = 0; i < COUNT(passes) - 1; i++) {
		ck_assert_int_eq(admit(v4(100000 + i), T, &passes[i]),
		    VERDICT_WELCOME);
		without += passes[i].caller == NULL;
	}
	ck_assert_uint_ge(without, COUNT(passes) - CALLERS_MAX);
	for (unsigned i = 0; i < COUNT(passes) - 1; i++)
		end(&passes[i], FAULT_PROOF, T);
	ck_assert_uint_eq(atomic_load(&armour.pending), 0);
	end(link, FAULT_NONE, T);
}
END_TEST

START_TEST(one_line_for_each_source)
{
	unsigned left_out;
	struct pass a, b;

	admit(v4(1), T, &a);
	admit(v4(2), T, &b);
	ck_assert(pass_may_tell(&a, FAULT_PROOF, T, &left_out));
	ck_assert(pass_may_tell(&a, FAULT_SILENCE, T, &left_out));
	for (int i = 0; i < 7; i++)
		ck_assert(!pass_may_tell(&a, FAULT_PROOF,
		    T + ARMOUR_TELL_MS - 1, &left_out));
	ck_assert(pass_may_tell(&b, FAULT_PROOF, T, &left_out));
	ck_assert_uint_eq(left_out, 0);
	ck_assert(
	    pass_may_tell(&a, FAULT_PROOF, T + ARMOUR_TELL_MS, &left_out));
	ck_assert_uint_eq(left_out, 7);
	pass_proved(&armour, &b,
	    0); /* an inner of ours: all there is to tell */
	for (int i = 0; i < 7; i++)
		ck_assert(pass_may_tell(&b, FAULT_PROOF, T, &left_out));
}
END_TEST

/* While descriptors are short; known sources have theirs all the same. */
START_TEST(few_strangers_when_tight)
{
	struct pass *link = known_link(v4(1), T), pass;

	armour_set_tight(&armour, true);
	ck_assert(!armour_may_linger(&armour, T));
	for (unsigned i = 0; i < ARMOUR_TIGHT; i++)
		ck_assert_int_eq(admit(v4(2 + i), T, &passes[i]),
		    VERDICT_WELCOME);
	ck_assert_int_eq(admit(v4(100), T, &pass), VERDICT_MAX_STARTUPS);
	ck_assert_int_eq(admit(v4(1), T, &passes[10]), VERDICT_WELCOME);
	ck_assert_uint_eq(armour_pending(&armour), ARMOUR_TIGHT + 1);
	armour_set_tight(&armour, false);
	ck_assert_int_eq(admit(v4(100), T, &pass), VERDICT_WELCOME);
	ck_assert(armour_may_linger(&armour, T));
	end(link, FAULT_NONE, T);
}
END_TEST

START_TEST(last_words_are_bounded)
{
	for (unsigned i = 0; i < FDS / 8; i++)
		ck_assert(armour_may_linger(&armour, T));
	ck_assert(!armour_may_linger(&armour, T + ARMOUR_LINGER_MS - 1));
	ck_assert(armour_may_linger(&armour, T + ARMOUR_LINGER_MS));
}
END_TEST

Suite *
armour_suite(void)
{
	Suite *suite = suite_create("armour");
	TCase *tc = tcase_create("armour");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, parse, 0, (int)COUNT(texts));
	tcase_add_test(tc, early_drop);
	tcase_add_test(tc, each_stranger_has_a_bound);
	tcase_add_test(tc, what_a_source_is);
	tcase_add_test(tc, known_source_is_let_in);
	tcase_add_test(tc, known_source_that_leaves_just_now);
	tcase_add_test(tc, known_source_has_a_bound_of_its_own);
	tcase_add_loop_test(tc, bound_of_known_source_is_its_inners, 0,
	    (int)COUNT(dialings));
	tcase_add_test(tc, known_sources_are_not_in_each_others_way);
	tcase_add_test(tc, few_descriptors_are_shared);
	tcase_add_test(tc, table_is_bounded);
	tcase_add_test(tc, one_line_for_each_source);
	tcase_add_test(tc, few_strangers_when_tight);
	tcase_add_test(tc, last_words_are_bounded);
	suite_add_tcase(suite, tc);
	return suite;
}
