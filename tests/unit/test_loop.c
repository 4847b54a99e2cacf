/*
 * test_loop.c - the loop's timers and reaper, messages to it from other
 * threads, and workers.
 */
#include "tests/unit/suites.h"
#include "net/inbox.h"
#include "net/loop.h"
#include "net/worker.h"
#include "sys/thread.h"

#include <event2/event.h>
#include <stdlib.h>

static struct loop *loop;
static int calls;

static void
set_up(void)
{
	loop = loop_new();
	calls = 0;
}

static void
tear_down(void)
{
	loop_free(loop);
}

static void
turn_until(const int *count, int want)
{
	while (*count < want)
		event_base_loop(loop_base(loop), EVLOOP_ONCE);
}

enum { THREADS = 4, POSTS = 10000, BOUNCES = 5000 };

static int received;

static void
on_message(struct inbox_message *message)
{
	received++;
	free(message);
}

static void
post_many(void *arg)
{
	for (int i = 0; i < POSTS; i++) {
		struct inbox_message *message = calloc(1, sizeof(*message));

		message->run = on_message;
		inbox_post(arg, message);
	}
}

START_TEST(inbox_loses_nothing)
{
	received = 0;
	for (int i = 0; i < THREADS; i++)
		ck_assert(thread_detach(post_many, loop_inbox(loop)));
	turn_until(&received, THREADS * POSTS);
	ck_assert_int_eq(received, THREADS * POSTS);
}
END_TEST

struct probe {
	struct inbox_message message;
	struct loop_timer timer;
	struct loop *loop;
	struct inbox *home; /* where the answer goes */
	int answers;
};

static void
on_probe_home(struct inbox_message *message)
{
	list_entry(message, struct probe, message)->answers++;
}

static void
on_probe_time(void *arg)
{
	struct probe *probe = arg;

	probe->message.run = on_probe_home;
	inbox_post(probe->home, &probe->message);
}

static void
on_probe_there(struct inbox_message *message)
{
	struct probe *probe = list_entry(message, struct probe, message);

	loop_timer_init(&probe->timer, probe->loop, on_probe_time, probe);
	loop_timer_start(&probe->timer, 1);
}

START_TEST(a_worker_runs_a_loop_of_its_own)
{
	struct worker *worker = worker_new();
	struct probe probe = { .message.run = on_probe_there,
		.loop = worker_loop(worker),
		.home = loop_inbox(loop) };

	ck_assert(worker_start(worker));
	inbox_post(loop_inbox(worker_loop(worker)), &probe.message);
	turn_until(&probe.answers, 1);
	worker_join(worker);
	loop_timer_fini(&probe.timer); /* ours again */
	worker_free(worker);
}
END_TEST

/* There and back: each time the other loop sleeps, or is just about to. */
static void on_bounce_home(struct inbox_message *message);

static void
on_bounce_there(struct inbox_message *message)
{
	struct probe *probe = list_entry(message, struct probe, message);

	message->run = on_bounce_home;
	inbox_post(probe->home, message);
}

static void
on_bounce_home(struct inbox_message *message)
{
	struct probe *probe = list_entry(message, struct probe, message);

	if (++probe->answers == BOUNCES)
		return;
	message->run = on_bounce_there;
	inbox_post(loop_inbox(probe->loop), message);
}

START_TEST(no_message_fails_to_wake_its_loop)
{
	struct worker *worker = worker_new();
	struct probe probe = { .message.run = on_bounce_home,
		.loop = worker_loop(worker),
		.home = loop_inbox(loop) };

	ck_assert(worker_start(worker));
	inbox_post(probe.home, &probe.message);
	turn_until(&probe.answers, BOUNCES);
	worker_free(worker);
}
END_TEST

START_TEST(a_worker_runs_what_was_posted_before_its_end)
{
	struct worker *worker = worker_new();
	struct probe probe = { .message.run = on_probe_home };

	ck_assert(worker_start(worker));
	inbox_post(loop_inbox(worker_loop(worker)), &probe.message);
	worker_free(worker);
	ck_assert_int_eq(probe.answers, 1);
}
END_TEST

