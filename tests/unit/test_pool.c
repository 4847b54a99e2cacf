/*
 * test_pool.c - idle standbys of a shard, and the instances that all know.
 */
#include "tests/unit/suites.h"
#include "outer/dispatch.h"
#include "outer/hub.h"
#include "outer/instance.h"
#include "outer/pool.h"
#include "outer/shard.h"
#include "base/str.h"
#include "net/loop.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

enum { ITEMS = 4 };

static struct pool pool;
static struct instance *one, *two;
static struct pool_item items[ITEMS];
static struct pool_history history;

/* Items 0 and 1 are of instance one, 2 and 3 of instance two. */
static void
set_up(void)
{
	memset(items, 0, sizeof(items));
	memset(&history, 0, sizeof(history));
	pool_init(&pool, 1); /* the second of two shards */
	one = instance_new(2);
	two = instance_new(2);
	one->serial = 1;
	two->serial = 2;
	str_copy(one->inner, sizeof(one->inner), "one");
	str_copy(two->inner, sizeof(two->inner), "two");
	instance_serve(one, history.slot, true);
	instance_serve(two, history.slot, true);
	pool_learn(&pool, one);
	pool_learn(&pool, two);
	for (int i = 0; i < ITEMS; i++)
		items[i].instance = i < 2 ? one : two;
}

static void
tear_down(void)
{
	pool_forget(&pool, one);
	pool_forget(&pool, two);
	instance_free(one);
	instance_free(two);
}

static void
put_all(void)
{
	for (int i = 0; i < ITEMS; i++)
		pool_put(&pool, &items[i]);
}

static void
mark_tried(const struct instance *instance)
{
	history.tried[history.tried_count++] = instance->serial;
}

START_TEST(takes_most_recently_used)
{
	pool_put(&pool, &items[0]);
	pool_put(&pool, &items[1]);
	ck_assert_ptr_eq(pool_take(&pool, &history), &items[1]);
	pool_put(&pool, &items[1]); /* put back is taken first */
	ck_assert_ptr_eq(pool_take(&pool, &history), &items[1]);
	ck_assert_ptr_eq(pool_take(&pool, &history), &items[0]);
	ck_assert_ptr_null(pool_take(&pool, &history));
}
END_TEST

START_TEST(takes_of_the_instance_with_most)
{
	put_all();
	pool_remove(&pool, &items[3]);
	pool_remove(&pool, &items[3]); /* again: nothing happens */
	ck_assert_ptr_eq(pool_take(&pool, &history), &items[1]);
	ck_assert_ptr_ne(pool_take(&pool, &history), NULL);
	ck_assert_ptr_ne(pool_take(&pool, &history), NULL);
	ck_assert_ptr_null(pool_take(&pool, &history));
}
END_TEST

START_TEST(tried_instance_is_passed_over)
{
	put_all();
	mark_tried(two);
	ck_assert_ptr_eq(pool_take(&pool, &history), &items[1]);
	mark_tried(one);
	ck_assert_ptr_null(pool_take(&pool, &history));
}
END_TEST

START_TEST(suspects_come_last)
{
	put_all();
	atomic_store(&two->suspect, true);
	ck_assert_ptr_eq(pool_take(&pool, &history), &items[1]);
	ck_assert_ptr_eq(pool_take(&pool, &history), &items[0]);
	ck_assert_ptr_null(pool_take(&pool, &history));
	ck_assert_ptr_eq(pool_take_suspect(&pool, &history), &items[3]);
	atomic_store(&two->suspect, false); /* it spoke */
	ck_assert_ptr_null(pool_take_suspect(&pool, &history));
	ck_assert_ptr_eq(pool_take(&pool, &history), &items[2]);
}
END_TEST

START_TEST(who_was_silent_before_comes_last)
{
	put_all();
	atomic_store(&one->suspect, true);
	atomic_store(&two->suspect, true);
	history.silent = two->serial;
	ck_assert_ptr_eq(pool_take_suspect(&pool, &history), &items[1]);
	ck_assert_ptr_eq(pool_take_suspect(&pool, &history), &items[0]);
	ck_assert_ptr_eq(pool_take_suspect(&pool, &history), &items[3]);
}
END_TEST

