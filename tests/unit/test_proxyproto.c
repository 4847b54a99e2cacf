/*
 * test_proxyproto.c - the PROXY protocol, versions 1 and 2.
 */
#include "base/str.h"
#include "tests/unit/suites.h"
#include "wire/proxyproto.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define SIGNATURE "0d0a0d0a000d0a515549540a"
#define FOUR_ENDS "c0000201c6336407dc0401bb"
#define SIX_ENDS \
	"20010db8000000000000000000000001" \
	"20010db8000000000000000000000002dc0401bb"

#define TEN	"aaaaaaaaaa"
#define FIFTY	TEN TEN TEN TEN TEN
#define HUNDRED FIFTY FIFTY

/* A copy that ends where its memory ends; for the caller to free. */
static uint8_t *
copy_of(const void *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	ck_assert_ptr_nonnull(copy);
	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

static enum wire_result
decode(const void *bytes, size_t len, struct proxyproto *proxy, size_t *size,
    const char **why)
{
	uint8_t *copy = copy_of(bytes, len);
	enum wire_result got;

	got = proxyproto_decode(copy, len, proxy, size, why);
	if (got == WIRE_OK && proxy->service != NULL)
		proxy->service = (const uint8_t *)bytes +
		    (proxy->service - copy);
	free(copy);
	return got;
}

/* A text's bytes, or those that hex digits stand for. */
static size_t
bytes_of(const char *text, const char *hex, uint8_t *out)
{
	if (text != NULL) {
		memcpy(out, text, strlen(text));
		return strlen(text);
	}
	ck_assert(hex_decode(hex, out, strlen(hex) / 2));
	return strlen(hex) / 2;
}

/* --- writing ------------------------------------------------------------- */

#define CLIENT_4 \
	{ \
		192, 0, 2, 1 \
	}
#define PUBLIC_4 \
	{ \
		198, 51, 100, 7 \
	}
#define CLIENT_6 \
	{ \
		0x20, 0x01, 0x0d, 0xb8, [15] = 1 \
	}
#define PUBLIC_6 \
	{ \
		0x20, 0x01, 0x0d, 0xb8, [15] = 2 \
	}
#define LONGEST \
	{ \
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, \
		    0xff, 0xff, 0xff, 0xff, 0xff, 0xff \
	}

/* doc/PROTOCOL has the first two. */
static const struct {
	enum request_family family;
	enum request_protocol protocol;
	uint8_t client[16], public[16];
	const char *service;
	const char *v1, *v2; /* v2: hexadecimal, from its flags on */
} vectors[] = {
	{ REQUEST_IPV4, REQUEST_TCP, CLIENT_4, PUBLIC_4, "web",
	    "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n",
	    "21110012" FOUR_ENDS "e50003776562" },
	{ REQUEST_IPV6, REQUEST_TCP, CLIENT_6, PUBLIC_6, NULL,
	    "PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n",
	    "21210024" SIX_ENDS },
	{ REQUEST_IPV4, REQUEST_UDP, CLIENT_4, PUBLIC_4, "",
	    "PROXY UNKNOWN\r\n", "2112000c" FOUR_ENDS },
	{ REQUEST_IPV6, REQUEST_UDP, CLIENT_6, PUBLIC_6, "web",
	    "PROXY UNKNOWN\r\n", "2122002a" SIX_ENDS "e50003776562" },
	{ REQUEST_UNIX, REQUEST_TCP, { 0 }, { 0 }, "web", "PROXY UNKNOWN\r\n",
	    "20000000" },
	{ REQUEST_IPV6, REQUEST_TCP, LONGEST, LONGEST, NULL,
	    "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 56324 443\r\n",
	    "21210024ffffffffffffffffffffffffffffffff"
	    "ffffffffffffffffffffffffffffffffdc0401bb" },
};

static struct request
request_of(int i)
{
	struct request request = { .family = vectors[i].family,
		.protocol = vectors[i].protocol };

	request.client_port = 56324;
	request.public_port = 443;
	memcpy(request.client_addr, vectors[i].client, 16);
	memcpy(request.public_addr, vectors[i].public, 16);
	return request;
}

/* What was written tells the addresses, and each part of it waits. */
static void
assert_read(int i, bool told, const uint8_t *bytes, size_t len)
{
	struct proxyproto proxy;
	const char *why = NULL;
	size_t size = 0;

	for (size_t cut = 0; cut < len; cut++) {
		ck_assert_int_eq(decode(bytes, cut, &proxy, &size, &why),
		    WIRE_MORE);
		ck_assert_uint_gt(size, cut);
		ck_assert_uint_le(size, len);
	}
	ck_assert_int_eq(decode(bytes, len, &proxy, &size, &why), WIRE_OK);
	ck_assert_uint_eq(size, len);
	ck_assert_uint_eq(proxy.client.family, told ? vectors[i].family : 0);
	ck_assert_uint_eq(proxy.public.family, told ? vectors[i].family : 0);
	if (!told)
		return;
	ck_assert_int_eq(proxy.protocol, vectors[i].protocol);
	ck_assert_uint_eq(proxy.client.port, 56324);
	ck_assert_uint_eq(proxy.public.port, 443);
	ck_assert_mem_eq(proxy.client.bytes, vectors[i].client, 16);
	ck_assert_mem_eq(proxy.public.bytes, vectors[i].public, 16);
}

START_TEST(write_v1)
{
	struct request request = request_of(_i);
	uint8_t out[PROXYPROTO_V1_MAX];
	size_t len = proxyproto_encode_v1(&request, out);

	ck_assert_uint_eq(len, strlen(vectors[_i].v1));
	ck_assert_mem_eq(out, vectors[_i].v1, len);
	assert_read(_i, out[6] == 'T', out, len);
}
END_TEST

START_TEST(write_v2)
{
	struct request request = request_of(_i);
	uint8_t out[PROXYPROTO_ENCODED_MAX];
	char hex[2 * sizeof(out) + 1];
	size_t len = proxyproto_encode_v2(&request, vectors[_i].service, out);

	hex_encode(out, len, hex);
	ck_assert_mem_eq(hex, SIGNATURE, strlen(SIGNATURE));
	ck_assert_str_eq(hex + strlen(SIGNATURE), vectors[_i].v2);
	assert_read(_i, vectors[_i].family != REQUEST_UNIX, out, len);
}
END_TEST

START_TEST(longest)
{
	struct request request = request_of(5);
	uint8_t out[PROXYPROTO_ENCODED_MAX];
	struct proxyproto proxy;
	char service[PROXYPROTO_SERVICE_MAX + 2];
	const char *why;
	size_t size, len;

	request.client_port = request.public_port = 65535;
	ck_assert_uint_le(proxyproto_encode_v1(&request, out), 104);
	memset(service, 's', sizeof(service));
	service[sizeof(service) - 1] = '\0';
	len = proxyproto_encode_v2(&request, service, out);
	ck_assert_uint_eq(len, 16 + 36); /* a name that is too long is not */
	service[sizeof(service) - 2] = '\0';
	len = proxyproto_encode_v2(&request, service, out);
	ck_assert_uint_eq(len, sizeof(out));
	ck_assert_int_eq(decode(out, len, &proxy, &size, &why), WIRE_OK);
	ck_assert_uint_eq(proxy.service_len, PROXYPROTO_SERVICE_MAX);
	ck_assert_mem_eq(proxy.service, service, PROXYPROTO_SERVICE_MAX);
}
END_TEST

/* --- reading ------------------------------------------------------------- */

static const struct {
	const char *text, *hex; /* one of the two */
	size_t size;		/* of the header; 0: all */
	const char *client;	/* as cidr.h and a port write it; NULL: none */
	const char *service;
} good[] = {
	{ "PROXY TCP4 192.0.2.1 198.51.100.7 0 65535\r\nGET /", NULL, 43,
	    "4 c0000201000000000000000000000000 0", NULL },
	{ "PROXY TCP4 192.0.2.1 198.51.100.7 1 2\r\n\r\n", NULL, 39,
	    "4 c0000201000000000000000000000000 1", NULL },
	{ "PROXY TCP6 2001:DB8::1 ::2 56324 443\r\n", NULL, 0,
	    "6 20010db8000000000000000000000001 56324", NULL },
	{ "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6407 7 443\r\n", NULL, 0,
	    "4 c0000201000000000000000000000000 7", NULL },
	{ "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 7 443\r\n", NULL, 0,
	    "4 c0000201000000000000000000000000 7", NULL },
	{ "PROXY UNKNOWN\r\nPROXY UNKNOWN\r\n", NULL, 15, NULL, NULL },
	{ "PROXY UNKNOWN \r\n", NULL, 0, NULL, NULL },
	{ "PROXY UNKNOWN whatever \x01\xff\r\n", NULL, 0, NULL, NULL },
	{ "PROXY UNKNOWN " FIFTY TEN TEN TEN TEN "a\r\n", NULL, 107, NULL,
	    NULL },
	{ NULL, SIGNATURE "2111000c" FOUR_ENDS "ff", 28,
	    "4 c0000201000000000000000000000000 56324", NULL },
	{ NULL, SIGNATURE "2112000c" FOUR_ENDS, 0,
	    "4 c0000201000000000000000000000000 56324", NULL },
	{ NULL, SIGNATURE "21210024" SIX_ENDS, 0,
	    "6 20010db8000000000000000000000001 56324", NULL },
	/* mapped */
	{ NULL,
	    SIGNATURE "2121002400000000000000000000ffffc0000201"
		      "00000000000000000000ffffc6336407dc0401bb",
	    0, "4 c0000201000000000000000000000000 56324", NULL },
	/* TLVs: the service; one of no bytes; one among others */
	{ NULL, SIGNATURE "21110012" FOUR_ENDS "e50003776562", 0,
	    "4 c0000201000000000000000000000000 56324", "web" },
	{ NULL, SIGNATURE "2111000f" FOUR_ENDS "e50000", 0,
	    "4 c0000201000000000000000000000000 56324", "" },
	{ NULL, SIGNATURE "2111001b" FOUR_ENDS "040000e500016101000168e6000162",
	    0, "4 c0000201000000000000000000000000 56324", "a" },
	/* LOCAL, whatever stands there */
	{ NULL, SIGNATURE "20000000", 0, NULL, NULL },
	{ NULL, SIGNATURE "2011000c" FOUR_ENDS, 0, NULL, NULL },
	{ NULL, SIGNATURE "20ff0003e50009", 0, NULL, NULL },
	/* UNSPEC, Unix, IPv4 and IPv6 of no protocol */
	{ NULL, SIGNATURE "21000000", 0, NULL, NULL },
	{ NULL, SIGNATURE "21000003aabbccdd", 19, NULL, NULL },
	{ NULL, SIGNATURE "21310001aa", 0, NULL, NULL },
	{ NULL, SIGNATURE "21320000", 0, NULL, NULL },
	{ NULL, SIGNATURE "2110000c" FOUR_ENDS, 0, NULL, NULL },
	{ NULL, SIGNATURE "21010000", 0, NULL, NULL },
};

static void
end_text(const struct proxyproto_end *end, char *out, size_t size)
{
	char hex[33];
	size_t used = 0;

	hex_encode(end->bytes, 16, hex);
	str_append(out, size, &used, "%u %s %u", end->family, hex, end->port);
}

START_TEST(read_good)
{
	uint8_t bytes[300];
	struct proxyproto proxy;
	const char *why = NULL;
	char client[64];
	size_t size = 0, len = bytes_of(good[_i].text, good[_i].hex, bytes);
	size_t want = good[_i].size != 0 ? good[_i].size : len;

	for (size_t cut = 0; cut < want; cut++)
		ck_assert_int_eq(decode(bytes, cut, &proxy, &size, &why),
		    WIRE_MORE);
	ck_assert_msg(decode(bytes, len, &proxy, &size, &why) == WIRE_OK, "%s",
	    why);
	ck_assert_uint_eq(size, want);
	ck_assert_int_eq(proxy.client.family == 0, good[_i].client == NULL);
	ck_assert_int_eq(proxy.public.family == 0, good[_i].client == NULL);
	if (good[_i].client != NULL) {
		end_text(&proxy.client, client, sizeof(client));
		ck_assert_str_eq(client, good[_i].client);
	}
	ck_assert_int_eq(proxy.service == NULL, good[_i].service == NULL);
	if (good[_i].service != NULL) {
		ck_assert_uint_eq(proxy.service_len, strlen(good[_i].service));
		ck_assert_int_eq(memcmp(proxy.service, good[_i].service,
				     proxy.service_len),
		    0);
	}
}
END_TEST

#define NONE	"no PROXY header"
#define LINE	"the PROXY line is not as it must be"
#define LONG	"the PROXY line is longer than 107 bytes"
#define COMMAND "the PROXY header has an unknown version or command"
#define FAMILY	"the PROXY header has an unknown family or protocol"
#define TOO_BIG "the PROXY header is longer than 4096 bytes"
#define SHORT	"the PROXY header is too short for its addresses"
#define TLV	"the PROXY header ends in the middle of a TLV"

static const struct {
	const char *text, *hex, *why;
	size_t from; /* WIRE_BAD from this many bytes on; 0: all */
} bad[] = {
	{ "GET / HTTP/1.1\r\n", NULL, NONE, 1 },
	{ "proxy TCP4 ", NULL, NONE, 1 },
	{ "PROXIES", NULL, NONE, 5 },
	{ "PROXY\tTCP4", NULL, NONE, 6 },
	{ "\n", NULL, NONE, 1 },
	{ "\r\n\r\n\r\n", NULL, NONE, 5 },
	{ NULL, "160301", NONE, 1 },
	{ "PROXY \r\n", NULL, LINE, 0 },
	{ "PROXY TCP4\r\n", NULL, LINE, 0 },
	{ "PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n", NULL, LINE, 0 },
	{ "PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n", NULL, LINE, 0 },
	{ "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", NULL, LINE, 0 },
	{ "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", NULL, LINE, 0 },
	{ "PROXY TCP4 192.0.2.1 192.0.2.2 1 \r\n", NULL, LINE, 0 },
	{ "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n", NULL, LINE, 0 },
	{ "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", NULL, LINE, 0 },
	{ "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n", NULL, LINE, 0 },
	{ "PROXY TCP4 192.0.2.1 192.0.2.2 1 00\r\n", NULL, LINE, 0 },
	{ "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n", NULL, LINE, 0 },
	{ "PROXY TCP4 192.0.2.1 192.0.2.2 1 4294967297\r\n", NULL, LINE, 0 },
	{ "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n", NULL, LINE, 0 },
	{ "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n", NULL, LINE, 0 },
	{ "PROXY TCP4 192.0.2.1/32 192.0.2.2 1 2\r\n", NULL, LINE, 0 },
	{ "PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n", NULL, LINE, 0 },
	{ "PROXY TCP4 ::1 ::2 1 2\r\n", NULL, LINE, 0 },
	{ "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", NULL, LINE, 0 },
	{ "PROXY TCP6 ::1%lo ::2 1 2\r\n", NULL, LINE, 0 },
	{ "PROXY UNKNOWNS\r\n", NULL, LINE, 0 },
	{ "PROXY UNKNOWN\n", NULL, LINE, 14 },
	{ "PROXY UNKNOWN a\nb\r\n", NULL, LINE, 16 },
	{ "PROXY UNKNOWN a\rb\r\n", NULL, LINE, 17 },
	{ NULL, "50524f585920554e4b4e4f574e20000d0a", LINE, 15 },
	{ "PROXY UNKNOWN " FIFTY TEN TEN TEN TEN "aa\r\n", NULL, LONG, 106 },
	{ "PROXY UNKNOWN " HUNDRED, NULL, LONG, 106 },
	{ NULL, SIGNATURE "11", COMMAND, 13 },
	{ NULL, SIGNATURE "31", COMMAND, 13 },
	{ NULL, SIGNATURE "22", COMMAND, 13 },
	{ NULL, SIGNATURE "2141", FAMILY, 14 },
	{ NULL, SIGNATURE "2113", FAMILY, 14 },
	{ NULL, SIGNATURE "21f0", FAMILY, 14 },
	{ NULL, SIGNATURE "21110ff1", TOO_BIG, 16 },
	{ NULL, SIGNATURE "2000ffff", TOO_BIG, 16 },
	{ NULL, SIGNATURE "2111000b" FOUR_ENDS, SHORT, 27 },
	{ NULL, SIGNATURE "21110000", SHORT, 16 },
	{ NULL, SIGNATURE "2121000c" FOUR_ENDS, SHORT, 28 },
	{ NULL, SIGNATURE "2111000e" FOUR_ENDS "e500", TLV, 30 },
	{ NULL, SIGNATURE "21110010" FOUR_ENDS "e5000261", TLV, 32 },
	{ NULL, SIGNATURE "21110010" FOUR_ENDS "e5ffff61", TLV, 32 },
};

START_TEST(read_bad)
{
	uint8_t bytes[300];
	struct proxyproto proxy;
	const char *why = NULL;
	size_t size, len = bytes_of(bad[_i].text, bad[_i].hex, bytes);
	size_t from = bad[_i].from != 0 ? bad[_i].from : len;

	for (size_t cut = 0; cut < from; cut++)
		ck_assert_msg(decode(bytes, cut, &proxy, &size, &why) ==
			WIRE_MORE,
		    "after %zu bytes", cut);
	for (size_t cut = from; cut <= len; cut++) {
		ck_assert_int_eq(decode(bytes, cut, &proxy, &size, &why),
		    WIRE_BAD);
		ck_assert_str_eq(why, bad[_i].why);
	}
}
END_TEST

/* The longest header that is taken. */
START_TEST(bound)
{
	static uint8_t bytes[PROXYPROTO_V2_MAX];
	struct proxyproto proxy;
	const char *why;
	size_t size;

	(void)bytes_of(NULL, SIGNATURE "21110ff0" FOUR_ENDS "040fe1", bytes);
	ck_assert_int_eq(decode(bytes, 16, &proxy, &size, &why), WIRE_MORE);
	ck_assert_uint_eq(size, sizeof(bytes));
	ck_assert_int_eq(decode(bytes, sizeof(bytes), &proxy, &size, &why),
	    WIRE_OK);
	ck_assert_uint_eq(size, sizeof(bytes));
}
END_TEST

Suite *
proxyproto_suite(void)
{
	Suite *suite = suite_create("proxyproto");
	TCase *tc = tcase_create("proxyproto");

	tcase_add_loop_test(tc, write_v1, 0, COUNT(vectors));
	tcase_add_loop_test(tc, write_v2, 0, COUNT(vectors));
	tcase_add_test(tc, longest);
	tcase_add_loop_test(tc, read_good, 0, COUNT(good));
	tcase_add_loop_test(tc, read_bad, 0, COUNT(bad));
	tcase_add_test(tc, bound);
	suite_add_tcase(suite, tc);
	return suite;
}
