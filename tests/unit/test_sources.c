/*
 * test_sources.c - how many sessions a source may have and how fast they may
 * come, on a clock that the test passes in; and that the table is bounded.
 */
#include "tests/unit/suites.h"
#include "outer/sources.h"

#include <string.h>

enum { NOW = 5000000, SECOND = 1000 };

static struct sources sources;

static void
start(uint32_t sessions, uint32_t rate, uint32_t burst)
{
	const struct source_limits limits = { sessions, rate, burst };

	ck_assert(sources_init(&sources, &limits, 12345));
}

static void
tear_down(void)
{
	sources_fini(&sources);
}

static struct endpoint
v4(uint32_t number)
{
	struct endpoint from = { .family = 4, .port = 1234 };

	memcpy(from.bytes, &number, sizeof(number));
	return from;
}

/* An address of the /64 of that number. */
static struct endpoint
v6(uint64_t net, uint64_t host)
{
	struct endpoint from = { .family = 6 };

	memcpy(from.bytes, &net, sizeof(net));
	memcpy(from.bytes + 8, &host, sizeof(host));
	return from;
}

static enum source_verdict
enter(struct endpoint from, uint64_t now_ms, struct source **source)
{
	return sources_enter(&sources, &from, now_ms, source);
}

START_TEST(sessions_at_once)
{
	struct source *row[4];

	start(3, 0, 1);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(enter(v4(1), NOW, &row[i]), SOURCE_WELCOME);
	ck_assert_int_eq(enter(v4(1), NOW, &row[3]), SOURCE_TOO_MANY);
	ck_assert_ptr_null(row[3]);
	ck_assert_int_eq(enter(v4(2), NOW, &row[3]), SOURCE_WELCOME);
	source_leave(row[3]);
	source_leave(row[0]); /* a place is free, and one only */
	ck_assert_int_eq(enter(v4(1), NOW, &row[0]), SOURCE_WELCOME);
	ck_assert_int_eq(enter(v4(1), NOW, &row[3]), SOURCE_TOO_MANY);
	for (int i = 0; i < 3; i++)
		source_leave(row[i]);
}
END_TEST

START_TEST(an_ipv6_source_is_a_net)
{
	struct source *row;

	start(2, 0, 1);
	ck_assert_int_eq(enter(v6(7, 1), NOW, &row), SOURCE_WELCOME);
	ck_assert_int_eq(enter(v6(7, 2), NOW, &row), SOURCE_WELCOME);
	ck_assert_int_eq(enter(v6(7, 3), NOW, &row), SOURCE_TOO_MANY);
	ck_assert_int_eq(enter(v6(8, 1), NOW, &row), SOURCE_WELCOME);
	/* the same bytes, of another kind */
	ck_assert_int_eq(enter(v4(7), NOW, &row), SOURCE_WELCOME);
	ck_assert_uint_eq(sources_known(&sources), 3);
}
END_TEST

/* What comes every so many ms, and how many of them are let in. */
static const struct {
	const char *name;
	uint32_t rate, burst;
	unsigned count;
	uint64_t every_ms;
	unsigned want;
} rows[] = {
	{ "a burst, then nobody", 1, 10, 100, 0, 10 },
	{ "as fast as it may be", 10, 5, 1000, 100, 1000 },
	{ "twice as fast: half of them", 10, 1, 1000, 50, 500 },
	{ "ten times, and the burst", 10, 20, 1000, 10, 20 + 99 },
	{ "one a second, a burst of one", 1, 1, 60, 500, 30 },
	{ "a thousand a second", 1000, 1000, 5000, 1, 5000 },
	{ "no burst given: ten seconds' worth", 3, 0, 100, 0, 30 },
	{ "a million in one moment", 1000000, 1000000, 3000, 0, 3000 },
};

START_TEST(rate)
{
	unsigned welcome = 0;
	struct source *row;

	start(0, rows[_i].rate, rows[_i].burst);
	for (unsigned i = 0; i < rows[_i].count; i++) {
		uint64_t now = NOW + i * rows[_i].every_ms;

		if (enter(v4(1), now, &row) == SOURCE_WELCOME) {
			welcome++;
			source_leave(row);
		}
	}
	ck_assert_msg(welcome == rows[_i].want, "%s: %u, not %u", rows[_i].name,
	    welcome, rows[_i].want);
}
END_TEST

