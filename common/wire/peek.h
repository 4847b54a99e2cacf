/* peek.h - whom a client asks for, from its first bytes: the Host of an HTTP/1
 * request, the server name of a TLS ClientHello. Floor: wire. */
#ifndef WIRE_PEEK_H
#define WIRE_PEEK_H

#include "base/addr.h"

#include <stddef.h>
#include <stdint.h>

enum {
	PEEK_MAX = 16384, /* bytes: as EARLY, and what most servers take */
	PEEK_NAME_SIZE = ADDR_HOST_MAX + 1,
};

enum peek_answer {
	PEEK_MORE,  /* not yet known */
	PEEK_FOUND, /* a name */
	PEEK_NONE,  /* a request or a ClientHello without a name */
	PEEK_OTHER, /* neither, whatever may follow */
	PEEK_BAD,   /* one of the two, but it names nobody for certain */
};

enum peek_protocol { PEEK_HTTP, PEEK_TLS };

struct peek {
	enum peek_protocol protocol; /* not with PEEK_OTHER */
	/* PEEK_FOUND: as host_read writes names, or "[2001:db8::1]" in small
	 * letters; without a port. Else "". */
	char name[PEEK_NAME_SIZE];
	const char *why; /* PEEK_BAD: a constant text; else NULL */
};

/*
 * Looks at all that a client has sent so far. A pure function: whoever gets
 * PEEK_MORE asks again when there are more bytes. Any other answer is final:
 * with more bytes behind them it is the same. Of PEEK_MAX bytes or more the
 * first PEEK_MAX are looked at, and no answer is PEEK_MORE. bytes may be NULL
 * when len is 0.
 *
 * HTTP: the whole head of a request of version 1 is waited for. The name is
 * that of Host; of the request's target, where that has one, as a server does
 * (RFC 9112, 3.2.2). PEEK_BAD, for servers differ in what they make of it: two
 * fields Host; a Host and a target that name two hosts; a line that ends
 * without CR, or goes on in the next one. HTTP/2 in clear is PEEK_OTHER.
 *
 * TLS: the ClientHello may span records and is waited for as a whole. PEEK_BAD:
 * it is malformed, or does not name exactly one host in its extension
 * server_name (RFC 6066, 3). An encrypted ClientHello shows its outer name.
 */
enum peek_answer peek_look(const uint8_t *bytes, size_t len, struct peek *peek);

/*
 * What a client is told that nobody serves: for PEEK_FOUND and PEEK_NONE a 404
 * or the TLS alert unrecognized_name, for PEEK_BAD a 400 or decode_error; the
 * connection is to be closed behind it. *len bytes, constant; NULL and 0 for
 * what is neither HTTP nor TLS.
 */
const uint8_t *
peek_refusal(enum peek_answer answer, enum peek_protocol protocol, size_t *len);

#endif
