/*
 * test_conf.c - the table-driven reader: places, comments, warnings, files.
 *
 * Every row has its own text and what it must come to. The secret of a row is
 * always SECRET; it is looked for in each problem line and in the log.
 */
#include "tests/unit/files.h"
#include "tests/unit/suites.h"
#include "tests/unit/test_conf.h"
#include "base/log.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef TOP_SRCDIR
#define TOP_SRCDIR "."
#endif

#define MIB (1u << 20)

/* The one line that says what is wrong, whole: "" where nothing is. */
static const struct {
	const char *name, *json, *problem;
} lines[] = {
	{ "empty object", "{}", "" },
	{ "byte order mark", "\xef\xbb\xbf{\"Flag\": 1}",
	    "f.json:1:10: Flag: found 1; expected true or false" },
	{ "type, with its place", "{\n\n\n    \"MaxFreeConn\": \"ten\"\n}",
	    "f.json:4:20: MaxFreeConn: found \"ten\"; "
	    "expected a whole number 1..1000" },
	{ "CRLF", "{\r\n\r\n\r\n    \"MaxFreeConn\": \"ten\"\r\n}",
	    "f.json:4:20: MaxFreeConn: found \"ten\"; "
	    "expected a whole number 1..1000" },
	{ "range", "{\"Timeout\": 0.05}",
	    "f.json:1:13: Timeout: found 0.05; "
	    "expected a number of seconds 0.1..60" },
	{ "slip in a key", "{\n\n\n\n    \"MaxFreeCon\": 5}",
	    "f.json:5:5: MaxFreeCon: unknown key; did you mean MaxFreeConn?" },
	{ "two letters swapped", "{\"Lisetn\": \"\"}",
	    "f.json:1:2: Lisetn: unknown key; did you mean Listen?" },
	{ "key like no other", "{\"Xyz\": {\"Flag\": [1, {}]}}",
	    "f.json:1:2: Xyz: unknown key; "
	    "expected one of those in the manual page" },
	{ "empty key", "{\"\": 1}",
	    "f.json:1:2: : unknown key; expected one of those in the manual "
	    "page" },
	{ "key behind nested ones of its name",
	    "{\"Flag\": true, \"Size\": [{\"Flag\": 1}], \"Mode\": 9}",
	    "f.json:1:47: Mode: found 9; "
	    "expected an octal file mode as text, such as \"0660\"" },
	{ "list", "{\"Flag\": [1, 2]}",
	    "f.json:1:10: Flag: found [...]; expected true or false" },
	{ "object", "{\"Flag\": {\"a\": 2}}",
	    "f.json:1:10: Flag: found {...}; expected true or false" },
	{ "null", "{\"Flag\": null}",
	    "f.json:1:10: Flag: found null; expected true or false" },
	{ "address", "{\"Listen\": \"tcp://h\"}",
	    "f.json:1:12: Listen: found \"tcp://h\": the port is missing; "
	    "expected tcp://host:port or unix:///path" },
	{ "port 0", "{\"Peer\": \"tcp://h:0\"}",
	    "f.json:1:10: Peer: found \"tcp://h:0\": nobody can be reached at "
	    "port 0; expected tcp://host:port or unix:///path" },
	{ "choice", "{\"LogLevel\": \"all\"}",
	    "f.json:1:14: LogLevel: found \"all\"; expected "
	    "\"error\", \"warn\", \"info\" or \"debug\"" },
	{ "size", "{\"Size\": \"1K\"}",
	    "f.json:1:10: Size: found \"1K\"; expected a size 16K..16M, "
	    "a number of bytes or text as \"64K\" or \"1M\"" },
	{ "an item has its own place",
	    "{\"Nets\": [\"::1\",\n // here\n \"1.2.3\", 7]}",
	    "f.json:3:2: Nets: found \"1.2.3\": neither an IPv4 nor an IPv6 "
	    "address; expected a list of 1 to 3 addresses and blocks of them, "
	    "as [\"192.0.2.7\", \"2001:db8::/32\"]" },
	{ "an item of another type", "{\"Nets\": [\"::1\", {\"a\": [1]}]}",
	    "f.json:1:18: Nets: found {...}; expected a list of 1 to 3 "
	    "addresses and blocks of them, as [\"192.0.2.7\", "
	    "\"2001:db8::/32\"]" },
	{ "one item too many",
	    "{\"Nets\": [\"::1\", \"::2\", \"::3\", \"::4\", \"::5\"]}",
	    "f.json:1:32: Nets: found \"::4\": one too many; expected a list "
	    "of 1 to 3 addresses and blocks of them, as [\"192.0.2.7\", "
	    "\"2001:db8::/32\"]" },
	{ "no item", "{\"Nets\": [ ]}",
	    "f.json:1:10: Nets: found [...]; expected a list of 1 to 3 "
	    "addresses and blocks of them, as [\"192.0.2.7\", "
	    "\"2001:db8::/32\"]" },
	{ "no list", "{\"Nets\": \"::1\"}",
	    "f.json:1:10: Nets: found \"::1\"; expected a list of 1 to 3 "
	    "addresses and blocks of them, as [\"192.0.2.7\", "
	    "\"2001:db8::/32\"]" },
	{ "name", "{\"Name\": \"a b\"}",
	    "f.json:1:10: Name: found \"a b\"; "
	    "expected 1 to 4 letters, digits, dots, _ or -" },
	{ "columns count characters",
	    "{/* \xe6\x97\xa5\xe6\x9c\xac */\"Flag\""
	    ": 0, \"Text\": \"\xc3\xa9\"}",
	    "f.json:1:18: Flag: found 0; expected true or false" },
	{ "columns behind text of several bytes",
	    "{\"Text\": \"\xe6\x97\xa5\", \"Flag\": 0}",
	    "f.json:1:23: Flag: found 0; expected true or false" },
	{ "long value is cut between characters",
	    "{\"Text\": \"12345678901234567890123456789012345678901234567890"
	    "12345678\xc3\xa9xyz\"}",
	    "f.json:1:10: Text: found \"1234567890123456789012345678901234567890"
	    "123456789012345678...; expected text of 0 to 8 bytes" },
	{ "control characters are not passed on",
	    "{\"Text\": \"\x7f\xc2\x9b\xc2\xa0 12345\"}",
	    "f.json:1:10: Text: found \"??\xc2\xa0 12345\"; "
	    "expected text of 0 to 8 bytes" },
	{ "secret of another type", "{\"AuthKey\": 123456}",
	    "f.json:1:13: AuthKey: found a number; "
	    "expected text of 3 to 6 bytes" },
	{ "secret out of range", "{\"AuthKey\": \"" SECRET "7\"}",
	    "f.json:1:13: AuthKey: found text of 7 bytes; "
	    "expected text of 3 to 6 bytes" },
	{ "secret in a list", "{\"AuthKey\": [\"" SECRET "\"]}",
	    "f.json:1:13: AuthKey: found [...]; expected text of 3 to 6 bytes" },
	{ "secret without quotes", "{\"AuthKey\": " SECRET "}",
	    "f.json:1:13: AuthKey: found a word; text stands in double quotes; "
	    "expected text of 3 to 6 bytes" },
	{ "secret in single quotes", "{\"AuthKey\": '" SECRET "'}",
	    "f.json:1:13: AuthKey: found text in other quotes than \"\"; "
	    "expected text of 3 to 6 bytes" },
	{ "secret not closed", "{\"AuthKey\": \"" SECRET "\n}",
	    "f.json:1:13: found text without a closing quote on the same line" },
	{ "secret with an unknown escape", "{\"AuthKey\": \"\\u" SECRET "\"}",
	    "f.json:1:13: found an unknown escape in text; "
	    "expected \\\\ for one \\, \\\" for a quote" },
	{ "secret with \\u0000", "{\"AuthKey\": \"" SECRET "\\u0000\"}",
	    "f.json:1:13: found an unknown escape in text; "
	    "expected \\\\ for one \\, \\\" for a quote" },
	{ "tab in text", "{\"AuthKey\": \"" SECRET "\t\"}",
	    "f.json:1:13: found a control character in text; "
	    "expected \\t for a tab" },
	{ "secret as a key", "{" SECRET ": 1}",
	    "f.json:1:2: found no key; expected one in double quotes" },
	{ "secret behind a value", "{\"AuthKey\": \"a\" " SECRET "}",
	    "f.json:1:17: found no comma; expected one, or a closing bracket" },
	{ "too large", "{\"AuthKey\": 1e400}",
	    "f.json:1:13: AuthKey: found a number beyond all bounds; "
	    "expected text of 3 to 6 bytes" },
	{ "number of a key nobody knows", "{\"X\": 1e400}",
	    "f.json:1:7: found a number beyond all bounds; "
	    "expected a JSON value" },
	{ "number in a list", "{\"Flag\": [0, 1e400]}",
	    "f.json:1:14: Flag: found a number beyond all bounds; "
	    "expected true or false" },
	{ "word in a list", "{\"Flag\": [yes]}",
	    "f.json:1:11: Flag: found a word; text stands in double quotes; "
	    "expected true or false" },
	{ "octal number", "{\"Mode\": 0660}",
	    "f.json:1:10: Mode: found a number that begins with 0 (a file mode "
	    "is written \"0660\"); expected an octal file mode as text, such as "
	    "\"0660\"" },
	{ "number with a plus", "{\"Timeout\": +5}",
	    "f.json:1:13: Timeout: found a number that JSON does not know; "
	    "expected a number of seconds 0.1..60" },
	{ "NaN", "{\"Timeout\": NaN}",
	    "f.json:1:13: Timeout: found a word; text stands in double quotes; "
	    "expected a number of seconds 0.1..60" },
	{ "comma at the end", "{\n\"Flag\": true,\n}",
	    "f.json:3:1: found a comma before the closing bracket; "
	    "remove that comma" },
	{ "comma at the end, then a comment", "{\"Flag\": true, // more?\n}",
	    "f.json:2:1: found a comma before the closing bracket; "
	    "remove that comma" },
	{ "comma missing", "{\"Flag\": true\n \"Mode\": 1}",
	    "f.json:2:2: found no comma; expected one, or a closing bracket" },
	{ "colon missing", "{\"Flag\" true}",
	    "f.json:1:9: found no colon behind the key; expected one" },
	{ "colon of the second key missing", "{\"Flag\": true, \"Mode\" 1}",
	    "f.json:1:23: found no colon behind the key; expected one" },
	{ "value missing", "{\"Flag\": }",
	    "f.json:1:10: found no value behind the key; expected one" },
	{ "empty", "",
	    "f.json:1:1: found nothing; expected "
	    "{ \"Key\": value, ... }" },
	{ "only a comment", "// nothing\n",
	    "f.json:2:1: found nothing; "
	    "expected { \"Key\": value, ... }" },
	{ "no object", "Flag = true",
	    "f.json:1:1: found no {; expected "
	    "{ \"Key\": value, ... }" },
	{ "list at the top", "[1]",
	    "f.json:1:1: found [...]; expected "
	    "{ \"Key\": value, ... }" },
	{ "cut after a value", "{\"Flag\": true",
	    "f.json:1:14: found the end "
	    "of the file; expected a } before that" },
	{ "cut after a colon", "{\"Flag\":\n",
	    "f.json:2:1: found the end "
	    "of the file; expected a } before that" },
	{ "more behind it", "{} {}",
	    "f.json:1:4: found more behind the "
	    "closing }; expected the end of the file" },
	{ "block comment without end", "{\n /* \n}",
	    "f.json:2:2: found a comment without its end, */" },
	{ "slash star slash", "{}/*/",
	    "f.json:1:3: found a comment without its end, */" },
	{ "comment in another way", "{} # x",
	    "f.json:1:4: found more behind "
	    "the closing }; expected the end of the file" },
	{ "address without quotes", "{\"Listen\": tcp://h:1}",
	    "f.json:1:12: Listen: found a word; text stands in double quotes; "
	    "expected tcp://host:port or unix:///path" },
	{ "text up to a backslash", "{\"Text\": \"a\\",
	    "f.json:1:10: found text without a closing quote on the same line" },
	{ "not UTF-8", "{\n\"Text\": \"ab\xff\"}",
	    "f.json:2:12: found a byte that is not UTF-8; "
	    "save the file as UTF-8" },
	{ "not UTF-8 in a comment", "{ // \xc3\xa9 \xb2\xe2\n}",
	    "f.json:1:8: found a byte that is not UTF-8; "
	    "save the file as UTF-8" },
	{ "overlong", "{} // \xc0\xaf",
	    "f.json:1:7: found a byte that is not "
	    "UTF-8; save the file as UTF-8" },
	{ "overlong, three bytes", "\xe0\x9f\xbf",
	    "f.json:1:1: found a byte "
	    "that is not UTF-8; save the file as UTF-8" },
	{ "surrogate", "\xed\xa0\x80",
	    "f.json:1:1: found a byte "
	    "that is not UTF-8; save the file as UTF-8" },
	{ "over U+10FFFF", "\xf4\x90\x80\x80",
	    "f.json:1:1: found a byte "
	    "that is not UTF-8; save the file as UTF-8" },
	{ "cut in a character", "{}//\xf0\x9f\x98",
	    "f.json:1:5: found a byte "
	    "that is not UTF-8; save the file as UTF-8" },
	{ "UTF-16", "\xff\xfe{",
	    "f.json:1:1: found UTF-16; "
	    "save the file as UTF-8" },
};

