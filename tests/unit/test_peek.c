/*
 * test_peek.c - whom a client asks for, from its first bytes.
 */
#include "base/str.h"
#include "tests/unit/suites.h"
#include "wire/frame.h"
#include "wire/peek.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define TEN	 "aaaaaaaaaa"
#define FIFTY	 TEN TEN TEN TEN TEN
#define HOST_253 FIFTY FIFTY FIFTY FIFTY FIFTY "aaa"

enum { MORE = PEEK_MORE, FOUND = PEEK_FOUND, NONE = PEEK_NONE };
enum { OTHER = PEEK_OTHER, WRONG = PEEK_BAD };

/* The answer for a copy that ends where its memory ends. */
static int
look(const void *bytes, size_t len, struct peek *peek)
{
	uint8_t *copy = len > 0 ? malloc(len) : NULL;
	int answer;

	if (len > 0) {
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, bytes, len);
	}
	answer = (int)peek_look(copy, len, peek);
	free(copy);
	return answer;
}

/* text: the name that it has found, or what is wrong. */
static void
assert_look(const void *bytes, size_t len, int want, const char *text)
{
	struct peek peek;
	int got = look(bytes, len, &peek);

	ck_assert_msg(got == want, "%d after %zu bytes: %s", got, len,
	    peek.why != NULL ? peek.why : peek.name);
	ck_assert_pstr_eq(peek.why, want == WRONG ? text : NULL);
	ck_assert_str_eq(peek.name, want == FOUND ? text : "");
}

/* Up to some byte it waits, and then it says the same whatever follows. */
static void
assert_answer(const void *bytes, size_t len, int want, const char *text)
{
	struct peek peek;
	size_t cut = 0;

	while (look(bytes, cut, &peek) == MORE && cut < len)
		cut++;
	for (; cut <= len; cut++)
		assert_look(bytes, cut, want, text);
}

/* --- HTTP ---------------------------------------------------------------- */

#define GET	 "GET / HTTP/1.1\r\n"
#define END	 "\r\n\r\n"
#define TWO	 "the request has two fields Host"
#define PORT	 "the port of the host is not a number"
#define V6	 "the host is no IPv6 address in brackets"
#define CHAR	 "the host has a character that no host name has"
#define DOTS	 "nothing stands between two dots of the host"
#define MISSING	 "the host is missing"
#define NAMELESS "a field of the request has no name"
#define CONTROL	 "a field of the request has a control character"
#define BOTH	 "the request's target and its Host name two hosts"
#define NOWHERE	 "the request's target names no host"
#define ODD	 "the request's target is neither a path nor a URL"

