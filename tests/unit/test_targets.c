/*
 * test_targets.c - AllowTargets: what the outer may make an inner dial.
 */
#include "base/targets.h"
#include "tests/unit/suites.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define TEN	 "aaaaaaaaaa"
#define FIFTY	 TEN TEN TEN TEN TEN
#define HOST_253 FIFTY FIFTY FIFTY FIFTY FIFTY "aaa"
#define PATH_107 "/" FIFTY FIFTY "aaaaaa"
#define PORTS_15 "10-11,20,30,40,50,60,70,80,90,100,110,120,130,140,150"

static const struct {
	const char *text, *canonical; /* NULL: text itself */
} good[] = {
	{ "127.0.0.1:80", NULL },
	{ "192.168.1.0/24:22", NULL },
	{ "10.0.0.0/8:*", NULL },
	{ "10.0.0.7/32:1-65535", "10.0.0.7:*" },
	{ "0.0.0.0/0:80", NULL },
	{ "0.0.0.0/8:80", NULL },
	{ "[fd00::/8]:443", NULL },
	{ "[FD00:0::1]:443", "[fd00::1]:443" },
	{ "[::/0]:*", NULL },
	{ "[::ffff:192.0.2.0/120]:80", "192.0.2.0/24:80" },
	{ "example.internal:80", NULL },
	{ "Example.Internal.:80", "example.internal:80" },
	{ "*.lan:8000-8100", NULL },
	{ "*.LAN.:1", "*.lan:1" },
	{ "*.a.b:1", NULL },
	{ "my_host-1:80", NULL },
	{ "1.2.3.4.example:80", NULL },
	{ "0x7f.example:80", NULL },
	{ "face:80", NULL },
	{ "0xyz:80", NULL },
	{ "xn--mnchen-3ya.example:80", NULL },
	{ HOST_253 ":80", NULL },
	{ HOST_253 ".:80", HOST_253 ":80" },
	{ "*:22", NULL },
	{ "*:*", NULL },
	{ "127.0.0.1:80,443,8000-8100", NULL },
	{ "h:" PORTS_15 ",1-65535", NULL },
	{ "h:0080", "h:80" },
	{ "h:7-7", "h:7" },
	{ "tcp://127.0.0.1:3000", "127.0.0.1:3000" },
	{ "TCP://[::1]:7000-7099", "[::1]:7000-7099" },
	{ "unix:///run/x.sock", NULL },
	{ "UNIX:///run/x:80", "unix:///run/x:80" },
	{ "unix://" PATH_107, NULL },
};

START_TEST(parse)
{
	const char *want = good[_i].canonical != NULL ? good[_i].canonical
						      : good[_i].text;
	struct targets_entry entry, again;
	char out[TARGETS_TEXT_SIZE];
	const char *wrong = targets_parse(good[_i].text, &entry);

	ck_assert_msg(wrong == NULL, "%s: %s", good[_i].text, wrong);
	targets_format(&entry, out, sizeof(out));
	ck_assert_str_eq(out, want);
	ck_assert_pstr_eq(targets_parse(out, &again), NULL);
	ck_assert(memcmp(&entry, &again, sizeof(entry)) == 0);
}
END_TEST

#define NO_V4 "neither a name nor an IPv4 address in four decimal numbers"
#define NO_V6 \
	"an IPv6 address is written [address]:port, a block " \
	"[address/bits]:port"
#define NO_PORT \
	"a port is a number, a range as 8000-8099, or *, with commas " \
	"between them"
#define NO_ADDRESS "neither an IPv4 nor an IPv6 address"
#define NOBODY \
	"nobody can be reached at 0.0.0.0 or ::; for all addresses write " \
	"0.0.0.0/0 or [::/0]"
#define LETTER	"the host has a character that no host name has"
#define STAR	"a * stands alone, or in front as in *.example"
#define DOTS	"nothing stands between two dots of the host"
#define MISSING "the host is missing"
#define LONG	"the host is longer than 253 characters"

