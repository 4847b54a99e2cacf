/*
 * test_key_sources.c - where keys come from: configuration, file, environment.
 */
#include "tests/unit/suites.h"
#include "base/log.h"
#include "base/str.h"
#include "ops/key.h"
#include "tests/unit/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { LONG = 300 };

static char dir[FILES_PATH_SIZE], config_path[FILES_PATH_SIZE + 16];

/* key: in the configuration; file: content of the key file; variable: of the
 * environment. NULL: not there. want: the key, or part of the problem. */
static const struct {
	const char *name, *key, *file;
	size_t len;
	const char *variable, *want;
	bool bad;
} sources[] = {
	{ "none", NULL, NULL, 0, NULL, NULL, false },
	{ "key", "k1", NULL, 0, NULL, "k1", false },
	{ "file", NULL, "k1", 2, NULL, "k1", false },
	{ "file, line end", NULL, "k1\n", 3, NULL, "k1", false },
	{ "file, CRLF", NULL, "k1\r\n", 4, NULL, "k1", false },
	{ "file, byte order mark", NULL, "\xef\xbb\xbfk1\r\n", 7, NULL, "k1",
	    false },
	{ "byte order mark alone", NULL, "\xef\xbb\xbf\n", 4, NULL,
	    "found nothing", true },
	{ "file, spaces are the key's", NULL, " k1 \n", 5, NULL, " k1 ",
	    false },
	{ "variable", NULL, NULL, 0, "k1", "k1", false },
	{ "all the same", "k1", "k1\n", 3, "k1", "k1", false },
	{ "file against key", "k1", "k2", 2, NULL,
	    "AuthKey: found another key in AuthKeyFile; expected only one of "
	    "the two, or the same in both",
	    true },
	{ "variable against key", "k1", NULL, 0, "k2",
	    "AuthKey: found another key in TRANSPONDER_AUTH_KEY;", true },
	{ "variable against file", NULL, "k1", 2, "k2",
	    "AuthKey: found another key in TRANSPONDER_AUTH_KEY;", true },
	{ "empty file", NULL, "", 0, NULL,
	    "found nothing; expected a key of 1 to 256 bytes", true },
	{ "empty line", NULL, "\n", 1, NULL, "found nothing", true },
	{ "empty variable", NULL, NULL, 0, "",
	    "AuthKey: TRANSPONDER_AUTH_KEY: found nothing", true },
	{ "NUL", NULL, "k\0a", 3, NULL, "found a NUL byte", true },
	{ "two lines", NULL, "k1\nk2\n", 6, NULL, "found more than one line",
	    true },
	{ "two line ends", NULL, "k1\n\n", 4, NULL, "found more than one line",
	    true },
};

static void
write_key(const char *bytes, size_t len, mode_t mode)
{
	char path[FILES_PATH_SIZE + 16];
	FILE *file;

	snprintf(path, sizeof(path), "%s/key", dir);
	unlink(path);
	file = fopen(path, "wb");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
	fclose(file);
	chmod(path, mode);
}

static void
set_up(void)
{
	system_folder(dir);
	snprintf(config_path, sizeof(config_path), "%s/outer.json", dir);
	system_variable(key_variable, NULL);
}