static const struct {
	const char *bytes;
	int want;
	const char *text; /* the name, or what is wrong */
} requests[] = {
	{ "", MORE, NULL },
	{ "G", MORE, NULL },
	{ "GET / HTTP/1.1", MORE, NULL },
	{ GET "Host: a.example\r\n", MORE, NULL },
	{ GET "Host: a.example\r\n\r", MORE, NULL },
	{ GET "Host: a.example" END, FOUND, "a.example" },
	{ GET "Host: a.example" END "Host: b\r\n\r\n", FOUND, "a.example" },
	{ GET "A: b\r\nhOST:A.Example:8080\r\nC: d" END, FOUND, "a.example" },
	{ GET "Host: \t a.example. \t" END, FOUND, "a.example" },
	{ GET "Host: a.example.:443" END, FOUND, "a.example" },
	{ GET "Host: a:" END, FOUND, "a" },
	{ GET "Host: my_host-1" END, FOUND, "my_host-1" },
	{ GET "Host: 192.0.2.1:80" END, FOUND, "192.0.2.1" },
	{ GET "Host: [2001:DB8::1]" END, FOUND, "[2001:db8::1]" },
	{ GET "Host: [::1]:80" END, FOUND, "[::1]" },
	{ GET "Host: [::FFFF:192.0.2.1]:" END, FOUND, "[::ffff:192.0.2.1]" },
	{ GET "Host: " HOST_253 END, FOUND, HOST_253 },
	{ GET "X: \xc3\xbc\t\xff\r\nHost: a" END, FOUND, "a" },
	{ "POST /a?b=c HTTP/1.1\r\nContent-Length: 3\r\nHost: a" END "xyz",
	    FOUND, "a" },
	{ "get /\xc3\xbc HTTP/1.9\r\nHost: a" END, FOUND, "a" },
	{ "OPTIONS * HTTP/1.1\r\nHost: a" END, FOUND, "a" },
	{ "GET / HTTP/1.0\r\nHost: a" END, FOUND, "a" },
	{ "GET / HTTP/1.0" END, NONE, NULL },
	{ GET "Accept: */*" END, NONE, NULL },
	{ GET "Host:" END, NONE, NULL },
	{ GET "X-Host: a\r\nHosts: b" END, NONE, NULL },
	/* a target that names a host */
	{ "GET http://A.example/x HTTP/1.1\r\nHost: a.EXAMPLE" END, FOUND,
	    "a.example" },
	{ "GET HTTPS://a.example:8443?x HTTP/1.1\r\nHost: a.example:8443" END,
	    FOUND, "a.example" },
	{ "GET http://a.example HTTP/1.0" END, FOUND, "a.example" },
	{ "GET http://a.example# HTTP/1.1\r\nHost:" END, FOUND, "a.example" },
	{ "GET http://[::1]:80/ HTTP/1.1\r\nHost: [::1]" END, FOUND, "[::1]" },
	{ "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443" END, FOUND,
	    "a.example" },
	{ "GET http://a/ HTTP/1.1\r\nHost: b" END, WRONG, BOTH },
	{ "CONNECT a:1 HTTP/1.1\r\nHost: b:1" END, WRONG, BOTH },
	{ "CONNECT / HTTP/1.1\r\nHost: b:1" END, WRONG,
	    "CONNECT names no host" },
	{ "GET http:///x HTTP/1.1\r\nHost: b" END, WRONG, NOWHERE },
	{ "GET http://u@a/ HTTP/1.1\r\nHost: a" END, WRONG, CHAR },
	{ "GET http:/a HTTP/1.1\r\nHost: a" END, WRONG, ODD },
	{ "GET ftp://a/ HTTP/1.1\r\nHost: a" END, WRONG, ODD },
	{ "GET a HTTP/1.1\r\nHost: a" END, WRONG, ODD },
	{ "GET ** HTTP/1.1\r\nHost: a" END, WRONG, ODD },
	/* two ways to read it */
	{ GET "Host: a\r\nHost: b" END, WRONG, TWO },
	{ GET "Host: a\r\nHOST: a" END, WRONG, TWO },
	{ GET "Host:\r\nHost: a" END, WRONG, TWO },
	{ GET "Host: a, b" END, WRONG, CHAR },
	{ GET "Host: a b" END, WRONG, CHAR },
	{ GET "Host: a/b" END, WRONG, CHAR },
	{ GET "Host: u@a" END, WRONG, CHAR },
	{ GET "Host: *.a" END, WRONG,
	    "a * stands alone, or in front as in *.example" },
	{ GET "Host: a%2eb" END, WRONG, CHAR },
	{ GET "Host: h\xc3\xb6st" END, WRONG, CHAR },
	{ GET "Host: a..b" END, WRONG, DOTS },
	{ GET "Host: :80" END, WRONG, MISSING },
	{ GET "Host: ." END, WRONG, MISSING },
	{ GET "Host: a:80:80" END, WRONG, PORT },
	{ GET "Host: a:x" END, WRONG, PORT },
	{ GET "Host: ::1" END, WRONG, PORT },
	{ GET "Host: [::1" END, WRONG, V6 },
	{ GET "Host: []" END, WRONG, V6 },
	{ GET "Host: [1.2.3.4]" END, WRONG, V6 },
	{ GET "Host: [a]" END, WRONG, V6 },
	{ GET "Host: [::/0]" END, WRONG, V6 },
	{ GET "Host: [::1]80" END, WRONG, V6 },
	{ GET "Host: [::1]:x" END, WRONG, PORT },
	{ GET "Host: [" HOST_253 ":]" END, WRONG, V6 },
	{ GET "Host: a" HOST_253 END, WRONG,
	    "the host is longer than 253 characters" },
	{ GET "Host : a" END, WRONG, NAMELESS },
	{ GET " Host: a" END, WRONG, NAMELESS },
	{ GET "X: a\r\n Host: b\r\nHost: c" END, WRONG, NAMELESS },
	{ GET "X\r\nHost: a" END, WRONG, NAMELESS },
	{ GET ": a\r\nHost: a" END, WRONG, NAMELESS },
	{ GET "Host: a\rHost: b" END, WRONG, CONTROL },
	{ GET "X: \x01\r\nHost: a" END, WRONG, CONTROL },
	{ GET "X: \x7f\r\nHost: a" END, WRONG, CONTROL },
	{ GET "X: a\nHost: b\r\nHost: c" END, WRONG,
	    "a line of the request ends without CR" },
	/* no request of HTTP/1 */
	{ "GET / HTTP/1.1\nHost: a\n\n", OTHER, NULL },
	{ "GET /\rHost:a HTTP/1.1\r\nHost: a" END, OTHER, NULL },
	{ "GET /\x01 HTTP/1.1\r\nHost: a" END, OTHER, NULL },
	{ "GET / HTTP/1.1 \r\nHost: a" END, OTHER, NULL },
	{ "GET  / HTTP/1.1\r\nHost: a" END, OTHER, NULL },
	{ "GET / HTTP/1.10\r\nHost: a" END, OTHER, NULL },
	{ "GET / HTTP/1.\r\nHost: a" END, OTHER, NULL },
	{ "GET / http/1.1\r\nHost: a" END, OTHER, NULL },
	{ "GET /\r\n", OTHER, NULL },
	{ "GET\r\n", OTHER, NULL },
	{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", OTHER, NULL },
	{ "\r\nGET / HTTP/1.1\r\n", OTHER, NULL },
	{ " GET / HTTP/1.1\r\n", OTHER, NULL },
	{ "G\x80T / HTTP/1.1\r\n", OTHER, NULL },
	{ "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", OTHER, NULL },
	{ "EHLO a.example\r\n", OTHER, NULL },
	{ "*1\r\n$4\r\nPING\r\n", OTHER, NULL },
	{ "{\"T\":2}", OTHER, NULL },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", OTHER, NULL },
	{ "\x01", OTHER, NULL },
	{ "\x80\x2e\x01", OTHER, NULL },
};

START_TEST(http)
{
	const char *bytes = requests[_i].bytes;
	struct peek peek;

	assert_answer(bytes, strlen(bytes), requests[_i].want,
	    requests[_i].text);
	(void)look(bytes, strlen(bytes), &peek);
	ck_assert_int_eq(peek.protocol, PEEK_HTTP);
}
END_TEST

/* --- TLS ----------------------------------------------------------------- */

/* A ClientHello with these extensions, NULL: none, as one message. */
static size_t
client_hello(const char *extensions, uint8_t *out)
{
	size_t len = 4 + 2 + 32 + 1 + 4 + 2, size;

	memset(out, 0, len);
	out[0] = 1;
	out[4] = out[5] = 3;
	memcpy(out + 4 + 2 + 32 + 1, "\0\2\x13\x01\1", 5);
	if (extensions != NULL) {
		size = strlen(extensions) / 2;
		ck_assert(hex_decode(extensions, out + len + 2, size));
		wire_put_u16(out + len, (uint16_t)size);
		len += 2 + size;
	}
	wire_put_u16(out + 2, (uint16_t)(len - 4));
	return len;
}

/* The message in records of at most part bytes; returns their size. */
static size_t
in_records(const uint8_t *message, size_t len, size_t part, uint8_t *out)
{
	size_t used = 0, size;

	for (size_t at = 0; at < len; at += size) {
		size = len - at < part ? len - at : part;
		memcpy(out + used, "\x16\3\1", 3);
		wire_put_u16(out + used + 3, (uint16_t)size);
		memcpy(out + used + 5, message + at, size);
		used += 5 + size;
	}
	return used;
}

#define ONE	  "the ClientHello does not name one host"
#define MALFORMED "the ClientHello is malformed"
/* server_name: a.example */
#define SNI "0000000e000c000009612e6578616d706c65"

static const struct {
	const char *extensions;
	int want;
	const char *text;
} hellos[] = {
	{ NULL, NONE, NULL },
	{ "", NONE, NULL },
	{ "00170000ff01000100", NONE, NULL },
	{ SNI, FOUND, "a.example" },
	{ "00170000" SNI "ff01000100", FOUND, "a.example" },
	/* "A.Example." */
	{ "0000000f000d00000a412e4578616d706c652e", FOUND, "a.example" },
	{ SNI SNI, WRONG, "the ClientHello names a host twice" },
	{ "00000000", WRONG, ONE },
	{ "000000020000", WRONG, ONE },
	{ "00000006000300000061", WRONG, ONE },
	{ "00000006000400000261", WRONG, ONE },
	/* another type, two names, a byte behind, a length that is too large */
	{ "00000006000401000161", WRONG, ONE },
	{ "0000000a0008000001610000"
	  "0162",
	    WRONG, ONE },
	{ "0000000700040000016100", WRONG, ONE },
	{ "00000006000500000161", WRONG, ONE },
	{ "000000050003000000", WRONG, MISSING },
	{ "00000006000400000100", WRONG, CHAR },
	{ "00000006000400000120", WRONG, CHAR },
	{ "0000000600040000012e", WRONG, MISSING },
	{ "00000006000400000161"
	  "ff",
	    WRONG, MALFORMED },
	{ "00000006000400000161"
	  "00170001",
	    WRONG, MALFORMED },
};

START_TEST(tls)
{
	uint8_t message[200], bytes[2000];
	size_t len = client_hello(hellos[_i].extensions, message), size;

	for (size_t part = 1; part <= len; part += part < 8 ? 1 : 13) {
		size = in_records(message, len, part, bytes);
		assert_answer(bytes, size, hellos[_i].want, hellos[_i].text);
		/* what follows is not looked at */
		memset(bytes + size, 0xff, 3);
		assert_answer(bytes, size + 3, hellos[_i].want,
		    hellos[_i].text);
	}
	size = in_records(message, len, len, bytes);
	assert_look(bytes, size - 1, MORE, NULL);
}
END_TEST

/* One byte of a ClientHello that is another one. */
static const struct {
	size_t at;
	uint8_t byte;
	int want;
} changed[] = {
	{ 1, 2, OTHER }, /* version of the record */
	{ 2, 0, OTHER }, { 2, 4, OTHER }, { 3, 0x41, OTHER }, /* its length */
	{ 5, 2, OTHER },       /* type of the message */
	{ 6, 1, WRONG },       /* its length: 65536 and more */
	{ 9, 2, WRONG },       /* version */
	{ 9 + 34, 33, WRONG }, /* length of the session */
	{ 9 + 36, 1, WRONG },  /* of the suites */
	{ 9 + 40, 7, WRONG },  /* no compression */
};

START_TEST(tls_changed)
{
	uint8_t message[200], bytes[300];
	size_t len = client_hello(SNI, message);

	len = in_records(message, len, len, bytes);
	bytes[changed[_i].at] = changed[_i].byte;
	assert_answer(bytes, len, changed[_i].want, MALFORMED);
}
END_TEST

/* A second record that is none of a handshake. */
START_TEST(tls_interrupted)
{
	static const char *const second[] = { "1703030001", "150303000202",
		"1602010001", "1603030000", "1603034001" };
	uint8_t message[200], bytes[300];
	size_t len, size = strlen(second[_i]) / 2;

	(void)client_hello(SNI, message);
	len = in_records(message, 50, 50, bytes);
	ck_assert(hex_decode(second[_i], bytes + len, size));
	assert_answer(bytes, len + size, WRONG, MALFORMED);
}
END_TEST

/* --- both ---------------------------------------------------------------- */

#define TOO_LONG "what names the host is longer than 16 KiB"

static size_t
long_request(uint8_t *out, size_t len)
{
	static const char start[] = GET "Host: a\r\nX: ";

	memset(out, 'x', len);
	memcpy(out, start, sizeof(start) - 1);
	memcpy(out + len - 4, "\r\n\r\n", 4);
	return len;
}

START_TEST(bound_http)
{
	uint8_t bytes[PEEK_MAX + 100];
	size_t len = long_request(bytes, PEEK_MAX);

	assert_look(bytes, len - 1, MORE, NULL);
	assert_look(bytes, len, FOUND, "a");
	assert_look(bytes, sizeof(bytes), FOUND, "a");
	len = long_request(bytes, PEEK_MAX + 1);
	assert_look(bytes, len - 2, MORE, NULL);
	for (; len <= sizeof(bytes); len++)
		assert_look(bytes, len - 1, WRONG, TOO_LONG);
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "GET /", 5);
	assert_look(bytes, PEEK_MAX - 1, MORE, NULL);
	assert_look(bytes, PEEK_MAX, WRONG, TOO_LONG);
}
END_TEST

