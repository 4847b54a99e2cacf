/*
 * test_keys.c - who may use which key, and that an id lasts as long as its key.
 */
#include "tests/unit/suites.h"
#include "outer/keys.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char shared[] = "everybody's key", old[] = "edge's old key",
	    new[] = "edge's new key", edge[] = "edge", shop[] = "shop",
	    shops[] = "the shop's: longer than a signal of the Go version";

static struct outer_key both[] = {
	{ .inner = edge, .key = old },
	{ .inner = shop, .key = shops },
	{ .inner = edge, .key = new },
};

static struct keys *
make(char *auth_key, struct outer_key *own, size_t count,
    const struct keys *before)
{
	struct outer_config config = {
		.auth_key = auth_key,
		.keys = { own, count },
	};
	struct keys *keys = keys_new(&config, before);

	ck_assert_ptr_nonnull(keys);
	return keys;
}

/* The id of the key with that text, of those that the inner may use. */
static uint32_t
id_of(const struct keys *keys, const char *inner, const char *text)
{
	const struct key *found[KEYS_PER_INNER];
	uint32_t id = 0;

	keys_of(keys, inner, found);
	for (unsigned i = 0; i < KEYS_PER_INNER; i++)
		if (strcmp(found[i]->text, text) == 0)
			id = found[i]->id;
	return id;
}

START_TEST(who_is_listed_has_only_its_own)
{
	struct keys *keys = make(shared, both, COUNT(both), NULL);

	ck_assert_uint_ne(id_of(keys, edge, old), 0);
	ck_assert_uint_ne(id_of(keys, edge, new), 0);
	ck_assert_uint_ne(id_of(keys, edge, old), id_of(keys, edge, new));
	ck_assert_uint_eq(id_of(keys, edge, shared), 0);
	ck_assert_uint_eq(id_of(keys, edge, shops), 0);
	ck_assert_uint_ne(id_of(keys, shop, shops), 0);
	ck_assert_uint_ne(id_of(keys, "other", shared), 0);
	ck_assert_uint_eq(id_of(keys, "other", old), 0);
	ck_assert(keys_allow(keys, edge, id_of(keys, edge, old)));
	ck_assert(!keys_allow(keys, shop, id_of(keys, edge, old)));
	ck_assert(!keys_allow(keys, edge, id_of(keys, "other", shared)));
	ck_assert(!keys_allow(keys, edge, 0));
	keys_drop(keys);
}
END_TEST

/* Where a key is missing there is one that nobody has, always another. */
START_TEST(decoys_fit_nobody)
{
	struct keys *keys = make(NULL, both, 2, NULL);
	struct keys *again = make(NULL, both, 2, keys);
	const struct key *found[KEYS_PER_INNER];

	keys_of(keys, "other", found);
	for (unsigned i = 0; i < KEYS_PER_INNER; i++) {
		ck_assert_uint_eq(found[i]->id, 0);
		ck_assert_uint_eq(strlen(found[i]->text), 64);
	}
	ck_assert(!keys_allow(keys, "other", 0));
	ck_assert_ptr_null(keys_in_signal(keys, found[0]->text));
	ck_assert_str_ne(keys->decoy.text, again->decoy.text);
	keys_drop(keys);
	keys_drop(again);
}
END_TEST

START_TEST(an_id_lasts_as_long_as_its_key)
{
	struct keys *first = make(shared, both, 1, NULL);
	struct keys *second = make(shared, both, 3, first);
	struct keys *third = make(NULL, both + 1, 2, second);
	struct keys *fourth = make(shared, both, 3, third);
	uint32_t by_old = id_of(first, edge, old);

	ck_assert_uint_eq(id_of(second, edge, old), by_old);
	ck_assert_uint_eq(id_of(second, "other", shared),
	    id_of(first, "other", shared));
	ck_assert_uint_eq(id_of(third, edge, new), id_of(second, edge, new));
	ck_assert(!keys_allow(third, edge, by_old));
	/* who comes back is a stranger */
	ck_assert_uint_ne(id_of(fourth, edge, old), by_old);
	ck_assert(!keys_allow(fourth, edge, by_old));
	ck_assert(!keys_allow(fourth, "other", id_of(first, "other", shared)));
	keys_drop(first);
	keys_drop(second);
	keys_drop(third);
	keys_drop(fourth);
}
END_TEST

/* Unless that is one of its own: so it can be changed without a gap. */
START_TEST(an_inner_that_is_listed_leaves_the_shared_key)
{
	struct outer_key own[] = {
		{ .inner = edge, .key = new },
		{ .inner = shop, .key = shared },
	};
	struct keys *before = make(shared, NULL, 0, NULL);
	struct keys *after = make(shared, own, COUNT(own), before);
	uint32_t id = id_of(before, edge, shared);

	ck_assert(keys_allow(before, edge, id));
	ck_assert(!keys_allow(after, edge, id));
	ck_assert(keys_allow(after, shop, id));
	ck_assert(keys_allow(after, "other", id));
	keys_drop(before);
	keys_drop(after);
}
END_TEST

START_TEST(signals_carry_some_keys)
{
	struct keys *keys = make(shared, both, COUNT(both), NULL);
	struct keys *none = make(NULL, both + 1, 1, NULL);

	ck_assert(keys->classic);
	ck_assert_str_eq(keys_in_signal(keys, old)->inner, edge);
	ck_assert_str_eq(keys_in_signal(keys, shared)->inner, "");
	ck_assert_ptr_null(keys_in_signal(keys, shops));
	ck_assert_ptr_null(keys_in_signal(keys, "edge's old ke"));
	ck_assert_ptr_null(keys_in_signal(keys, ""));
	ck_assert(!none->classic);
	keys_drop(keys);
	keys_drop(none);
}
END_TEST

Suite *
keys_suite(void)
{
	Suite *suite = suite_create("keys");
	TCase *tc = tcase_create("who");

	tcase_add_test(tc, who_is_listed_has_only_its_own);
	tcase_add_test(tc, decoys_fit_nobody);
	tcase_add_test(tc, an_id_lasts_as_long_as_its_key);
	tcase_add_test(tc, an_inner_that_is_listed_leaves_the_shared_key);
	tcase_add_test(tc, signals_carry_some_keys);
	suite_add_tcase(suite, tc);
	return suite;
}
