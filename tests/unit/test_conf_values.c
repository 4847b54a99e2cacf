/*
 * test_conf_values.c - each type's values: taken and printed, or refused.
 */
#include "tests/unit/files.h"
#include "tests/unit/test_conf.h"
#include "base/log.h"
#include "base/str.h"
#include "conf/conf_types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT(member) offsetof(struct settings, member)

const struct conf_field fields[FIELD_COUNT] = {
	{ "Text", CONF_TEXT, AT(text), 0, 8, "dflt", 0, NULL, "a text" },
	{ "Name", CONF_TEXT, AT(name), 1, 4, NULL, CONF_NAME, NULL, "a name" },
	{ "AuthKey", CONF_TEXT, AT(key), 3, 6, NULL, CONF_SECRET, NULL,
	    "the key" },
	{ "Listen", CONF_ADDR, AT(addr), 0, 0, "tcp://:0", 0, NULL, "where" },
	{ "Peer", CONF_ADDR, AT(peer), 0, 0, "tcp://h:1", CONF_CONNECT, NULL,
	    "whereto" },
	{ "Flag", CONF_BOOL, AT(flag), 0, 0, "true", 0, NULL, "a flag" },
	{ "MaxFreeConn", CONF_COUNT, AT(count), 1, 1000, "10", 0, NULL, "n" },
	{ "Timeout", CONF_SECONDS, AT(ms), 0.1, 60, "10", 0, NULL, "time" },
	{ "Mode", CONF_MODE, AT(mode), 0, 0, "0666", 0, NULL, "a mode" },
	{ "Size", CONF_BYTES, AT(bytes), 16 << 10, 16 << 20, "256K", 0, NULL,
	    "a size" },
	{ "LogLevel", CONF_CHOICE, AT(choice), 0, 0, "info", 0, log_level_names,
	    "a level" },
	{ "Nets", CONF_NETS, AT(nets), 1, 3, NULL, 0, NULL, "who" },
	{ "Range", CONF_RANGE, AT(range), 0, 0, NULL, 0, NULL, "ports" },
	{ "To", CONF_RANGE, AT(to), 0, 0, NULL, CONF_CONNECT, NULL, "whom" },
	{ "Targets", CONF_TARGETS, AT(targets), 1, 3, NULL, 0, NULL, "what" },
};

static const struct conf_field required[] = {
	{ "AuthKey", CONF_TEXT, AT(key), 1, 256, NULL,
	    CONF_REQUIRED | CONF_SECRET, NULL, "the key of both sides" },
	{ "Listen", CONF_ADDR, AT(addr), 0, 0, NULL, CONF_REQUIRED, NULL,
	    "where to listen" },
};

/* The log goes to a file that has no name any more. */
static char log_path[FILES_PATH_SIZE];

static void
start_log(void)
{
	files_write(log_path, "");
	ck_assert_int_eq(log_open(LOG_WARN, LOG_TEXT, log_path), 0);
}

static void
end_log(char out[TEST_LOG_SIZE])
{
	files_read(log_path, out, TEST_LOG_SIZE);
	log_close();
	unlink(log_path);
}

int
settings_parse(const char *json, size_t len, struct settings *s,
    char problem[CONF_PROBLEM_SIZE], char log[TEST_LOG_SIZE])
{
	int result;

	memset(s, 0, sizeof(*s));
	start_log();
	result = conf_parse("f.json", json, len, fields, FIELD_COUNT, s,
	    problem);
	end_log(log);
	ck_assert_ptr_null(strstr(problem, SECRET));
	ck_assert_ptr_null(strstr(log, SECRET));
	ck_assert_ptr_null(strchr(problem, '\n'));
	ck_assert_int_eq(result, problem[0] == '\0' ? 0 : -1);
	return result;
}

void
settings_free(struct settings *s)
{
	conf_free(fields, FIELD_COUNT, s);
}

