/*
 * frame.c - native frames: the header, and payloads that are not JSON.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   wire. See doc/PROTOCOL, "Native frames".
 */
#include "wire/frame.h"
#include "wire/register.h"
#include "wire/request.h"

#include <string.h>

enum {
	ANY = FRAME_MAX_AFTER_AUTH, /* as much as the link allows */
	FORWARD_PREFIX = 6,	    /* conn id, port: before a request */
};

/* most: the longest payload that the layout of the type can have. */
static const struct {
	const char *name; /* NULL: no such type */
	uint32_t most;
} types[] = {
	[FRAME_CONNECT_REQUEST] = { "CONNECT_REQUEST",
	    FORWARD_PREFIX + REQUEST_MAX },
	[FRAME_CONNECT_RESPONSE] = { "CONNECT_RESPONSE", 5 },
	[FRAME_DATA] = { "DATA", ANY },
	[FRAME_CLOSE] = { "CLOSE", 4 },
	[FRAME_KEEPALIVE] = { "KEEPALIVE", 0 },
	[FRAME_WINDOW] = { "WINDOW", 8 },
	[FRAME_FIN] = { "FIN", 4 },
	[FRAME_HELLO] = { "HELLO", ANY },
	[FRAME_CHALLENGE] = { "CHALLENGE", ANY },
	[FRAME_AUTH] = { "AUTH", ANY },
	[FRAME_WELCOME] = { "WELCOME", ANY },
	[FRAME_ERROR] = { "ERROR", ANY },
	[FRAME_GOAWAY] = { "GOAWAY", ANY },
	[FRAME_FORWARD] = { "FORWARD", REQUEST_MAX },
	[FRAME_READY] = { "READY", READY_SIZE },
	[FRAME_REFUSED] = { "REFUSED", ANY },
	[FRAME_EARLY] = { "EARLY", 8 + FRAME_EARLY_MAX },
	[FRAME_START] = { "START", 0 },
	[FRAME_DATAGRAM] = { "DATAGRAM", ANY },
	[FRAME_REGISTER] = { "REGISTER", REGISTER_PAYLOAD_MAX },
	[FRAME_REGISTERED] = { "REGISTERED", REGISTER_PAYLOAD_MAX },
};

static bool
known(unsigned type)
{
	return type < sizeof(types) / sizeof(types[0]) &&
	    types[type].name != NULL;
}

static enum wire_result
bad(const char **why, enum wire_code *code, const char *text,
    enum wire_code number)
{
	*why = text;
	*code = number;
	return WIRE_BAD;
}

/*
 * The length as far as its bytes are there, the missing ones taken as zero:
 * what is too long by then can only get longer.
 */
static uint32_t
length_so_far(const uint8_t *bytes, size_t len)
{
	uint32_t length = 0;

	for (size_t i = 2; i < len && i < FRAME_HEADER_SIZE; i++)
		length |= (uint32_t)bytes[i] << (8 * (5 - i));
	return length;
}

enum wire_result
frame_decode(const uint8_t *bytes, size_t len, uint32_t max,
    struct frame *frame, size_t *need, const char **why, enum wire_code *code)
{
	uint32_t length = length_so_far(bytes, len);

	if (len >= 1 && bytes[0] != FRAME_VERSION)
		return bad(why, code, "unknown version", CODE_VERSION);
	if (len >= 2 && !known(bytes[1]))
		return bad(why, code, "unknown frame type", CODE_PROTOCOL);
	if (length > max)
		return bad(why, code, "frame too long", CODE_PROTOCOL);
	if (len >= 2 && length > types[bytes[1]].most)
		return bad(why, code, "frame too long for its type",
		    CODE_PROTOCOL);
	*need = FRAME_HEADER_SIZE + (size_t)length;
	if (len < FRAME_HEADER_SIZE)
		*need = FRAME_HEADER_SIZE;
	if (len < *need)
		return WIRE_MORE;
	frame->type = (enum frame_type)bytes[1];
	frame->length = length;
	frame->payload = bytes + FRAME_HEADER_SIZE;
	return WIRE_OK;
}

void
frame_encode_header(uint8_t out[FRAME_HEADER_SIZE], enum frame_type type,
    uint32_t length)
{
	out[0] = FRAME_VERSION;
	out[1] = (uint8_t)type;
	wire_put_u32(out + 2, length);
}

const char *
frame_type_name(unsigned type)
{
	return known(type) ? types[type].name : "?";
}

