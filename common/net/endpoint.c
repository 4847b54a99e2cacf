/*
 * endpoint.c - a socket address as numbers and as text.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   net.
 */
#include "net/endpoint.h"
#include "sys/inet.h"

#include <event2/util.h>
#include <stdio.h>
#include <string.h>

enum { SOME_PORT = 9 }; /* discard; nothing is sent there */

static const uint8_t mapped_prefix[12] = {
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0xff,
	0xff,
};

void
endpoint_from(const struct sockaddr *address, struct endpoint *endpoint)
{
	memset(endpoint, 0, sizeof(*endpoint));
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;

		endpoint->family = 4;
		endpoint->port = ntohs(in->sin_port);
		memcpy(endpoint->bytes, &in->sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)address;
		const uint8_t *bytes = (const uint8_t *)&in6->sin6_addr;

		endpoint->port = ntohs(in6->sin6_port);
		if (memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0) {
			endpoint->family = 4;
			memcpy(endpoint->bytes, bytes + 12, 4);
		} else {
			endpoint->family = 6;
			memcpy(endpoint->bytes, bytes, 16);
		}
	}
}

void
endpoint_local(sock_fd fd, struct endpoint *endpoint)
{
	struct sockaddr_storage address;
	ev_socklen_t len = sizeof(address);

	memset(&address, 0, sizeof(address));
	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		address.ss_family = AF_UNSPEC;
	endpoint_from((struct sockaddr *)&address, endpoint);
}

void
endpoint_peer(sock_fd fd, struct endpoint *endpoint)
{
	struct sockaddr_storage address;
	ev_socklen_t len = sizeof(address);

	memset(&address, 0, sizeof(address));
	if (getpeername(fd, (struct sockaddr *)&address, &len) != 0)
		address.ss_family = AF_UNSPEC;
	endpoint_from((struct sockaddr *)&address, endpoint);
}

bool
endpoint_is_loopback(const struct endpoint *endpoint)
{
	static const uint8_t v6[16] = { [15] = 1 };

	if (endpoint->family == 4)
		return endpoint->bytes[0] == 127;
	return endpoint->family == 6 &&
	    memcmp(endpoint->bytes, v6, sizeof(v6)) == 0;
}

bool
endpoint_is_any(const struct endpoint *endpoint)
{
	static const uint8_t none[16];

	return endpoint->family != 0 &&
	    memcmp(endpoint->bytes, none, sizeof(none)) == 0;
}

/* Who talks to an address of his own does so from that one. */
bool
endpoint_is_own(const struct endpoint *endpoint)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(SOME_PORT) };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(SOME_PORT) };
	struct sockaddr_storage from;
	struct endpoint own;
	bool known;

	if (endpoint->family == 0 || endpoint_is_loopback(endpoint))
		return endpoint->family != 0;
	memcpy(&sin.sin_addr, endpoint->bytes, 4);
	memcpy(&sin6.sin6_addr, endpoint->bytes, 16);
	known = endpoint->family == 4
	    ? inet_near_end((const void *)&sin, sizeof(sin), &from)
	    : inet_near_end((const void *)&sin6, sizeof(sin6), &from);
	if (!known)
		return false;
	endpoint_from((const struct sockaddr *)&from, &own);
	return own.family == endpoint->family &&
	    memcmp(own.bytes, endpoint->bytes, sizeof(own.bytes)) == 0;
}

void
endpoint_text(const struct endpoint *endpoint, bool with_port,
    char out[ENDPOINT_TEXT_SIZE])
{
	bool v6 = endpoint->family == 6;
	char host[48];

	if (endpoint->family == 0) {
		snprintf(out, ENDPOINT_TEXT_SIZE, "unix");
		return;
	}
	evutil_inet_ntop(v6 ? AF_INET6 : AF_INET, endpoint->bytes, host,
	    sizeof(host));
	if (with_port)
		snprintf(out, ENDPOINT_TEXT_SIZE, v6 ? "[%s]:%u" : "%s:%u",
		    host, (unsigned)endpoint->port);
	else
		snprintf(out, ENDPOINT_TEXT_SIZE, "%s", host);
}