/* The count that main reads: idle ones less those it has promised. */
START_TEST(a_promise_is_kept_once)
{
	atomic_int *count = &one->parts[1].idle_count;

	pool_put(&pool, &items[0]);
	pool_put(&pool, &items[1]);
	ck_assert_int_eq(instance_idle(one), 2);
	atomic_fetch_sub(count, 2); /* two promises */
	ck_assert_int_eq(instance_idle(one), 0);
	ck_assert_ptr_eq(pool_take_promised(&pool, one), &items[1]);
	pool_remove(&pool, &items[0]); /* it dies under way */
	ck_assert_int_eq(*count, -1);
	ck_assert_ptr_null(pool_take_promised(&pool, one));
	ck_assert_int_eq(*count, 0);
	pool_put(&pool, &items[0]);
	ck_assert_int_eq(instance_idle(one), 1);
}
END_TEST

START_TEST(finds_by_both_names_and_key)
{
	str_copy(one->id, sizeof(one->id), "aaaaaaaaaaaaaaaa");
	one->key = 7;
	ck_assert_ptr_eq(pool_find(&pool, "one", "aaaaaaaaaaaaaaaa", 7), one);
	ck_assert_ptr_null(pool_find(&pool, "one", "bbbbbbbbbbbbbbbb", 7));
	ck_assert_ptr_null(pool_find(&pool, "two", "aaaaaaaaaaaaaaaa", 7));
	ck_assert_ptr_null(pool_find(&pool, "one", "aaaaaaaaaaaaaaaa", 8));
	atomic_store(&one->gone, true);
	ck_assert_ptr_null(pool_find(&pool, "one", "aaaaaaaaaaaaaaaa", 7));
}
END_TEST

START_TEST(other_instance_is_idle)
{
	ck_assert(!pool_other_idle(&pool, &history, one));
	put_all();
	ck_assert(pool_other_idle(&pool, &history, one));
	atomic_store(&one->suspect, true);
	ck_assert(!pool_other_idle(&pool, &history, two));
	atomic_store(&two->suspect, true);
	ck_assert(!pool_other_idle(&pool, &history, one));
	atomic_store(&two->suspect, false);
	atomic_store(&two->replaced, true);
	ck_assert(!pool_other_idle(&pool, &history, one));
	atomic_store(&two->replaced, false);
	mark_tried(two);
	ck_assert(!pool_other_idle(&pool, &history, one));
	history.tried_count = 0;
	pool_remove(&pool, &items[2]);
	pool_remove(&pool, &items[3]);
	ck_assert(!pool_other_idle(&pool, &history, one));
	atomic_store(&two->parts[0].idle_count, 1); /* another shard's */
	ck_assert(pool_other_idle(&pool, &history, one));
	atomic_store(&two->parts[0].idle_count, 0);
}
END_TEST

START_TEST(other_instance_exists)
{
	mark_tried(one);
	ck_assert(pool_other_exists(&pool, &history, false));
	atomic_store(&two->suspect, true);
	ck_assert(!pool_other_exists(&pool, &history, false));
	ck_assert(pool_other_exists(&pool, &history, true));
	atomic_store(&two->suspect, false);
	atomic_store(&two->replaced, true);
	ck_assert(!pool_other_exists(&pool, &history, true));
	atomic_store(&two->replaced, false);
	atomic_store(&two->gone, true);
	ck_assert(!pool_other_exists(&pool, &history, true));
	atomic_store(&two->gone, false);
	mark_tried(two);
	ck_assert(!pool_other_exists(&pool, &history, true));
}
END_TEST

START_TEST(nobody_joins_who_is_gone)
{
	ck_assert(instance_join(one));
	ck_assert(!atomic_load(&one->emptied));
	ck_assert(instance_leave(one));
	ck_assert(atomic_load(&one->emptied));
	atomic_store(&one->gone, true);
	ck_assert(!instance_join(one));
	ck_assert_uint_eq(atomic_load(&one->links), 0);
}
END_TEST

