/*
 * test_str.c - small things done to text and bytes.
 */
#include "base/str.h"
#include "tests/unit/suites.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define TEN	    "aaaaaaaaaa"
#define SIXTY_THREE TEN TEN TEN TEN TEN TEN "aaa"

static const struct {
	const char *name, *text;
	size_t size;
	bool fits;
	const char *want;
} copies[] = {
	{ "empty", "", 1, true, "" },
	{ "fits exactly", "abc", 4, true, "abc" },
	{ "room to spare", "abc", 8, true, "abc" },
	{ "one over", "abcd", 4, false, "abc" },
	{ "room for the NUL alone", "abc", 1, false, "" },
	{ "no room at all", "abc", 0, false, "zzzzzzzz" },
	{ "empty into no room", "", 0, false, "zzzzzzzz" },
};

START_TEST(copy)
{
	char out[] = "zzzzzzzz";

	ck_assert_msg(str_copy(out, copies[_i].size, copies[_i].text) ==
		copies[_i].fits,
	    "%s", copies[_i].name);
	ck_assert_str_eq(out, copies[_i].want);
	if (copies[_i].size > 0)
		ck_assert_int_eq(out[sizeof(out) - 2], 'z');
}
END_TEST

static const struct {
	const char *name, *first, *second;
	size_t size;
	const char *want;
	size_t used;
} appends[] = {
	{ "both fit", "ab", "cd", 8, "ab7cd7", 6 },
	{ "fits exactly", "ab", "cd", 7, "ab7cd7", 6 },
	{ "second is cut", "ab", "cd", 6, "ab7cd", 5 },
	{ "second finds no room", "ab", "cd", 4, "ab7", 3 },
	{ "first is cut", "abcdef", "g", 4, "abc", 3 },
	{ "room for the NUL alone", "ab", "cd", 1, "", 0 },
	{ "no room at all", "ab", "cd", 0, "zzzzzzzz", 0 },
	{ "nothing to add", "", "", 8, "77", 2 },
};

START_TEST(append)
{
	char out[] = "zzzzzzzz";
	size_t used = 0;

	str_append(out, appends[_i].size, &used, "%s%d", appends[_i].first, 7);
	str_append(out, appends[_i].size, &used, "%s%d", appends[_i].second, 7);
	ck_assert_str_eq(out, appends[_i].want);
	ck_assert_uint_eq(used, appends[_i].used);
}
END_TEST

static const struct {
	const char *name, *text;
	size_t want;
} characters[] = {
	{ "the end", "", 1 },
	{ "ASCII", "a", 1 },
	{ "DEL", "\x7f", 1 },
	{ "a tail alone", "\x80", 0 },
	{ "first of 2 bytes", "\xc2\x80", 2 },
	{ "last of 2 bytes", "\xdf\xbf", 2 },
	{ "overlong slash", "\xc0\xaf", 0 },
	{ "overlong 2 bytes", "\xc1\xbf", 0 },
	{ "first of 3 bytes", "\xe0\xa0\x80", 3 },
	{ "overlong 3 bytes", "\xe0\x9f\xbf", 0 },
	{ "last before the surrogates", "\xed\x9f\xbf", 3 },
	{ "a surrogate", "\xed\xa0\x80", 0 },
	{ "last of 3 bytes", "\xef\xbf\xbf", 3 },
	{ "first of 4 bytes", "\xf0\x90\x80\x80", 4 },
	{ "overlong 4 bytes", "\xf0\x8f\xbf\xbf", 0 },
	{ "U+10FFFF", "\xf4\x8f\xbf\xbf", 4 },
	{ "one over", "\xf4\x90\x80\x80", 0 },
	{ "lead byte 0xf5", "\xf5\x80\x80\x80", 0 },
	{ "0xff", "\xff", 0 },
	{ "cut after 1 of 2", "\xc3", 0 },
	{ "cut after 2 of 3", "\xe2\x82", 0 },
	{ "cut after 3 of 4", "\xf0\x9f\x98", 0 },
	{ "a letter in place of a tail", "\xe2\x82x", 0 },
};

