/*
 * peek.c - whom a client asks for, from its first bytes.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   wire. Grammar: RFC 9112 and 9110 (HTTP/1), RFC 8446, 4.1.2 and 5.1,
 *          and RFC 6066, 3 (TLS).
 *
 * The bytes go on to a target that reads them once more, perhaps in another
 * way. So what can be read in two ways names nobody here.
 */
#include "wire/peek.h"
#include "base/cidr.h"
#include "base/host.h"
#include "wire/clienthello.h"
#include "wire/frame.h"
#include "wire/http1.h"
#include "wire/span.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum {
	METHOD_MAX = 32, /* bytes; the longest registered one has 17 */
	SERVER_NAME = 0, /* the extension, and the type of a host in it */
};

static enum peek_answer
bad(struct peek *peek, const char *why)
{
	peek->name[0] = '\0';
	peek->why = why;
	return PEEK_BAD;
}

/* --- HTTP ---------------------------------------------------------------- */

/* The first bytes of a request line, as far as they have come: a method, a
 * space, and no control character. */
static bool
may_be_request(const uint8_t *bytes, size_t len)
{
	size_t i = 0;

	while (i < len && http1_is_token(bytes[i]))
		i++;
	if (i > METHOD_MAX)
		return false;
	if (i == len)
		return true;
	if (i == 0 || bytes[i] != ' ')
		return false;
	for (; i < len && bytes[i] != '\r'; i++)
		if (bytes[i] < 0x20 || bytes[i] == 0x7f)
			return false;
	return i + 1 >= len || bytes[i + 1] == '\n';
}

static const char no_port[] = "the port of the host is not a number";
static const char no_v6[] = "the host is no IPv6 address in brackets";

static bool
is_port(struct span text)
{
	for (size_t i = 0; i < text.left; i++)
		if (!isdigit(text.at[i]))
			return false;
	return true;
}

/* An IPv6 address in its brackets, as it stands but for capitals. */
static const char *
read_bracketed(struct span text, char name[PEEK_NAME_SIZE])
{
	struct span address, colon;
	struct cidr ignored;
	size_t len = 0;

	if (!span_until(&text, ']', &address) ||
	    address.left >= PEEK_NAME_SIZE - 1)
		return no_v6;
	for (; len < address.left; len++)
		name[len] = (char)tolower(address.at[len]);
	name[len] = '\0';
	if (strchr(name, ':') == NULL || strchr(name, '/') != NULL ||
	    cidr_parse(name + 1, &ignored) != NULL)
		return no_v6;
	memcpy(name + len, "]", 2);
	if (text.left == 0)
		return NULL;
	if (text.at[0] != ':')
		return no_v6;
	(void)span_take(&text, 1, &colon);
	return is_port(text) ? NULL : no_port;
}

/* A host and perhaps a port. An empty text is an empty name. */
static const char *
read_authority(struct span text, char name[PEEK_NAME_SIZE])
{
	struct span host = text, rest = text;

	name[0] = '\0';
	if (text.left == 0)
		return NULL;
	if (text.at[0] == '[')
		return read_bracketed(text, name);
	if (span_until(&rest, ':', &host) && !is_port(rest))
		return no_port;
	return host_read((const char *)host.at, host.left, name);
}

/* Takes a word off the front, in any case. */
static bool
take_name(struct span *from, const char *word)
{
	struct span rest = *from, head;

	if (!span_take(&rest, strlen(word), &head) || !span_is_name(head, word))
		return false;
	*from = rest;
	return true;
}

/* The host that a request's target names: "" where that is a path or "*". */
static const char *
read_target(struct span method, struct span target, char name[PEEK_NAME_SIZE])
{
	size_t len = 0;

	name[0] = '\0';
	if (span_is(method, "CONNECT"))
		return target.left > 0 && target.at[0] != '/'
		    ? read_authority(target, name)
		    : "CONNECT names no host";
	if (span_is(target, "*") || target.at[0] == '/')
		return NULL;
	if (!take_name(&target, "http://") && !take_name(&target, "https://"))
		return "the request's target is neither a path nor a URL";
	while (len < target.left && strchr("/?#", target.at[len]) == NULL)
		len++;
	target.left = len;
	return len > 0 ? read_authority(target, name)
		       : "the request's target names no host";
}

