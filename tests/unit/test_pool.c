/*
 * test_pool.c - the pool of idle standbys and the queue of waiting clients.
 */
#include "tests/unit/suites.h"
#include "outer/instance.h"
#include "outer/pool.h"
#include "net/loop.h"

#include <event2/event.h>
#include <string.h>

enum { ITEMS = 4, WAITERS = 3, QUEUE = 3 };

static struct pool pool;
static struct instance one, two;
static struct pool_item items[ITEMS];
static struct client {
	struct pool_waiter waiter;
	struct pool_item *got;
} clients[WAITERS + 1];

static void
on_item(struct pool_waiter *waiter, struct pool_item *item)
{
	list_entry(waiter, struct client, waiter)->got = item;
}

/* Items 0 and 1 are of instance one, 2 and 3 of instance two. */
static void
set_up(void)
{
	memset(items, 0, sizeof(items));
	memset(clients, 0, sizeof(clients));
	memset(&one, 0, sizeof(one));
	memset(&two, 0, sizeof(two));
	one.serial = 1;
	two.serial = 2;
	pool_init(&pool, QUEUE);
	for (int i = 0; i < ITEMS; i++)
		items[i].instance = i < 2 ? &one : &two;
	for (int i = 0; i <= WAITERS; i++)
		clients[i].waiter.on_item = on_item;
}

static void
put_all(void)
{
	for (int i = 0; i < ITEMS; i++)
		pool_put(&pool, &items[i]);
}

static void
mark_tried(struct client *client, const struct instance *instance)
{
	client->waiter.tried[client->waiter.tried_count++] = instance->serial;
}

START_TEST(takes_most_recently_used)
{
	put_all();
	for (int i = ITEMS - 1; i >= 0; i--)
		ck_assert_ptr_eq(pool_take(&pool, &clients[0].waiter),
		    &items[i]);
	ck_assert_ptr_null(pool_take(&pool, &clients[0].waiter));
}
END_TEST

START_TEST(put_back_is_taken_first)
{
	put_all();
	pool_remove(&items[1]);
	pool_put(&pool, &items[1]);
	ck_assert_ptr_eq(pool_take(&pool, &clients[0].waiter), &items[1]);
}
END_TEST

START_TEST(removed_is_gone)
{
	put_all();
	pool_remove(&items[3]);
	pool_remove(&items[3]); /* again: nothing happens */
	ck_assert_ptr_eq(pool_take(&pool, &clients[0].waiter), &items[2]);
}
END_TEST

START_TEST(tried_instance_is_passed_over)
{
	put_all();
	mark_tried(&clients[0], &two);
	ck_assert_ptr_eq(pool_take(&pool, &clients[0].waiter), &items[1]);
	mark_tried(&clients[0], &one);
	ck_assert_ptr_null(pool_take(&pool, &clients[0].waiter));
	ck_assert_uint_eq(pool.idle.length, 3);
}
END_TEST

START_TEST(suspects_come_last_in_their_order)
{
	put_all();
	pool_suspect(&pool, &two, true);
	ck_assert_uint_eq(pool.idle.length, 2);
	ck_assert_uint_eq(pool.suspects.length, 2);
	ck_assert_ptr_eq(pool_take(&pool, &clients[0].waiter), &items[1]);
	ck_assert_ptr_eq(pool_take(&pool, &clients[0].waiter), &items[0]);
	ck_assert_ptr_null(pool_take(&pool, &clients[0].waiter));
	ck_assert_ptr_eq(pool_take_suspect(&pool, &clients[0].waiter),
	    &items[3]);
	ck_assert_ptr_eq(pool_take_suspect(&pool, &clients[0].waiter),
	    &items[2]);
	ck_assert_ptr_null(pool_take_suspect(&pool, &clients[0].waiter));
}
END_TEST

START_TEST(who_was_silent_before_comes_last)
{
	put_all();
	pool_suspect(&pool, &one, true);
	pool_suspect(&pool, &two, true);
	clients[0].waiter.silent = two.serial;
	ck_assert_ptr_eq(pool_take_suspect(&pool, &clients[0].waiter),
	    &items[1]);
	ck_assert_ptr_eq(pool_take_suspect(&pool, &clients[0].waiter),
	    &items[0]);
	ck_assert_ptr_eq(pool_take_suspect(&pool, &clients[0].waiter),
	    &items[3]);
}
END_TEST

START_TEST(suspicion_ends)
{
	put_all();
	pool_suspect(&pool, &two, true);
	pool_suspect(&pool, &two, true); /* again: nothing happens */
	pool_suspect(&pool, &two, false);
	ck_assert_uint_eq(pool.suspects.length, 0);
	ck_assert_ptr_eq(pool_take(&pool, &clients[0].waiter), &items[3]);
	ck_assert_ptr_eq(pool_take(&pool, &clients[0].waiter), &items[2]);
}
END_TEST

