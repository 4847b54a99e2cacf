/*
 * clienthello.c - what a TLS client sends first.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   wire.
 */
#include "wire/clienthello.h"
#include "wire/frame.h"

#include <string.h>

enum {
	TLS_1_0 = 0x0301,
	TLS_1_2 = 0x0303, /* also what TLS 1.3 writes there */
	RANDOM_SIZE = 32,
	SESSION_MAX = 32,
};

bool
clienthello_may_begin(const uint8_t *bytes, size_t len)
{
	if (len >= 1 && bytes[0] != CLIENTHELLO_RECORD)
		return false;
	if (len >= 2 && bytes[1] != TLS_1_0 >> 8)
		return false;
	if (len >= 3 &&
	    (bytes[2] < (TLS_1_0 & 0xff) || bytes[2] > (TLS_1_2 & 0xff)))
		return false;
	if (len >= CLIENTHELLO_RECORD_SIZE &&
	    (wire_get_u16(bytes + 3) == 0 ||
		wire_get_u16(bytes + 3) > CLIENTHELLO_RECORD_MAX))
		return false;
	return len <= CLIENTHELLO_RECORD_SIZE ||
	    bytes[CLIENTHELLO_RECORD_SIZE] == CLIENTHELLO_MESSAGE;
}

bool
clienthello_read(struct span body, struct span *extensions)
{
	struct span random, session, suites, compression;
	size_t version;

	if (!span_number(&body, 2, &version) || version < TLS_1_0 ||
	    version > TLS_1_2 || !span_take(&body, RANDOM_SIZE, &random) ||
	    !span_vector(&body, 1, &session) || session.left > SESSION_MAX ||
	    !span_vector(&body, 2, &suites) || suites.left == 0 ||
	    suites.left % 2 != 0 || !span_vector(&body, 1, &compression) ||
	    memchr(compression.at, 0, compression.left) == NULL)
		return false;
	*extensions = body;
	if (body.left == 0)
		return true; /* before TLS 1.3 there need be none */
	return span_vector(&body, 2, extensions) && body.left == 0;
}

bool
clienthello_next(struct span *extensions, size_t *type, struct span *value)
{
	return span_number(extensions, 2, type) &&
	    span_vector(extensions, 2, value);
}