static const struct {
	size_t waiting, arrivals, idle, serving;
	unsigned share;
} shares[] = {
	{ 0, 0, 0, 0, 0 },
	{ 0, 0, 0, 3, 0 },
	{ 1, 0, 0, 0, 1 },
	{ 1, 0, 0, 3, 1 },
	{ 3, 0, 9, 3, 1 },
	{ 4, 0, 0, 3, 2 },
	{ 0, 29, 9, 1, 20 },
	{ 5, 9, 9, 1, 5 },
	{ 5, 10, 9, 2, 3 },
	{ 65535, 0, 0, 1, 65535 },
	{ 65536, 0, 0, 1, 65535 },
	{ 65536, 0, 0, 2, 32768 },
};

START_TEST(share_of_waiting)
{
	ck_assert_uint_eq(dispatch_share(shares[_i].waiting,
			      shares[_i].arrivals, shares[_i].idle,
			      shares[_i].serving),
	    shares[_i].share);
}
END_TEST

START_TEST(shares_are_of_one_service)
{
	const unsigned last = SERVICES_MAX - 1;

	ck_assert(instance_set_weight(one, 3, 1)); /* as it is: nothing */
	ck_assert_ptr_null(one->shares[0]);
	ck_assert(instance_set_weight(one, 3, 100));
	ck_assert(instance_set_weight(one, last, 7));
	*instance_turn(one, 4) = -300;
	ck_assert_uint_eq(instance_weight(one, 3), 100);
	ck_assert_uint_eq(instance_weight(one, 4), 1);
	ck_assert_uint_eq(instance_weight(one, 3 + 64), 1);
	ck_assert_uint_eq(instance_weight(one, last), 7);
	ck_assert_int_eq(*instance_turn(one, 3), 0);
	ck_assert_int_eq(*instance_turn(one, 4), -300);
	ck_assert(instance_set_weight(one, 3, 1));
	ck_assert_uint_eq(instance_weight(one, 3), 1);
}
END_TEST

/* Two times of five seconds each, and what was idle the most in them. */
START_TEST(size_is_what_was_idle_lately)
{
	static const struct {
		int ms, idle, size;
	} looks[] = {
		{ 60000, 4, 4 },		     /* never seen before */
		{ 60100, 10, 10 }, { 60200, 3, 10 }, /* it refills */
		{ 64999, 0, 10 }, { 65000, 6, 10 }, { 69999, 5, 10 },
		{ 70000, 5, 6 }, /* ten are not to be had any more */
		{ 70001, 7, 7 }, { 79999, 2, 7 },
		{ 95000, 2, 2 }, /* nobody has looked for long */
	};

	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		ck_assert_int_eq(instance_size(one, looks[i].idle,
				     (uint64_t)looks[i].ms),
		    looks[i].size);
}
END_TEST

/* --- the registry, without threads and with ------------------------------ */

static const uint32_t workers[] = { 0, 1, 3 };
static struct outer_config config;
static char key[] = "the only one"; /* its id is 1 */
static struct loop *loop;
static struct hub hub;
static int answers;
static const struct service_options the_default = {
	.name = SERVICE_DEFAULT,
	.inner = "",
};
static char problem[SERVICE_PROBLEM_SIZE];

static void
set_up_hub(uint32_t count)
{
	memset(&config, 0, sizeof(config));
	config.workers = count;
	config.queue_length = 3;
	config.auth_key = key;
	loop = loop_new();
	answers = 0;
	ck_assert(hub_start(&hub, loop, &config, 1024));
	ck_assert_ptr_nonnull(
	    services_add(&hub.services, &the_default, problem));
}

static void
tear_down_hub(void)
{
	hub_stop(&hub);
	loop_free(loop);
}

static void
turn(void)
{
	event_base_loop(loop_base(loop), EVLOOP_ONCE);
}

/* On the shard, like the real one; main waits for the count. */
static void
on_home(struct inbox_message *message)
{
	(void)message;
	answers++;
}

