/*
 * test_denials.c - one line for each source and minute, however many come.
 */
#include "tests/unit/suites.h"
#include "outer/denials.h"

#include <string.h>

enum { NOW = 5000000 };

static struct denials denials;
static struct denial_row row;

static void
set_up(void)
{
	memset(&denials, 0, sizeof(denials));
}

static struct endpoint
client(uint8_t last, uint16_t port)
{
	return (struct endpoint){ .family = 4,
		.port = port,
		.bytes = { 192, 0, 2, last } };
}

static bool
note(uint8_t last, uint16_t port, enum denial denial, uint64_t now_ms)
{
	struct endpoint from = client(last, port);

	return denials_note(&denials, &from, denial, now_ms);
}

START_TEST(first_at_once_others_counted)
{
	ck_assert(!denials_any(&denials));
	ck_assert(note(1, 1000, DENIAL_LISTED, NOW));
	ck_assert(denials_any(&denials));
	for (uint16_t i = 1; i <= 500; i++)
		ck_assert(!note(1, 1000 + i, DENIAL_LISTED, NOW + i));
	ck_assert(!denials_due(&denials, NOW + DENIALS_PERIOD_MS - 1, &row));
	ck_assert(denials_due(&denials, NOW + DENIALS_PERIOD_MS, &row));
	ck_assert_uint_eq(row.count, 500);
	ck_assert_uint_eq(row.client.bytes[3], 1);
	ck_assert_int_eq(row.denial, DENIAL_LISTED);
	ck_assert(!denials_due(&denials, NOW + DENIALS_PERIOD_MS, &row));
	ck_assert(!denials_any(&denials));
	ck_assert(note(1, 1, DENIAL_LISTED, NOW + DENIALS_PERIOD_MS));
}
END_TEST

START_TEST(sources_and_reasons_apart)
{
	ck_assert(note(1, 1, DENIAL_LISTED, NOW));
	ck_assert(note(2, 1, DENIAL_LISTED, NOW));
	ck_assert(note(1, 1, DENIAL_NOT_ALLOWED, NOW));
	ck_assert(!note(2, 2, DENIAL_LISTED, NOW));
	for (int i = 0; i < 3; i++)
		ck_assert(denials_due(&denials, NOW + DENIALS_PERIOD_MS, &row));
	ck_assert(!denials_due(&denials, NOW + DENIALS_PERIOD_MS, &row));
}
END_TEST

START_TEST(an_ipv6_source_is_a_net)
{
	struct endpoint from = { .family = 6, .bytes = { 0x20, 1 } };

	ck_assert(denials_note(&denials, &from, DENIAL_LISTED, NOW));
	from.bytes[15] = 1;
	ck_assert(!denials_note(&denials, &from, DENIAL_LISTED, NOW));
	from.bytes[7] = 1;
	ck_assert(denials_note(&denials, &from, DENIAL_LISTED, NOW));
}
END_TEST

/* Whoever finds no row is counted, and told when one is free again. */
START_TEST(no_more_rows_than_there_are)
{
	for (unsigned i = 0; i < DENIALS_MAX; i++)
		ck_assert(note((uint8_t)i, 1, DENIAL_LISTED, NOW));
	for (unsigned i = DENIALS_MAX; i < 256; i++)
		ck_assert(!note((uint8_t)i, 1, DENIAL_LISTED, NOW));
	ck_assert(!denials_due(&denials, NOW, &row));
	for (unsigned i = 0; i < DENIALS_MAX; i++) {
		ck_assert(denials_due(&denials, NOW + DENIALS_PERIOD_MS, &row));
		ck_assert_uint_eq(row.count, 0);
		ck_assert_int_eq(row.denial, DENIAL_LISTED);
	}
	ck_assert(denials_due(&denials, NOW + DENIALS_PERIOD_MS, &row));
	ck_assert_int_eq(row.denial, DENIAL_NONE);
	ck_assert_uint_eq(row.count, 256 - DENIALS_MAX);
	ck_assert(!denials_due(&denials, NOW + DENIALS_PERIOD_MS, &row));
	ck_assert(!denials_any(&denials));
}
END_TEST

START_TEST(every_reason_has_a_text)
{
	for (int i = 0; i < DENIAL_NKINDS; i++)
		ck_assert_ptr_nonnull(denial_text((enum denial)i));
}
END_TEST

Suite *
denials_suite(void)
{
	Suite *suite = suite_create("denials");
	TCase *tc = tcase_create("denials");

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, first_at_once_others_counted);
	tcase_add_test(tc, sources_and_reasons_apart);
	tcase_add_test(tc, an_ipv6_source_is_a_net);
	tcase_add_test(tc, no_more_rows_than_there_are);
	tcase_add_test(tc, every_reason_has_a_text);
	suite_add_tcase(suite, tc);
	return suite;
}