static void
tear_down(void)
{
	char path[FILES_PATH_SIZE + 16];

	snprintf(path, sizeof(path), "%s/key", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/log", dir);
	unlink(path);
	rmdir(dir);
	system_variable(key_variable, NULL);
}

static bool
look(const char *file, char **key, char problem[CONF_PROBLEM_SIZE])
{
	const struct key_source source = {
		.path = config_path,
		.key = "AuthKey",
		.key_file = "AuthKeyFile",
		.file = file,
		.variable = key_variable,
	};

	problem[0] = '\0';
	return key_find(&source, key, problem);
}

/* The folder's name is random and may have what a key has. */
static bool
tells(const char *problem, const char *key)
{
	char text[CONF_PROBLEM_SIZE], *at;

	str_copy(text, sizeof(text), problem);
	while ((at = strstr(text, dir)) != NULL)
		memset(at, '-', strlen(dir));
	return strstr(text, key) != NULL;
}

START_TEST(source)
{
	char *key = sources[_i].key != NULL ? strdup(sources[_i].key) : NULL;
	char problem[CONF_PROBLEM_SIZE];
	bool good;

	if (sources[_i].file != NULL)
		write_key(sources[_i].file, sources[_i].len, 0600);
	if (sources[_i].variable != NULL) {
		system_variable(key_variable, sources[_i].variable);
		if (getenv(key_variable) == NULL)
			return; /* there are no empty ones on Windows */
	}
	good = look(sources[_i].file != NULL ? "key" : NULL, &key, problem);
	ck_assert_msg(good == !sources[_i].bad, "%s: %s", sources[_i].name,
	    problem);
	if (sources[_i].bad)
		ck_assert_msg(strstr(problem, sources[_i].want) != NULL &&
			!tells(problem, "k1") && !tells(problem, "k2") &&
			strncmp(problem, config_path, strlen(config_path)) == 0,
		    "%s: %s", sources[_i].name, problem);
	else
		ck_assert_pstr_eq(key, sources[_i].want);
	free(key);
}
END_TEST

START_TEST(length_of_a_key_file)
{
	static const struct {
		size_t len;
		const char *end;
		bool good;
	} rows[] = {
		{ 1, "", true },
		{ 256, "", true },
		{ 256, "\n", true },
		{ 256, "\r\n", true },
		{ 257, "", false },
		{ 259, "", false },
		{ 257, "\r\n", false },
		{ LONG, "", false },
	};
	char text[LONG + 3], problem[CONF_PROBLEM_SIZE];

	for (size_t i = 0; i < COUNT(rows); i++) {
		char *key = NULL;

		memset(text, 'k', sizeof(text));
		str_copy(text + rows[i].len, 3, rows[i].end);
		write_key(text, rows[i].len + strlen(rows[i].end), 0600);
		ck_assert_int_eq(look("key", &key, problem), rows[i].good);
		if (rows[i].good)
			ck_assert_uint_eq(strlen(key), rows[i].len);
		else
			ck_assert_ptr_nonnull(
			    strstr(problem, "more than 256 bytes"));
		free(key);
	}
}
END_TEST

START_TEST(what_is_no_key_file)
{
	char problem[CONF_PROBLEM_SIZE], *key = NULL;

	ck_assert(!look(".", &key, problem));
	ck_assert_ptr_nonnull(strstr(problem, "found a directory"));
	if (system_has_modes()) { /* and so devices among its files */
		ck_assert(!look("/dev/null", &key, problem));
		ck_assert_ptr_nonnull(
		    strstr(problem, "/dev/null: found no regular"));
	}
	ck_assert(!look("nowhere/key", &key, problem));
	ck_assert_ptr_nonnull(strstr(problem, "no such file"));
	ck_assert_ptr_null(key);
}
END_TEST

/* Whether the log warns of a file of that mode. */
static bool
warns(mode_t mode)
{
	char path[FILES_PATH_SIZE + 16], text[1024], problem[CONF_PROBLEM_SIZE],
	    *key = NULL;
	size_t len;
	FILE *log;

	write_key("k1\n", 3, mode);
	snprintf(path, sizeof(path), "%s/log", dir);
	unlink(path);
	ck_assert_int_eq(log_open(LOG_INFO, LOG_TEXT, path), 0);
	ck_assert(look("key", &key, problem));
	log_close();
	free(key);
	log = fopen(path, "r");
	len = fread(text, 1, sizeof(text) - 1, log);
	text[len] = '\0';
	fclose(log);
	ck_assert(!tells(text, "k1"));
	return strstr(text, "everybody may read or change") != NULL;
}

START_TEST(exposed_file_is_warned_about)
{
	ck_assert(!warns(0600));
	ck_assert(!warns(0440));
	ck_assert(warns(0644));
	ck_assert(warns(0602));
}
END_TEST

Suite *
key_sources_suite(void)
{
	Suite *suite = suite_create("key_sources");
	TCase *tc = tcase_create("where");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, source, 0, (int)COUNT(sources));
	tcase_add_test(tc, length_of_a_key_file);
	tcase_add_test(tc, what_is_no_key_file);
	if (system_has_modes())
		tcase_add_test(tc, exposed_file_is_warned_about);
	else
		skip_test("key_sources", "exposed_file_is_warned_about",
		    "files have no mode here");
	suite_add_tcase(suite, tc);
	return suite;
}
