/*
 * early.c - which first bytes of a client may go ahead of READY.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   wire. See doc/PROTOCOL, "What may go ahead". Grammar: RFC 8446,
 *          4.1.2 (ClientHello), RFC 9112 and 9110 (HTTP/1), RFC 4253, 4.2.
 *
 * To wait for READY costs a round trip, to send twice what must not be costs
 * somebody's order: whatever is odd gets EARLY_NO, also where a server would
 * take it.
 */
#include "wire/early.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum {
	TLS_RECORD_HEADER = 5,
	TLS_MESSAGE_HEADER = 4,
	TLS_HANDSHAKE = 0x16,
	TLS_CLIENT_HELLO = 1,
	TLS_1_0 = 0x0301,
	TLS_1_2 = 0x0303, /* also what TLS 1.3 writes there */
	TLS_RANDOM_SIZE = 32,
	TLS_SESSION_MAX = 32,
	TLS_PRE_SHARED_KEY = 41, /* the last extension, if there */
	TLS_EARLY_DATA = 42,
	TLS_EXTENSIONS_MAX = 64, /* clients send 10 to 25 */
	SSH_LINE_MAX = 255,	 /* with CR LF */
};

/* Some of the bytes: what is still to be read of them. */
struct span {
	const uint8_t *at;
	size_t left;
};

/* Moves len bytes from the front of one span into another. */
static bool
take(struct span *from, size_t len, struct span *out)
{
	if (from->left < len)
		return false;
	*out = (struct span){ from->at, len };
	from->at += len;
	from->left -= len;
	return true;
}

/* --- TLS ----------------------------------------------------------------- */

static bool
take_number(struct span *from, size_t size, size_t *number)
{
	struct span bytes;

	if (!take(from, size, &bytes))
		return false;
	*number = 0;
	for (size_t i = 0; i < size; i++)
		*number = *number << 8 | bytes.at[i];
	return true;
}

/* What stands behind its own length, a number of that many bytes. */
static bool
take_vector(struct span *from, size_t length_size, struct span *out)
{
	size_t len;

	return take_number(from, length_size, &len) && take(from, len, out);
}

static bool
extensions_ok(struct span list)
{
	size_t seen[TLS_EXTENSIONS_MAX], count = 0, type;
	struct span body;

	while (list.left > 0) {
		if (count == TLS_EXTENSIONS_MAX ||
		    (count > 0 && seen[count - 1] == TLS_PRE_SHARED_KEY) ||
		    !take_number(&list, 2, &type) ||
		    !take_vector(&list, 2, &body) || type == TLS_EARLY_DATA)
			return false;
		for (size_t i = 0; i < count; i++)
			if (seen[i] == type)
				return false;
		seen[count++] = type;
	}
	return true;
}

static bool
client_hello_ok(struct span body)
{
	struct span random, session, suites, compression, extensions;
	size_t version;

	if (!take_number(&body, 2, &version) || version < TLS_1_0 ||
	    version > TLS_1_2 || !take(&body, TLS_RANDOM_SIZE, &random) ||
	    !take_vector(&body, 1, &session) ||
	    session.left > TLS_SESSION_MAX || !take_vector(&body, 2, &suites) ||
	    suites.left == 0 || suites.left % 2 != 0 ||
	    !take_vector(&body, 1, &compression) ||
	    memchr(compression.at, 0, compression.left) == NULL)
		return false;
	if (body.left == 0)
		return true; /* before TLS 1.3 there need be none */
	return take_vector(&body, 2, &extensions) && body.left == 0 &&
	    extensions_ok(extensions);
}

/* Whether the record may be a ClientHello, as far as it has come. */
static bool
tls_head_ok(const uint8_t *bytes, size_t len)
{
	if (len >= 2 && bytes[1] != TLS_1_0 >> 8)
		return false;
	if (len >= 3 &&
	    (bytes[2] < (TLS_1_0 & 0xff) || bytes[2] > (TLS_1_2 & 0xff)))
		return false;
	return len <= TLS_RECORD_HEADER ||
	    bytes[TLS_RECORD_HEADER] == TLS_CLIENT_HELLO;
}

