/*
 * test_request.c - the request of FORWARD.
 *
 * The bytes of `vectors` are those of doc/PROTOCOL, "Test vectors".
 */
#include "base/str.h"
#include "tests/unit/suites.h"
#include "sys/inet.h"
#include "wire/frame.h"
#include "wire/request.h"

#include <stdio.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define DB8 0x20, 0x01, 0x0d, 0xb8

static const struct {
	const char *name, *frame; /* the whole FORWARD, in hex */
	struct request request;
	const char *client;
} vectors[] = {
	{ "IPv4, TCP, no target",
	    "012000000034"
	    "01020304050607080000000000030400126701bb"
	    "c0000201000000000000000000000000"
	    "c6336407000000000000000000000000",
	    { 0x0102030405060708, 0, 3, REQUEST_IPV4, REQUEST_TCP, 4711, 443,
		{ 192, 0, 2, 1 }, { 198, 51, 100, 7 }, "" },
	    "192.0.2.1:4711" },
	{ "IPv6, UDP, a target",
	    "012000000046"
	    "01020304050607080000000700000601cf080035"
	    "20010db8000000000000000000000001"
	    "20010db8000000000000000000000053"
	    "7564703a2f2f3132372e302e302e313a3533",
	    { 0x0102030405060708, 7, 0, REQUEST_IPV6, REQUEST_UDP, 53000, 53,
		{ DB8, [15] = 1 }, { DB8, [15] = 0x53 }, "udp://127.0.0.1:53" },
	    "[2001:db8::1]:53000" },
	{ "unix, every number at its most",
	    "012000000034"
	    "ffffffffffffffffffffffffffff000000000000"
	    "00000000000000000000000000000000"
	    "00000000000000000000000000000000",
	    { UINT64_MAX, UINT32_MAX, UINT16_MAX, REQUEST_UNIX, REQUEST_TCP, 0,
		0, { 0 }, { 0 }, "" },
	    "unix" },
};

static size_t
encode_frame(const struct request *request, uint8_t *out)
{
	size_t len = request_encode(request, out + FRAME_HEADER_SIZE);

	frame_encode_header(out, FRAME_FORWARD, (uint32_t)len);
	return FRAME_HEADER_SIZE + len;
}

START_TEST(vector_encode)
{
	uint8_t out[FRAME_HEADER_SIZE + REQUEST_MAX];
	char hex[2 * sizeof(out) + 1];

	hex_encode(out, encode_frame(&vectors[_i].request, out), hex);
	ck_assert_str_eq(hex, vectors[_i].frame);
}
END_TEST

static void
assert_same(const struct request *a, const struct request *b)
{
	ck_assert_uint_eq(a->session, b->session);
	ck_assert_uint_eq(a->service, b->service);
	ck_assert_uint_eq(a->waiting, b->waiting);
	ck_assert_int_eq(a->family, b->family);
	ck_assert_int_eq(a->protocol, b->protocol);
	ck_assert_uint_eq(a->client_port, b->client_port);
	ck_assert_uint_eq(a->public_port, b->public_port);
	ck_assert_mem_eq(a->client_addr, b->client_addr, 16);
	ck_assert_mem_eq(a->public_addr, b->public_addr, 16);
	ck_assert_str_eq(a->target, b->target);
}

START_TEST(vector_decode)
{
	uint8_t bytes[FRAME_HEADER_SIZE + REQUEST_MAX];
	size_t len = strlen(vectors[_i].frame) / 2;
	struct request request;
	char client[REQUEST_CLIENT_SIZE];

	ck_assert(hex_decode(vectors[_i].frame, bytes, len));
	ck_assert_ptr_null(request_decode(bytes + FRAME_HEADER_SIZE,
	    len - FRAME_HEADER_SIZE, &request));
	assert_same(&request, &vectors[_i].request);
	request_client_text(&request, client);
	ck_assert_str_eq(client, vectors[_i].client);
}
END_TEST