static const struct {
	const char *text, *want;
} bad[] = {
	{ "", "the port is missing" },
	{ "host", "the port is missing" },
	{ "host:", "the port is missing" },
	{ "[::1]:", "the port is missing" },
	{ "10.0.0.0/8", "the port is missing" },
	{ ":80", MISSING },
	{ ".:80", MISSING },
	{ "*.:80", STAR },
	{ "*..:80", MISSING },
	{ "..:80", DOTS },
	{ ".lan:80", DOTS },
	{ "a..b:80", DOTS },
	{ "a..:80", DOTS },
	{ "*..lan:80", DOTS },
	{ "**:80", STAR },
	{ "*lan:80", STAR },
	{ "a.*.lan:80", STAR },
	{ "*.*.lan:80", STAR },
	{ "127.0.0.*:80", STAR },
	{ "ho st:80", LETTER },
	{ " host:80", LETTER },
	{ "h\xc3\xb6st:80", LETTER },
	{ "h\nost:80", LETTER },
	{ "user@host:80", LETTER },
	{ "a" HOST_253 ":80", LONG },
	{ HOST_253 HOST_253 ":80", LONG },
	{ "127.1:80", NO_V4 },
	{ "127.1.:80", NO_V4 },
	{ "127.0.0.1.:80", NO_V4 },
	{ "1:80", NO_V4 },
	{ "2130706433:80", NO_V4 },
	{ "0x7f000001:80", NO_V4 },
	{ "0X7F.1:80", NO_V4 },
	{ "127.0.0.0x:80", NO_V4 },
	{ "0177.0.0.1:80", NO_V4 },
	{ "256.0.0.1:80", NO_V4 },
	{ "*.1:80", NO_V4 },
	{ "*.0x1:80", NO_V4 },
	{ "host.7:80", NO_V4 },
	{ "lan/24:80", NO_ADDRESS },
	{ "*/0:80", NO_ADDRESS },
	{ "10.0.0/8:80", NO_ADDRESS },
	{ "010.0.0.0/8:80", NO_ADDRESS },
	{ "10.0.0.0/33:80", "an IPv4 address has 32 bits" },
	{ "10.0.0.0/:80", "behind the / stands no number of bits" },
	{ "10.0.0.1/8:80",
	    "bits are set behind those that count: a block is written as "
	    "192.0.2.0/24, one address without /" },
	{ "0.0.0.0:80", NOBODY },
	{ "[::]:80", NOBODY },
	{ "[::/128]:80", NOBODY },
	{ "0.0.0.0/32:80", NOBODY },
	{ "[::ffff:0.0.0.0]:80", NOBODY },
	{ "::1:80", NO_V6 },
	{ "fd00::/8:443", NO_V6 },
	{ "[::1]", NO_V6 },
	{ "[::1]80", NO_V6 },
	{ "[::1", NO_V6 },
	{ "[fd00::]/8:443", NO_V6 },
	{ "[127.0.0.1]:80", NO_V6 },
	{ "[]:80", NO_V6 },
	{ "[*]:80", NO_V6 },
	{ "[fe80::1%eth0]:80", NO_ADDRESS },
	{ "[" HOST_253 ":]:80", "no address is that long" },
	{ "host:http", NO_PORT },
	{ "host:80/", NO_PORT },
	{ "host:80,", NO_PORT },
	{ "host:,80", NO_PORT },
	{ "host:80, 81", NO_PORT },
	{ "host:80 ", NO_PORT },
	{ "host:-80", NO_PORT },
	{ "host:80-", NO_PORT },
	{ "host:80-81-82", NO_PORT },
	{ "host:80,*", NO_PORT },
	{ "host:*,80", NO_PORT },
	{ "host:**", NO_PORT },
	{ "host:+80", NO_PORT },
	{ "host:0", "nobody can be reached at port 0" },
	{ "host:0-10", "nobody can be reached at port 0" },
	{ "host:65536", "the port is over 65535" },
	{ "host:1-4294967376", "the port is over 65535" },
	{ "host:82-81", "a range of ports begins with the smaller number" },
	{ "host:" PORTS_15 ",2,3",
	    "more than 16 ports and ranges: write a second entry" },
	{ "tls://host:80", "tls:// is for links between outer and inner only" },
	{ "udp://host:80", NO_V6 },
	{ "unix://run/x",
	    "a Unix path starts with /, as in unix:///run/name.sock" },
	{ "unix:///run/*", "a Unix path is written whole, without *" },
	{ "unix://" PATH_107 "a",
	    "the path is longer than 107 bytes, the system's limit" },
};