/* Who queued rather than ask a suspect is served when it is none any more. */
START_TEST(waiters_are_served_when_suspicion_ends)
{
	put_all();
	pool_suspect(&pool, &one, true);
	pool_suspect(&pool, &two, true);
	ck_assert(pool_wait(&pool, &clients[0].waiter, false));
	ck_assert_ptr_null(clients[0].got);
	pool_suspect(&pool, &two, false);
	ck_assert_ptr_eq(clients[0].got, &items[2]);
	ck_assert_uint_eq(pool.idle.length, 1);
	ck_assert_uint_eq(pool.suspects.length, 2);
}
END_TEST

/* The last one worth waiting for is gone: then a suspect is better. */
START_TEST(waiters_are_reconsidered)
{
	struct list all;

	list_init(&all);
	list_push_back(&all, &one.node);
	list_push_back(&all, &two.node);
	pool_put(&pool, &items[2]);
	pool_suspect(&pool, &two, true);
	ck_assert(pool_wait(&pool, &clients[0].waiter, false));
	pool_reconsider(&pool, &all);
	ck_assert_ptr_null(clients[0].got); /* one may still come */
	list_remove(&one.node);
	pool_reconsider(&pool, &all);
	ck_assert_ptr_eq(clients[0].got, &items[2]);
	ck_assert_uint_eq(pool.waiters.length, 0);
}
END_TEST

START_TEST(new_item_of_suspect_is_suspect)
{
	pool_suspect(&pool, &two, true);
	put_all();
	ck_assert_uint_eq(pool.suspects.length, 2);
}
END_TEST

START_TEST(queue_is_served_in_order)
{
	for (int i = 0; i < WAITERS; i++)
		ck_assert(pool_wait(&pool, &clients[i].waiter, false));
	put_all();
	for (int i = 0; i < WAITERS; i++)
		ck_assert_ptr_eq(clients[i].got, &items[i]);
	ck_assert_uint_eq(pool.idle.length, ITEMS - WAITERS);
	ck_assert_uint_eq(pool.waiters.length, 0);
}
END_TEST

START_TEST(who_waits_again_is_first)
{
	ck_assert(pool_wait(&pool, &clients[0].waiter, false));
	ck_assert(pool_wait(&pool, &clients[1].waiter, true));
	pool_put(&pool, &items[0]);
	ck_assert_ptr_eq(clients[1].got, &items[0]);
	ck_assert_ptr_null(clients[0].got);
}
END_TEST

START_TEST(queue_is_bounded)
{
	for (int i = 0; i < QUEUE; i++)
		ck_assert(pool_wait(&pool, &clients[i].waiter, false));
	ck_assert(!pool_wait(&pool, &clients[QUEUE].waiter, false));
	ck_assert(pool_wait(&pool, &clients[QUEUE].waiter, true));
}
END_TEST

START_TEST(queue_of_length_zero)
{
	pool_init(&pool, 0);
	ck_assert(!pool_wait(&pool, &clients[0].waiter, false));
}
END_TEST

START_TEST(unwait_leaves)
{
	ck_assert(pool_wait(&pool, &clients[0].waiter, false));
	pool_unwait(&clients[0].waiter);
	pool_unwait(&clients[0].waiter); /* again: nothing happens */
	pool_put(&pool, &items[0]);
	ck_assert_ptr_null(clients[0].got);
	ck_assert_uint_eq(pool.idle.length, 1);
}
END_TEST

START_TEST(waiter_that_tried_is_passed_over)
{
	mark_tried(&clients[0], &one);
	ck_assert(pool_wait(&pool, &clients[0].waiter, false));
	ck_assert(pool_wait(&pool, &clients[1].waiter, false));
	pool_put(&pool, &items[0]);
	ck_assert_ptr_null(clients[0].got);
	ck_assert_ptr_eq(clients[1].got, &items[0]);
	pool_put(&pool, &items[2]);
	ck_assert_ptr_eq(clients[0].got, &items[2]);
}
END_TEST

START_TEST(other_instance_exists)
{
	struct pool_waiter *waiter = &clients[0].waiter;
	struct list all;

	list_init(&all);
	ck_assert(!pool_other_exists(&all, waiter, false));
	list_push_back(&all, &one.node);
	list_push_back(&all, &two.node);
	mark_tried(&clients[0], &one);
	ck_assert(pool_other_exists(&all, waiter, false));
	two.suspect = true;
	ck_assert(!pool_other_exists(&all, waiter, false));
	ck_assert(pool_other_exists(&all, waiter, true));
	two.suspect = false;
	two.replaced = true;
	ck_assert(!pool_other_exists(&all, waiter, true));
	two.replaced = false;
	mark_tried(&clients[0], &two);
	ck_assert(!pool_other_exists(&all, waiter, true));
}
END_TEST

