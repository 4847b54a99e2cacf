/*
 * test_demand.c - how many idle spares those who come are worth.
 */
#include "tests/unit/suites.h"
#include "inner/demand.h"

#include <limits.h>

enum { SECOND = 1000, MINUTE = 60000, START = 5000000 };

/* count times: each spares are taken, then every ms pass; then calm ms of
 * which only seconds are seen. */
static const struct {
	const char *name;
	unsigned count, each, every, waiting;
	uint64_t refill, calm;
	size_t least, most, want;
} cases[] = {
	{ "nobody has come", 0, 0, 0, 0, 3, 0, 2, 100, 2 },
	{ "nobody for long", 0, 0, 0, 0, 3, MINUTE, 2, 100, 2 },
	{ "one client: the next two", 1, 1, 0, 0, 3, 0, 1, 100, 2 },
	{ "never below the least", 1, 1, 0, 0, 3, 0, 5, 100, 5 },
	{ "a crowd of one moment", 10, 1, 2, 0, 3, 0, 1, 100, 20 },
	{ "never above the most", 30, 1, 0, 0, 3, 0, 1, 50, 50 },
	{ "least and most the same", 30, 1, 0, 0, 3, MINUTE, 10, 10, 10 },
	{ "one by one is no crowd", 100, 1, 100, 0, 3, 0, 1, 100, 2 },
	{ "1000 a second, 3 ms away", 1000, 1, 1, 0, 3, 0, 1, 1000, 100 },
	{ "100 a second, 200 ms away", 300, 1, 10, 0, 200, 0, 1, 1000, 40 },
	{ "the line cannot be that slow", 200, 1, 10, 0, 1 << 30, 0, 1, 1000,
	    400 },
	{ "who waits counts too", 1, 1, 0, 9, 3, 0, 1, 100, 20 },
	{ "half in a half-life", 1, 32, 0, 0, 3, 20 * SECOND, 1, 100, 32 },
	{ "an eighth in three", 1, 32, 0, 0, 3, MINUTE, 1, 100, 8 },
	{ "all in ten minutes", 1, 1000, 0, 0, 3, 10 * MINUTE, 2, 2000, 2 },
};

START_TEST(target)
{
	/* the count of spares wraps on the way */
	unsigned taken = UINT_MAX - 1;
	struct demand demand = { .taken = taken, .window_base = taken };
	uint64_t now = START;

	demand_note(&demand, taken, 0, cases[_i].refill, now);
	for (unsigned i = 0; i < cases[_i].count; i++) {
		taken += cases[_i].each;
		demand_note(&demand, taken, cases[_i].waiting, cases[_i].refill,
		    now);
		now += cases[_i].every;
	}
	for (uint64_t i = 0; i < cases[_i].calm / SECOND; i++) {
		now += SECOND;
		demand_note(&demand, taken, 0, cases[_i].refill, now);
	}
	ck_assert_msg(demand_target(&demand, cases[_i].least, cases[_i].most) ==
		cases[_i].want,
	    "case \"%s\": %zu", cases[_i].name,
	    demand_target(&demand, cases[_i].least, cases[_i].most));
}
END_TEST

Suite *
demand_suite(void)
{
	Suite *suite = suite_create("demand");
	TCase *tc = tcase_create("demand");

	tcase_add_loop_test(tc, target, 0,
	    (int)(sizeof(cases) / sizeof(cases[0])));
	suite_add_tcase(suite, tc);
	return suite;
}