/* One record and one message that fill one another exactly. */
static enum early_answer
judge_tls(const uint8_t *bytes, size_t len)
{
	struct span message = { bytes, len };
	struct span head, body;
	size_t whole;

	if (!tls_head_ok(bytes, len))
		return EARLY_NO;
	if (len < TLS_RECORD_HEADER)
		return EARLY_MAYBE;
	whole = TLS_RECORD_HEADER + (size_t)wire_get_u16(bytes + 3);
	if (whole < TLS_RECORD_HEADER + TLS_MESSAGE_HEADER ||
	    whole > FRAME_EARLY_MAX || len > whole)
		return EARLY_NO;
	if (len < whole)
		return EARLY_MAYBE;
	if (!take(&message, TLS_RECORD_HEADER + 1, &head) ||
	    !take_vector(&message, 3, &body) || message.left != 0)
		return EARLY_NO;
	return client_hello_ok(body) ? EARLY_SEND : EARLY_NO;
}

/* --- HTTP ---------------------------------------------------------------- */

static const char *const methods[] = { "GET", "HEAD", "OPTIONS" };

/* Fields that announce a body, or more than one answer to one request, or
 * without which the request would be another one, or may be used once only. */
static const char *const forbidden[] = {
	"content-length",
	"transfer-encoding",
	"trailer",
	"expect",
	"upgrade",
	"http2-settings",
	"early-data",
	"dpop",
	"x-http-method",
	"x-http-method-override",
	"x-method-override",
};