static void
on_time(void *arg)
{
	int *turn = arg;

	*turn = calls++;
}

/* Timers of a class go off in the order in which they were started, and one
 * that is started anew goes to the end. */
START_TEST(timers_of_a_class)
{
	struct loop_timer timers[3];
	int order[3];

	loop_timer_class(loop, 20);
	for (int i = 0; i < 3; i++) {
		loop_timer_init(&timers[i], loop, on_time, &order[i]);
		loop_timer_start(&timers[i], 20);
	}
	loop_timer_start(&timers[0], 20);
	turn_until(&calls, 3);
	ck_assert_int_eq(order[1], 0);
	ck_assert_int_eq(order[2], 1);
	ck_assert_int_eq(order[0], 2);
	loop_timer_start(&timers[1], 20);
	loop_timer_start(&timers[2], 20);
	loop_timer_stop(&timers[1]);
	turn_until(&calls, 4);
	ck_assert_int_eq(calls, 4);
}
END_TEST

START_TEST(more_classes_than_there_is_room_for)
{
	struct loop_timer timer;
	int order;

	for (unsigned ms = 1; ms <= LOOP_CLASSES_MAX + 2; ms++)
		loop_timer_class(loop, ms);
	loop_timer_init(&timer, loop, on_time, &order);
	loop_timer_start(&timer, LOOP_CLASSES_MAX + 2);
	turn_until(&calls, 1);
}
END_TEST

static void
count_call(void *arg)
{
	(void)arg;
	calls++;
}

static void
forget_it(void *arg)
{
	loop_forget(loop, arg);
}

START_TEST(quiet_is_told_once)
{
	static struct reap first, second;

	loop_free_with(loop, &first, forget_it, &first);
	loop_free_with(loop, &second, forget_it, &second);
	loop_when_quiet(loop, count_call, NULL);
	loop_forget(loop, &second);
	ck_assert_int_eq(calls, 0);
	loop_forget(loop, &first);
	ck_assert_int_eq(calls, 1);
	loop_forget(loop, &first);
	ck_assert_int_eq(calls, 1);
	loop_when_quiet(loop, count_call, NULL);
	ck_assert_int_eq(calls, 2);
	loop_free_with(loop, &first, forget_it, &first); /* ends with it */
	loop_when_quiet(loop, count_call, NULL);
}
END_TEST

static int soon_at; /* calls when the timer went off */

static void
on_soon(void *arg)
{
	(void)arg;
	soon_at = ++calls;
}

static void
start_soon(void *arg)
{
	calls++;
	loop_timer_soon(arg);
}

START_TEST(soon_is_in_the_same_wake_up)
{
	struct loop_timer soon, first;

	loop_timer_init(&soon, loop, on_soon, NULL);
	loop_timer_init(&first, loop, start_soon, &soon);
	loop_timer_start(&first, 0);
	event_base_loop(loop_base(loop), EVLOOP_ONCE);
	ck_assert_int_eq(soon_at, 2);
	loop_timer_soon(&soon);
	loop_timer_fini(&soon);
	loop_timer_fini(&first);
	event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
	ck_assert_int_eq(calls, 2);
}
END_TEST

Suite *
loop_suite(void)
{
	Suite *suite = suite_create("loop");
	TCase *tc = tcase_create("loop");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, inbox_loses_nothing);
	tcase_add_test(tc, a_worker_runs_a_loop_of_its_own);
	tcase_add_test(tc, no_message_fails_to_wake_its_loop);
	tcase_add_test(tc, a_worker_runs_what_was_posted_before_its_end);
	tcase_add_test(tc, timers_of_a_class);
	tcase_add_test(tc, more_classes_than_there_is_room_for);
	tcase_add_test(tc, quiet_is_told_once);
	tcase_add_test(tc, soon_is_in_the_same_wake_up);
	suite_add_tcase(suite, tc);
	return suite;
}