START_TEST(line)
{
	char problem[CONF_PROBLEM_SIZE], log[TEST_LOG_SIZE];
	struct settings s;

	settings_parse(lines[_i].json, strlen(lines[_i].json), &s, problem,
	    log);
	ck_assert_msg(strcmp(problem, lines[_i].problem) == 0,
	    "%s: \"%s\" instead of \"%s\"", lines[_i].name, problem,
	    lines[_i].problem);
	settings_free(&s);
}
END_TEST

/* Files that are taken, what MaxFreeConn is then, and what the log says. */
static const struct {
	const char *name, *json;
	uint32_t count;
	const char *warning; /* "" = none, else part of the line */
} taken[] = {
	{ "default", "{}", 10, "" },
	{ "comments all over",
	    "/* a */{//b\n\"MaxFreeConn\"/*:9*/:/**/7//,\n"
	    "/***/}//",
	    7, "" },
	{ "comment with a quote", "{ // say \"no\n\"MaxFreeConn\": 7 /* \" */}",
	    7, "" },
	{ "comment in a comment", "{/* // */\"MaxFreeConn\": 7 // /* \n}", 7,
	    "" },
	{ "slashes in text", "{\"Listen\":\"tcp://h:1\",\"MaxFreeConn\":7}", 7,
	    "" },
	{ "escaped quote before slashes",
	    "{\"Text\":\"\\\"//\","
	    "\"MaxFreeConn\":7}",
	    7, "" },
	{ "backslash before the closing quote",
	    "{\"Text\":\"\\\\\"//\"\n"
	    ",\"MaxFreeConn\":7}",
	    7, "" },
	{ "CRLF after a comment", "{//x\r\n\"MaxFreeConn\":7//y\r\n}\r\n", 7,
	    "" },
	{ "byte order mark and comment", "\xef\xbb\xbf//x\n{\"MaxFreeConn\":7}",
	    7, "" },
	{ "comment in UTF-8", "{//\xe6\x97\xa5\xe6\x9c\xac\n\"MaxFreeConn\":7}",
	    7, "" },
	{ "key with escapes", "{\"M\\u0061xFreeConn\": 7}", 7, "" },
	{ "key again", "{\"MaxFreeConn\": 5,\n \"MaxFreeConn\": 7}", 7,
	    "key given again: the last one counts file=f.json line=2 column=2 "
	    "key=MaxFreeConn\n" },
	{ "the one that does not count may be wrong",
	    "{\"MaxFreeConn\": \"x\",\n \"MaxFreeConn\": 7}", 7, "line=2" },
	{ "other case", "{  \"maxfreeconn\": 7}", 7,
	    "key in other case: write it as here file=f.json line=1 column=4 "
	    "key=MaxFreeConn\n" },
	{ "nested ones are not again", "{\"MaxFreeConn\": 7}", 7, "" },
	{ "secret again",
	    "{\"AuthKey\": \"" SECRET "\", \"MaxFreeConn\": 7, "
	    "\"AuthKey\": \"" SECRET "\"}",
	    7, "key=AuthKey\n" },
};

