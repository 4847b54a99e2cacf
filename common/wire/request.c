/*
 * request.c - the request that FORWARD carries.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   wire. See doc/PROTOCOL, "The request of FORWARD".
 */
#include "wire/request.h"
#include "base/str.h"
#include "wire/frame.h"

#include <string.h>

/* Where each field of the request starts, in bytes. */
enum {
	AT_SESSION = 0,
	AT_SERVICE = 8,
	AT_WAITING = 12,
	AT_FAMILY = 14,
	AT_PROTOCOL = 15,
	AT_CLIENT_PORT = 16,
	AT_PUBLIC_PORT = 18,
	AT_CLIENT_ADDR = 20,
	AT_PUBLIC_ADDR = 36,
	AT_TARGET = REQUEST_FIXED_SIZE,
};

size_t
request_encode(const struct request *request, uint8_t out[REQUEST_MAX])
{
	size_t target_len = strlen(request->target);

	wire_put_u64(out + AT_SESSION, request->session);
	wire_put_u32(out + AT_SERVICE, request->service);
	wire_put_u16(out + AT_WAITING, request->waiting);
	out[AT_FAMILY] = (uint8_t)request->family;
	out[AT_PROTOCOL] = (uint8_t)request->protocol;
	wire_put_u16(out + AT_CLIENT_PORT, request->client_port);
	wire_put_u16(out + AT_PUBLIC_PORT, request->public_port);
	memcpy(out + AT_CLIENT_ADDR, request->client_addr, 16);
	memcpy(out + AT_PUBLIC_ADDR, request->public_addr, 16);
	memcpy(out + AT_TARGET, request->target, target_len);
	return REQUEST_FIXED_SIZE + target_len;
}

static bool
known_family(uint8_t family)
{
	return family == REQUEST_UNIX || family == REQUEST_IPV4 ||
	    family == REQUEST_IPV6;
}

const char *
request_decode(const uint8_t *bytes, size_t len, struct request *request)
{
	if (len < REQUEST_FIXED_SIZE)
		return "the request is too short";
	if (len > REQUEST_MAX)
		return "the request is too long";
	if (!known_family(bytes[AT_FAMILY]))
		return "the request has an unknown address family";
	if (bytes[AT_PROTOCOL] > REQUEST_UDP)
		return "the request has an unknown protocol";
	for (size_t i = AT_TARGET; i < len; i++)
		if (bytes[i] < 0x20 || bytes[i] > 0x7e)
			return "the target is not printable ASCII";
	request->session = wire_get_u64(bytes + AT_SESSION);
	request->service = wire_get_u32(bytes + AT_SERVICE);
	request->waiting = wire_get_u16(bytes + AT_WAITING);
	request->family = (enum request_family)bytes[AT_FAMILY];
	request->protocol = (enum request_protocol)bytes[AT_PROTOCOL];
	request->client_port = wire_get_u16(bytes + AT_CLIENT_PORT);
	request->public_port = wire_get_u16(bytes + AT_PUBLIC_PORT);
	memcpy(request->client_addr, bytes + AT_CLIENT_ADDR, 16);
	memcpy(request->public_addr, bytes + AT_PUBLIC_ADDR, 16);
	memcpy(request->target, bytes + AT_TARGET, len - AT_TARGET);
	request->target[len - AT_TARGET] = '\0';
	return NULL;
}

/* The first longest run of two or more zero groups, which "::" stands for. */
static int
longest_zero_run(const uint8_t addr[16], int *best_len)
{
	int best = -1, len = 0;

	*best_len = 1;
	for (int i = 0; i < 8; i++) {
		len = wire_get_u16(addr + 2 * i) == 0 ? len + 1 : 0;
		if (len > *best_len) {
			*best_len = len;
			best = i + 1 - len;
		}
	}
	return best;
}

/*
 * RFC 5952, written here because inet_ntop is a socket library's and not the
 * same header everywhere. Mapped IPv4 addresses end as dotted quads.
 */
static void
append_ipv6(char *out, size_t size, size_t *used, const uint8_t addr[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	int run_len, run = longest_zero_run(addr, &run_len);

	if (memcmp(addr, mapped, sizeof(mapped)) == 0) {
		str_append(out, size, used, "::ffff:%u.%u.%u.%u", addr[12],
		    addr[13], addr[14], addr[15]);
		return;
	}
	for (int i = 0; i < 8; i++) {
		if (i == run) {
			str_append(out, size, used, "::");
			i += run_len - 1;
			continue;
		}
		if (i > 0 && (run < 0 || i != run + run_len))
			str_append(out, size, used, ":");
		str_append(out, size, used, "%x",
		    (unsigned)wire_get_u16(addr + 2 * i));
	}
}

void
request_client_text(const struct request *request,
    char out[REQUEST_CLIENT_SIZE])
{
	const uint8_t *addr = request->client_addr;
	unsigned port = request->client_port;
	size_t used = 0;

	switch (request->family) {
	case REQUEST_UNIX:
		str_append(out, REQUEST_CLIENT_SIZE, &used, "unix");
		break;
	case REQUEST_IPV4:
		str_append(out, REQUEST_CLIENT_SIZE, &used, "%u.%u.%u.%u:%u",
		    addr[0], addr[1], addr[2], addr[3], port);
		break;
	case REQUEST_IPV6:
		str_append(out, REQUEST_CLIENT_SIZE, &used, "[");
		append_ipv6(out, REQUEST_CLIENT_SIZE, &used, addr);
		str_append(out, REQUEST_CLIENT_SIZE, &used, "]:%u", port);
		break;
	}
}
