/* request.h - the request that FORWARD carries: 52 bytes, then the target.
 * Floor: wire. Source: doc/PROTOCOL, "The request of FORWARD". */
#ifndef WIRE_REQUEST_H
#define WIRE_REQUEST_H

#include <stddef.h>
#include <stdint.h>

enum {
	REQUEST_FIXED_SIZE = 52,
	REQUEST_TARGET_MAX = 255,
	REQUEST_MAX = REQUEST_FIXED_SIZE + REQUEST_TARGET_MAX,
};

enum request_family { REQUEST_UNIX = 0, REQUEST_IPV4 = 4, REQUEST_IPV6 = 6 };
enum request_protocol { REQUEST_TCP = 0, REQUEST_UDP = 1 };

struct request {
	uint64_t session;
	uint32_t service;	    /* 0 = the service "default" */
	uint16_t waiting;	    /* clients that wait for this inner */
	enum request_family family; /* of both addresses */
	enum request_protocol protocol;
	uint16_t client_port, public_port;
	uint8_t client_addr[16]; /* IPv4 in the first four bytes */
	uint8_t public_addr[16];
	char target[REQUEST_TARGET_MAX + 1]; /* "" = the inner's own */
};

/* Writes the request; returns its size in bytes. */
size_t request_encode(const struct request *request, uint8_t out[REQUEST_MAX]);

/*
 * Reads a whole FORWARD payload. Returns NULL, or a constant text that says
 * what is wrong: too short, too long, an unknown family or protocol, a target
 * with a byte that is not printable ASCII.
 */
const char *
request_decode(const uint8_t *bytes, size_t len, struct request *request);

/*
 * The client's address as people read it: "192.0.2.1:4711",
 * "[2001:db8::1]:4711" (RFC 5952) or "unix". out: at least
 * REQUEST_CLIENT_SIZE bytes.
 */
enum { REQUEST_CLIENT_SIZE = 64 };
void request_client_text(const struct request *request,
    char out[REQUEST_CLIENT_SIZE]);

#endif
