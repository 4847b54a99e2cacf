/* test_wheel.c - coarse deadlines: in their order, moved, taken off, far. */
#include "tests/unit/suites.h"
#include "base/clock.h"
#include "net/loop.h"
#include "net/wheel.h"

#include <event2/event.h>

static struct loop *loop;
static struct wheel *wheel;
static struct wheel_node nodes[3];
static int order[8], count, again;

static void
on_due(struct wheel_node *node)
{
	order[count++] = (int)(node - nodes);
	if (again > 0) {
		again--;
		wheel_put(wheel, node, 0);
	}
}

static void
set_up(void)
{
	loop = loop_new();
	wheel = wheel_new(loop, on_due);
	count = again = 0;
}

static void
tear_down(void)
{
	wheel_free(wheel);
	loop_free(loop);
}

static void
turn_until(int wanted)
{
	while (count < wanted)
		event_base_loop(loop_base(loop), EVLOOP_ONCE);
}

START_TEST(in_the_order_of_deadlines)
{
	uint64_t began;

	do {
		began = clock_ms();
		wheel_put(wheel, &nodes[0], 400);
		wheel_put(wheel, &nodes[1], 1);
		wheel_put(wheel, &nodes[2], 200);
	} while (clock_ms() - began > 50); /* again, if we were held up */
	turn_until(3);
	ck_assert_int_eq(order[0], 1);
	ck_assert_int_eq(order[1], 2);
	ck_assert_int_eq(order[2], 0);
	ck_assert_uint_ge(clock_ms() - began, 400);
	ck_assert_ptr_null(nodes[0].node.list);
}
END_TEST

START_TEST(moved_and_taken_off)
{
	wheel_put(wheel, &nodes[0], 1);
	wheel_put(wheel, &nodes[1], WHEEL_MOST_MS * 10);
	ck_assert_uint_le(nodes[1].due_ms, clock_ms() + WHEEL_MOST_MS);
	wheel_put(wheel, &nodes[2], 1);
	wheel_put(wheel, &nodes[1], 200);
	wheel_remove(&nodes[0]);
	turn_until(2);
	ck_assert_int_eq(order[0], 2);
	ck_assert_int_eq(order[1], 1);
}
END_TEST

START_TEST(put_back_by_its_own_callback)
{
	again = 2;
	wheel_put(wheel, &nodes[0], 1);
	turn_until(3);
	ck_assert_int_eq(count, 3);
}
END_TEST

Suite *
wheel_suite(void)
{
	Suite *suite = suite_create("wheel");
	TCase *tc = tcase_create("wheel");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, in_the_order_of_deadlines);
	tcase_add_test(tc, moved_and_taken_off);
	tcase_add_test(tc, put_back_by_its_own_callback);
	suite_add_tcase(suite, tc);
	return suite;
}