/* A ClientHello that is padded (RFC 7685) to len bytes in one record. */
static size_t
long_hello(uint8_t *bytes, size_t len)
{
	size_t used = client_hello(SNI, bytes + 5), padding = len - 5 - used;

	memset(bytes + 5 + used, 0, padding);
	bytes[5 + used + 1] = 21;
	wire_put_u16(bytes + 5 + used + 2, (uint16_t)(padding - 4));
	wire_put_u16(bytes + 5 + 4 + 41, (uint16_t)(len - 5 - 4 - 43));
	wire_put_u16(bytes + 5 + 2, (uint16_t)(len - 5 - 4));
	memcpy(bytes, "\x16\3\1", 3);
	wire_put_u16(bytes + 3, (uint16_t)(len - 5));
	return len;
}

START_TEST(bound_tls)
{
	uint8_t bytes[PEEK_MAX + 100];
	size_t len = long_hello(bytes, PEEK_MAX);

	assert_look(bytes, len - 1, MORE, NULL);
	assert_look(bytes, len, FOUND, "a.example");
	len = long_hello(bytes, PEEK_MAX + 1);
	assert_look(bytes, PEEK_MAX - 1, MORE, NULL);
	assert_look(bytes, PEEK_MAX, WRONG, TOO_LONG);
	assert_look(bytes, len, WRONG, TOO_LONG);
	/* longer than any that fits is refused before it has come */
	(void)long_hello(bytes, 5 + PEEK_MAX);
	bytes[8]++;
	assert_look(bytes, 9, WRONG, MALFORMED);
}
END_TEST