START_TEST(refuse)
{
	struct targets_entry entry;
	const char *wrong = targets_parse(bad[_i].text, &entry);

	ck_assert_msg(wrong != NULL && strcmp(wrong, bad[_i].want) == 0,
	    "%s: %s", bad[_i].text, wrong);
}
END_TEST

static const struct {
	const char *entry, *target;
	bool allowed;
} rows[] = {
	{ "127.0.0.1:80", "tcp://127.0.0.1:80", true },
	{ "127.0.0.1:80", "tcp://127.0.0.1:81", false },
	{ "127.0.0.1:80", "tcp://127.0.0.2:80", false },
	{ "127.0.0.1:80", "tls://127.0.0.1:80", false },
	{ "127.0.0.1:80", "tcp://localhost:80", false },
	{ "127.0.0.1:80", "tcp://[::ffff:127.0.0.1]:80", true },
	{ "127.0.0.1:80", "tcp://[::FFFF:7F00:1]:80", true },
	{ "127.0.0.1:80", "tcp://[::1]:80", false },
	{ "127.0.0.1:80", "tcp://[::127.0.0.1]:80", false },
	{ "[::ffff:127.0.0.1]:80", "tcp://127.0.0.1:80", true },
	{ "192.168.1.0/24:22", "tcp://192.168.1.255:22", true },
	{ "192.168.1.0/24:22", "tcp://192.168.2.0:22", false },
	{ "10.0.0.0/8:*", "tcp://10.255.0.1:65535", true },
	{ "10.0.0.0/8:*", "tcp://010.0.0.1:80", false },
	{ "8.0.0.0/8:*", "tcp://010.0.0.1:80", false },
	{ "10.0.0.0/8:*", "tcp://10.1:80", false },
	{ "10.0.0.0/8:*", "tcp://10.0.0.1.:80", false },
	{ "10.0.0.0/8:*", "tcp://10.example:80", false },
	{ "0.0.0.0/0:*", "tcp://8.8.8.8:1", true },
	{ "0.0.0.0/0:*", "tcp://[::ffff:8.8.8.8]:1", true },
	{ "0.0.0.0/0:*", "tcp://[2001:db8::1]:1", false },
	{ "0.0.0.0/0:*", "tcp://localhost:1", false },
	{ "0.0.0.0/0:*", "tcp://0.0.0.0:1", false },
	{ "0.0.0.0/0:*", "tcp://[::ffff:0.0.0.0]:1", false },
	{ "0.0.0.0/0:*", "tcp://0:1", false },
	{ "0.0.0.0/0:*", "tcp://:1", false },
	{ "[::/0]:*", "tcp://[2001:db8::1]:1", true },
	{ "[::/0]:*", "tcp://[::]:1", false },
	{ "[::/0]:*", "tcp://[::0]:1", false },
	{ "[::/0]:*", "tcp://127.0.0.1:1", false },
	{ "[::/0]:*", "tcp://[::ffff:127.0.0.1]:1", false },
	{ "[fd00::/8]:443", "tcp://[FD12:3456::1]:443", true },
	{ "[fd00::/8]:443", "tcp://[fe00::1]:443", false },
	{ "[fe80::/10]:22", "tcp://[fe80::1%eth0]:22", true },
	{ "[fe80::/10]:22", "tcp://[::1%eth0]:22", false },
	{ "0.0.0.0/0:22", "tcp://[::ffff:0.0.0.0%1]:22", false },
	{ "127.0.0.1:22", "tcp://[::ffff:127.0.0.1%1]:22", true },
	{ "example.internal:80", "tcp://example.internal:80", true },
	{ "example.internal:80", "tcp://EXAMPLE.Internal:80", true },
	{ "example.internal:80", "tcp://example.internal.:80", true },
	{ "Example.Internal.:80", "tcp://example.internal:80", true },
	{ "example.internal:80", "tcp://example.internal..:80", false },
	{ "example.internal:80", "tcp://www.example.internal:80", false },
	{ "example.internal:80", "tcp://example.interna:80", false },
	{ "example.internal:80", "tcp://example.internal:8", false },
	{ "*.lan:8000-8100", "tcp://nas.lan:8000", true },
	{ "*.lan:8000-8100", "tcp://a.b.LAN.:8100", true },
	{ "*.lan:8000-8100", "tcp://nas.lan:7999", false },
	{ "*.lan:8000-8100", "tcp://nas.lan:8101", false },
	{ "*.lan:8000-8100", "tcp://lan:8000", false },
	{ "*.lan:8000-8100", "tcp://.lan:8000", false },
	{ "*.lan:8000-8100", "tcp://a..lan:8000", false },
	{ "*.lan:8000-8100", "tcp://plan:8000", false },
	{ "*.lan:8000-8100", "tcp://nas.lan.example:8000", false },
	{ "*.lan:8000-8100", "unix:///nas.lan", false },
	{ "*:22", "tcp://10.0.0.1:22", true },
	{ "*:22", "tcp://[::1]:22", true },
	{ "*:22", "tcp://host:22", true },
	{ "*:22", "tcp://a.b.c:22", true },
	{ "*:22", "tcp://host:23", false },
	{ "*:*", "tcp://127.1:22", false },
	{ "*:*", "tcp://0x7f.1:22", false },
	{ "*:*", "tcp://0x7f.0.0.0X1:22", false },
	{ "*:*", "tcp://2130706433:22", false },
	{ "*:*", "tcp://017700000001:22", false },
	{ "*:*", "tcp://127.0.0.01:22", false },
	{ "*:*", "tcp://127.1.:22", false },
	{ "*:*", "tcp://1.2.3.4.5:22", false },
	{ "*:*", "tcp://0.0.0.0:22", false },
	{ "*:*", "tcp://[::]:22", false },
	{ "*:*", "tcp://:22", false },
	{ "*:*", "tcp://.:22", false },
	{ "*:*", "tcp://host:0", false },
	{ "*:*", "tcp://[:::]:22", false },
	{ "*:*", "tls://host:22", false },
	{ "*:*", "unix:///run/x.sock", false },
	{ "127.0.0.1:80,443,8000-8100", "tcp://127.0.0.1:443", true },
	{ "127.0.0.1:80,443,8000-8100", "tcp://127.0.0.1:8050", true },
	{ "127.0.0.1:80,443,8000-8100", "tcp://127.0.0.1:444", false },
	{ "tcp://127.0.0.1:3000", "tcp://127.0.0.1:3000", true },
	{ "unix:///run/x.sock", "unix:///run/x.sock", true },
	{ "unix:///run/x.sock", "unix:///run/X.sock", false },
	{ "unix:///run/x.sock", "unix:///run//x.sock", false },
	{ "unix:///run/x.sock", "unix:///run/y/../x.sock", false },
	{ "unix:///run/x.sock", "tcp://run:80", false },
	{ "unix:///a", "tcp://a:80", false },
};

