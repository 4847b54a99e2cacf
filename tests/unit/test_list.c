/*
 * test_list.c - intrusive lists.
 */
#include "base/list.h"
#include "base/str.h"
#include "tests/unit/suites.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct item {
	char before; /* so that the node is not at 0 */
	char name;
	struct list_node node;
};

static struct list list, other;
static struct item items[4];

static void
setup(void)
{
	list_init(&list);
	list_init(&other);
	for (size_t i = 0; i < COUNT(items); i++)
		items[i] = (struct item){ .name = (char)('a' + i) };
}

/* The names on a list, forwards; backwards it must read the same way. */
static const char *
names(const struct list *of)
{
	static char text[COUNT(items) + 1];
	const struct list_node *back = list_last(of);
	size_t used = 0;

	for (struct list_node *n = list_first(of); n != NULL;
	     n = list_next(of, n))
		str_append(text, sizeof(text), &used, "%c",
		    list_entry(n, struct item, node)->name);
	text[used] = '\0';
	ck_assert_uint_eq(of->length, used);
	while (used > 0) {
		ck_assert_ptr_eq(back->list, of);
		ck_assert_int_eq(list_entry(back, struct item, node)->name,
		    text[--used]);
		back = back->prev;
	}
	ck_assert_ptr_eq(back, of->length > 0 ? &of->head : NULL);
	return text;
}

START_TEST(empty)
{
	ck_assert_ptr_null(list_first(&list));
	ck_assert_ptr_null(list_last(&list));
	ck_assert_ptr_null(list_pop(&list));
	ck_assert_str_eq(names(&list), "");
}
END_TEST

/* p: push at the front, P: at the back, then which item; r: remove it;
 * o: pop the first. */
static const struct {
	const char *name, *steps, *want;
} cases[] = {
	{ "one at the front", "pa", "a" },
	{ "one at the back", "Pa", "a" },
	{ "a stack", "papbpc", "cba" },
	{ "a queue", "PaPbPc", "abc" },
	{ "both ends", "PapbPc", "bac" },
	{ "remove the only one", "Para", "" },
	{ "remove the first", "PaPbPcra", "bc" },
	{ "remove the middle", "PaPbPcrb", "ac" },
	{ "remove the last", "PaPbPcrc", "ab" },
	{ "remove what is on no list", "PaPbrdrd", "ab" },
	{ "remove twice", "PaPbrara", "b" },
	{ "remove and come back", "PaPbraPa", "ba" },
	{ "pop", "PaPbPco", "bc" },
	{ "pop to empty", "PaPboo", "" },
	{ "pop more than there are", "Paooo", "" },
	{ "empty and fill again", "PaoPbpc", "cb" },
};

START_TEST(steps)
{
	for (const char *s = cases[_i].steps; *s != '\0'; s++) {
		if (*s == 'o') {
			list_pop(&list);
			continue;
		}
		struct list_node *node = &items[s[1] - 'a'].node;

		if (*s == 'p')
			list_push_front(&list, node);
		else if (*s == 'P')
			list_push_back(&list, node);
		else
			list_remove(node);
		s++;
	}
	ck_assert_str_eq(names(&list), cases[_i].want);
}
END_TEST

/* A node knows its list: leaving one and joining another asks nobody. */
START_TEST(change_lists)
{
	list_push_back(&list, &items[0].node);
	list_push_back(&list, &items[1].node);
	ck_assert_ptr_eq(items[0].node.list, &list);
	list_remove(&items[0].node);
	ck_assert_ptr_null(items[0].node.list);
	list_push_back(&other, &items[0].node);
	ck_assert_ptr_eq(items[0].node.list, &other);
	ck_assert_str_eq(names(&list), "b");
	ck_assert_str_eq(names(&other), "a");
}
END_TEST

START_TEST(pop_in_order)
{
	for (size_t i = 0; i < COUNT(items); i++)
		list_push_back(&list, &items[i].node);
	for (size_t i = 0; i < COUNT(items); i++) {
		ck_assert_ptr_eq(list_pop(&list), &items[i].node);
		ck_assert_ptr_null(items[i].node.list);
		ck_assert_uint_eq(list.length, COUNT(items) - 1 - i);
	}
}
END_TEST

/* Taking the next node first makes a loop safe that removes the current. */
START_TEST(remove_while_walking)
{
	struct list_node *node, *next;

	for (size_t i = 0; i < COUNT(items); i++)
		list_push_back(&list, &items[i].node);
	for (node = list_first(&list); node != NULL; node = next) {
		next = list_next(&list, node);
		if (list_entry(node, struct item, node)->name != 'c')
			list_remove(node);
	}
	ck_assert_str_eq(names(&list), "c");
}
END_TEST

Suite *
list_suite(void)
{
	Suite *suite = suite_create("list");
	TCase *tc = tcase_create("list");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, empty);
	tcase_add_loop_test(tc, steps, 0, COUNT(cases));
	tcase_add_test(tc, change_lists);
	tcase_add_test(tc, pop_in_order);
	tcase_add_test(tc, remove_while_walking);
	suite_add_tcase(suite, tc);
	return suite;
}