static bool
is_in(uint8_t c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_hex(uint8_t c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool
is_token(uint8_t c)
{
	return is_letter(c) || is_digit(c) || is_in(c, "-_!#$%&'*+.^`|~");
}

static bool
is_path(uint8_t c)
{
	return is_letter(c) || is_digit(c) || is_in(c, "/-._~!$&'()*+,;=:@");
}

static bool
same(struct span text, const char *word)
{
	return text.left == strlen(word) &&
	    memcmp(text.at, word, text.left) == 0;
}

/* In any case, as names of fields and of schemes are compared. */
static bool
same_name(struct span text, const char *word)
{
	return text.left == strlen(word) &&
	    strncasecmp((const char *)text.at, word, text.left) == 0;
}

/* What stands before the next mark, which is taken too. */
static bool
take_until(struct span *from, char mark, struct span *out)
{
	const uint8_t *end = from->left > 0
	    ? memchr(from->at, (unsigned char)mark, from->left)
	    : NULL;

	if (end == NULL)
		return false;
	(void)take(from, (size_t)(end - from->at), out);
	from->at++;
	from->left--;
	return true;
}

static struct span
trimmed(struct span text)
{
	while (text.left > 0 && is_in(text.at[0], " \t")) {
		text.at++;
		text.left--;
	}
	while (text.left > 0 && is_in(text.at[text.left - 1], " \t"))
		text.left--;
	return text;
}

/* A path, and a query where one is allowed; or the star of OPTIONS. */
static bool
target_ok(struct span target, bool star, bool query)
{
	if (same(target, "*"))
		return star;
	if (target.left == 0 || target.at[0] != '/')
		return false;
	for (size_t i = 0; i < target.left; i++) {
		uint8_t c = target.at[i];

		if (c == '%') {
			if (target.left - i < 3 || !is_hex(target.at[i + 1]) ||
			    !is_hex(target.at[i + 2]))
				return false;
		} else if (!is_path(c) && (c != '?' || !query)) {
			return false;
		}
	}
	return true;
}

static bool
request_line_ok(struct span line, bool query)
{
	struct span method, target;
	size_t i = 0;

	if (!take_until(&line, ' ', &method) ||
	    !take_until(&line, ' ', &target))
		return false;
	while (i < COUNT(methods) && !same(method, methods[i]))
		i++;
	return i < COUNT(methods) &&
	    target_ok(target, same(method, "OPTIONS"), query) &&
	    (same(line, "HTTP/1.1") || same(line, "HTTP/1.0"));
}

/* Connection: nothing but whether it is to stay open. */
static bool
connection_ok(struct span value)
{
	struct span option;

	while (take_until(&value, ',', &option)) {
		option = trimmed(option);
		if (!same_name(option, "keep-alive") &&
		    !same_name(option, "close"))
			return false;
	}
	value = trimmed(value);
	return same_name(value, "keep-alive") || same_name(value, "close");
}

/* Other schemes sign one request or one connection: a server may refuse the
 * same again. */
static bool
credentials_ok(struct span value)
{
	struct span scheme;

	return take_until(&value, ' ', &scheme) &&
	    (same_name(scheme, "basic") || same_name(scheme, "bearer"));
}

static bool
field_ok(struct span line, bool *host)
{
	struct span name, value;

	if (!take_until(&line, ':', &name) || name.left == 0)
		return false;
	for (size_t i = 0; i < name.left; i++)
		if (!is_token(name.at[i]))
			return false;
	value = trimmed(line);
	for (size_t i = 0; i < value.left; i++)
		if ((value.at[i] < 0x20 && value.at[i] != '\t') ||
		    value.at[i] > 0x7e)
			return false;
	for (size_t i = 0; i < COUNT(forbidden); i++)
		if (same_name(name, forbidden[i]))
			return false;
	if (same_name(name, "connection") ||
	    same_name(name, "proxy-connection"))
		return connection_ok(value);
	if (same_name(name, "authorization") ||
	    same_name(name, "proxy-authorization"))
		return credentials_ok(value);
	if (!same_name(name, "host"))
		return true;
	if (*host)
		return false; /* two: for which of them? */
	*host = true;
	return true;
}

/* The next line, without its CR LF. A line feed alone ends no line here. */
static enum wire_result
take_line(struct span *from, struct span *line)
{
	if (!take_until(from, '\n', line))
		return WIRE_MORE;
	if (line->left == 0 || line->at[line->left - 1] != '\r')
		return WIRE_BAD;
	line->left--;
	return WIRE_OK;
}

/* Whether a method that may go ahead comes first, as far as it has come. */
static bool
http_head_ok(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < COUNT(methods); i++) {
		size_t size = strlen(methods[i]);

		if (memcmp(bytes, methods[i], len < size ? len : size) == 0 &&
		    (len <= size || bytes[size] == ' '))
			return true;
	}
	return false;
}

static enum early_answer
judge_http(const uint8_t *bytes, size_t len, bool query)
{
	struct span rest = { bytes, len };
	struct span line;
	bool first = true, host = false;
	enum wire_result got;

	if (!http_head_ok(bytes, len))
		return EARLY_NO;
	while ((got = take_line(&rest, &line)) == WIRE_OK) {
		if (!first && line.left == 0)
			return rest.left == 0 ? EARLY_SEND : EARLY_NO;
		if (first ? !request_line_ok(line, query)
			  : !field_ok(line, &host))
			return EARLY_NO;
		first = false;
	}
	return got == WIRE_MORE ? EARLY_MAYBE : EARLY_NO;
}

/* --- SSH ----------------------------------------------------------------- */

/* "SSH-2.0-OpenSSH_9.2p1 Debian-2" */
static enum early_answer
judge_ssh(const uint8_t *bytes, size_t len)
{
	static const char head[] = "SSH-2.0-";
	const size_t head_size = sizeof(head) - 1;
	struct span rest = { bytes, len };
	struct span line;
	enum wire_result got = take_line(&rest, &line);

	if (memcmp(bytes, head, len < head_size ? len : head_size) != 0 ||
	    len > SSH_LINE_MAX)
		return EARLY_NO;
	if (got == WIRE_MORE)
		return len < SSH_LINE_MAX ? EARLY_MAYBE : EARLY_NO;
	if (got == WIRE_BAD || rest.left != 0 || line.left <= head_size ||
	    line.at[head_size] == ' ')
		return EARLY_NO;
	for (size_t i = 0; i < line.left; i++)
		if (line.at[i] < 0x20 || line.at[i] > 0x7e)
			return EARLY_NO;
	return EARLY_SEND;
}

/* --- all ----------------------------------------------------------------- */

enum early_answer
early_judge(enum early_mode mode, const uint8_t *bytes, size_t len)
{
	enum early_answer answer;

	if (mode == EARLY_OFF || len > FRAME_EARLY_MAX)
		return EARLY_NO;
	if (len == 0)
		return EARLY_MAYBE;
	if (bytes[0] == TLS_HANDSHAKE)
		answer = judge_tls(bytes, len);
	else if (bytes[0] == 'S')
		answer = judge_ssh(bytes, len);
	else
		answer = judge_http(bytes, len, mode == EARLY_HTTP);
	if (answer == EARLY_MAYBE && len == FRAME_EARLY_MAX)
		return EARLY_NO; /* it can only grow too long */
	return answer;
}