START_TEST(take)
{
	char problem[CONF_PROBLEM_SIZE], log[TEST_LOG_SIZE];
	struct settings s;

	settings_parse(taken[_i].json, strlen(taken[_i].json), &s, problem,
	    log);
	ck_assert_msg(problem[0] == '\0', "%s: %s", taken[_i].name, problem);
	ck_assert_uint_eq(s.count, taken[_i].count);
	if (taken[_i].warning[0] == '\0')
		ck_assert_str_eq(log, "");
	else
		ck_assert_msg(strstr(log, taken[_i].warning) != NULL,
		    "%s: the log says \"%s\"", taken[_i].name, log);
	settings_free(&s);
}
END_TEST

START_TEST(other_case_and_again)
{
	static const char json[] = "{\"TIMEOUT\": 1, \"timeout\": 2}";
	char problem[CONF_PROBLEM_SIZE], log[TEST_LOG_SIZE];
	struct settings s;

	settings_parse(json, strlen(json), &s, problem, log);
	ck_assert_str_eq(problem, "");
	ck_assert_uint_eq(s.ms, 2000);
	ck_assert_ptr_nonnull(strstr(log, "again"));
	ck_assert_ptr_nonnull(strstr(log, "other case"));
	settings_free(&s);
}
END_TEST