START_TEST(utf8)
{
	ck_assert_msg(str_utf8_length(characters[_i].text) ==
		characters[_i].want,
	    "%s", characters[_i].name);
}
END_TEST

START_TEST(hex_there_and_back)
{
	uint8_t all[256], back[256];
	char text[513];

	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	hex_encode(all, sizeof(all), text);
	ck_assert_uint_eq(strlen(text), 512);
	ck_assert_int_eq(strncmp(text, "000102", 6), 0);
	ck_assert_str_eq(text + 506, "fdfeff");
	ck_assert(hex_decode(text, back, sizeof(back)));
	ck_assert_mem_eq(all, back, sizeof(all));
	hex_encode(all, 0, text);
	ck_assert_str_eq(text, "");
}
END_TEST

static const struct {
	const char *text;
	size_t len;
	bool want;
} hexes[] = {
	{ "", 0, true },
	{ "0", 0, false },
	{ "", 1, false },
	{ "0", 1, false },
	{ "00", 1, true },
	{ "000", 1, false },
	{ "aF", 1, true },
	{ "0g", 1, false },
	{ "g0", 1, false },
	{ "0 ", 1, false },
	{ "+1", 1, false },
	{ "0x", 1, false },
	{ "/0", 1, false },
	{ ":0", 1, false },
	{ "@0", 1, false },
	{ "G0", 1, false },
	{ "`0", 1, false },
	{ "\xff"
	  "0",
	    1, false },
};

START_TEST(hex)
{
	uint8_t out[2];

	ck_assert_msg(hex_decode(hexes[_i].text, out, hexes[_i].len) ==
		hexes[_i].want,
	    "\"%s\"", hexes[_i].text);
}
END_TEST

static const struct {
	const char *a, *b;
	size_t want;
} pairs[] = {
	{ "", "", 0 },
	{ "", "abc", 3 },
	{ "a", "a", 0 },
	{ "AuthKey", "authkey", 0 },
	{ "AuthKey", "AuthKeys", 1 }, /* insert */
	{ "AuthKey", "AuthKy", 1 },   /* delete */
	{ "AuthKey", "AuthKez", 1 },  /* replace */
	{ "AuthKey", "AuhtKey", 1 },  /* swap */
	{ "AuthKey", "uAthKye", 2 },
	{ "kitten", "sitting", 3 },
	{ "ab", "ba", 1 },
	{ "abcd", "dcba", 3 },
	{ "ca", "abc", 3 }, /* no edit of what was swapped */
	{ SIXTY_THREE, SIXTY_THREE, 0 },
	{ SIXTY_THREE, "", 63 },
	{ SIXTY_THREE "a", "", SIZE_MAX },
	{ "", SIXTY_THREE "a", SIZE_MAX },
};

START_TEST(distance)
{
	ck_assert_uint_eq(str_distance(pairs[_i].a, pairs[_i].b),
	    pairs[_i].want);
	ck_assert_uint_eq(str_distance(pairs[_i].b, pairs[_i].a),
	    pairs[_i].want);
}
END_TEST

Suite *
str_suite(void)
{
	Suite *suite = suite_create("str");
	TCase *tc = tcase_create("str");

	tcase_add_loop_test(tc, copy, 0, COUNT(copies));
	tcase_add_loop_test(tc, append, 0, COUNT(appends));
	tcase_add_loop_test(tc, utf8, 0, COUNT(characters));
	tcase_add_test(tc, hex_there_and_back);
	tcase_add_loop_test(tc, hex, 0, COUNT(hexes));
	tcase_add_loop_test(tc, distance, 0, COUNT(pairs));
	suite_add_tcase(suite, tc);
	return suite;
}