static void
on_answered(struct admission *admission)
{
	struct instance *instance = admission->instance;
	struct shard *shard = admission->shard;

	if (instance != NULL) {
		ck_assert_ptr_eq(pool_find(&shard->pool, admission->inner,
				     admission->id, admission->key),
		    instance);
		ck_assert(instance_join(instance));
	}
	admission->message.run = on_home;
	shard_post_main(shard, &admission->message);
}

static void
on_there(struct inbox_message *message)
{
	registry_admit(list_entry(message, struct admission, message));
}

/* A link of that run asks at that shard; the instance it may join. */
static struct instance *
admit(unsigned shard, const char *inner, const char *id, bool replace)
{
	struct admission admission = {
		.message.run = on_there,
		.shard = &hub.shards[shard % hub.shard_count],
		.replace = replace,
		.key = 1,
		.answered = on_answered,
	};
	int before = answers;

	str_copy(admission.inner, sizeof(admission.inner), inner);
	str_copy(admission.id, sizeof(admission.id), id);
	shard_post(admission.shard, &admission.message);
	while (answers == before)
		turn();
	ck_assert((admission.instance == NULL) == (admission.why != NULL));
	return admission.instance;
}

static void
leave(struct instance *instance)
{
	if (instance_leave(instance))
		registry_look(&hub.registry);
}

/* The last link of its run, which is not waited for long. */
static void
leave_for_good(struct instance *instance)
{
	hub.registry.grace_ms = 20;
	leave(instance);
	hub.registry.grace_ms = REGISTRY_GRACE_MS;
}

/* A burst may take the last link: the instance stays for its refill. */
START_TEST(instance_outlives_its_last_link)
{
	struct instance *instance;

	set_up_hub(workers[_i]);
	instance = admit(0, "shop", "0123456789abcdef", false);
	ck_assert_uint_eq(registry_serving(&hub.registry, 0), 1);
	leave(instance);
	ck_assert_uint_eq(registry_serving(&hub.registry, 0), 0);
	ck_assert_ptr_eq(admit(1, "shop", "0123456789abcdef", false), instance);
	ck_assert_uint_eq(hub.registry.all.length, 1);
	leave_for_good(instance);
	while (hub.registry.all.length > 0 || hub.registry.leaving.length > 0)
		turn();
	instance = admit(2, "shop", "0123456789abcdef", false);
	ck_assert_uint_eq(instance->serial, 2);
	leave(instance);
	tear_down_hub();
}
END_TEST

static void
come_and_go(struct instance *instance)
{
	leave_for_good(instance);
	while (hub.registry.all.length > 0)
		turn();
}

/* Who goes and comes takes no other's place. */
START_TEST(drained_runs_are_remembered)
{
	struct registry *registry = &hub.registry;
	struct instance *run;
	char id[HELLO_INSTANCE_SIZE + 1];

	set_up_hub(0);
	for (unsigned i = 0; i < REGISTRY_DRAINED_MAX; i++) {
		snprintf(id, sizeof(id), "%016x", i);
		str_copy(registry->drained[i].inner,
		    sizeof(registry->drained[i].inner), "shop");
		str_copy(registry->drained[i].id,
		    sizeof(registry->drained[i].id), id);
	}
	run = admit(0, "shop", "0000000000000007", false);
	ck_assert(run->draining);
	run->has_secret = true;
	come_and_go(run);
	run = admit(0, "till", "0000000000000007", false);
	ck_assert(!run->draining); /* another's */
	leave(run);
	run = admit(0, "shop", "0000000000000007", false);
	ck_assert(run->draining);
	ck_assert_uint_eq(registry_drain(registry, "shop", false),
	    REGISTRY_DRAINED_MAX);
	ck_assert(!run->draining);
	leave(run);
	tear_down_hub();
}
END_TEST

/* What the first shard to ask has brought is the only secret there is, for all
 * shards, from the first moment; one of zeros is none. */
static const uint8_t no_binding[PROOF_BINDING_SIZE];