/* count times unit, then tail: what would take much memory or stack. */
static const struct {
	const char *name, *head, *unit;
	size_t count;
	const char *tail, *problem;
} bombs[] = {
	{ "32 deep", "{\"Text\":", "[", 31, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
	    "f.json:1:9: Text: found [...]; expected text of 0 to 8 bytes" },
	{ "33 deep", "{\"Text\":", "[", 32, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
	    "f.json:1:40: found more than 32 levels deep" },
	{ "very deep", "", "[", 1000000, "",
	    "f.json:1:33: found more than 32 levels deep" },
	{ "very deep objects", "", "{\"a\":", 200000, "",
	    "f.json:1:161: found more than 32 levels deep" },
	{ "brackets in text", "{\"Flag\":true,\"Text\":\"", "[", 100, "\"}",
	    "f.json:1:21: Text: found \"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
	    "[[[[[[[[[[[[[[[[[[[[[...; expected text of 0 to 8 bytes" },
	{ "brackets in a comment", "{}//", "[", 100, "", "" },
	{ "1 MiB", "{}", " ", MIB - 2, "", "" },
	{ "1 MiB and a byte", "{}", " ", MIB - 1, "",
	    "f.json: over 1 MiB; expected a configuration file" },
	{ "long number", "{\"Timeout\":", "9", 100000, "}",
	    "f.json:1:12: Timeout: found a number beyond all bounds; "
	    "expected a number of seconds 0.1..60" },
	{ "long text", "{\"Timeout\":\"", "9", 100000, "\"}",
	    "f.json:1:12: Timeout: found \"99999999999999999999999999999999999"
	    "999999999999999999999999...; expected a number of seconds 0.1..60" },
	{ "long key", "{\"", "k", 100000, "\":1}",
	    "f.json:1:2: kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
	    "kkkk...: unknown key; expected one of those in the manual page" },
	{ "many members of a list", "{\"Flag\":[1", ",1", 500000, "]}",
	    "f.json:1:9: Flag: found [...]; expected true or false" },
};