START_TEST(allow)
{
	struct targets_entry entry;
	struct targets list = { &entry, 1 };
	struct addr target;

	ck_assert_pstr_eq(targets_parse(rows[_i].entry, &entry), NULL);
	ck_assert_pstr_eq(addr_parse(rows[_i].target, &target), NULL);
	ck_assert_msg(targets_allow(&list, &target) == rows[_i].allowed,
	    "%s: %s", rows[_i].entry, rows[_i].target);
}
END_TEST

/* What addr_parse would not let through. */
START_TEST(odd_hosts)
{
	static const char *const hosts[] = { "127.0.0.1/8", "::1/0", "a b", "*",
		"*.lan", "a\tb", "127.0.0.1 ", "::%", "[::1]" };
	struct targets_entry entry;
	struct targets list = { &entry, 1 };
	struct addr target = { .kind = ADDR_TCP, .port = 80 };

	ck_assert_pstr_eq(targets_parse("*:*", &entry), NULL);
	strcpy(target.host, hosts[_i]);
	ck_assert_msg(!targets_allow(&list, &target), "%s", hosts[_i]);
	ck_assert_msg(targets_host_problem(hosts[_i]) != NULL, "%s", hosts[_i]);
}
END_TEST

START_TEST(hosts_that_nobody_has)
{
	static const char *const refused[] = { "", "256.1.1.1", "0x7f.1",
		"127.1", "2130706433", "-foo", "a..b", ".a", "0.0.0.0", "::" };
	static const char *const taken[] = { "127.0.0.1", "::1", "localhost",
		"a.example.", "a-b_c.lan", "1a", "fe80::1%eth0" };

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		ck_assert_msg(targets_host_problem(refused[i]) != NULL, "%s",
		    refused[i]);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		ck_assert_pstr_eq(targets_host_problem(taken[i]), NULL);
}
END_TEST