/* A pause fills the bucket, however long, and not beyond the burst. */
START_TEST(a_pause_fills_the_bucket)
{
	const uint64_t pauses[] = { 5 * SECOND, UINT64_C(1) << 40,
		UINT64_MAX / 2 };
	uint64_t now = NOW;
	struct source *row;

	start(0, 1, 5);
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned n = 0; n < 5; n++)
			ck_assert_int_eq(enter(v4(1), now, &row),
			    SOURCE_WELCOME);
		ck_assert_int_eq(enter(v4(1), now, &row), SOURCE_TOO_FAST);
		now += pauses[i];
	}
}
END_TEST

/* Who has too many sessions is not charged for his tries. */
START_TEST(too_many_costs_no_token)
{
	struct source *first, *row;

	start(1, 1, 2);
	ck_assert_int_eq(enter(v4(1), NOW, &first), SOURCE_WELCOME);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(enter(v4(1), NOW, &row), SOURCE_TOO_MANY);
	source_leave(first);
	ck_assert_int_eq(enter(v4(1), NOW, &row), SOURCE_WELCOME);
	source_leave(row);
	ck_assert_int_eq(enter(v4(1), NOW, &row), SOURCE_TOO_FAST);
}
END_TEST

START_TEST(no_limits_no_table)
{
	struct source *row;

	start(0, 0, 1);
	for (uint32_t i = 0; i < 1000; i++) {
		ck_assert_int_eq(enter(v4(i), NOW, &row), SOURCE_WELCOME);
		ck_assert_ptr_null(row);
	}
	ck_assert_uint_eq(sources_known(&sources), 0);
}
END_TEST

START_TEST(unix_sockets_are_not_concerned)
{
	struct endpoint from = { .family = 0 };
	struct source *row;

	start(1, 1, 1);
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(sources_enter(&sources, &from, NOW, &row),
		    SOURCE_WELCOME);
		ck_assert_ptr_null(row);
	}
}
END_TEST

/* Strangers cannot make the table grow, nor sources with sessions be
 * forgotten. */
START_TEST(bounded)
{
	enum { KEPT = 100, STRANGERS = SOURCES_IDLE_MAX * 3 };
	struct source *kept[KEPT], *row;

	start(1, 0, 1);
	for (uint32_t i = 0; i < KEPT; i++)
		ck_assert_int_eq(enter(v4(i), NOW, &kept[i]), SOURCE_WELCOME);
	for (uint32_t i = 0; i < STRANGERS; i++) {
		ck_assert_int_eq(enter(v4(KEPT + i), NOW, &row),
		    SOURCE_WELCOME);
		source_leave(row);
	}
	ck_assert_uint_le(sources_known(&sources), SOURCES_IDLE_MAX + KEPT);
	for (uint32_t i = 0; i < KEPT; i++) {
		ck_assert_int_eq(enter(v4(i), NOW, &row), SOURCE_TOO_MANY);
		source_leave(kept[i]);
	}
}
END_TEST

/* All rows are in use: then there are more of them. */
START_TEST(every_session_has_a_row)
{
	enum { MANY = SOURCES_IDLE_MAX + 100 };
	static struct source *row[MANY];

	start(1, 0, 1);
	for (uint32_t i = 0; i < MANY; i++)
		ck_assert_int_eq(enter(v4(i), NOW, &row[i]), SOURCE_WELCOME);
	ck_assert_uint_eq(sources_known(&sources), MANY);
	for (uint32_t i = 0; i < MANY; i++)
		source_leave(row[i]);
	ck_assert_int_eq(enter(v4(MANY), NOW, &row[0]), SOURCE_WELCOME);
	ck_assert_uint_eq(sources_known(&sources), MANY);
}
END_TEST

Suite *
sources_suite(void)
{
	Suite *suite = suite_create("sources");
	TCase *tc = tcase_create("sources");

	tcase_add_checked_fixture(tc, NULL, tear_down);
	tcase_add_test(tc, sessions_at_once);
	tcase_add_test(tc, an_ipv6_source_is_a_net);
	tcase_add_loop_test(tc, rate, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tc, a_pause_fills_the_bucket);
	tcase_add_test(tc, too_many_costs_no_token);
	tcase_add_test(tc, no_limits_no_table);
	tcase_add_test(tc, unix_sockets_are_not_concerned);
	tcase_add_test(tc, bounded);
	tcase_add_test(tc, every_session_has_a_row);
	suite_add_tcase(suite, tc);
	return suite;
}