/* What a head has told so far. */
struct head {
	char target[PEEK_NAME_SIZE]; /* whom the target names, "" nobody */
	char host[PEEK_NAME_SIZE];
	bool has_host;
};

/* Returns what is wrong, or NULL. */
static const char *
read_field(struct span line, struct head *head)
{
	struct span name, value;

	if (!http1_field(line, &name, &value))
		return "a field of the request has no name";
	for (size_t i = 0; i < value.left; i++)
		if ((value.at[i] < 0x20 && value.at[i] != '\t') ||
		    value.at[i] == 0x7f)
			return "a field of the request has a control character";
	if (!span_is_name(name, "host"))
		return NULL;
	if (head->has_host)
		return "the request has two fields Host";
	head->has_host = true;
	return read_authority(value, head->host);
}

/* Whether this is the first line of a request of HTTP/1. */
static bool
split_request_line(struct span line, struct span *method, struct span *target)
{
	struct span version;

	return span_until(&line, ' ', method) &&
	    span_until(&line, ' ', target) && target->left > 0 &&
	    span_take(&line, strlen("HTTP/1."), &version) &&
	    span_is(version, "HTTP/1.") && line.left == 1 &&
	    isdigit(line.at[0]);
}

static enum peek_answer
conclude(const struct head *head, struct peek *peek)
{
	const char *name = head->target[0] != '\0' ? head->target : head->host;

	if (head->target[0] != '\0' && head->host[0] != '\0' &&
	    strcmp(head->target, head->host) != 0)
		return bad(peek,
		    "the request's target and its Host name two hosts");
	memcpy(peek->name, name, strlen(name) + 1);
	return name[0] != '\0' ? PEEK_FOUND : PEEK_NONE;
}

static enum peek_answer
look_at_http(struct span rest, struct peek *peek)
{
	struct head head = { .has_host = false };
	struct span line, method, target;
	enum wire_result got;
	const char *why;

	if (!may_be_request(rest.at, rest.left))
		return PEEK_OTHER;
	if ((got = http1_line(&rest, &line)) == WIRE_MORE)
		return PEEK_MORE;
	if (got == WIRE_BAD || !split_request_line(line, &method, &target))
		return PEEK_OTHER;
	if ((why = read_target(method, target, head.target)) != NULL)
		return bad(peek, why);
	while ((got = http1_line(&rest, &line)) == WIRE_OK && line.left > 0)
		if ((why = read_field(line, &head)) != NULL)
			return bad(peek, why);
	if (got == WIRE_BAD)
		return bad(peek, "a line of the request ends without CR");
	return got == WIRE_MORE ? PEEK_MORE : conclude(&head, peek);
}

/* --- TLS ----------------------------------------------------------------- */

static const char malformed[] = "the ClientHello is malformed";

/*
 * Joins the parts of a message that spans records. *len is what there is of
 * it, as far as the records have come; WIRE_OK when it is there whole. What is
 * read is PEEK_MAX bytes at most, so what is written is less.
 */
static enum wire_result
join_records(struct span from, uint8_t message[PEEK_MAX], size_t *len)
{
	size_t need = CLIENTHELLO_HEADER_SIZE, size, part;
	struct span head, body;

	for (*len = 0; *len < need;) {
		if (!span_take(&from, CLIENTHELLO_RECORD_SIZE, &head))
			return WIRE_MORE;
		size = wire_get_u16(head.at + 3);
		if (head.at[0] != CLIENTHELLO_RECORD || head.at[1] != 3 ||
		    size == 0 || size > CLIENTHELLO_RECORD_MAX)
			return WIRE_BAD;
		part = size < from.left ? size : from.left;
		(void)span_take(&from, part, &body);
		memcpy(message + *len, body.at, part);
		*len += part;
		if (*len >= CLIENTHELLO_HEADER_SIZE)
			need = CLIENTHELLO_HEADER_SIZE +
			    (wire_get_u32(message) & 0xffffff);
		if (need > PEEK_MAX)
			return WIRE_BAD;
		if (part < size && *len < need)
			return WIRE_MORE;
	}
	*len = need;
	return WIRE_OK;
}