static const struct {
	int answer, protocol;
	const char *start; /* NULL: nothing */
} refusals[] = {
	{ PEEK_FOUND, PEEK_HTTP, "HTTP/1.1 404 " },
	{ PEEK_NONE, PEEK_HTTP, "HTTP/1.1 404 " },
	{ PEEK_BAD, PEEK_HTTP, "HTTP/1.1 400 " },
	{ PEEK_FOUND, PEEK_TLS, "\x15\3\1" },
	{ PEEK_NONE, PEEK_TLS, "\x15\3\1" },
	{ PEEK_BAD, PEEK_TLS, "\x15\3\1" },
	{ PEEK_OTHER, PEEK_HTTP, NULL },
	{ PEEK_OTHER, PEEK_TLS, NULL },
	{ PEEK_MORE, PEEK_HTTP, NULL },
};

/* The length that a page says it has, and the one that it has. */
static void
assert_page(const char *page, size_t len)
{
	const char *length = strstr(page, "Content-Length: ");
	const char *body = strstr(page, "\r\n\r\n");

	ck_assert_ptr_nonnull(length);
	ck_assert_ptr_nonnull(body);
	ck_assert_uint_eq(strtoul(length + 16, NULL, 10), strlen(body + 4));
	ck_assert_uint_eq(strlen(page), len);
}

