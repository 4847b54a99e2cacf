/*
 * test_addr.c - the text of addresses.
 */
#include "base/addr.h"
#include "tests/unit/suites.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define TEN	 "aaaaaaaaaa"
#define FIFTY	 TEN TEN TEN TEN TEN
#define HOST_253 FIFTY FIFTY FIFTY FIFTY FIFTY "aaa"
#define PATH_107 "/" FIFTY FIFTY "aaaaaa"

static const struct {
	const char *text;
	enum addr_kind kind;
	const char *host; /* or path */
	uint16_t port;
	const char *canonical; /* NULL: text itself */
	bool local;
} good[] = {
	{ "tcp://127.0.0.1:8080", ADDR_TCP, "127.0.0.1", 8080, NULL, true },
	{ "tcp://127.9.9.9:1", ADDR_TCP, "127.9.9.9", 1, NULL, true },
	{ "tcp://0.0.0.0:80", ADDR_TCP, "0.0.0.0", 80, NULL, false },
	{ "tcp://192.0.2.1:80", ADDR_TCP, "192.0.2.1", 80, NULL, false },
	{ "tcp://:80", ADDR_TCP, "", 80, NULL, false },
	{ "tcp://:0", ADDR_TCP, "", 0, NULL, false },
	{ "tcp://localhost:65535", ADDR_TCP, "localhost", 65535, NULL, true },
	{ "tcp://LocalHost:1", ADDR_TCP, "LocalHost", 1, NULL, true },
	{ "tcp://localhost.example.org:1", ADDR_TCP, "localhost.example.org", 1,
	    NULL, false },
	{ "tcp://127.example.org:1", ADDR_TCP, "127.example.org", 1, NULL,
	    false },
	{ "tcp://my_host-1.example.org:443", ADDR_TCP, "my_host-1.example.org",
	    443, NULL, false },
	{ "tcp://[::1]:80", ADDR_TCP, "::1", 80, NULL, true },
	{ "tcp://[::]:80", ADDR_TCP, "::", 80, NULL, false },
	{ "tcp://[2001:db8::1]:80", ADDR_TCP, "2001:db8::1", 80, NULL, false },
	{ "tcp://[fe80::1%eth0.1]:80", ADDR_TCP, "fe80::1%eth0.1", 80, NULL,
	    false },
	{ "tcp://[::ffff:192.0.2.1]:80", ADDR_TCP, "::ffff:192.0.2.1", 80, NULL,
	    false },
	{ "tls://192.0.2.1:9090", ADDR_TCP, "192.0.2.1", 9090, NULL, false },
	{ "TLS://[2001:db8::1]:9090", ADDR_TCP, "2001:db8::1", 9090,
	    "tls://[2001:db8::1]:9090", false },
	{ "tls://localhost:1", ADDR_TCP, "localhost", 1, NULL, true },
	{ "TCP://host:80", ADDR_TCP, "host", 80, "tcp://host:80", false },
	{ "tcp://host:00080", ADDR_TCP, "host", 80, "tcp://host:80", false },
	{ "tcp://" HOST_253 ":65535", ADDR_TCP, HOST_253, 65535, NULL, false },
	{ "unix:///run/t.sock", ADDR_UNIX, "/run/t.sock", 0, NULL, true },
	{ "Unix:///a", ADDR_UNIX, "/a", 0, "unix:///a", true },
	{ "unix:///with space:80", ADDR_UNIX, "/with space:80", 0, NULL, true },
	{ "unix://" PATH_107, ADDR_UNIX, PATH_107, 0, NULL, true },
};

START_TEST(parse)
{
	struct addr addr;
	char out[ADDR_TEXT_SIZE];
	const char *problem = addr_parse(good[_i].text, &addr);

	ck_assert_msg(problem == NULL, "%s: %s", good[_i].text, problem);
	ck_assert_int_eq(addr.kind, good[_i].kind);
	ck_assert_str_eq(addr.kind == ADDR_UNIX ? addr.path : addr.host,
	    good[_i].host);
	ck_assert_uint_eq(addr.port, good[_i].port);
	ck_assert_msg(addr_is_local(&addr) == good[_i].local, "%s",
	    good[_i].text);
	addr_format(&addr, out, sizeof(out));
	ck_assert_str_eq(out,
	    good[_i].canonical != NULL ? good[_i].canonical : good[_i].text);
}
END_TEST

