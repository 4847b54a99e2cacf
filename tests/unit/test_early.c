/*
 * test_early.c - what of a client's first bytes may go ahead of READY.
 *
 * tests/fuzz/seeds/early has what real programs send first.
 */
#include "tests/unit/suites.h"
#include "wire/early.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { NO = EARLY_NO, MAYBE = EARLY_MAYBE, SEND = EARLY_SEND };

/* The answer for a copy that ends where its memory ends. */
static enum early_answer
judge(enum early_mode mode, const void *bytes, size_t len)
{
	uint8_t *copy = len > 0 ? malloc(len) : NULL;
	enum early_answer answer;

	if (len > 0) {
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, bytes, len);
	}
	answer = early_judge(mode, copy, len);
	free(copy);
	return answer;
}

/* What holds for all bytes that may go ahead. */
static void
assert_exact(enum early_mode mode, const char *bytes, size_t len)
{
	char more[FRAME_EARLY_MAX + 1];

	for (size_t cut = 0; cut < len; cut++)
		ck_assert_msg(judge(mode, bytes, cut) == EARLY_MAYBE,
		    "%zu of %zu bytes", cut, len);
	memcpy(more, bytes, len);
	for (int byte = 0; byte < 256; byte++) {
		more[len] = (char)byte;
		ck_assert_msg(judge(mode, more, len + 1) == EARLY_NO,
		    "byte %d behind it", byte);
	}
	ck_assert_int_eq(judge(EARLY_OFF, bytes, len), EARLY_NO);
}

static void
assert_answers(const char *name, const char *bytes, size_t len, int safe,
    int http)
{
	int got_safe = (int)judge(EARLY_SAFE, bytes, len);
	int got_http = (int)judge(EARLY_HTTP, bytes, len);

	ck_assert_msg(got_safe == safe, "%s: safe says %d", name, got_safe);
	ck_assert_msg(got_http == http, "%s: http says %d", name, got_http);
	ck_assert_int_eq(judge(EARLY_OFF, bytes, len), EARLY_NO);
	if (safe == SEND)
		assert_exact(EARLY_SAFE, bytes, len);
	if (http == SEND)
		assert_exact(EARLY_HTTP, bytes, len);
}

/* --- HTTP and SSH --------------------------------------------------------- */

#define GET	"GET / HTTP/1.1\r\n"
#define END	"\r\n"
#define TEN	"aaaaaaaaaa"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define FIELD(line) \
	{ \
		line, GET line "\r\n" END, NO, NO \
	}

