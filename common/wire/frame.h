/* frame.h - native frames: | version u8 | type u8 | length u32 | payload |.
 * Floor: wire. Source: doc/PROTOCOL, "Native frames". */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FRAME_VERSION = 1,
	FRAME_HEADER_SIZE = 6,
	FRAME_MAX_BEFORE_AUTH = 4096, /* payload bytes */
	FRAME_MAX_AFTER_AUTH = 65540,
	FRAME_EARLY_MAX = 16384, /* client bytes in one EARLY */
	FRAME_TEXT_MAX = 255,	 /* bytes of text in ERROR and REFUSED */
};

/* All types of the protocol, so that an unknown one is told from one that
 * merely is not allowed here. */
enum frame_type {
	FRAME_CONNECT_REQUEST = 0x01,
	FRAME_CONNECT_RESPONSE = 0x02,
	FRAME_DATA = 0x03,
	FRAME_CLOSE = 0x04,
	FRAME_KEEPALIVE = 0x05,
	FRAME_WINDOW = 0x06,
	FRAME_FIN = 0x07,
	FRAME_HELLO = 0x10,
	FRAME_CHALLENGE = 0x11,
	FRAME_AUTH = 0x12,
	FRAME_WELCOME = 0x13,
	FRAME_ERROR = 0x14,
	FRAME_GOAWAY = 0x15,
	FRAME_FORWARD = 0x20,
	FRAME_READY = 0x21,
	FRAME_REFUSED = 0x22,
	FRAME_EARLY = 0x23,
	FRAME_START = 0x24,
	FRAME_DATAGRAM = 0x25,
	FRAME_REGISTER = 0x30,
	FRAME_REGISTERED = 0x31,
};

/* Codes of ERROR and, from 16 on, of REFUSED. */
enum wire_code {
	CODE_PROTOCOL = 1,
	CODE_AUTH_FAILED = 2,
	CODE_NOT_ALLOWED = 3,
	CODE_TOO_MANY_LINKS = 4,
	CODE_SHUTTING_DOWN = 5,
	CODE_VERSION = 6,
	CODE_TARGET_REFUSED = 16,
	CODE_TARGET_TIMED_OUT = 17,
	CODE_NAME_NOT_RESOLVED = 18,
	CODE_TARGET_NOT_ALLOWED = 19,
	CODE_NO_SUCH_SERVICE = 20,
	CODE_DRAINING = 21,
	CODE_LIMIT = 22,
};

enum wire_result { WIRE_OK, WIRE_MORE, WIRE_BAD };

struct frame {
	enum frame_type type;
	uint32_t length;	/* of the payload, bytes */
	const uint8_t *payload; /* borrowed: the decoded buffer */
};

/*
 * Reads the frame at the start of bytes. max: the longest payload allowed now.
 * WIRE_OK: *frame is filled; the frame took FRAME_HEADER_SIZE + frame->length
 * bytes. WIRE_MORE: *need is how many bytes there must be before it is worth
 * calling again (a bad header is found as soon as its bad byte is there, so
 * a bound on memory holds). WIRE_BAD: *why is a constant text and *code the
 * CODE_* for ERROR. need, why and code must not be NULL.
 *
 * A type whose layout has a longest payload (KEEPALIVE and START: none, READY:
 * 8 bytes, FORWARD, EARLY, those of mux) is held to it here. Payloads that are
 * too short are left to the decoders below.
 */
enum wire_result frame_decode(const uint8_t *bytes, size_t len, uint32_t max,
    struct frame *frame, size_t *need, const char **why, enum wire_code *code);

/* Writes the six bytes before a payload of length bytes. */
void frame_encode_header(uint8_t out[FRAME_HEADER_SIZE], enum frame_type type,
    uint32_t length);

/* "FORWARD", or "?" for a number that is no type. */
const char *frame_type_name(unsigned type);

/* "target refused the connection" for CODE_TARGET_REFUSED; never NULL. */
const char *wire_code_text(unsigned code);

/* Big-endian numbers at a byte address. */
void wire_put_u16(uint8_t *out, uint16_t value);
void wire_put_u32(uint8_t *out, uint32_t value);
void wire_put_u64(uint8_t *out, uint64_t value);
uint16_t wire_get_u16(const uint8_t *in);
uint32_t wire_get_u32(const uint8_t *in);
uint64_t wire_get_u64(const uint8_t *in);

/*
 * Payloads of a number and perhaps a tail. Decoders return false when the
 * payload is too short, or too long for its type (READY).
 * text: what an ERROR or REFUSED says, made printable ASCII (other bytes
 * become '?') and cut at FRAME_TEXT_MAX, always terminated. Codes are taken
 * as they come: wire_code_text has a text for unknown ones too.
 */
struct refusal {
	uint64_t session;
	uint16_t code;
	char text[FRAME_TEXT_MAX + 1];
};
bool ready_decode(const struct frame *frame, uint64_t *session);
bool refused_decode(const struct frame *frame, struct refusal *refusal);
bool error_decode(const struct frame *frame, uint16_t *code,
    char text[FRAME_TEXT_MAX + 1]);
/* early: borrowed from the frame; at most FRAME_EARLY_MAX bytes. */
bool early_decode(const struct frame *frame, uint64_t *session,
    const uint8_t **early, size_t *early_len);

/* Payload encoders: return the number of bytes written to out. A longer text
 * is cut at FRAME_TEXT_MAX, between UTF-8 characters. */
enum {
	READY_SIZE = 8,
	REFUSED_MAX = 10 + FRAME_TEXT_MAX,
	ERROR_MAX = 2 + FRAME_TEXT_MAX
};
size_t ready_encode(uint8_t out[READY_SIZE], uint64_t session);
size_t refused_encode(uint8_t out[REFUSED_MAX], uint64_t session,
    enum wire_code code, const char *text);
size_t
error_encode(uint8_t out[ERROR_MAX], enum wire_code code, const char *text);

#endif
