/* proxyproto.h - the PROXY protocol, versions 1 and 2: a header before all
 * other bytes that tells a server the address of a proxy's client. Floor:
 * wire. Source: haproxy's doc/proxy-protocol.txt; doc/PROTOCOL, "The PROXY
 * header". */
#ifndef WIRE_PROXYPROTO_H
#define WIRE_PROXYPROTO_H

#include "wire/frame.h"
#include "wire/request.h"

#include <stddef.h>
#include <stdint.h>

enum {
	PROXYPROTO_V1_MAX = 107, /* bytes, CR LF included */
	/* The specification fits what it knows of into one segment of 536
	 * bytes; what proxies say of certificates can be longer. */
	PROXYPROTO_V2_MAX = 4096,
	/* The TLV that names the service, of the range that is free for
	 * applications. Clouds use 0xe0 (Google), 0xea (AWS), 0xee (Azure). */
	PROXYPROTO_SERVICE = 0xe5,
	PROXYPROTO_SERVICE_MAX = 255, /* bytes of a name */
	/* What is written here is at most as long as this: IPv6 and a name. */
	PROXYPROTO_ENCODED_MAX = 16 + 36 + 3 + PROXYPROTO_SERVICE_MAX,
};

/* One end of the client's connection, laid out as struct endpoint is. */
struct proxyproto_end {
	uint8_t family; /* 4, 6; 0: not told, so what the socket says counts */
	uint16_t port;
	uint8_t bytes[16]; /* IPv4 in the first four, mapped IPv4 too */
};

struct proxyproto {
	/* Both are told or neither. They may be of two families, where one
	 * address was IPv4 mapped into IPv6. */
	struct proxyproto_end client, public;
	enum request_protocol protocol; /* REQUEST_TCP where nothing is told */
	const uint8_t *service;		/* borrowed: the bytes; NULL: none */
	size_t service_len;
};

/*
 * Write the header that tells the client and the public address of a request;
 * return its size. Version 1 has no word for UDP: both say that nothing is
 * known for a Unix client ("UNKNOWN", LOCAL), and version 1 does for UDP.
 * service: its name for the TLV of version 2; NULL, "" or one that is too long
 * is left out, and LOCAL carries none.
 */
size_t proxyproto_encode_v1(const struct request *request,
    uint8_t out[PROXYPROTO_V1_MAX]);
size_t proxyproto_encode_v2(const struct request *request, const char *service,
    uint8_t out[PROXYPROTO_ENCODED_MAX]);

/*
 * Reads the header of either version at the start of bytes, which may have
 * others behind it. WIRE_OK: *proxy is filled, and *size is the header's
 * length. WIRE_MORE: *size is how many bytes there must be before it is worth
 * calling again, at most PROXYPROTO_V2_MAX. WIRE_BAD, as soon as the bad byte
 * is there: *why is a constant text. size and why must not be NULL; bytes may
 * be when len is 0.
 *
 * Addresses are told by TCP and UDP over IPv4 and IPv6. All else that is
 * legal (UNKNOWN, LOCAL, UNSPEC, Unix) tells none and is WIRE_OK. Only bytes
 * from a proxy that the operator has named are to be given to this: anybody
 * can write any address.
 */
enum wire_result proxyproto_decode(const uint8_t *bytes, size_t len,
    struct proxyproto *proxy, size_t *size, const char **why);

#endif