const char *
wire_code_text(unsigned code)
{
	static const char *const texts[] = {
		[CODE_PROTOCOL] = "protocol error",
		[CODE_AUTH_FAILED] = "authentication failed",
		[CODE_NOT_ALLOWED] = "not allowed",
		[CODE_TOO_MANY_LINKS] = "too many links",
		[CODE_SHUTTING_DOWN] = "shutting down",
		[CODE_VERSION] = "unknown version",
		[CODE_TARGET_REFUSED] = "target refused the connection",
		[CODE_TARGET_TIMED_OUT] = "target timed out",
		[CODE_NAME_NOT_RESOLVED] = "target name not resolved",
		[CODE_TARGET_NOT_ALLOWED] = "target not allowed",
		[CODE_NO_SUCH_SERVICE] = "no such service",
		[CODE_DRAINING] = "draining",
		[CODE_LIMIT] = "limit reached",
	};

	if (code >= sizeof(texts) / sizeof(texts[0]) || texts[code] == NULL)
		return "unknown code";
	return texts[code];
}

void
wire_put_u16(uint8_t *out, uint16_t value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
}

void
wire_put_u32(uint8_t *out, uint32_t value)
{
	wire_put_u16(out, (uint16_t)(value >> 16));
	wire_put_u16(out + 2, (uint16_t)value);
}

void
wire_put_u64(uint8_t *out, uint64_t value)
{
	wire_put_u32(out, (uint32_t)(value >> 32));
	wire_put_u32(out + 4, (uint32_t)value);
}

uint16_t
wire_get_u16(const uint8_t *in)
{
	return (uint16_t)(in[0] << 8 | in[1]);
}

uint32_t
wire_get_u32(const uint8_t *in)
{
	return (uint32_t)wire_get_u16(in) << 16 | wire_get_u16(in + 2);
}

uint64_t
wire_get_u64(const uint8_t *in)
{
	return (uint64_t)wire_get_u32(in) << 32 | wire_get_u32(in + 4);
}

/* What a stranger wrote goes to logs: nothing but printable ASCII may. */
static void
copy_printable(char out[FRAME_TEXT_MAX + 1], const uint8_t *text, size_t len)
{
	if (len > FRAME_TEXT_MAX)
		len = FRAME_TEXT_MAX;
	for (size_t i = 0; i < len; i++)
		out[i] = text[i] >= 0x20 && text[i] < 0x7f ? (char)text[i]
							   : '?';
	out[len] = '\0';
}

bool
ready_decode(const struct frame *frame, uint64_t *session)
{
	if (frame->length != READY_SIZE)
		return false;
	*session = wire_get_u64(frame->payload);
	return true;
}

bool
refused_decode(const struct frame *frame, struct refusal *refusal)
{
	if (frame->length < 10)
		return false;
	refusal->session = wire_get_u64(frame->payload);
	refusal->code = wire_get_u16(frame->payload + 8);
	copy_printable(refusal->text, frame->payload + 10, frame->length - 10);
	return true;
}

bool
error_decode(const struct frame *frame, uint16_t *code,
    char text[FRAME_TEXT_MAX + 1])
{
	if (frame->length < 2)
		return false;
	*code = wire_get_u16(frame->payload);
	copy_printable(text, frame->payload + 2, frame->length - 2);
	return true;
}

bool
early_decode(const struct frame *frame, uint64_t *session,
    const uint8_t **early, size_t *early_len)
{
	if (frame->length < 8 || frame->length > 8 + FRAME_EARLY_MAX)
		return false;
	*session = wire_get_u64(frame->payload);
	*early = frame->payload + 8;
	*early_len = frame->length - 8;
	return true;
}

size_t
ready_encode(uint8_t out[READY_SIZE], uint64_t session)
{
	wire_put_u64(out, session);
	return READY_SIZE;
}

/* Copies text, cut at FRAME_TEXT_MAX but never inside a UTF-8 character. */
static size_t
put_text(uint8_t *out, const char *text)
{
	size_t len = strlen(text);

	if (len > FRAME_TEXT_MAX) {
		len = FRAME_TEXT_MAX;
		while (len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(out, text, len);
	return len;
}

size_t
refused_encode(uint8_t out[REFUSED_MAX], uint64_t session, enum wire_code code,
    const char *text)
{
	wire_put_u64(out, session);
	wire_put_u16(out + 8, (uint16_t)code);
	return 10 + put_text(out + 10, text);
}

size_t
error_encode(uint8_t out[ERROR_MAX], enum wire_code code, const char *text)
{
	wire_put_u16(out, (uint16_t)code);
	return 2 + put_text(out + 2, text);
}
