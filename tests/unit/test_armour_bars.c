/*
 * test_armour_bars.c - what is done about sources whose links fail, and about
 * those that keep others waiting.
 */
#include "tests/unit/suites.h"
#include "tests/unit/test_armour.h"

/* Three faults in a row bar it, for twice as long each time. */
START_TEST(penalties_grow)
{
	uint64_t now = T, bar_ms = CALLER_BAR_MS;
	struct pass pass;

	for (int round = 0; round < 9; round++) {
		bar(v4(1), now);
		ck_assert(is_free(v4(2), now));
		ck_assert(!is_free(v4(1), now + bar_ms - 1));
		now += bar_ms;
		bar_ms *= 2;
		if (bar_ms > CALLER_BAR_MAX_MS)
			bar_ms = CALLER_BAR_MAX_MS;
	}
	ck_assert_uint_eq(bar_ms, CALLER_BAR_MAX_MS);
	now += CALLER_BAR_MAX_MS + 1; /* good for so long: from the start */
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(come_to_fail(v4(1), FAULT_SILENCE, now),
		    VERDICT_WELCOME);
	ck_assert_int_eq(admit(v4(1), now, &pass), VERDICT_BARRED);
	ck_assert_int_eq(admit(v4(1), now + CALLER_BAR_MS, &pass),
	    VERDICT_WELCOME);
	ck_assert(!pass_is_barred(&armour, &pass, now + CALLER_BAR_MS));
	now += CALLER_BAR_MS;
	for (int i = 0; i < 3; i++)
		(void)come_to_fail(v4(1), FAULT_PROOF, now);
	ck_assert_int_eq(come_to_fail(v4(1), FAULT_NONE, now), VERDICT_BARRED);
	ck_assert(pass_is_barred(&armour, &pass, now)); /* it came before */
	pass_proved(&armour, &pass, 0);
	ck_assert(!pass_is_barred(&armour, &pass, now));
}
END_TEST

/* One wrong inner behind an address does not shut out the right one: about one
 * link a second tries, and what it does wrong does not lengthen the bar. */
START_TEST(barred_source_may_try)
{
	uint64_t now = T, tries = 0;
	struct pass pass;

	bar(v4(1), T);
	for (; now < T + CALLER_BAR_MS; now += 10) {
		struct endpoint peer = v4(1);
		unsigned roll = (unsigned)(now / 10 * 37 % 100);

		if (armour_admit(&armour, &peer, now, roll, &pass) ==
		    VERDICT_BARRED)
			continue;
		ck_assert(pass.probe);
		end(&pass, (enum fault)(tries++ % FAULT_NKINDS), now);
	}
	ck_assert_uint_ge(tries, CALLER_BAR_MS / CALLER_PROBE_MS * 2 / 3);
	ck_assert_uint_le(tries, CALLER_BAR_MS / CALLER_PROBE_MS * 3 / 2);
	ck_assert(is_free(v4(1), now));
}
END_TEST

/* It has its own time, and once its key is proved the source is free. */
START_TEST(who_tries_is_not_swept_at_once)
{
	uint64_t now = T + 2 * CALLER_PROBE_MS;
	struct pass first, second;

	bar(v4(1), T);
	ck_assert_int_eq(admit(v4(1), now, &first), VERDICT_WELCOME);
	ck_assert(first.probe);
	ck_assert_int_eq(admit(v4(1), now, &second), VERDICT_BARRED);
	ck_assert(!pass_is_barred(&armour, &first, now + HURRY_MS - 1));
	ck_assert(pass_is_barred(&armour, &first, now + HURRY_MS));
	now += 2 * CALLER_PROBE_MS;
	ck_assert_int_eq(admit(v4(1), now, &second), VERDICT_WELCOME);
	pass_proved(&armour, &second, 0);
	ck_assert(!pass_is_barred(&armour, &first, now + HURRY_MS));
	ck_assert(is_free(v4(1), now));
	end(&second, FAULT_NONE, now);
	end(&first, FAULT_NONE, now);
}
END_TEST

/* They leave half of what is welcome to those who did nothing wrong, and when
 * descriptors are short half of that. */
START_TEST(those_who_try_leave_room)
{
	unsigned most = limits.start / 2;
	struct pass pass;

	for (unsigned i = 0; i <= most; i++)
		bar(v4(i), T);
	armour_set_tight(&armour, true);
	for (unsigned i = 0; i < ARMOUR_TIGHT / 2; i++)
		ck_assert_int_eq(admit(v4(i), T + 5000, &passes[i]),
		    VERDICT_WELCOME);
	ck_assert_int_eq(admit(v4(most), T + 5000, &pass), VERDICT_BARRED);
	armour_set_tight(&armour, false);
	for (unsigned i = ARMOUR_TIGHT / 2; i < most; i++)
		ck_assert_int_eq(admit(v4(i), T + 5000, &passes[i]),
		    VERDICT_WELCOME);
	ck_assert_int_eq(admit(v4(most), T + 5000, &pass), VERDICT_BARRED);
	ck_assert(is_free(v4(1000), T + 5000));
	end(&passes[0], FAULT_NONE, T + 5000);
	ck_assert_int_eq(admit(v4(most), T + 5000, &pass), VERDICT_WELCOME);
}
END_TEST

