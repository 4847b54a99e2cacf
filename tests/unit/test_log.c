/*
 * test_log.c - lines as text and JSON, their limits, and the file.
 */
#include "base/log.h"
#include "base/str.h"
#include "tests/unit/files.h"
#include "tests/unit/suites.h"
#include "tests/unit/system.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { ROOM = 4096, PATH_SIZE = FILES_PATH_SIZE + 8 };

static char dir[FILES_PATH_SIZE], path[PATH_SIZE], moved[PATH_SIZE];

static void
make_dir(void)
{
	system_folder(dir);
	snprintf(path, sizeof(path), "%s/log", dir);
	snprintf(moved, sizeof(moved), "%s/log.1", dir);
}

static void
remove_dir(void)
{
	log_open(LOG_INFO, LOG_TEXT, NULL); /* as a program starts */
	unlink(path);
	unlink(moved);
	ck_assert_int_eq(rmdir(dir), 0);
}

static const struct {
	const char *name;
	enum log_format format;
	enum log_level level;
	struct log_field fields[4];
	const char *want;
} lines[] = {
	{ "text, no field", LOG_TEXT, LOG_INFO, { KV_NONE },
	    "NOW info  pool: taken" },
	{ "text, each level's width", LOG_TEXT, LOG_ERROR, { KV_NONE },
	    "NOW error pool: taken" },
	{ "text, warn", LOG_TEXT, LOG_WARN, { KV_NONE },
	    "NOW warn  pool: taken" },
	{ "text, debug", LOG_TEXT, LOG_DEBUG, { KV_NONE },
	    "NOW debug pool: taken" },
	{ "text, each kind", LOG_TEXT, LOG_INFO,
	    { KV_U64("n", UINT64_MAX), KV_MS("took", 61005),
		KV_STR("why", "done"), KV_NONE },
	    "NOW info  pool: taken n=18446744073709551615 took=61.005 "
	    "why=done" },
	{ "text, zero numbers", LOG_TEXT, LOG_INFO,
	    { KV_U64("n", 0), KV_MS("took", 0), KV_NONE },
	    "NOW info  pool: taken n=0 took=0.000" },
	{ "text, empty and missing", LOG_TEXT, LOG_INFO,
	    { KV_STR("a", ""), KV_STR("b", NULL), KV_NONE },
	    "NOW info  pool: taken a=\"\" b=-" },
	{ "text, quoted for a space", LOG_TEXT, LOG_INFO,
	    { KV_STR("a", "b c"), KV_NONE },
	    "NOW info  pool: taken a=\"b c\"" },
	{ "text, quoted for =", LOG_TEXT, LOG_INFO,
	    { KV_STR("a", "b=c"), KV_NONE },
	    "NOW info  pool: taken a=\"b=c\"" },
	{ "text, quote and backslash", LOG_TEXT, LOG_INFO,
	    { KV_STR("a", "\"\\"), KV_NONE },
	    "NOW info  pool: taken a=\"\\\"\\\\\"" },
	{ "text, a line smuggled in", LOG_TEXT, LOG_INFO,
	    { KV_STR("a", "x\nNOW error pool: fake\r"), KV_NONE },
	    "NOW info  pool: taken a=\"x\\u000aNOW error pool: fake\\u000d\"" },
	{ "text, terminal escapes", LOG_TEXT, LOG_INFO,
	    { KV_STR("a", "\x1b[2J\x7f"),
		KV_STR("b",
		    "\xc2\x9b"
		    "2J"),
		KV_NONE },
	    "NOW info  pool: taken a=\"\\u001b[2J\\u007f\" b=\"\\u009b2J\"" },
	{ "text, UTF-8 and not", LOG_TEXT, LOG_INFO,
	    { KV_STR("a", "\xc3\xa9"), KV_STR("b", "\xe9"), KV_NONE },
	    "NOW info  pool: taken a=\"\xc3\xa9\" b=\"\\ufffd\"" },

	{ "json, no field", LOG_JSON, LOG_WARN, { KV_NONE },
	    "{\"time\":\"NOW\",\"level\":\"warn\",\"part\":\"pool\","
	    "\"message\":\"taken\"}" },
	{ "json, each kind", LOG_JSON, LOG_INFO,
	    { KV_U64("n", 7), KV_MS("took", 1500), KV_STR("why", "done"),
		KV_NONE },
	    "{\"time\":\"NOW\",\"level\":\"info\",\"part\":\"pool\","
	    "\"message\":\"taken\",\"n\":7,\"took\":1.500,"
	    "\"why\":\"done\"}" },
	{ "json, empty and missing", LOG_JSON, LOG_INFO,
	    { KV_STR("a", ""), KV_STR("b", NULL), KV_NONE },
	    "{\"time\":\"NOW\",\"level\":\"info\",\"part\":\"pool\","
	    "\"message\":\"taken\",\"a\":\"\",\"b\":\"-\"}" },
	{ "json, all that needs escaping", LOG_JSON, LOG_INFO,
	    { KV_STR("a", "\"\\\n\x01\x7f\xc2\x80\xff"), KV_NONE },
	    "{\"time\":\"NOW\",\"level\":\"info\",\"part\":\"pool\","
	    "\"message\":\"taken\",\"a\":\"\\\"\\\\\\u000a\\u0001\\u007f"
	    "\\u0080\\ufffd\"}" },
};

