/*
 * test_keeper.c - how long the inner waits between its attempts.
 */
#include "tests/unit/suites.h"
#include "inner/keeper.h"

#include <string.h>

enum { MINUTE = 60000 };

static const struct {
	const char *name;
	uint64_t delay, outage, most, want;
} delays[] = {
	{ "the first", 0, 0, MINUTE, 100 },
	{ "doubles", 100, 100, MINUTE, 200 },
	{ "young: at most 1 s", 800, 1500, MINUTE, 1000 },
	{ "young: stays at 1 s", 1000, 59999, MINUTE, 1000 },
	{ "old: doubles on", 1000, 60000, MINUTE, 2000 },
	{ "old: doubles further", 32000, 100000, 64000, 64000 },
	{ "never over the most", 48000, 200000, MINUTE, MINUTE },
	{ "a small most rules even while young", 400, 500, 500, 500 },
	{ "rejected: doubles while young", 5000, 5000, MINUTE, 10000 },
};

START_TEST(next_delay)
{
	ck_assert_msg(keeper_next_delay(delays[_i].delay, delays[_i].outage,
			  delays[_i].most) == delays[_i].want,
	    "case \"%s\"", delays[_i].name);
}
END_TEST

Suite *
keeper_suite(void)
{
	Suite *suite = suite_create("keeper");
	TCase *tc = tcase_create("keeper");

	tcase_add_loop_test(tc, next_delay, 0,
	    (int)(sizeof(delays) / sizeof(delays[0])));
	suite_add_tcase(suite, tc);
	return suite;
}
