/*
 * test_cidr.c - blocks of addresses: read, written, and what lies in them.
 */
#include "tests/unit/suites.h"
#include "sys/inet.h"
#include "base/cidr.h"
#include "sys/inet.h"

#include <string.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const struct {
	const char *text, *canonical; /* NULL: the same */
} good[] = {
	{ "0.0.0.0", NULL },
	{ "0.0.0.0/0", NULL },
	{ "192.0.2.7", NULL },
	{ "192.0.2.7/32", "192.0.2.7" },
	{ "192.0.2.0/24", NULL },
	{ "192.0.2.128/25", NULL },
	{ "255.255.255.255", NULL },
	{ "::", NULL },
	{ "::/0", NULL },
	{ "::1", NULL },
	{ "1::", NULL },
	{ "1::2", NULL },
	{ "2001:DB8::/32", "2001:db8::/32" },
	{ "2001:0db8:0000::/48", "2001:db8::/48" },
	{ "fe80::/10", NULL },
	{ "1:2:3:4:5:6:7:8", NULL },
	{ "1:2:3:4:5:6:7:8/128", "1:2:3:4:5:6:7:8" },
	{ "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },
	{ "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },
	{ "1:0:0:2::3", "1:0:0:2::3" },
	{ "1:0:0:0:2:0:0:3", "1::2:0:0:3" },
	{ "1:0:0:2:3:0:0:4", "1::2:3:0:0:4" },
	{ "64:ff9b::192.0.2.1", "64:ff9b::c000:201" },
	{ "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304" },
	{ "::ffff:192.0.2.1", "192.0.2.1" },
	{ "::FFFF:c000:201/128", "192.0.2.1" },
	{ "::ffff:192.0.2.0/120", "192.0.2.0/24" },
	{ "::ffff:0:0/96", "0.0.0.0/0" },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127", NULL },
};

START_TEST(parse)
{
	const char *want = good[_i].canonical;
	char out[CIDR_TEXT_SIZE];
	struct cidr cidr;

	ck_assert_pstr_eq(cidr_parse(good[_i].text, &cidr), NULL);
	cidr_format(&cidr, out, sizeof(out));
	ck_assert_str_eq(out, want != NULL ? want : good[_i].text);
}
END_TEST

#define NONE "neither an IPv4 nor an IPv6 address"
#define BITS "behind the / stands no number of bits"
#define SET \
	"bits are set behind those that count: a block is written as " \
	"192.0.2.0/24, one address without /"

static const struct {
	const char *text, *want;
} bad[] = {
	{ "", NONE },
	{ "/8", NONE },
	{ "localhost", NONE },
	{ "1.2.3", NONE },
	{ "1.2.3.4.5", NONE },
	{ "1.2.3.256", NONE },
	{ "1.2.3.99999999999", NONE },
	{ "01.2.3.4", NONE },
	{ "1.2.3.4 ", NONE },
	{ " 1.2.3.4", NONE },
	{ "1.2.3.-4", NONE },
	{ "1.2.3.4:80", NONE },
	{ "[::1]", NONE },
	{ "::1%lo", NONE },
	{ ":", NONE },
	{ ":1", NONE },
	{ "1:", NONE },
	{ "::1:", NONE },
	{ ":::", NONE },
	{ "1:::2", NONE },
	{ "1::2::3", NONE },
	{ "12345::", NONE },
	{ "g::", NONE },
	{ "1:2:3:4:5:6:7", NONE },
	{ "1:2:3:4:5:6:7:8:9", NONE },
	{ "1:2:3:4::5:6:7:8", NONE },
	{ "1.2.3.4::", NONE },
	{ "::1.2.3.4:5", NONE },
	{ "::1.2.3", NONE },
	{ "1:2:3:4:5:6:7:1.2.3.4", NONE },
	{ "1.2.3.4/", BITS },
	{ "1.2.3.4/x", BITS },
	{ "1.2.3.4/08", BITS },
	{ "1.2.3.4/8 ", BITS },
	{ "1.2.3.4/-1", BITS },
	{ "1.2.3.4/255.0.0.0", BITS },
	{ "::/256", BITS },
	{ "1.2.3.4/33", "an IPv4 address has 32 bits" },
	{ "::/129", "an IPv6 address has 128 bits" },
	{ "192.0.2.7/24", SET },
	{ "192.0.2.1/31", SET },
	{ "1.0.0.0/0", SET },
	{ "2001:db8::1/64", SET },
	{ "::ffff:0:0/90", SET },
};

START_TEST(refuse)
{
	struct cidr cidr;

	ck_assert_pstr_eq(cidr_parse(bad[_i].text, &cidr), bad[_i].want);
}
END_TEST

static const struct {
	const char *block, *address;
	bool holds;
} rows[] = {
	{ "192.0.2.7", "192.0.2.7", true },
	{ "192.0.2.7", "192.0.2.6", false },
	{ "192.0.2.0/24", "192.0.2.255", true },
	{ "192.0.2.0/24", "192.0.3.0", false },
	{ "192.0.2.128/25", "192.0.2.128", true },
	{ "192.0.2.128/25", "192.0.2.127", false },
	{ "192.0.0.0/9", "192.127.255.255", true },
	{ "192.0.0.0/9", "192.128.0.0", false },
	{ "0.0.0.0/0", "255.255.255.255", true },
	{ "0.0.0.0/0", "::1", false },
	{ "::/0", "::1", true },
	{ "::/0", "192.0.2.1", false },
	{ "::ffff:0:0/96", "192.0.2.1", true },
	{ "2001:db8::/32", "2001:db8:ffff::1", true },
	{ "2001:db8::/32", "2001:db9::", false },
	{ "2001:db8::/33", "2001:db8:7fff::", true },
	{ "2001:db8::/33", "2001:db8:8000::", false },
	{ "2001:db8::1", "2001:db8::1", true },
	{ "2001:db8::1", "2001:db8::2", false },
	/* the same first bytes, of another kind */
	{ "192.0.2.1", "c000:201::", false },
	{ "c000:201::", "192.0.2.1", false },
};

/* As struct endpoint has it. */
static uint8_t
read_address(const char *text, uint8_t bytes[16])
{
	bool v6 = strchr(text, ':') != NULL;

	memset(bytes, 0, 16);
	ck_assert_int_eq(inet_pton(v6 ? AF_INET6 : AF_INET, text, bytes), 1);
	return v6 ? 6 : 4;
}

START_TEST(holds)
{
	uint8_t bytes[16], family = read_address(rows[_i].address, bytes);
	struct cidr cidr;

	ck_assert_pstr_eq(cidr_parse(rows[_i].block, &cidr), NULL);
	ck_assert_int_eq(cidr_holds(&cidr, family, bytes), rows[_i].holds);
}
END_TEST

START_TEST(lists)
{
	struct cidr blocks[2];
	struct cidr_list list = { blocks, 2 }, none = { NULL, 0 };
	uint8_t bytes[16], family;

	ck_assert_pstr_eq(cidr_parse("10.0.0.0/8", &blocks[0]), NULL);
	ck_assert_pstr_eq(cidr_parse("::1", &blocks[1]), NULL);
	family = read_address("10.1.2.3", bytes);
	ck_assert(cidr_list_holds(&list, family, bytes));
	ck_assert(!cidr_list_holds(&none, family, bytes));
	ck_assert(!cidr_list_holds(&list, 0, bytes));
	family = read_address("::1", bytes);
	ck_assert(cidr_list_holds(&list, family, bytes));
	family = read_address("11.1.2.3", bytes);
	ck_assert(!cidr_list_holds(&list, family, bytes));
}
END_TEST

/* The longest text of each kind fits CIDR_TEXT_SIZE. */
START_TEST(longest)
{
	char text[] = "1111:2222:3333:4444:5555:6666:7777:8888/127";
	char out[CIDR_TEXT_SIZE];
	struct cidr cidr;

	ck_assert_pstr_eq(cidr_parse(text, &cidr), NULL);
	cidr_format(&cidr, out, sizeof(out));
	ck_assert_str_eq(out, text);
}
END_TEST

Suite *
cidr_suite(void)
{
	Suite *suite = suite_create("cidr");
	TCase *tc = tcase_create("cidr");

	tcase_add_loop_test(tc, parse, 0, COUNT(good));
	tcase_add_loop_test(tc, refuse, 0, COUNT(bad));
	tcase_add_loop_test(tc, holds, 0, COUNT(rows));
	tcase_add_test(tc, lists);
	tcase_add_test(tc, longest);
	suite_add_tcase(suite, tc);
	return suite;
}
