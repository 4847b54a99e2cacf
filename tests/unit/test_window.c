/*
 * test_window.c - each counter is accepted once, whoever asks first.
 */
#include "sys/thread.h"
#include "tests/unit/suites.h"
#include "wire/window.h"

#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define FAR	     (UINT64_C(1) << 53)

/* One after the other, in one window. */
static const struct {
	const char *name;
	uint64_t counter;
	bool want;
} steps[] = {
	{ "zero is none", 0, false },
	{ "the first", 1, true },
	{ "again", 1, false },
	{ "a later one", 5, true },
	{ "one that was left out", 3, true },
	{ "that again", 3, false },
	{ "the last of the first round", 1023, true },
	{ "the first of the second", 1024, true },
	{ "the slot of the first: used", 1, false },
	{ "the oldest that still counts", 2, true },
	{ "that one's slot again", 1026, true },
	{ "too old now, though it is free", 2, false },
	{ "unused beside it", 4, true },
	{ "a leap", FAR, true },
	{ "that again", FAR, false },
	{ "just before the leap", FAR - 1, true },
	{ "a round before the leap", FAR - 1024, false },
	{ "just within the round", FAR - 1023, true },
	{ "the highest of all", UINT64_MAX, true },
	{ "that again", UINT64_MAX, false },
};

START_TEST(in_turn)
{
	static struct window window;

	window_init(&window);
	for (size_t i = 0; i < COUNT(steps); i++)
		ck_assert_msg(window_accept(&window, steps[i].counter) ==
			steps[i].want,
		    "step %zu: %s", i, steps[i].name);
}
END_TEST

/* Backwards, all of the newest are accepted; none older is. */
START_TEST(backwards)
{
	static struct window window;
	const uint64_t newest = 5000;

	window_init(&window);
	for (uint64_t back = 0; back < WINDOW_SIZE; back++)
		ck_assert(window_accept(&window, newest - back));
	for (uint64_t n = 0; n <= newest; n++)
		ck_assert(!window_accept(&window, n));
	ck_assert(window_accept(&window, newest + 1));
	window_init(&window);
	ck_assert(window_accept(&window, 1));
}
END_TEST

enum { THREADS = 4, ROUNDS = 60, LAST = ROUNDS * WINDOW_SIZE };

/* Threads that offer the same counters, from both ends of each round, as
 * links of one inner that come by different shards. */
struct storm {
	struct window window;
	atomic_uchar accepted[LAST + 1];
	atomic_int ready;
};

struct runner {
	struct storm *storm;
	struct thread *thread;
	int number;
};

static void
wait_for(atomic_int *what, int value)
{
	while (atomic_load(what) < value)
		sched_yield();
}

static void
offer(struct storm *storm, uint64_t counter)
{
	if (window_accept(&storm->window, counter))
		atomic_fetch_add(&storm->accepted[counter], 1);
}

/* The threads meet after each round: the counters of a round are all within
 * the newest of it, so each must be accepted, by one of them. */
static void
run(void *arg)
{
	struct runner *runner = arg;
	struct storm *storm = runner->storm;

	for (int round = 0; round < ROUNDS; round++) {
		atomic_fetch_add(&storm->ready, 1);
		wait_for(&storm->ready, THREADS * (round + 1));
		for (int i = 0; i < WINDOW_SIZE; i++) {
			int at = runner->number % 2 == 0 ? i + 1
							 : WINDOW_SIZE - i;

			offer(storm, (uint64_t)(round * WINDOW_SIZE + at));
		}
	}
}

START_TEST(threads)
{
	struct storm *storm = calloc(1, sizeof(*storm));
	struct runner runners[THREADS];

	ck_assert_ptr_nonnull(storm);
	window_init(&storm->window);
	for (int i = 0; i < THREADS; i++) {
		runners[i] = (struct runner){ storm, NULL, i };
		runners[i].thread = thread_start(run, &runners[i]);
		ck_assert_ptr_nonnull(runners[i].thread);
	}
	for (int i = 0; i < THREADS; i++)
		thread_join(runners[i].thread);
	for (int n = 1; n <= LAST; n++)
		ck_assert_msg(atomic_load(&storm->accepted[n]) == 1,
		    "%d was accepted %d times", n,
		    atomic_load(&storm->accepted[n]));
	free(storm);
}
END_TEST

Suite *
window_suite(void)
{
	Suite *suite = suite_create("window");
	TCase *tc = tcase_create("window");

	tcase_add_test(tc, in_turn);
	tcase_add_test(tc, backwards);
	tcase_add_test(tc, threads);
	suite_add_tcase(suite, tc);
	return suite;
}
