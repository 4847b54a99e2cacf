/*
 * test_pump_memory.c - what all loops hold, and what is left for one direction.
 */
#include "tests/unit/suites.h"
#include "relay/pump_memory.h"

enum { KIB = 1024, MIB = 1024 * KIB, MOST = 4 * MIB, BOUND = 256 * KIB };

static struct pump_memory memory;
static struct pump_share *here, *there;

static void
set_up(void)
{
	pump_memory_init(&memory, MOST);
	here = pump_memory_join(&memory);
	there = pump_memory_join(&memory);
}

/* So much is held: what is left for a direction that may hold BOUND. */
static const struct {
	const char *name;
	size_t here, there;
	size_t least, most;
	bool tight, full;
} rows[] = {
	{ "nothing", 0, 0, BOUND, BOUND, false, false },
	{ "half", MIB, MIB, BOUND, BOUND, false, false },
	{ "just below three quarters", 2 * MIB, MIB - 1, BOUND, BOUND, false,
	    false },
	{ "three quarters", 2 * MIB, MIB, 200 * KIB, BOUND - 1, false, false },
	{ "just below seven eighths", MIB / 2 - 1, 3 * MIB, 100 * KIB,
	    160 * KIB, false, false },
	{ "seven eighths", 3 * MIB, MIB / 2, 100 * KIB, 160 * KIB, true,
	    false },
	{ "nearly all", 4 * MIB - 1, 0, PUMP_MEMORY_LEAST, 20 * KIB, true,
	    false },
	{ "all", 3 * MIB, MIB, PUMP_MEMORY_LEAST, PUMP_MEMORY_LEAST, true,
	    true },
	{ "more than all", 0, 9 * MIB, PUMP_MEMORY_LEAST, PUMP_MEMORY_LEAST,
	    true, true },
};

static void
check_row(size_t i)
{
	size_t room = pump_memory_room(&memory, BOUND);

	ck_assert_msg(room >= rows[i].least && room <= rows[i].most, "%s: %zu",
	    rows[i].name, room);
	ck_assert_int_eq(pump_memory_tight(&memory), rows[i].tight);
	ck_assert_int_eq(pump_memory_full(&memory), rows[i].full);
}

START_TEST(room)
{
	pump_memory_add(&memory, here, rows[_i].here);
	pump_memory_add(&memory, there, rows[_i].there);
	ck_assert_uint_eq(pump_memory_held(&memory),
	    rows[_i].here + rows[_i].there);
	check_row((size_t)_i);
	/* the way down is the way up */
	pump_memory_add(&memory, here, 8 * MIB);
	pump_memory_sub(&memory, here, 8 * MIB);
	check_row((size_t)_i);
	pump_memory_sub(&memory, there, rows[_i].there);
	pump_memory_sub(&memory, here, rows[_i].here);
	check_row(0);
}
END_TEST

/* It never grows as more is held, nor falls below the least. */
START_TEST(room_shrinks)
{
	size_t last = BOUND, now = BOUND;

	for (size_t held = 0; held < 5 * MIB; held += 10 * KIB) {
		now = pump_memory_room(&memory, BOUND);
		ck_assert_uint_le(now, last);
		ck_assert_uint_ge(now, PUMP_MEMORY_LEAST);
		last = now;
		pump_memory_add(&memory, here, 10 * KIB);
	}
	ck_assert_uint_eq(now, PUMP_MEMORY_LEAST);
}
END_TEST

/* A bound that is the least already stays. */
START_TEST(the_least_stays)
{
	pump_memory_add(&memory, here, 2 * MOST);
	ck_assert_uint_eq(pump_memory_room(&memory, PUMP_MEMORY_LEAST),
	    PUMP_MEMORY_LEAST);
	ck_assert_uint_eq(pump_memory_room(&memory, 1000), 1000);
}
END_TEST

Suite *
pump_memory_suite(void)
{
	Suite *suite = suite_create("pump_memory");
	TCase *tc = tcase_create("pump_memory");

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_loop_test(tc, room, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tc, room_shrinks);
	tcase_add_test(tc, the_least_stays);
	suite_add_tcase(suite, tc);
	return suite;
}