START_TEST(bomb)
{
	size_t head = strlen(bombs[_i].head), unit = strlen(bombs[_i].unit);
	size_t tail = strlen(bombs[_i].tail), size = head + tail;
	char problem[CONF_PROBLEM_SIZE], log[TEST_LOG_SIZE], *json, *at;
	struct settings s;

	size += unit * bombs[_i].count;
	ck_assert_ptr_nonnull(json = malloc(size));
	memcpy(json, bombs[_i].head, head);
	at = json + head;
	for (size_t i = 0; i < bombs[_i].count; i++, at += unit)
		memcpy(at, bombs[_i].unit, unit);
	memcpy(at, bombs[_i].tail, tail);
	settings_parse(json, size, &s, problem, log);
	ck_assert_msg(strcmp(problem, bombs[_i].problem) == 0, "%s: %s",
	    bombs[_i].name, problem);
	settings_free(&s);
	free(json);
}
END_TEST

START_TEST(nul_byte)
{
	static const char json[] = "{\n \"Text\": \"a\0b\"}";
	char problem[CONF_PROBLEM_SIZE], log[TEST_LOG_SIZE];
	struct settings s;

	settings_parse(json, sizeof(json) - 1, &s, problem, log);
	ck_assert_str_eq(problem,
	    "f.json:2:12: found a NUL byte; expected text");
	settings_free(&s);
}
END_TEST