/* Who begins handshakes and goes is barred if it does so often. */
START_TEST(who_leaves_often_is_barred)
{
	struct pass pass;

	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(come_to_fail(v4(1), FAULT_LEFT, T),
		    VERDICT_WELCOME);
	ck_assert_int_eq(come_to_fail(v4(1), FAULT_LEFT, T), VERDICT_WELCOME);
	ck_assert_int_eq(admit(v4(1), T, &pass), VERDICT_BARRED);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(come_to_fail(v4(2), FAULT_LEFT,
				     T + 1000 * (uint64_t)i),
		    VERDICT_WELCOME);
}
END_TEST

/* What links of a known source do wrong is nobody's fault afterwards. */
START_TEST(known_source_has_no_faults)
{
	uint64_t later = T + CALLER_KNOWN_MS;
	struct pass *link = known_link(v4(1), T);

	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(admit(v4(1), T, &passes[i]), VERDICT_WELCOME);
	end(link, FAULT_NONE, T);
	for (int i = 0; i < 5; i++)
		end(&passes[i], FAULT_PROTOCOL, later);
	ck_assert(is_free(v4(1), later));
}
END_TEST

static const struct {
	uint32_t handshake_ms, hurry_ms;
} hurries[] = {
	{ 10000, 2500 },
	{ 60000, 15000 },
	{ 4000, 1000 },
	{ 100, 1000 },
};

/* So long a stranger may take while others wait; who is known, all its time. */
START_TEST(slow_strangers)
{
	uint64_t over = T + hurries[_i].hurry_ms;
	struct pass *link, stranger, known;

	armour_fini(&armour);
	memset(&armour, 0, sizeof(armour));
	ck_assert(
	    armour_init(&armour, &limits, FDS, hurries[_i].handshake_ms, 7));
	ck_assert_int_eq(admit(v4(2), T, &stranger), VERDICT_WELCOME);
	ck_assert(!pass_is_slow(&armour, &stranger, over - 1));
	ck_assert(!pass_is_slow(&armour, &stranger, T - 1));
	ck_assert(pass_is_slow(&armour, &stranger, over));
	link = known_link(v4(1), T);
	ck_assert_int_eq(admit(v4(1), T, &known), VERDICT_WELCOME);
	ck_assert(!pass_is_slow(&armour, &known, over));
	link = known_link(v4(2), T); /* another one there was right */
	ck_assert(!pass_is_slow(&armour, &stranger, over));
	end(link, FAULT_NONE, T);
}
END_TEST

/* As an inner with a wrong key tries: it never bars its address. */
START_TEST(who_fails_slowly_is_not_barred)
{
	uint64_t now = T;

	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(come_to_fail(v4(1), FAULT_PROOF, now),
		    VERDICT_WELCOME);
		now += 5000;
	}
	for (int i = 0; i < 100; i++) /* and who does nothing wrong at all */
		ck_assert_int_eq(come_to_fail(v4(2), FAULT_NONE, now),
		    VERDICT_WELCOME);
}
END_TEST

/* The time of the fault counts, not that of the look at it. */
START_TEST(old_faults_do_not_count)
{
	struct pass pass;

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(come_to_fail(v4(1), FAULT_PROOF, T),
		    VERDICT_WELCOME);
	ck_assert_int_eq(admit(v4(1), T + 20000, &pass), VERDICT_WELCOME);
}
END_TEST

Suite *
armour_bars_suite(void)
{
	Suite *suite = suite_create("armour_bars");
	TCase *tc = tcase_create("armour_bars");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, penalties_grow);
	tcase_add_test(tc, barred_source_may_try);
	tcase_add_test(tc, who_tries_is_not_swept_at_once);
	tcase_add_test(tc, those_who_try_leave_room);
	tcase_add_test(tc, who_leaves_often_is_barred);
	tcase_add_test(tc, known_source_has_no_faults);
	tcase_add_loop_test(tc, slow_strangers, 0, (int)COUNT(hurries));
	tcase_add_test(tc, who_fails_slowly_is_not_barred);
	tcase_add_test(tc, old_faults_do_not_count);
	suite_add_tcase(suite, tc);
	return suite;
}