/* A list of one host, in RFC 6066's words. */
static const char *
read_server_name(struct span value, char name[PEEK_NAME_SIZE])
{
	struct span list, host;
	size_t type;

	if (!span_vector(&value, 2, &list) || value.left != 0 ||
	    !span_number(&list, 1, &type) || type != SERVER_NAME ||
	    !span_vector(&list, 2, &host) || list.left != 0)
		return "the ClientHello does not name one host";
	return host_read((const char *)host.at, host.left, name);
}

static enum peek_answer
look_at_extensions(struct span list, struct peek *peek)
{
	struct span value;
	const char *why;
	size_t type;

	while (list.left > 0) {
		if (!clienthello_next(&list, &type, &value))
			return bad(peek, malformed);
		if (type != SERVER_NAME)
			continue;
		if (peek->name[0] != '\0')
			return bad(peek, "the ClientHello names a host twice");
		if ((why = read_server_name(value, peek->name)) != NULL)
			return bad(peek, why);
	}
	return peek->name[0] != '\0' ? PEEK_FOUND : PEEK_NONE;
}

static enum peek_answer
look_at_tls(struct span from, struct peek *peek)
{
	uint8_t message[PEEK_MAX];
	struct span extensions;
	size_t len;

	if (!clienthello_may_begin(from.at, from.left))
		return PEEK_OTHER;
	switch (join_records(from, message, &len)) {
	case WIRE_MORE:
		return PEEK_MORE;
	case WIRE_BAD:
		return bad(peek, malformed);
	case WIRE_OK:
		break;
	}
	if (!clienthello_read((struct span){ message + CLIENTHELLO_HEADER_SIZE,
				  len - CLIENTHELLO_HEADER_SIZE },
		&extensions))
		return bad(peek, malformed);
	return look_at_extensions(extensions, peek);
}

/* --- both ---------------------------------------------------------------- */

enum peek_answer
peek_look(const uint8_t *bytes, size_t len, struct peek *peek)
{
	struct span from = { bytes, len < PEEK_MAX ? len : PEEK_MAX };
	enum peek_answer answer;

	memset(peek, 0, sizeof(*peek));
	if (len == 0)
		return PEEK_MORE;
	if (bytes[0] == CLIENTHELLO_RECORD) {
		peek->protocol = PEEK_TLS;
		answer = look_at_tls(from, peek);
	} else {
		peek->protocol = PEEK_HTTP;
		answer = look_at_http(from, peek);
	}
	if (answer == PEEK_MORE && from.left == PEEK_MAX)
		return bad(peek, "what names the host is longer than 16 KiB");
	return answer;
}

static const char not_found[] = "HTTP/1.1 404 Not Found\r\n"
				"Content-Type: text/plain\r\n"
				"Content-Length: 31\r\n"
				"Connection: close\r\n"
				"\r\n"
				"Nobody serves this host here.\r\n";
static const char bad_request[] =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 47\r\n"
    "Connection: close\r\n"
    "\r\n"
    "It is not certain whom this request asks for.\r\n";

/* Alerts (RFC 8446, 6), in a record of the version that all clients take
 * before one is agreed on. */
static const uint8_t unrecognized_name[] = { 0x15, 3, 1, 0, 2, 2, 112 };
static const uint8_t decode_error[] = { 0x15, 3, 1, 0, 2, 2, 50 };

const uint8_t *
peek_refusal(enum peek_answer answer, enum peek_protocol protocol, size_t *len)
{
	bool is_bad = answer == PEEK_BAD;

	*len = 0;
	if (answer == PEEK_MORE || answer == PEEK_OTHER)
		return NULL;
	if (protocol == PEEK_TLS) {
		*len = sizeof(decode_error);
		return is_bad ? decode_error : unrecognized_name;
	}
	*len = is_bad ? sizeof(bad_request) - 1 : sizeof(not_found) - 1;
	return (const uint8_t *)(is_bad ? bad_request : not_found);
}