/* Every cut of a good file is refused, or read whole: never a crash. */
START_TEST(every_cut)
{
	static const char json[] =
	    "\xef\xbb\xbf{ /* a */ \"Flag\": false, //\n"
	    "\"Text\": \"\\\"\xc3\xa9\\u00e9\", \"Size\": \"64K\" }";
	char problem[CONF_PROBLEM_SIZE], log[TEST_LOG_SIZE];
	struct settings s;

	for (size_t len = 0; len < sizeof(json); len++) {
		char *exact = malloc(len > 0 ? len : 1); /* to its end */

		memcpy(exact, json, len);
		settings_parse(exact, len, &s, problem, log);
		ck_assert_int_eq(problem[0] == '\0', len == sizeof(json) - 1);
		settings_free(&s);
		free(exact);
	}
}
END_TEST

/* Files that cannot be read: one line, with the path, and what to do. */
static const struct {
	enum { ABSENT, BELOW_A_FILE, FOLDER, EMPTY, LARGE } what;
	const char *problem; /* behind the path */
} unreadable[] = {
	{ ABSENT,
	    ": no such file; expected it beside the "
	    "program or here; -c FILE names another" },
	{ BELOW_A_FILE,
	    ": no such file; expected it beside the "
	    "program or here; -c FILE names another" },
	{ FOLDER, ": found a directory; expected the file itself" },
	{ EMPTY, ":1:1: found nothing; expected { \"Key\": value, ... }" },
	{ LARGE, ": over 1 MiB; expected a configuration file" },
};

static void
make_unreadable(int row, char path[FILES_PATH_SIZE])
{
	FILE *file;

	files_write(path, "");
	if (unreadable[row].what == LARGE) {
		file = fopen(path, "wb");
		for (int i = 0; i <= 1 << 20; i++)
			putc(' ', file);
		fclose(file);
	}
}