static const struct {
	const char *name, *bytes;
	int safe, http;
} texts[] = {
	{ "nothing", "", MAYBE, MAYBE },
	{ "GET", GET "Host: a" END END, SEND, SEND },
	{ "GET without fields", GET END, SEND, SEND },
	{ "GET of HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", SEND, SEND },
	{ "HEAD", "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n", SEND, SEND },
	{ "OPTIONS", "OPTIONS /a HTTP/1.1\r\nHost: a\r\n\r\n", SEND, SEND },
	{ "OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", SEND, SEND },
	{ "GET *", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", NO, NO },
	{ "every byte a path may have",
	    "GET /aZ09-._~!$&'()*+,;=:@//%2F%aF HTTP/1.1\r\n\r\n", SEND, SEND },
	{ "query", "GET /a?b=c&d=%3F/? HTTP/1.1\r\nHost: a\r\n\r\n", NO, SEND },
	{ "empty query", "GET /? HTTP/1.1\r\n\r\n", NO, SEND },
	{ "query with a bad escape", "GET /?%zz HTTP/1.1\r\n\r\n", NO, NO },
	{ "query without a path", "GET ?a HTTP/1.1\r\n\r\n", NO, NO },
	{ "escape cut short", "GET /%2 HTTP/1.1\r\n\r\n", NO, NO },
	{ "escape not hex", "GET /%g0 HTTP/1.1\r\n\r\n", NO, NO },
	{ "fragment", "GET /a#b HTTP/1.1\r\n\r\n", NO, NO },
	{ "absolute target", "GET http://a/ HTTP/1.1\r\n\r\n", NO, NO },
	{ "authority", "GET a:80 HTTP/1.1\r\n\r\n", NO, NO },
	{ "path not ASCII", "GET /\xc3\xa9 HTTP/1.1\r\n\r\n", NO, NO },
	{ "quote in the path", "GET /\" HTTP/1.1\r\n\r\n", NO, NO },
	{ "no target", "GET  HTTP/1.1\r\n\r\n", NO, NO },
	{ "two spaces", "GET  / HTTP/1.1\r\n\r\n", NO, NO },
	{ "two spaces later", "GET /  HTTP/1.1\r\n\r\n", NO, NO },
	{ "tab for a space", "GET\t/ HTTP/1.1\r\n\r\n", NO, NO },
	{ "space at the line's end", "GET / HTTP/1.1 \r\n\r\n", NO, NO },
	{ "space before", " GET / HTTP/1.1\r\n\r\n", NO, NO },
	{ "line before", "\r\nGET / HTTP/1.1\r\n\r\n", NO, NO },
	{ "HTTP/0.9", "GET /\r\n\r\n", NO, NO },
	{ "HTTP/1.2", "GET / HTTP/1.2\r\n\r\n", NO, NO },
	{ "HTTP/2.0", "GET / HTTP/2.0\r\n\r\n", NO, NO },
	{ "http/1.1", "GET / http/1.1\r\n\r\n", NO, NO },
	{ "HTTP/1.10", "GET / HTTP/1.10\r\n\r\n", NO, NO },
	{ "get", "get / HTTP/1.1\r\n\r\n", NO, NO },
	{ "POST", "POST / HTTP/1.1\r\n\r\n", NO, NO },
	{ "PUT", "PUT / HTTP/1.1\r\n\r\n", NO, NO },
	{ "DELETE", "DELETE / HTTP/1.1\r\n\r\n", NO, NO },
	{ "TRACE", "TRACE / HTTP/1.1\r\n\r\n", NO, NO },
	{ "CONNECT", "CONNECT a:1 HTTP/1.1\r\n\r\n", NO, NO },
	{ "PATCH", "PATCH / HTTP/1.1\r\n\r\n", NO, NO },
	{ "GETS", "GETS / HTTP/1.1\r\n\r\n", NO, NO },
	{ "preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", NO, NO },
	{ "first byte of POST", "P", NO, NO },
	{ "first byte of GET", "G", MAYBE, MAYBE },
	{ "first bytes of GETS", "GETS", NO, NO },
	{ "OPTIONS cut short", "OPTION", MAYBE, MAYBE },
	{ "half a head", GET "Host: a" END, MAYBE, MAYBE },
	{ "half a bad head", GET "Content-Length: 0" END, NO, NO },
	{ "half a line", GET "Content-Length: 0", MAYBE, MAYBE },
	{ "a query, the head cut short", "GET /?a HTTP/1.1\r\n", NO, MAYBE },
	{ "byte behind the head", GET END "x", NO, NO },
	{ "line behind the head", GET END END, NO, NO },
	{ "second request", GET END GET END, NO, NO },
	{ "second request cut short", GET END "GE", NO, NO },
	{ "line feeds alone", "GET / HTTP/1.1\n\n", NO, NO },
	{ "line feed alone in a field", GET "Host: a\n\r\n", NO, NO },
	{ "line feed alone at the end", GET "Host: a\r\n\n", NO, NO },
	{ "carriage return alone", GET "Host: a\rb\r\n\r\n", NO, NO },
	{ "two carriage returns", GET "Host: a\r\r\n\r\n", NO, NO },
	{ "carriage return in the first line", "GET /\r HTTP/1.1\r\n\r\n", NO,
	    NO },
	{ "folded field", GET "A: b\r\n c\r\n\r\n", NO, NO },
	{ "folded with a tab", GET "A: b\r\n\tc\r\n\r\n", NO, NO },
	{ "folded first line", GET " A: b\r\n\r\n", NO, NO },
	{ "space before the colon", GET "A : b\r\n\r\n", NO, NO },
	{ "no colon", GET "A b\r\n\r\n", NO, NO },
	{ "no name", GET ": b\r\n\r\n", NO, NO },
	{ "name not a token", GET "A(: b\r\n\r\n", NO, NO },
	{ "name not ASCII", GET "\xc3\xa9: b\r\n\r\n", NO, NO },
	{ "every byte a name may have", GET "aZ09-_!#$%&'*+.^`|~: b\r\n\r\n",
	    SEND, SEND },
	{ "empty value", GET "A:\r\n\r\n", SEND, SEND },
	{ "value between spaces and tabs", GET "A: \t b\t c\t \r\n\r\n", SEND,
	    SEND },
	{ "value not ASCII", GET "A: \xc3\xa9\r\n\r\n", NO, NO },
	{ "value with a bell", GET "A: \a\r\n\r\n", NO, NO },
	{ "value with DEL", GET "A: \x7f\r\n\r\n", NO, NO },
	{ "a field twice", GET "Accept: a\r\nAccept: b\r\n\r\n", SEND, SEND },
	{ "Host twice", GET "Host: a\r\nhost: a\r\n\r\n", NO, NO },
	FIELD("Content-Length: 0"),
	FIELD("Content-Length: 5"),
	FIELD("content-length:0"),
	FIELD("CONTENT-LENGTH: 0"),
	FIELD("Transfer-Encoding: chunked"),
	FIELD("Transfer-Encoding: identity"),
	FIELD("Trailer: A"),
	FIELD("Expect: 100-continue"),
	FIELD("Upgrade: websocket"),
	FIELD("HTTP2-Settings: AAMAAABk"),
	FIELD("Early-Data: 1"),
	FIELD("DPoP: a"),
	FIELD("X-HTTP-Method-Override: DELETE"),
	FIELD("X-HTTP-Method: DELETE"),
	FIELD("X-Method-Override: DELETE"),
	FIELD("Connection: Upgrade"),
	FIELD("Connection: keep-alive, upgrade"),
	FIELD("Connection: close,HTTP2-Settings"),
	FIELD("Connection: close,"),
	FIELD("Connection: ,close"),
	FIELD("Connection:"),
	FIELD("Connection: X-Other"),
	FIELD("Proxy-Connection: X-Other"),
	FIELD("Authorization: Digest username=\"a\""),
	FIELD("Authorization: Negotiate YII="),
	FIELD("Authorization: NTLM TlRM"),
	FIELD("Authorization: Basic"),
	FIELD("Authorization:"),
	FIELD("Proxy-Authorization: Digest username=\"a\""),
	{ "Connection", GET "Connection: Keep-Alive ,\tclose\r\n\r\n", SEND,
	    SEND },
	{ "Proxy-Connection", GET "Proxy-Connection: close\r\n\r\n", SEND,
	    SEND },
	{ "Authorization", GET "Authorization: Basic dTpw\r\n\r\n", SEND,
	    SEND },
	{ "Bearer", GET "authorization: bearer abc\r\n\r\n", SEND, SEND },
	{ "a name that only begins so", GET "Content-Length-X: 1\r\n\r\n", SEND,
	    SEND },
	{ "a name that only ends so", GET "X-Content-Length: 1\r\n\r\n", SEND,
	    SEND },

	{ "SSH", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u6\r\n", SEND, SEND },
	{ "SSH, a hyphen in the version", "SSH-2.0-JSCH-0.1.54\r\n", SEND,
	    SEND },
	{ "SSH, one letter", "SSH-2.0-a\r\n", SEND, SEND },
	{ "SSH, no version", "SSH-2.0-\r\n", NO, NO },
	{ "SSH, a space for a version", "SSH-2.0- a\r\n", NO, NO },
	{ "SSH-1.99", "SSH-1.99-a\r\n", NO, NO },
	{ "SSH-1.5", "SSH-1.5-a\r\n", NO, NO },
	{ "ssh", "ssh-2.0-a\r\n", NO, NO },
	{ "SSH, line feed alone", "SSH-2.0-a\n", NO, NO },
	{ "SSH, carriage return inside", "SSH-2.0-a\rb\r\n", NO, NO },
	{ "SSH, tab", "SSH-2.0-a\tb\r\n", NO, NO },
	{ "SSH, not ASCII", "SSH-2.0-\xc3\xa9\r\n", NO, NO },
	{ "SSH, key exchange behind it", "SSH-2.0-a\r\n\x01", NO, NO },
	{ "SSH, line before", "hello\r\nSSH-2.0-a\r\n", NO, NO },
	{ "SSH, cut short", "SSH-2", MAYBE, MAYBE },
	{ "SSH, only its CR", "SSH-2.0-a\r", MAYBE, MAYBE },
	{ "SSH, longest",
	    "SSH-2.0-aaaaa" HUNDRED HUNDRED TEN TEN TEN TEN "\r\n", SEND,
	    SEND },
	{ "SSH, one too long",
	    "SSH-2.0-aaaaaa" HUNDRED HUNDRED TEN TEN TEN TEN "\r\n", NO, NO },
	{ "SSH, too long, cut short",
	    "SSH-2.0-aaaaaaa" HUNDRED HUNDRED TEN TEN TEN TEN, NO, NO },

	{ "SMTP", "EHLO a\r\n", NO, NO },
	{ "a redis command", "*1\r\n$4\r\nPING\r\n", NO, NO },
	{ "a classic signal", "{\"T\":0", NO, NO },
	{ "a word", "hello", NO, NO },
};

START_TEST(text)
{
	assert_answers(texts[_i].name, texts[_i].bytes, strlen(texts[_i].bytes),
	    texts[_i].safe, texts[_i].http);
}
END_TEST

static const struct {
	const char *name, *bytes;
	size_t len;
} nuls[] = {
	{ "in the path", "GET /\0 HTTP/1.1\r\n\r\n", 19 },
	{ "behind the method", "GET\0/ HTTP/1.1\r\n\r\n", 18 },
	{ "in a name", GET "A\0: b\r\n\r\n", 25 },
	{ "in a value", GET "A: \0\r\n\r\n", 24 },
	{ "alone as a value", GET "A:\0\r\n\r\n", 23 },
	{ "behind the head", GET "\r\n\0", 19 },
	{ "in SSH", "SSH-2.0-a\0\r\n", 12 },
	{ "first", "\0GET / HTTP/1.1\r\n\r\n", 19 },
};

START_TEST(nul)
{
	assert_answers(nuls[_i].name, nuls[_i].bytes, nuls[_i].len, NO, NO);
}
END_TEST

/* A head of exactly len bytes: one long value. */
static void
fill_head(char *out, size_t len)
{
	memset(out, 'a', len);
	memcpy(out, GET "A:", strlen(GET "A:"));
	memcpy(out + len - 4, "\r\n\r\n", 4);
}

START_TEST(longest_head)
{
	static char bytes[FRAME_EARLY_MAX + 1];

	fill_head(bytes, FRAME_EARLY_MAX);
	ck_assert_int_eq(judge(EARLY_SAFE, bytes, FRAME_EARLY_MAX), EARLY_SEND);
	ck_assert_int_eq(judge(EARLY_SAFE, bytes, FRAME_EARLY_MAX - 1),
	    EARLY_MAYBE);
	fill_head(bytes, FRAME_EARLY_MAX + 1);
	ck_assert_int_eq(judge(EARLY_SAFE, bytes, FRAME_EARLY_MAX + 1),
	    EARLY_NO);
	ck_assert_int_eq(judge(EARLY_SAFE, bytes, FRAME_EARLY_MAX), EARLY_NO);
}
END_TEST

/* --- TLS ------------------------------------------------------------------ */

/* A ClientHello as a row of the table has it: a good one, but for what the
 * row says. Numbers that lie are added to the right ones. */
struct tls {
	const char *name;
	int want;
	int record_type, record_minor, message_type; /* 0: the right one */
	int version;				     /* 0: 0x0303 */
	int record_lies, message_lies, session_lies, suites_lies;
	int compression_lies, extensions_lies, extension_lies;
	size_t session, suites; /* bytes more than 32 and 4 */
	bool no_null_compression, no_extensions;
	size_t padding;	     /* bytes of a padding extension */
	const int *types;    /* of empty extensions, -1 at the end */
	size_t behind, less; /* bytes behind the record, or cut off */
};

enum { TLS_SPACE = 2 * FRAME_EARLY_MAX };

struct out {
	uint8_t bytes[TLS_SPACE];
	size_t len;
};

static void
put(struct out *out, size_t size, int value)
{
	for (size_t i = size; i-- > 0;)
		out->bytes[out->len++] = (uint8_t)((unsigned)value >> 8 * i);
}

static void
fill(struct out *out, size_t count)
{
	memset(out->bytes + out->len, 0x5a, count);
	out->len += count;
}

/* Writes how many bytes have come since the length at a place. */
static void
close_length(struct out *out, size_t at, size_t size, int lies)
{
	size_t end = out->len;

	out->len = at;
	put(out, size, (int)(end - at - size) + lies);
	out->len = end;
}

static size_t
open_length(struct out *out, size_t size)
{
	size_t at = out->len;

	put(out, size, 0);
	return at;
}

static void
put_extensions(struct out *out, const struct tls *tls)
{
	size_t list = open_length(out, 2);

	put(out, 2, 10); /* supported_groups: x25519 */
	put(out, 2, 4 + tls->extension_lies);
	put(out, 4, 0x0002001d);
	for (const int *type = tls->types; type != NULL && *type >= 0; type++)
		put(out, 4, (int)((unsigned)*type << 16));
	if (tls->padding > 0) {
		put(out, 2, 21);
		put(out, 2, (int)tls->padding);
		fill(out, tls->padding);
	}
	close_length(out, list, 2, tls->extensions_lies);
}

static void
put_hello(struct out *out, const struct tls *tls)
{
	size_t at;

	put(out, 2, tls->version != 0 ? tls->version : 0x0303);
	fill(out, 32);
	at = open_length(out, 1);
	fill(out, 32 + tls->session);
	close_length(out, at, 1, tls->session_lies);
	at = open_length(out, 2);
	fill(out, 4 + tls->suites);
	close_length(out, at, 2, tls->suites_lies);
	at = open_length(out, 1);
	put(out, 1, tls->no_null_compression);
	close_length(out, at, 1, tls->compression_lies);
	if (!tls->no_extensions)
		put_extensions(out, tls);
}

static void
make_tls(struct out *out, const struct tls *tls)
{
	size_t record, message;

	out->len = 0;
	put(out, 1, tls->record_type != 0 ? tls->record_type : 0x16);
	put(out, 1, 3);
	put(out, 1, tls->record_minor != 0 ? tls->record_minor : 1);
	record = open_length(out, 2);
	put(out, 1, tls->message_type != 0 ? tls->message_type : 1);
	message = open_length(out, 3);
	put_hello(out, tls);
	close_length(out, message, 3, tls->message_lies);
	close_length(out, record, 2, tls->record_lies);
	fill(out, tls->behind);
	out->len -= tls->less;
}

#define TYPES(...) \
	.types = (const int[]) \
	{ \
		__VA_ARGS__, -1 \
	}

static const int many[] = { 100, 101, 102, 103, 104, 105, 106, 107, 108, 109,
	110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123,
	124, 125, 126, 127, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137,
	138, 139, 140, 141, 142, 143, 144, 145, 146, 147, 148, 149, 150, 151,
	152, 153, 154, 155, 156, 157, 158, 159, 160, 161, 162, 163, -1 };

/* What room a good hello leaves, with the head of the padding extension. */
enum { PADDING_MAX = FRAME_EARLY_MAX - 98 };

static const struct tls hellos[] = {
	{ "a good one", SEND, .version = 0x0303 },
	{ "record version 3.2", SEND, .record_minor = 2 },
	{ "record version 3.3", SEND, .record_minor = 3 },
	{ "record version 3.4", NO, .record_minor = 4 },
	{ "client version 3.1", SEND, .version = 0x0301 },
	{ "client version 3.0", NO, .version = 0x0300 },
	{ "client version 3.4", NO, .version = 0x0304 },
	{ "an alert", NO, .record_type = 0x15 },
	{ "application data", NO, .record_type = 0x17 },
	{ "a ServerHello", NO, .message_type = 2 },
	{ "extensions", SEND, TYPES(0, 16, 43, 51, 45) },
	{ "no extensions", SEND, .no_extensions = true },
	{ "pre-shared key", SEND, TYPES(43, 45, 41) },
	{ "pre-shared key not the last", NO, TYPES(41, 43) },
	{ "early data", NO, TYPES(42) },
	{ "early data and a pre-shared key", NO, TYPES(42, 41) },
	{ "early data behind others", NO, TYPES(0, 16, 42) },
	{ "an extension twice", NO, TYPES(16, 0, 16) },
	{ "the first extension twice", NO, TYPES(10) },
	{ "63 extensions more than one", NO, .types = many },
	{ "62 extensions more than one", SEND, .types = many + 1 },
	{ "longest", SEND, .padding = PADDING_MAX },
	{ "one too long", NO, .padding = PADDING_MAX + 1 },
	{ "longest, less a byte", MAYBE, .padding = PADDING_MAX, .less = 1 },
	{ "too long, cut at the limit", NO, .padding = PADDING_MAX + 1,
	    .less = 1 },
	{ "a byte behind", NO, .behind = 1 },
	{ "a byte too few", MAYBE, .less = 1 },
	{ "record too long", MAYBE, .record_lies = 1 },
	{ "record too long, and a byte behind", NO, .record_lies = 1,
	    .behind = 1 },
	{ "record too short", NO, .record_lies = -1 },
	{ "message too long", NO, .message_lies = 1 },
	{ "message of two records", NO, .message_lies = 1000 },
	{ "message too short", NO, .message_lies = -1 },
	{ "message and record too short", NO, .message_lies = -1,
	    .record_lies = -1, .less = 1 },
	{ "message and record too long", NO, .message_lies = 1,
	    .record_lies = 1, .behind = 1 },
	{ "message over 64 KiB", NO, .message_lies = 0x10000 },
	{ "session id of 33 bytes", NO, .session = 1 },
	{ "session id too long", NO, .session_lies = 200 },
	{ "session id too short", NO, .session_lies = -1 },
	{ "odd suites", NO, .suites = 1 },
	{ "more suites", SEND, .suites = 2 },
	{ "no suites", NO, .suites = (size_t)-4 },
	{ "suites too long", NO, .suites_lies = 2 },
	{ "suites beyond the message", NO, .suites_lies = 0xf000 },
	{ "no compression method", NO, .compression_lies = -1 },
	{ "compression methods too long", NO, .compression_lies = 200 },
	{ "only other compression", NO, .no_null_compression = true },
	{ "extensions too long", NO, .extensions_lies = 1 },
	{ "extensions too short", NO, .extensions_lies = -1 },
	{ "no extensions, and bytes", NO, .extensions_lies = -8 },
	{ "extension too long", NO, .extension_lies = 1 },
	{ "extension too short", NO, .extension_lies = -1 },
	{ "extension with no bytes of its own", NO, .extension_lies = -4 },
	{ "no extensions, a byte too few", MAYBE, .no_extensions = true,
	    .less = 1 },
};

START_TEST(tls)
{
	static struct out out;

	make_tls(&out, &hellos[_i]);
	if (out.len <= 1024) {
		assert_answers(hellos[_i].name, (char *)out.bytes, out.len,
		    hellos[_i].want, hellos[_i].want);
		return;
	}
	/* Their every prefix would take a while. */
	ck_assert_msg((int)judge(EARLY_SAFE, out.bytes, out.len) ==
		hellos[_i].want,
	    "%s", hellos[_i].name);
}
END_TEST

static const struct {
	const char *name, *bytes;
	size_t len;
	int want;
} heads[] = {
	{ "one byte", "\x16", 1, MAYBE },
	{ "SSL 2", "\x80\x2e\x01", 3, NO },
	{ "major version 2", "\x16\x02", 2, NO },
	{ "version 3.0", "\x16\x03\x00", 3, NO },
	{ "version 3.1", "\x16\x03\x01", 3, MAYBE },
	{ "half a length", "\x16\x03\x01\x00", 4, MAYBE },
	{ "empty record", "\x16\x03\x01\x00\x00", 5, NO },
	{ "no room for a message", "\x16\x03\x01\x00\x03", 5, NO },
	{ "a ServerHello", "\x16\x03\x01\x00\x50\x02", 6, NO },
	{ "record too long to go ahead", "\x16\x03\x01\x3f\xfc", 5, NO },
	{ "the longest record", "\x16\x03\x01\x3f\xfb", 5, MAYBE },
	{ "empty ClientHello", "\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9, NO },
	{ "only a version", "\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03", 11,
	    NO },
};

START_TEST(tls_head)
{
	assert_answers(heads[_i].name, heads[_i].bytes, heads[_i].len,
	    heads[_i].want, heads[_i].want);
}
END_TEST

/* --- what programs send --------------------------------------------------- */

static const struct {
	const char *name;
	int safe, http;
} programs[] = {
	{ "http_curl", SEND, SEND },
	{ "http_curl_h2c", NO, NO },
	{ "http_curl_head", SEND, SEND },
	{ "http_curl_post", NO, NO },
	{ "http_curl_query", NO, SEND },
	{ "http_go", SEND, SEND },
	{ "http_wget", SEND, SEND },
	{ "ssh_openssh", SEND, SEND },
	{ "tls_go", SEND, SEND },
	{ "tls_openssl", SEND, SEND },
	{ "tls_openssl_1_2", SEND, SEND },
	{ "tls_openssl_early_data", NO, NO },
	{ "tls_openssl_early_hello", NO, NO },
	{ "tls_openssl_psk", SEND, SEND },
};

START_TEST(program)
{
	char path[4096], bytes[FRAME_EARLY_MAX];
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/fuzz/seeds/early/%s", TOP_SRCDIR,
	    programs[_i].name);
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "%s", path);
	len = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	assert_answers(programs[_i].name, bytes, len, programs[_i].safe,
	    programs[_i].http);
}
END_TEST

START_TEST(off)
{
	ck_assert_int_eq(judge(EARLY_OFF, NULL, 0), EARLY_NO);
	ck_assert_int_eq(judge(EARLY_SAFE, NULL, 0), EARLY_MAYBE);
}
END_TEST

Suite *
early_suite(void)
{
	Suite *suite = suite_create("early");
	TCase *tc = tcase_create("early");

	tcase_add_loop_test(tc, text, 0, COUNT(texts));
	tcase_add_loop_test(tc, nul, 0, COUNT(nuls));
	tcase_add_test(tc, longest_head);
	tcase_add_loop_test(tc, tls, 0, COUNT(hellos));
	tcase_add_loop_test(tc, tls_head, 0, COUNT(heads));
	tcase_add_loop_test(tc, program, 0, COUNT(programs));
	tcase_add_test(tc, off);
	suite_add_tcase(suite, tc);
	return suite;
}