START_TEST(line)
{
	char out[ROOM];
	size_t len = log_format_line(out, sizeof(out), lines[_i].format, "NOW",
	    lines[_i].level, "pool", "taken", lines[_i].fields);

	ck_assert_str_eq(out, lines[_i].want);
	ck_assert_uint_eq(len, strlen(out));
	if (lines[_i].format == LOG_JSON) {
		json_t *root = json_loads(out, JSON_REJECT_DUPLICATES, NULL);

		ck_assert_ptr_nonnull(root);
		json_decref(root);
	}
}
END_TEST

static const char *const fillings[] = { "x", "\"", "\n", "\xc3\xa9", "\xff" };

/*
 * At whatever byte the line must end, it is terminated, within its size, and
 * JSON if it is to be: with a long message, then with a long field.
 */
START_TEST(cut)
{
	char out[ROOM], text[1024];
	size_t used = 0;
	struct log_field fields[] = { KV_U64("n", 7), KV_STR("a", text),
		KV_U64("z", 9), KV_NONE };

	while (used < sizeof(text) - 8)
		str_append(text, sizeof(text), &used, "%s", fillings[_i]);
	for (size_t size = 128; size < 1500; size++)
		for (int swap = 0; swap < 2; swap++) {
			size_t len;
			json_t *root;

			memset(out, 'z', sizeof(out));
			len = log_format_line(out, size, LOG_JSON, "NOW",
			    LOG_INFO, "pool", swap ? text : "m", fields);
			ck_assert_uint_lt(len, size);
			ck_assert_uint_eq(len, strlen(out));
			ck_assert_int_eq(out[size], 'z');
			root = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
			ck_assert_msg(root != NULL, "%zu: %s", size, out);
			json_decref(root);
		}
}
END_TEST

/* Text is cut anywhere, but a value keeps its closing quote. */
START_TEST(cut_text)
{
	const struct log_field fields[] = { KV_STR("a", "b \n c"), KV_NONE };
	char out[64];
	size_t full = strlen("NOW info  p: m a=\"b \\u000a c\"");

	for (size_t size = 1; size <= full + 1; size++) {
		size_t len;

		memset(out, 'z', sizeof(out));
		len = log_format_line(out, size, LOG_TEXT, "NOW", LOG_INFO, "p",
		    "m", fields);
		ck_assert_uint_lt(len, size);
		ck_assert_uint_eq(len, strlen(out));
		ck_assert_int_eq(out[size], 'z');
	}
	ck_assert_str_eq(out, "NOW info  p: m a=\"b \\u000a c\"");
	log_format_line(out, full - 1, LOG_TEXT, "NOW", LOG_INFO, "p", "m",
	    fields);
	ck_assert_str_eq(out, "NOW info  p: m a=\"b \\u000a\"");
	log_format_line(out, full - 2, LOG_TEXT, "NOW", LOG_INFO, "p", "m",
	    fields);
	ck_assert_str_eq(out, "NOW info  p: m a=\"b \"");
}
END_TEST