START_TEST(file)
{
	char problem[CONF_PROBLEM_SIZE], made[FILES_PATH_SIZE];
	char path[FILES_PATH_SIZE + 8];
	struct settings s = { 0 };

	make_unreadable(_i, made);
	snprintf(path, sizeof(path), "%s%s",
	    unreadable[_i].what == FOLDER ? files_top() : made,
	    unreadable[_i].what == ABSENT	      ? ".json"
		: unreadable[_i].what == BELOW_A_FILE ? "/f.json"
						      : "");
	ck_assert_int_eq(conf_load(path, fields, FIELD_COUNT, &s, problem), -1);
	ck_assert_int_eq(strncmp(problem, path, strlen(path)), 0);
	ck_assert_str_eq(problem + strlen(path), unreadable[_i].problem);
	settings_free(&s);
	unlink(made);
}
END_TEST

START_TEST(long_path)
{
	char problem[CONF_PROBLEM_SIZE], path[3000];
	struct settings s = { 0 };

	memset(path, 'd', sizeof(path));
	strcpy(path + sizeof(path) - 8, "/f.json");
	ck_assert_int_eq(conf_parse(path, "[]", 2, fields, FIELD_COUNT, &s,
			     problem),
	    -1);
	ck_assert_ptr_nonnull(strstr(problem, "ddd/f.json:1:1: found [...]"));
	ck_assert_int_eq(strncmp(problem, "...ddd", 6), 0);
	settings_free(&s);
}
END_TEST

START_TEST(find)
{
	char made[FILES_PATH_SIZE], *path;

	files_write(made, "");
	path = conf_find("given", files_top(), "f.json");
	ck_assert_str_eq(path, "given");
	free(path);
	path = conf_find(NULL, files_top(), made + strlen(files_top()) + 1);
	ck_assert_str_eq(path, made);
	free(path);
	unlink(made);
	path = conf_find(NULL, "/nonexistent", "f.json");
	ck_assert_str_eq(path, "f.json");
	free(path);
	path = conf_find(NULL, NULL, "f.json");
	ck_assert_str_eq(path, "f.json");
	free(path);
}
END_TEST

/* The fuzzer's seeds, so that what it has found once stays found. */
START_TEST(seeds)
{
	static const char dir[] = TOP_SRCDIR "/tests/fuzz/seeds/conf";
	char problem[CONF_PROBLEM_SIZE], path[1024];
	struct settings s;
	struct dirent *entry;
	DIR *open_dir = opendir(dir);
	unsigned count = 0;

	ck_assert_msg(open_dir != NULL, "%s cannot be read", dir);
	log_open(LOG_ERROR, LOG_TEXT, NULL);
	while ((entry = readdir(open_dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		memset(&s, 0, sizeof(s));
		conf_load(path, fields, FIELD_COUNT, &s, problem);
		settings_free(&s);
		count++;
	}
	closedir(open_dir);
	log_open(LOG_INFO, LOG_TEXT, NULL);
	ck_assert_uint_gt(count, 0);
}
END_TEST

Suite *
conf_suite(void)
{
	Suite *suite = suite_create("conf");
	TCase *tc = tcase_create("rows");

	suite_add_tcase(suite, conf_values_case());
	tcase_add_loop_test(tc, line, 0, (int)COUNT(lines));
	tcase_add_loop_test(tc, take, 0, (int)COUNT(taken));
	tcase_add_loop_test(tc, bomb, 0, (int)COUNT(bombs));
	tcase_add_loop_test(tc, file, 0, (int)COUNT(unreadable));
	suite_add_tcase(suite, tc);
	tc = tcase_create("single");
	tcase_add_test(tc, other_case_and_again);
	tcase_add_test(tc, nul_byte);
	tcase_add_test(tc, every_cut);
	tcase_add_test(tc, long_path);
	tcase_add_test(tc, find);
	tcase_add_test(tc, seeds);
	suite_add_tcase(suite, tc);
	return suite;
}