#define SCHEME "an address starts with tcp:// or unix://"
#define IPV6   "an IPv6 address is written [address]:port"
#define LETTER "the host has a character that no host name has"

static const struct {
	const char *text, *want;
} bad[] = {
	{ "", SCHEME },
	{ "tcp", SCHEME },
	{ "tcp:/host:80", SCHEME },
	{ "host:80", SCHEME },
	{ " tcp://host:80", SCHEME },
	{ "udp://host:80", SCHEME },
	{ "http://host:80", SCHEME },
	{ "unix:/run/x", SCHEME },
	{ "tcp://", "the port is missing" },
	{ "tcp://host", "the port is missing" },
	{ "tcp://host:", "the port is missing" },
	{ "tcp://[::1]:", "the port is missing" },
	{ "tcp://host:http", "the port is not a number" },
	{ "tcp://host:80/", "the port is not a number" },
	{ "tcp://host:+80", "the port is not a number" },
	{ "tcp://host:-1", "the port is not a number" },
	{ "tcp://host:80-81", "the port is not a number" },
	{ "tcp://host: 80", "the port is not a number" },
	{ "tcp://host:80 ", "the port is not a number" },
	{ "tcp://host:65536", "the port is over 65535" },
	{ "tcp://host:4294967376", "the port is over 65535" },
	{ "tcp://host:18446744073709551696", "the port is over 65535" },
	{ "tcp://::1:80", IPV6 },
	{ "tcp://2001:db8::1", IPV6 },
	{ "tcp://[::1]", IPV6 },
	{ "tcp://[::1]80", IPV6 },
	{ "tcp://[::1:80", IPV6 },
	{ "tcp://[]:80", IPV6 },
	{ "tcp://[127.0.0.1]:80", IPV6 },
	{ "tcp://[host]:80", IPV6 },
	{ "tcp://[::1/64]:80", LETTER },
	{ "tcp://[[::1]]:80", IPV6 },
	{ "tcp://ho st:80", LETTER },
	{ "tcp://user@host:80", LETTER },
	{ "tcp://host/path:80", LETTER },
	{ "tcp://h\nost:80", LETTER },
	{ "tcp://h\xc3\xb6st:80", LETTER },
	{ "tcp://a" HOST_253 ":80", "the host is longer than 253 characters" },
	{ "tcp://[:" HOST_253 "]:80",
	    "the host is longer than 253 characters" },
	{ "unix://run/x",
	    "a Unix path starts with /, as in "
	    "unix:///run/name.sock" },
	{ "unix://",
	    "a Unix path starts with /, as in "
	    "unix:///run/name.sock" },
	{ "unix:///", "the path is missing" },
	{ "unix://" PATH_107 "a",
	    "the path is longer than 107 bytes, the system's limit" },
};

START_TEST(refuse)
{
	struct addr addr;

	ck_assert_pstr_eq(addr_parse(bad[_i].text, &addr), bad[_i].want);
}
END_TEST

/* The longest text of each kind fits ADDR_TEXT_SIZE. */
START_TEST(longest)
{
	struct addr addr = { .kind = ADDR_TCP, .port = 65535 };
	char out[ADDR_TEXT_SIZE];

	memset(addr.host, ':', ADDR_HOST_MAX);
	addr_format(&addr, out, sizeof(out));
	ck_assert_uint_eq(strlen(out), sizeof(out) - 1);
	ck_assert_str_eq(out + strlen(out) - 7, "]:65535");
}
END_TEST

START_TEST(none_is_no_text)
{
	struct addr addr = { 0 };
	char text[ADDR_TEXT_SIZE] = "x";

	addr_format(&addr, text, sizeof(text));
	ck_assert_str_eq(text, "");
	ck_assert(!addr_is_local(&addr));
}
END_TEST