START_TEST(only_the_secret_joins_quickly)
{
	struct admission admission = {
		.message.run = on_there,
		.answered = on_answered,
		.key = 1,
		.has_secret = true,
		.secret = "secret of a full handshake",
		.inner = "shop",
		.id = "0123456789abcdef",
	};
	uint8_t zeros[PROOF_SIZE] = { 0 }, got[PROOF_SIZE];
	struct hello hello = { .join = true, .counter = 7 };
	struct join_input input = { .counter = 7, .nonce_inner = hello.nonce };

	set_up_hub(workers[_i]);
	admission.shard = &hub.shards[hub.shard_count - 1];
	shard_post(admission.shard, &admission.message);
	while (answers == 0)
		turn();
	input.secret = zeros;
	ck_assert(join_make(PROOF_INNER, &input, hello.proof));
	ck_assert(!instance_joins_quickly(admission.instance, &hello,
	    no_binding, got));
	input.secret = admission.secret;
	ck_assert(join_make(PROOF_INNER, &input, hello.proof));
	ck_assert(instance_joins_quickly(admission.instance, &hello, no_binding,
	    got));
	ck_assert(!instance_joins_quickly(admission.instance, &hello,
	    no_binding, got));
	leave(admission.instance);
	tear_down_hub();
}
END_TEST

START_TEST(replaced_run_yields_while_the_young_is_here)
{
	struct instance *old, *young, *other;

	set_up_hub(workers[_i]);
	old = admit(0, "shop", "aaaaaaaaaaaaaaaa", true);
	other = admit(1, "till", "cccccccccccccccc", true);
	young = admit(2, "shop", "bbbbbbbbbbbbbbbb", true);
	ck_assert(atomic_load(&old->replaced));
	ck_assert(!atomic_load(&young->replaced));
	ck_assert(!atomic_load(&other->replaced));
	ck_assert_uint_eq(registry_serving(&hub.registry, 0), 2);
	ck_assert_ptr_null(admit(1, "shop", "aaaaaaaaaaaaaaaa", true));
	ck_assert_ptr_eq(admit(1, "shop", "bbbbbbbbbbbbbbbb", true), young);
	leave_for_good(old);
	leave(young);
	leave(young);
	/* its links are taken, but it is here */
	ck_assert_ptr_null(admit(0, "shop", "aaaaaaaaaaaaaaaa", true));
	ck_assert_ptr_eq(admit(1, "shop", "bbbbbbbbbbbbbbbb", true), young);
	leave_for_good(young);
	while (hub.registry.all.length > 1)
		turn();
	old = admit(0, "shop", "aaaaaaaaaaaaaaaa", true);
	ck_assert(old != NULL && !atomic_load(&old->replaced));
	leave(old);
	leave(other);
	tear_down_hub();
}
END_TEST

Suite *
pool_suite(void)
{
	Suite *suite = suite_create("pool");
	TCase *tc = tcase_create("pool");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, takes_most_recently_used);
	tcase_add_test(tc, takes_of_the_instance_with_most);
	tcase_add_test(tc, tried_instance_is_passed_over);
	tcase_add_test(tc, suspects_come_last);
	tcase_add_test(tc, other_instance_is_idle);
	tcase_add_test(tc, who_was_silent_before_comes_last);
	tcase_add_test(tc, a_promise_is_kept_once);
	tcase_add_test(tc, finds_by_both_names_and_key);
	tcase_add_test(tc, other_instance_exists);
	tcase_add_test(tc, nobody_joins_who_is_gone);
	tcase_add_test(tc, size_is_what_was_idle_lately);
	tcase_add_test(tc, shares_are_of_one_service);
	tcase_add_loop_test(tc, share_of_waiting, 0,
	    (int)(sizeof(shares) / sizeof(shares[0])));
	suite_add_tcase(suite, tc);
	tc = tcase_create("registry");
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, instance_outlives_its_last_link, 0, 3);
	tcase_add_loop_test(tc, only_the_secret_joins_quickly, 0, 3);
	tcase_add_loop_test(tc, replaced_run_yields_while_the_young_is_here, 0,
	    3);
	tcase_add_test(tc, drained_runs_are_remembered);
	suite_add_tcase(suite, tc);
	return suite;
}