/* One second after another: calls in it, how many may write, and how many
 * were held back before the first that may. */
static const struct {
	uint64_t now_ms;
	unsigned calls, allowed;
	uint64_t suppressed;
} seconds[] = {
	{ 0, 1, 1, 0 },
	{ 999, 19, 19, 0 }, /* the burst, to its last */
	{ 999, 5, 0, 0 },   /* over it */
	{ 1000, 3, 3, 5 },
	{ 1001, 1, 1, 0 }, /* told once */
	{ 2000, 100, 20, 0 },
	{ 9000, 1, 1, 80 }, /* quiet seconds add nothing up */
	{ 9000, 20, 19, 0 },
};

START_TEST(limit)
{
	struct log_limit state = { 0 };

	for (size_t i = 0; i < COUNT(seconds); i++) {
		unsigned allowed = 0;

		for (unsigned n = 0; n < seconds[i].calls; n++) {
			uint64_t suppressed = UINT64_MAX;

			if (!log_allow(&state, seconds[i].now_ms, &suppressed))
				continue;
			ck_assert_uint_eq(suppressed,
			    allowed == 0 ? seconds[i].suppressed : 0);
			allowed++;
		}
		ck_assert_msg(allowed == seconds[i].allowed, "row %zu: %u", i,
		    allowed);
	}
}
END_TEST

/* The whole file as text; "" when there is none. */
static const char *
contents(const char *name)
{
	static char text[ROOM];
	FILE *file = fopen(name, "rb");
	size_t len = 0;

	if (file != NULL) {
		len = fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
	}
	text[len] = '\0';
	return text;
}

/* How often needle stands in the file. */
static unsigned
times(const char *name, const char *needle)
{
	unsigned found = 0;

	for (const char *at = contents(name); (at = strstr(at, needle)) != NULL;
	     at++)
		found++;
	return found;
}

START_TEST(levels)
{
	ck_assert_int_eq(log_open((enum log_level)_i, LOG_TEXT, path), 0);
	log_error("p", "one");
	log_warn("p", "one");
	log_info("p", "one");
	log_debug("p", "one");
	ck_assert_uint_eq(times(path, " p: one\n"), (unsigned)_i + 1);
	for (int level = LOG_ERROR; level <= LOG_DEBUG; level++)
		ck_assert_int_eq(log_wants((enum log_level)level), level <= _i);
}
END_TEST

/* 9 is any digit, + a sign, else the character itself. */
static bool
looks_like(const char *text, const char *pattern)
{
	for (; *pattern != '\0'; pattern++, text++) {
		if (*pattern == '9' && isdigit((unsigned char)*text))
			continue;
		if (*pattern == '+' && (*text == '+' || *text == '-'))
			continue;
		if (*pattern != *text)
			return false;
	}
	return true;
}

START_TEST(written_line)
{
	const char *text;

	ck_assert_int_eq(log_open(LOG_INFO, LOG_TEXT, path), 0);
	log_info("pool", "taken", KV_U64("n", 7), KV_STR("why", "x y"));
	text = contents(path);
	ck_assert_msg(looks_like(text, "9999-99-99T99:99:99.999+99:99 info  "),
	    "%s", text);
	ck_assert_str_eq(strstr(text, "pool"), "pool: taken n=7 why=\"x y\"\n");
}
END_TEST

START_TEST(written_json)
{
	char text[ROOM];
	const char *when;
	json_t *root;

	ck_assert_int_eq(log_open(LOG_INFO, LOG_JSON, path), 0);
	log_info("pool", "taken", KV_MS("took", 250));
	str_copy(text, sizeof(text), contents(path));
	ck_assert_int_eq(text[strlen(text) - 1], '\n');
	root = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(root);
	when = json_string_value(json_object_get(root, "time"));
	ck_assert(looks_like(when, "9999-99-99T99:99:99.999+99:99"));
	ck_assert(json_number_value(json_object_get(root, "took")) == 0.25);
	json_decref(root);
}
END_TEST