START_TEST(lists)
{
	struct targets_entry entries[2];
	struct targets list = { entries, 2 }, none = { NULL, 0 };
	struct addr target;

	ck_assert_pstr_eq(targets_parse("10.0.0.0/8:80", &entries[0]), NULL);
	ck_assert_pstr_eq(targets_parse("*.lan:81", &entries[1]), NULL);
	ck_assert_pstr_eq(addr_parse("tcp://a.lan:81", &target), NULL);
	ck_assert(targets_allow(&list, &target));
	ck_assert(!targets_allow(&none, &target));
	target.kind = ADDR_NONE;
	ck_assert(!targets_allow(&list, &target));
	/* a host of the one with a port of the other */
	ck_assert_pstr_eq(addr_parse("tcp://a.lan:80", &target), NULL);
	ck_assert(!targets_allow(&list, &target));
}
END_TEST

/* The longest text fits TARGETS_TEXT_SIZE. */
START_TEST(longest)
{
	char text[TARGETS_TEXT_SIZE], out[TARGETS_TEXT_SIZE];
	struct targets_entry entry;

	memcpy(text, "*." HOST_253 ":", 256);
	for (size_t i = 0; i < TARGETS_PORTS_MAX; i++)
		memcpy(text + 256 + i * 12, "10000-65535,", 12);
	text[sizeof(text) - 1] = '\0';
	ck_assert_pstr_eq(targets_parse(text, &entry), NULL);
	targets_format(&entry, out, sizeof(out));
	ck_assert_str_eq(out, text);
}
END_TEST

Suite *
targets_suite(void)
{
	Suite *suite = suite_create("targets");
	TCase *tc = tcase_create("targets");

	tcase_add_loop_test(tc, parse, 0, COUNT(good));
	tcase_add_loop_test(tc, refuse, 0, COUNT(bad));
	tcase_add_loop_test(tc, allow, 0, COUNT(rows));
	tcase_add_loop_test(tc, odd_hosts, 0, 9);
	tcase_add_test(tc, hosts_that_nobody_has);
	tcase_add_test(tc, lists);
	tcase_add_test(tc, longest);
	suite_add_tcase(suite, tc);
	return suite;
}
