/*
 * test_host.c - host names, and patterns that they match.
 */
#include "base/host.h"
#include "tests/unit/suites.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define TEN	 "aaaaaaaaaa"
#define FIFTY	 TEN TEN TEN TEN TEN
#define HOST_253 FIFTY FIFTY FIFTY FIFTY FIFTY "aaa"

#define LETTER	"the host has a character that no host name has"
#define STAR	"a * stands alone, or in front as in *.example"
#define DOTS	"nothing stands between two dots of the host"
#define MISSING "the host is missing"
#define LONG	"the host is longer than 253 characters"

static const struct {
	const char *text, *pattern; /* NULL: text itself */
	const char *wrong;
	bool name; /* it is no wildcard */
} patterns[] = {
	{ "www.example.org", NULL, NULL, true },
	{ "WWW.Example.ORG.", "www.example.org", NULL, true },
	{ "my_host-1", NULL, NULL, true },
	{ "192.0.2.1", NULL, NULL, true },
	{ HOST_253 ".", HOST_253, NULL, true },
	{ "*", NULL, NULL, false },
	{ "*.Example.org", "*.example.org", NULL, false },
	{ "*.org.", "*.org", NULL, false },
	{ "*." HOST_253, NULL, NULL, false },
	{ "", NULL, MISSING, true },
	{ ".", NULL, MISSING, true },
	{ "*.", NULL, MISSING, false },
	{ "*..", NULL, MISSING, false },
	{ "..", NULL, DOTS, true },
	{ ".org", NULL, DOTS, true },
	{ "a..org", NULL, DOTS, true },
	{ "org..", NULL, DOTS, true },
	{ "*..org", NULL, DOTS, false },
	{ "**", NULL, STAR, true },
	{ "*org", NULL, STAR, true },
	{ "*.*.org", NULL, STAR, false },
	{ "www.*", NULL, STAR, true },
	{ "a b", NULL, LETTER, true },
	{ "a:80", NULL, LETTER, true },
	{ "http://a", NULL, LETTER, true },
	{ "[::1]", NULL, LETTER, true },
	{ "h\xc3\xb6st", NULL, LETTER, true },
	{ "a" HOST_253, NULL, LONG, true },
	{ "*.a" HOST_253, NULL, LONG, false },
};

START_TEST(read_whole)
{
	const char *text = patterns[_i].text, *wrong = patterns[_i].wrong;
	const char *want = patterns[_i].pattern != NULL ? patterns[_i].pattern
							: text;
	char pattern[HOST_PATTERN_SIZE], name[ADDR_HOST_MAX + 1];

	ck_assert_pstr_eq(host_read_pattern(text, pattern), wrong);
	if (wrong == NULL)
		ck_assert_str_eq(pattern, want);
	if (!patterns[_i].name) {
		ck_assert_ptr_nonnull(host_read(text, strlen(text), name));
		return;
	}
	ck_assert_pstr_eq(host_read(text, strlen(text), name), wrong);
	if (wrong == NULL)
		ck_assert_str_eq(name, want);
}
END_TEST

/* What peers send is not terminated, and may have a NUL anywhere. */
START_TEST(read_part)
{
	char name[ADDR_HOST_MAX + 1];

	ck_assert_pstr_eq(host_read("a.b/c", 3, name), NULL);
	ck_assert_str_eq(name, "a.b");
	ck_assert_pstr_eq(host_read("a\0b", 3, name), LETTER);
	ck_assert_pstr_eq(host_read("", 0, name), MISSING);
}
END_TEST

static const struct {
	const char *pattern, *name;
	bool want;
} matches[] = {
	{ "a.example.org", "a.example.org", true },
	{ "a.example.org", "b.example.org", false },
	{ "a.example.org", "x.a.example.org", false },
	{ "*.example.org", "a.example.org", true },
	{ "*.example.org", "a.b.example.org", true },
	{ "*.example.org", "example.org", false },
	{ "*.example.org", "anexample.org", false },
	{ "*.example.org", "a.example.org.net", false },
	{ "*.example.org", "", false },
	{ "*", "a", true },
	{ "*", "a.example.org", true },
};

START_TEST(match)
{
	ck_assert_msg(host_matches(matches[_i].pattern, matches[_i].name) ==
		matches[_i].want,
	    "%s: %s", matches[_i].pattern, matches[_i].name);
}
END_TEST

/* The best first. */
static const char *const ranked[] = { "a.b.example.org", "*.b.example.org",
	"*.example.org", "*.org", "*" };

START_TEST(better)
{
	for (int i = 0; i < (int)COUNT(ranked); i++) {
		ck_assert(host_matches(ranked[i], "a.b.example.org"));
		ck_assert_int_eq(host_better(ranked[_i], ranked[i]), _i < i);
	}
	/* however long the name of a wildcard is */
	ck_assert(host_better("a", "*." HOST_253));
}
END_TEST

Suite *
host_suite(void)
{
	Suite *suite = suite_create("host");
	TCase *tc = tcase_create("host");

	tcase_add_loop_test(tc, read_whole, 0, COUNT(patterns));
	tcase_add_test(tc, read_part);
	tcase_add_loop_test(tc, match, 0, COUNT(matches));
	tcase_add_loop_test(tc, better, 0, COUNT(ranked));
	suite_add_tcase(suite, tc);
	return suite;
}