static const struct {
	const char *name;
	size_t len;
	int at; /* -1: nothing is changed */
	uint8_t byte;
	const char *want; /* NULL: it is well */
} payloads[] = {
	{ "zero length", 0, -1, 0, "the request is too short" },
	{ "truncated", 20, -1, 0, "the request is too short" },
	{ "one short", 51, -1, 0, "the request is too short" },
	{ "no target", 52, -1, 0, NULL },
	{ "a target of one byte", 53, -1, 0, NULL },
	{ "the longest target", 307, -1, 0, NULL },
	{ "one over", 308, -1, 0, "the request is too long" },
	{ "far over", 65540, -1, 0, "the request is too long" },
	{ "family 1", 52, 14, 1, "the request has an unknown address family" },
	{ "family 5", 52, 14, 5, "the request has an unknown address family" },
	{ "family 7", 52, 14, 7, "the request has an unknown address family" },
	{ "family 255", 52, 14, 255,
	    "the request has an unknown address family" },
	{ "protocol 2", 52, 15, 2, "the request has an unknown protocol" },
	{ "protocol 255", 52, 15, 255, "the request has an unknown protocol" },
	{ "space in the target", 60, 55, ' ', NULL },
	{ "tilde in the target", 60, 59, '~', NULL },
	{ "NUL first in the target", 60, 52, 0,
	    "the target is not printable ASCII" },
	{ "NUL last in the target", 60, 59, 0,
	    "the target is not printable ASCII" },
	{ "new line in the target", 60, 55, '\n',
	    "the target is not printable ASCII" },
	{ "0x1f in the target", 60, 55, 0x1f,
	    "the target is not printable ASCII" },
	{ "DEL in the target", 60, 55, 0x7f,
	    "the target is not printable ASCII" },
	{ "UTF-8 in the target", 60, 55, 0xc3,
	    "the target is not printable ASCII" },
	{ "0xff at the target's very end", 307, 306, 0xff,
	    "the target is not printable ASCII" },
};

START_TEST(payload)
{
	static uint8_t bytes[65540];
	struct request request;
	const char *got;

	memset(bytes, 0, REQUEST_FIXED_SIZE);
	memset(bytes + REQUEST_FIXED_SIZE, 'x',
	    sizeof(bytes) - REQUEST_FIXED_SIZE);
	if (payloads[_i].at >= 0)
		bytes[payloads[_i].at] = payloads[_i].byte;
	got = request_decode(bytes, payloads[_i].len, &request);
	if (payloads[_i].want != NULL) {
		ck_assert_str_eq(got, payloads[_i].want);
		return;
	}
	ck_assert_msg(got == NULL, "%s: %s", payloads[_i].name, got);
	ck_assert_uint_eq(strlen(request.target),
	    payloads[_i].len - REQUEST_FIXED_SIZE);
}
END_TEST

static const struct {
	enum request_family family;
	uint8_t addr[16];
	uint16_t port;
	const char *want;
} clients[] = {
	{ REQUEST_UNIX, { 1, 2, 3, 4 }, 80, "unix" },
	{ REQUEST_IPV4, { 0 }, 0, "0.0.0.0:0" },
	{ REQUEST_IPV4, { 255, 255, 255, 255, 9 }, 65535,
	    "255.255.255.255:65535" },
	{ REQUEST_IPV6, { 0 }, 0, "[::]:0" },
	{ REQUEST_IPV6, { [15] = 1 }, 1, "[::1]:1" },
	{ REQUEST_IPV6, { 0xfe, 0x80 }, 1, "[fe80::]:1" },
	{ REQUEST_IPV6, { [10] = 0xff, 0xff, 192, 0, 2, 1 }, 7,
	    "[::ffff:192.0.2.1]:7" },
	{ REQUEST_IPV6, { DB8, [9] = 1, [11] = 1, [13] = 1, [15] = 1 }, 7,
	    "[2001:db8::1:1:1:1]:7" },
	{ REQUEST_IPV6,
	    { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
		255, 255, 255 },
	    65535, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535" },
};

START_TEST(client_text)
{
	struct request request = { .family = clients[_i].family,
		.client_port = clients[_i].port };
	char out[REQUEST_CLIENT_SIZE];

	memcpy(request.client_addr, clients[_i].addr, 16);
	request_client_text(&request, out);
	ck_assert_str_eq(out, clients[_i].want);
}
END_TEST

/* Each of the 256 ways in which zero groups can lie, as the system has it. */
START_TEST(ipv6_zero_runs)
{
	struct request request = { .family = REQUEST_IPV6, .client_port = 9 };
	char want[REQUEST_CLIENT_SIZE], got[REQUEST_CLIENT_SIZE];
	char addr[INET6_ADDRSTRLEN];

	if (_i >> 1 == 1) /* the C library's ::a.b.c.d is out of use */
		return;
	for (int group = 0; group < 8; group++)
		wire_put_u16(request.client_addr + 2 * group,
		    _i & 0x80 >> group ? (uint16_t)(0xa0 + group) : 0);
	inet_ntop(AF_INET6, request.client_addr, addr, sizeof(addr));
	snprintf(want, sizeof(want), "[%s]:9", addr);
	request_client_text(&request, got);
	ck_assert_str_eq(got, want);
}
END_TEST

Suite *
request_suite(void)
{
	Suite *suite = suite_create("request");
	TCase *tc = tcase_create("request");

	tcase_add_loop_test(tc, vector_encode, 0, COUNT(vectors));
	tcase_add_loop_test(tc, vector_decode, 0, COUNT(vectors));
	tcase_add_loop_test(tc, payload, 0, COUNT(payloads));
	tcase_add_loop_test(tc, client_text, 0, COUNT(clients));
	tcase_add_loop_test(tc, ipv6_zero_runs, 0, 256);
	suite_add_tcase(suite, tc);
	return suite;
}
