/* clienthello.h - what a TLS client sends first. Floor: wire. Source: RFC 8446,
 * 4.1.2 and 5.1. */
#ifndef WIRE_CLIENTHELLO_H
#define WIRE_CLIENTHELLO_H

#include "wire/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CLIENTHELLO_RECORD = 0x16,	/* the first byte: a handshake record */
	CLIENTHELLO_MESSAGE = 1,	/* the type of the message in it */
	CLIENTHELLO_RECORD_SIZE = 5,	/* type, version, length u16 */
	CLIENTHELLO_RECORD_MAX = 16384, /* bytes behind that */
	CLIENTHELLO_HEADER_SIZE = 4,	/* of the message: type, length u24 */
};

/* Whether a record that begins with these bytes may be of TLS 1.0 to 1.3, of a
 * length that is allowed, and begin with a ClientHello, as far as it has
 * come. */
bool clienthello_may_begin(const uint8_t *bytes, size_t len);

/*
 * Reads a ClientHello, without the header of the message, up to its
 * extensions: all that follows of them, empty where there are none. False when
 * it is malformed.
 */
bool clienthello_read(struct span body, struct span *extensions);

/* Takes the next extension off the list. False when it is not there whole. */
bool
clienthello_next(struct span *extensions, size_t *type, struct span *value);

#endif