static const struct {
	size_t waiting, instances;
	unsigned share;
} shares[] = {
	{ 0, 0, 0 },
	{ 0, 3, 0 },
	{ 1, 0, 1 },
	{ 1, 3, 1 },
	{ 3, 3, 1 },
	{ 4, 3, 2 },
	{ 65535, 1, 65535 },
	{ 65536, 1, 65535 },
	{ 65536, 2, 32768 },
};

START_TEST(share_of_waiting)
{
	pool.waiters.length = shares[_i].waiting;
	ck_assert_uint_eq(pool_waiting_share(&pool, shares[_i].instances),
	    shares[_i].share);
}
END_TEST

static struct loop *loop;
static struct instance_table table;

static void
set_up_table(void)
{
	loop = loop_new();
	instance_table_init(&table, loop);
}

static void
tear_down_table(void)
{
	instance_table_fini(&table);
	loop_free(loop);
}

/* A burst may take the last link: the instance stays for its refill. */
START_TEST(instance_outlives_its_last_link)
{
	struct list_node a = { 0 }, b = { 0 };
	struct instance *instance;

	instance = instance_get(&table, "shop", "0123456789abcdef");
	instance_join(instance, &a);
	ck_assert_uint_eq(instance_serving(&table), 1);
	instance_leave(instance, &a);
	ck_assert_uint_eq(instance_serving(&table), 0);
	ck_assert_ptr_eq(instance_get(&table, "shop", "0123456789abcdef"),
	    instance);
	instance_join(instance, &b);
	ck_assert_uint_eq(table.all.length, 1);
	instance_leave(instance, &b);
	while (table.all.length > 0)
		event_base_loop(loop_base(loop), EVLOOP_ONCE);
}
END_TEST

START_TEST(replaced_run_yields_while_the_young_is_here)
{
	struct list_node a = { 0 }, b = { 0 }, c = { 0 };
	struct instance *old, *young, *other;

	old = instance_get(&table, "shop", "aaaaaaaaaaaaaaaa");
	instance_join(old, &a);
	other = instance_get(&table, "till", "cccccccccccccccc");
	instance_join(other, &c);
	young = instance_get(&table, "shop", "bbbbbbbbbbbbbbbb");
	instance_join(young, &b);
	instance_replace_others(&table, young);
	ck_assert(old->replaced);
	ck_assert(!young->replaced);
	ck_assert(!other->replaced);
	ck_assert_uint_eq(instance_serving(&table), 2);
	ck_assert(instance_must_yield(&table, "shop", "aaaaaaaaaaaaaaaa"));
	ck_assert(!instance_must_yield(&table, "shop", "bbbbbbbbbbbbbbbb"));
	ck_assert(!instance_must_yield(&table, "shop", "dddddddddddddddd"));
	instance_leave(old, &a);
	instance_leave(young, &b);
	/* its links are taken, but it is here */
	ck_assert(instance_must_yield(&table, "shop", "aaaaaaaaaaaaaaaa"));
	while (table.all.length > 1)
		event_base_loop(loop_base(loop), EVLOOP_ONCE);
	ck_assert(!instance_must_yield(&table, "shop", "aaaaaaaaaaaaaaaa"));
	instance_leave(other, &c);
}
END_TEST

Suite *
pool_suite(void)
{
	Suite *suite = suite_create("pool");
	TCase *tc = tcase_create("pool");

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, takes_most_recently_used);
	tcase_add_test(tc, put_back_is_taken_first);
	tcase_add_test(tc, removed_is_gone);
	tcase_add_test(tc, tried_instance_is_passed_over);
	tcase_add_test(tc, suspects_come_last_in_their_order);
	tcase_add_test(tc, who_was_silent_before_comes_last);
	tcase_add_test(tc, suspicion_ends);
	tcase_add_test(tc, waiters_are_served_when_suspicion_ends);
	tcase_add_test(tc, waiters_are_reconsidered);
	tcase_add_test(tc, new_item_of_suspect_is_suspect);
	tcase_add_test(tc, queue_is_served_in_order);
	tcase_add_test(tc, who_waits_again_is_first);
	tcase_add_test(tc, queue_is_bounded);
	tcase_add_test(tc, queue_of_length_zero);
	tcase_add_test(tc, unwait_leaves);
	tcase_add_test(tc, waiter_that_tried_is_passed_over);
	tcase_add_test(tc, other_instance_exists);
	tcase_add_loop_test(tc, share_of_waiting, 0,
	    (int)(sizeof(shares) / sizeof(shares[0])));
	suite_add_tcase(suite, tc);
	tc = tcase_create("instance");
	tcase_add_checked_fixture(tc, set_up_table, tear_down_table);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, instance_outlives_its_last_link);
	tcase_add_test(tc, replaced_run_yields_while_the_young_is_here);
	suite_add_tcase(suite, tc);
	return suite;
}