/* A value of one key, and how it is printed: NULL where it is refused. */
static const struct {
	const char *key, *value, *printed;
} values[] = {
	{ "Text", "\"\"", "(none)" },
	{ "Text", "\"a b\"", "a b" },
	{ "Text", "\"12345678\"", "12345678" },
	{ "Text", "\"123456789\"", NULL },
	{ "Text", "\"\\u00e9\\u00e9\\u00e9\\u00e9\"", "éééé" },
	{ "Text", "\"\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\"", NULL },
	{ "Text", "\"a\\nb\\u007f\"", "a?b?" },
	{ "Text", "\"//x/*y\"", "//x/*y" },
	{ "Text", "\"\\\"//\\\\\"", "\"//\\" },
	{ "Text", "1", NULL },
	{ "Text", "null", NULL },
	{ "Name", "\"a.-_\"", "a.-_" },
	{ "Name", "\"Z9\"", "Z9" },
	{ "Name", "\"\"", NULL },
	{ "Name", "\"abcde\"", NULL },
	{ "Name", "\"a b\"", NULL },
	{ "Name", "\"\\u00e9\"", NULL },
	{ "AuthKey", "\"" SECRET "\"", "***" },
	{ "AuthKey", "\"ab\"", NULL },
	{ "AuthKey", "\"abc\"", "***" },
	{ "Listen", "\"tcp://:0\"", "tcp://:0" },
	{ "Listen", "\"TCP://[::1]:80\"", "tcp://[::1]:80" },
	{ "Listen", "\"unix:///a b\"", "unix:///a b" },
	{ "Listen", "\"tcp://h\"", NULL },
	{ "Listen", "80", NULL },
	{ "Peer", "\"tcp://:80\"", "tcp://localhost:80" },
	{ "Peer", "\"tcp://h:0\"", NULL },
	{ "Peer", "\"unix:///a\"", "unix:///a" },
	{ "Flag", "true", "true" },
	{ "Flag", "false", "false" },
	{ "Flag", "1", NULL },
	{ "Flag", "\"true\"", NULL },
	{ "MaxFreeConn", "1", "1" },
	{ "MaxFreeConn", "1000", "1000" },
	{ "MaxFreeConn", "1e3", "1000" },
	{ "MaxFreeConn", "10.0", "10" },
	{ "MaxFreeConn", "0", NULL },
	{ "MaxFreeConn", "-1", NULL },
	{ "MaxFreeConn", "1001", NULL },
	{ "MaxFreeConn", "1.5", NULL },
	{ "MaxFreeConn", "4294967297", NULL },
	{ "MaxFreeConn", "18446744073709551617", NULL },
	{ "MaxFreeConn", "1e300", NULL },
	{ "MaxFreeConn", "1e400", NULL },
	{ "MaxFreeConn", "NaN", NULL },
	{ "MaxFreeConn", "\"10\"", NULL },
	{ "MaxFreeConn", "[10]", NULL },
	{ "Timeout", "0.1", "0.1" },
	{ "Timeout", "0.15", "0.15" },
	{ "Timeout", "0.12345", "0.123" },
	{ "Timeout", "0.1235", "0.124" },
	{ "Timeout", "60", "60" },
	{ "Timeout", "59.9999", "60" },
	{ "Timeout", "0.0999", NULL },
	{ "Timeout", "60.001", NULL },
	{ "Timeout", "-5", NULL },
	{ "Timeout", "1e-400", NULL },
	{ "Timeout", "\"5s\"", NULL },
	{ "Mode", "\"0660\"", "0660" },
	{ "Mode", "\"660\"", "0660" },
	{ "Mode", "660", "0660" },
	{ "Mode", "777", "0777" },
	{ "Mode", "0", "0000" },
	{ "Mode", "1777", NULL },
	{ "Mode", "\"0888\"", NULL },
	{ "Mode", "438", NULL },
	{ "Mode", "\"\"", NULL },
	{ "Mode", "-7", NULL },
	{ "Mode", "6.6", NULL },
	{ "Mode", "777777777777777", NULL },
	{ "Mode", "\"000000000000000000000777\"", "0777" },
	{ "Mode", "\"10000000000000000777\"", NULL },
	{ "Mode", "0660", NULL },
	{ "Mode", "\"rw-rw----\"", NULL },
	{ "Mode", "true", NULL },
	{ "Size", "16384", "16K" },
	{ "Size", "16383", NULL },
	{ "Size", "16385", "16385" },
	{ "Size", "\"16K\"", "16K" },
	{ "Size", "\"64k\"", "64K" },
	{ "Size", "\"1m\"", "1M" },
	{ "Size", "\"65536\"", "64K" },
	{ "Size", "\"16M\"", "16M" },
	{ "Size", "\"17M\"", NULL },
	{ "Size", "\"1G\"", NULL },
	{ "Size", "\"K\"", NULL },
	{ "Size", "\"\"", NULL },
	{ "Size", "\"64KB\"", NULL },
	{ "Size", "\"64 K\"", NULL },
	{ "Size", "\"-64K\"", NULL },
	{ "Size", "\"99999999999999999999999999K\"", NULL },
	{ "Size", "20000.5", NULL },
	{ "Size", "true", NULL },
	{ "LogLevel", "\"debug\"", "debug" },
	{ "LogLevel", "\"WARN\"", "warn" },
	{ "LogLevel", "\"verbose\"", NULL },
	{ "LogLevel", "1", NULL },
	{ "Nets", "[\"192.0.2.7\"]", "192.0.2.7" },
	{ "Nets", "[ \"10.0.0.0/8\" , \"::1/128\",\"::ffff:1.2.3.4\" ]",
	    "10.0.0.0/8, ::1, 1.2.3.4" },
	{ "Nets", "[]", NULL },
	{ "Nets", "[\"::1\", \"::2\", \"::3\", \"::4\"]", NULL },
	{ "Nets", "\"192.0.2.7\"", NULL },
	{ "Nets", "[\"192.0.2.7\", 1]", NULL },
	{ "Nets", "[[\"192.0.2.7\"]]", NULL },
	{ "Nets", "{}", NULL },
	{ "Nets", "null", NULL },
	{ "Range", "\"tcp://:6000-6099\"", "tcp://:6000-6099" },
	{ "Range", "\"tcp://:0\"", "tcp://:0" },
	{ "Range", "\"unix:///a\\nb\"", "unix:///a?b" },
	{ "Range", "\"tcp://:9-8\"", NULL },
	{ "Range", "\"tls://h:1\"", NULL },
	{ "Range", "6000", NULL },
	{ "To", "\"tcp://:80-81\"", "tcp://localhost:80-81" },
	{ "To", "\"tcp://h:0\"", NULL },
	{ "To", "[\"tcp://h:1\"]", NULL },
	{ "Targets", "[\"tcp://127.0.0.1:80\"]", "127.0.0.1:80" },
	{ "Targets", "[\"10.0.0.0/8:22,80-81\", \"*.LAN:*\", \"unix:///a\"]",
	    "10.0.0.0/8:22,80-81, *.lan:*, unix:///a" },
	{ "Targets", "[]", NULL },
	{ "Targets", "[\"a:1\", \"b:1\", \"c:1\", \"d:1\"]", NULL },
	{ "Targets", "[\"a\"]", NULL },
	{ "Targets", "[80]", NULL },
	{ "Targets", "\"a:1\"", NULL },
};