/* A line that is too long is still one line. */
START_TEST(written_long)
{
	static char text[8000];
	const char *got;

	memset(text, 'x', sizeof(text) - 1);
	ck_assert_int_eq(log_open(LOG_INFO, (enum log_format)_i, path), 0);
	log_info("pool", "taken", KV_STR("a", text));
	log_info("pool", "next");
	ck_assert_uint_eq(times(path, "\n"), 2);
	got = contents(path);
	ck_assert_uint_lt(strlen(got), 2200);
	ck_assert_ptr_nonnull(strstr(got, "next"));
}
END_TEST

START_TEST(reopen_after_rename)
{
	ck_assert_int_eq(log_open(LOG_INFO, LOG_TEXT, path), 0);
	log_info("p", "first");
	ck_assert_int_eq(rename(path, moved), 0);
	log_info("p", "second");
	ck_assert_int_eq(log_reopen(), 1);
	log_info("p", "third");
	ck_assert_uint_eq(times(moved, "first\n"), 1);
	ck_assert_uint_eq(times(moved, "second\n"), 1);
	ck_assert_uint_eq(times(moved, "third\n"), 0);
	ck_assert_uint_eq(times(path, "third\n"), 1);
	ck_assert_uint_eq(times(path, "\n"), 1);
}
END_TEST

START_TEST(reopen_standard_output)
{
	ck_assert_int_eq(log_reopen(), 0);
}
END_TEST

START_TEST(open_appends)
{
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(log_open(LOG_INFO, LOG_TEXT, path), 0);
		log_info("p", "again");
		log_close();
	}
	ck_assert_uint_eq(times(path, "again\n"), 2);
}
END_TEST

START_TEST(open_another)
{
	ck_assert_int_eq(log_open(LOG_INFO, LOG_TEXT, path), 0);
	ck_assert_int_eq(log_open(LOG_INFO, LOG_TEXT, moved), 0);
	log_info("p", "here");
	ck_assert_uint_eq(times(path, "here"), 0);
	ck_assert_uint_eq(times(moved, "here"), 1);
	ck_assert_int_eq(log_reopen(), 1);
	log_info("p", "here");
	ck_assert_uint_eq(times(moved, "here"), 2);
}
END_TEST

/* A file that cannot be opened changes nothing: sink, level or format. */
START_TEST(open_fails)
{
	char nowhere[PATH_SIZE + 8];

	snprintf(nowhere, sizeof(nowhere), "%s/no/log", dir);
	ck_assert_int_eq(log_open(LOG_INFO, LOG_TEXT, path), 0);
	ck_assert_int_eq(log_open(LOG_ERROR, LOG_JSON, nowhere), -1);
	ck_assert_int_eq(errno, ENOENT);
	log_info("p", "unmoved");
	ck_assert_uint_eq(times(path, " p: unmoved\n"), 1);
}
END_TEST

/* However often the file is opened anew, one descriptor is enough. */
START_TEST(no_descriptor_lost)
{
	int before, after;

	ck_assert_int_eq(log_open(LOG_INFO, LOG_TEXT, path), 0);
	before = dup(0);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(log_reopen(), 1);
		ck_assert_int_eq(log_open(LOG_INFO, LOG_TEXT, path), 0);
	}
	after = dup(0);
	close(before);
	close(after);
	ck_assert_int_eq(after, before + 1);
}
END_TEST

Suite *
log_suite(void)
{
	Suite *suite = suite_create("log");
	TCase *tc = tcase_create("line"), *file = tcase_create("file");

	tcase_add_loop_test(tc, line, 0, COUNT(lines));
	tcase_add_loop_test(tc, cut, 0, COUNT(fillings));
	tcase_add_test(tc, cut_text);
	tcase_add_test(tc, limit);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(file, make_dir, remove_dir);
	tcase_add_loop_test(file, levels, LOG_ERROR, LOG_DEBUG + 1);
	tcase_add_test(file, written_line);
	tcase_add_test(file, written_json);
	tcase_add_loop_test(file, written_long, LOG_TEXT, LOG_JSON + 1);
	tcase_add_test(file, reopen_after_rename);
	tcase_add_test(file, reopen_standard_output);
	tcase_add_test(file, open_appends);
	tcase_add_test(file, open_another);
	tcase_add_test(file, open_fails);
	tcase_add_test(file, no_descriptor_lost);
	suite_add_tcase(suite, file);
	return suite;
}
