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
#include "wire/clienthello.h"
#include "wire/frame.h"
#include "wire/http1.h"
#include "wire/span.h"

#include <stdbool.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum {
	TLS_PRE_SHARED_KEY = 41, /* the last extension, if there */
	TLS_EARLY_DATA = 42,
	TLS_EXTENSIONS_MAX = 64, /* clients send 10 to 25 */
	SSH_LINE_MAX = 255,	 /* with CR LF */
};

/* --- TLS ----------------------------------------------------------------- */

static bool
extensions_ok(struct span list)
{
	size_t seen[TLS_EXTENSIONS_MAX], count = 0, type;
	struct span body;

	while (list.left > 0) {
		if (count == TLS_EXTENSIONS_MAX ||
		    (count > 0 && seen[count - 1] == TLS_PRE_SHARED_KEY) ||
		    !clienthello_next(&list, &type, &body) ||
		    type == TLS_EARLY_DATA)
			return false;
		for (size_t i = 0; i < count; i++)
			if (seen[i] == type)
				return false;
		seen[count++] = type;
	}
	return true;
}

static enum early_answer
judge_tls(const uint8_t *bytes, size_t len)
{
	struct span message = { bytes, len };
	struct span head, body, list;
	size_t whole;

	if (!clienthello_may_begin(bytes, len))
		return EARLY_NO;
	if (len < CLIENTHELLO_RECORD_SIZE)
		return EARLY_MAYBE;
	whole = CLIENTHELLO_RECORD_SIZE + (size_t)wire_get_u16(bytes + 3);
	if (whole < CLIENTHELLO_RECORD_SIZE + CLIENTHELLO_HEADER_SIZE ||
	    whole > FRAME_EARLY_MAX || len > whole)
		return EARLY_NO;
	if (len < whole)
		return EARLY_MAYBE;
	if (!span_take(&message, CLIENTHELLO_RECORD_SIZE + 1, &head) ||
	    !span_vector(&message, 3, &body) || message.left != 0)
		return EARLY_NO;
	return clienthello_read(body, &list) && extensions_ok(list) ? EARLY_SEND
								    : EARLY_NO;
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
is_path(uint8_t c)
{
	return is_letter(c) || is_digit(c) || is_in(c, "/-._~!$&'()*+,;=:@");
}

/* A path, and a query where one is allowed; or the star of OPTIONS. */
static bool
target_ok(struct span target, bool star, bool query)
{
	if (span_is(target, "*"))
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

	if (!span_until(&line, ' ', &method) ||
	    !span_until(&line, ' ', &target))
		return false;
	while (i < COUNT(methods) && !span_is(method, methods[i]))
		i++;
	return i < COUNT(methods) &&
	    target_ok(target, span_is(method, "OPTIONS"), query) &&
	    (span_is(line, "HTTP/1.1") || span_is(line, "HTTP/1.0"));
}

/* Connection: nothing but whether it is to stay open. */
static bool
connection_ok(struct span value)
{
	struct span option;

	while (span_until(&value, ',', &option)) {
		option = span_trimmed(option);
		if (!span_is_name(option, "keep-alive") &&
		    !span_is_name(option, "close"))
			return false;
	}
	value = span_trimmed(value);
	return span_is_name(value, "keep-alive") ||
	    span_is_name(value, "close");
}

/* Other schemes sign one request or one connection: a server may refuse the
 * same again. */
static bool
credentials_ok(struct span value)
{
	struct span scheme;

	return span_until(&value, ' ', &scheme) &&
	    (span_is_name(scheme, "basic") || span_is_name(scheme, "bearer"));
}

static bool
field_ok(struct span line, bool *host)
{
	struct span name, value;

	if (!http1_field(line, &name, &value))
		return false;
	for (size_t i = 0; i < value.left; i++)
		if ((value.at[i] < 0x20 && value.at[i] != '\t') ||
		    value.at[i] > 0x7e)
			return false;
	for (size_t i = 0; i < COUNT(forbidden); i++)
		if (span_is_name(name, forbidden[i]))
			return false;
	if (span_is_name(name, "connection") ||
	    span_is_name(name, "proxy-connection"))
		return connection_ok(value);
	if (span_is_name(name, "authorization") ||
	    span_is_name(name, "proxy-authorization"))
		return credentials_ok(value);
	if (!span_is_name(name, "host"))
		return true;
	if (*host)
		return false; /* two: for which of them? */
	*host = true;
	return true;
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
	while ((got = http1_line(&rest, &line)) == WIRE_OK) {
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
	enum wire_result got = http1_line(&rest, &line);

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
	if (bytes[0] == CLIENTHELLO_RECORD)
		answer = judge_tls(bytes, len);
	else if (bytes[0] == 'S')
		answer = judge_ssh(bytes, len);
	else
		answer = judge_http(bytes, len, mode == EARLY_HTTP);
	if (answer == EARLY_MAYBE && len == FRAME_EARLY_MAX)
		return EARLY_NO; /* it can only grow too long */
	return answer;
}