static const struct {
	const char *text;
	unsigned count;
	const char *last;      /* the last address of it */
	const char *canonical; /* NULL: text itself */
} ranges[] = {
	{ "tcp://0.0.0.0:6000-6099", 100, "tcp://0.0.0.0:6099", NULL },
	{ "tcp://:80-81", 2, "tcp://:81", NULL },
	{ "TLS://[::1]:80-0082", 3, "tls://[::1]:82", "tls://[::1]:80-82" },
	{ "tcp://a-b:80", 1, "tcp://a-b:80", NULL },
	{ "tcp://a-b:80-80", 1, "tcp://a-b:80", "tcp://a-b:80" },
	{ "tcp://:0", 1, "tcp://:0", NULL },
	{ "tcp://:1-1000", 1000, "tcp://:1000", NULL },
	{ "tcp://:64536-65535", 1000, "tcp://:65535", NULL },
	{ "unix:///run/a:1-2", 1, "unix:///run/a:1-2", NULL },
};

START_TEST(parse_range)
{
	const char *text = ranges[_i].text;
	struct addr_range range;
	struct addr addr;
	char out[ADDR_RANGE_TEXT_SIZE];

	ck_assert_pstr_eq(addr_range_parse(text, &range), NULL);
	ck_assert_uint_eq(range.count, ranges[_i].count);
	ck_assert(!addr_range_nth(&range, range.count, &addr));
	ck_assert(!addr_range_nth(&range, UINT_MAX, &addr));
	ck_assert(addr_range_nth(&range, 0, &addr));
	ck_assert_int_eq(memcmp(&addr, &range.first, sizeof(addr)), 0);
	ck_assert(addr_range_nth(&range, range.count - 1u, &addr));
	addr_format(&addr, out, sizeof(out));
	ck_assert_str_eq(out, ranges[_i].last);
	addr_range_format(&range, out, sizeof(out));
	ck_assert_str_eq(out,
	    ranges[_i].canonical != NULL ? ranges[_i].canonical : text);
}
END_TEST

static const struct {
	const char *text, *want;
} bad_ranges[] = {
	{ "tcp://h:", "the port is missing" },
	{ "tcp://h:1-", "the port is missing" },
	{ "tcp://h:-1", "the port is not a number" },
	{ "tcp://h:1-2-3", "the port is not a number" },
	{ "tcp://h:1--2", "the port is not a number" },
	{ "tcp://h:1-2 ", "the port is not a number" },
	{ "tcp://h:1,2", "the port is not a number" },
	{ "tcp://h:1-65536", "the port is over 65535" },
	{ "tcp://h:2-1", "a range of ports begins with the smaller number" },
	{ "tcp://h:2-0", "a range of ports begins with the smaller number" },
	{ "tcp://h:0-1", "a range of ports begins at 1 or above" },
	{ "tcp://h:1-1001", "a range has at most 1000 ports" },
	{ "tcp://h:1-65535", "a range has at most 1000 ports" },
	{ "h:1-2", SCHEME },
};

START_TEST(refuse_range)
{
	struct addr_range range;

	ck_assert_pstr_eq(addr_range_parse(bad_ranges[_i].text, &range),
	    bad_ranges[_i].want);
}
END_TEST

/* The longest range fits ADDR_RANGE_TEXT_SIZE. */
START_TEST(longest_range)
{
	struct addr_range range = { { .kind = ADDR_TCP, .port = 64536 }, 1000 };
	char out[ADDR_RANGE_TEXT_SIZE];

	memset(range.first.host, ':', ADDR_HOST_MAX);
	addr_range_format(&range, out, sizeof(out));
	ck_assert_uint_eq(strlen(out), sizeof(out) - 1);
	ck_assert_str_eq(out + strlen(out) - 12, ":64536-65535");
}
END_TEST

Suite *
addr_suite(void)
{
	Suite *suite = suite_create("addr");
	TCase *tc = tcase_create("addr");

	tcase_add_loop_test(tc, parse, 0, COUNT(good));
	tcase_add_loop_test(tc, refuse, 0, COUNT(bad));
	tcase_add_test(tc, longest);
	tcase_add_test(tc, none_is_no_text);
	tcase_add_loop_test(tc, parse_range, 0, COUNT(ranges));
	tcase_add_loop_test(tc, refuse_range, 0, COUNT(bad_ranges));
	tcase_add_test(tc, longest_range);
	suite_add_tcase(suite, tc);
	return suite;
}
