/* endpoint.h - a socket address as numbers and as text. Floor: net. */
#ifndef NET_ENDPOINT_H
#define NET_ENDPOINT_H

#include "sys/sock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sockaddr;

enum { ENDPOINT_TEXT_SIZE = 64 };

struct endpoint {
	uint8_t family; /* 0 = Unix, 4, 6 */
	uint16_t port;
	uint8_t bytes[16]; /* IPv4 in the first four */
};

/* An IPv4 address mapped into IPv6 (RFC 4291 2.5.5.2) becomes plain IPv4. */
void endpoint_from(const struct sockaddr *address, struct endpoint *endpoint);

/* The near end of a socket, the far one. An unknown one reads as Unix. */
void endpoint_local(sock_fd fd, struct endpoint *endpoint);
void endpoint_peer(sock_fd fd, struct endpoint *endpoint);

/* Whether it is an address of loopback (127/8, ::1); that of all (0.0.0.0,
 * ::). */
bool endpoint_is_loopback(const struct endpoint *endpoint);
bool endpoint_is_any(const struct endpoint *endpoint);

/* Whether this machine has that address now. Its port does not count. */
bool endpoint_is_own(const struct endpoint *endpoint);

/* "192.0.2.1:4711", "[2001:db8::1]:4711" or "unix"; without the port when
 * with_port is false. */
void endpoint_text(const struct endpoint *endpoint, bool with_port,
    char out[ENDPOINT_TEXT_SIZE]);

#endif