START_TEST(refuse)
{
	enum peek_answer answer = (enum peek_answer)refusals[_i].answer;
	enum peek_protocol protocol = (enum peek_protocol)refusals[_i].protocol;
	const char *start = refusals[_i].start;
	size_t len;
	const uint8_t *bytes = peek_refusal(answer, protocol, &len);

	ck_assert_int_eq(bytes == NULL, start == NULL);
	if (start == NULL) {
		ck_assert_uint_eq(len, 0);
		return;
	}
	ck_assert_mem_eq(bytes, start, strlen(start));
	if (protocol == PEEK_HTTP) {
		assert_page((const char *)bytes, len);
		return;
	}
	ck_assert_uint_eq(len, 7);
	ck_assert_mem_eq(bytes + 3, "\0\2\2", 3);
	ck_assert_uint_eq(bytes[6], answer == PEEK_BAD ? 50 : 112);
}
END_TEST

Suite *
peek_suite(void)
{
	Suite *suite = suite_create("peek");
	TCase *tc = tcase_create("peek");

	tcase_add_loop_test(tc, http, 0, COUNT(requests));
	tcase_add_loop_test(tc, tls, 0, COUNT(hellos));
	tcase_add_loop_test(tc, tls_changed, 0, COUNT(changed));
	tcase_add_loop_test(tc, tls_interrupted, 0, 5);
	tcase_add_test(tc, bound_http);
	tcase_add_test(tc, bound_tls);
	tcase_add_loop_test(tc, refuse, 0, COUNT(refusals));
	suite_add_tcase(suite, tc);
	return suite;
}