static void
print_to(const struct conf_field *field, const struct settings *s,
    char out[TEST_LOG_SIZE])
{
	char path[FILES_PATH_SIZE];
	FILE *file;

	files_write(path, "");
	file = fopen(path, "wb");
	ck_assert_ptr_nonnull(file);
	conf_value_print(field, s, file);
	fclose(file);
	files_read(path, out, TEST_LOG_SIZE);
	unlink(path);
}

START_TEST(value)
{
	const struct conf_field *field = fields;
	char problem[CONF_PROBLEM_SIZE], log[TEST_LOG_SIZE], json[128];
	char printed[TEST_LOG_SIZE];
	struct settings s;

	snprintf(json, sizeof(json), "{\"%s\": %s}", values[_i].key,
	    values[_i].value);
	settings_parse(json, strlen(json), &s, problem, log);
	if (values[_i].printed == NULL) {
		ck_assert_msg(problem[0] != '\0', "%s was taken", json);
		ck_assert_msg(strstr(problem, values[_i].key) != NULL,
		    "%s: no key in: %s", json, problem);
	} else {
		ck_assert_msg(problem[0] == '\0', "%s: %s", json, problem);
		while (strcmp(field->key, values[_i].key) != 0)
			field++;
		print_to(field, &s, printed);
		ck_assert_str_eq(printed, values[_i].printed);
	}
	ck_assert_str_eq(log, "");
	settings_free(&s);
}
END_TEST

START_TEST(defaults)
{
	char problem[CONF_PROBLEM_SIZE], log[TEST_LOG_SIZE];
	struct settings s;

	ck_assert_int_eq(settings_parse("{}", 2, &s, problem, log), 0);
	ck_assert_str_eq(s.text, "dflt");
	ck_assert_ptr_null(s.name);
	ck_assert_ptr_null(s.key);
	ck_assert_int_eq(s.addr.kind, ADDR_TCP);
	ck_assert_str_eq(s.peer.host, "h");
	ck_assert(s.flag);
	ck_assert_uint_eq(s.ms, 10000);
	ck_assert_uint_eq(s.mode, 0666);
	ck_assert_uint_eq(s.bytes, 256 << 10);
	ck_assert_int_eq(s.choice, LOG_INFO);
	ck_assert_uint_eq(s.nets.count, 0);
	ck_assert_int_eq(s.range.first.kind, ADDR_NONE);
	ck_assert_uint_eq(s.targets.count, 0);
	settings_free(&s);
	ck_assert_ptr_null(s.text);
}
END_TEST

START_TEST(missing)
{
	char problem[CONF_PROBLEM_SIZE];
	struct settings s = { 0 };

	ck_assert_int_eq(conf_parse("dir/f.json", "{}", 2, required,
			     COUNT(required), &s, problem),
	    -1);
	ck_assert_str_eq(problem,
	    "dir/f.json: AuthKey: missing; "
	    "expected the key of both sides");
	conf_free(required, COUNT(required), &s);
}
END_TEST

TCase *
conf_values_case(void)
{
	TCase *tc = tcase_create("values");

	tcase_add_loop_test(tc, value, 0, (int)COUNT(values));
	tcase_add_test(tc, defaults);
	tcase_add_test(tc, missing);
	return tc;
}
