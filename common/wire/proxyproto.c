/*
 * proxyproto.c - the PROXY protocol, versions 1 and 2.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   wire. See doc/PROTOCOL, "The PROXY header".
 */
#include "wire/proxyproto.h"
#include "base/cidr.h"
#include "base/str.h"

#include <stdbool.h>
#include <string.h>

/* The header of version 2, and what stands in its two bytes of flags. */
enum {
	AT_COMMAND = 12,
	AT_FAMILY = 13,
	AT_LENGTH = 14,
	AT_ADDRESSES = 16,
	VERSION_2 = 0x20,
	LOCAL = 0,
	PROXY = 1,
	FAMILY_INET = 1,
	FAMILY_INET6 = 2,
	FAMILY_LAST = 3,
	PROTOCOL_STREAM = 1,
	PROTOCOL_DGRAM = 2,
	TLV_HEADER = 3,
	V1_MIN = 15, /* "PROXY UNKNOWN" CR LF */
};

static const uint8_t signature[AT_COMMAND] = { '\r', '\n', '\r', '\n', 0, '\r',
	'\n', 'Q', 'U', 'I', 'T', '\n' };
static const char v1_start[] = "PROXY ";

static const char no_header[] = "no PROXY header";
static const char bad_line[] = "the PROXY line is not as it must be";

/* --- writing ------------------------------------------------------------- */

static void
append_address(char *out, size_t size, size_t *used, const uint8_t *bytes,
    bool v6)
{
	struct cidr address = { .family = v6 ? 6 : 4, .bits = v6 ? 128 : 32 };
	char text[CIDR_TEXT_SIZE];

	memcpy(address.bytes, bytes, v6 ? 16 : 4);
	cidr_format(&address, text, sizeof(text));
	str_append(out, size, used, " %s", text);
}

size_t
proxyproto_encode_v1(const struct request *request,
    uint8_t out[PROXYPROTO_V1_MAX])
{
	bool v6 = request->family == REQUEST_IPV6;
	char line[PROXYPROTO_V1_MAX + 1];
	size_t used = 0;

	if (request->family == REQUEST_UNIX ||
	    request->protocol != REQUEST_TCP) {
		str_append(line, sizeof(line), &used, "PROXY UNKNOWN\r\n");
	} else {
		str_append(line, sizeof(line), &used, "PROXY TCP%c",
		    v6 ? '6' : '4');
		append_address(line, sizeof(line), &used, request->client_addr,
		    v6);
		append_address(line, sizeof(line), &used, request->public_addr,
		    v6);
		str_append(line, sizeof(line), &used, " %u %u\r\n",
		    (unsigned)request->client_port,
		    (unsigned)request->public_port);
	}
	memcpy(out, line, used);
	return used;
}

static size_t
put_addresses(const struct request *request, uint8_t *out)
{
	size_t each = request->family == REQUEST_IPV6 ? 16 : 4;

	memcpy(out, request->client_addr, each);
	memcpy(out + each, request->public_addr, each);
	wire_put_u16(out + 2 * each, request->client_port);
	wire_put_u16(out + 2 * each + 2, request->public_port);
	return 2 * each + 4;
}

static size_t
put_service(const char *service, uint8_t *out)
{
	size_t len = service != NULL ? strlen(service) : 0;

	if (len == 0 || len > PROXYPROTO_SERVICE_MAX)
		return 0;
	out[0] = PROXYPROTO_SERVICE;
	wire_put_u16(out + 1, (uint16_t)len);
	memcpy(out + TLV_HEADER, service, len);
	return TLV_HEADER + len;
}

size_t
proxyproto_encode_v2(const struct request *request, const char *service,
    uint8_t out[PROXYPROTO_ENCODED_MAX])
{
	bool udp = request->protocol == REQUEST_UDP;
	uint8_t family = 0;
	size_t used = AT_ADDRESSES;

	memcpy(out, signature, sizeof(signature));
	out[AT_COMMAND] = VERSION_2 | LOCAL;
	if (request->family != REQUEST_UNIX) {
		out[AT_COMMAND] = VERSION_2 | PROXY;
		family = request->family == REQUEST_IPV6 ? FAMILY_INET6
							 : FAMILY_INET;
		family = (uint8_t)(family << 4 |
		    (udp ? PROTOCOL_DGRAM : PROTOCOL_STREAM));
		used += put_addresses(request, out + used);
		used += put_service(service, out + used);
	}
	out[AT_FAMILY] = family;
	wire_put_u16(out + AT_LENGTH, (uint16_t)(used - AT_ADDRESSES));
	return used;
}

/* --- version 1 ----------------------------------------------------------- */

/* The next word of a line, where one more space stands behind it. */
static char *
take_word(char **line)
{
	char *word = *line, *space = strchr(word, ' ');

	if (space == NULL)
		return NULL;
	*space = '\0';
	*line = space + 1;
	return word;
}

static bool
read_address(const char *text, bool v6, struct proxyproto_end *end)
{
	struct cidr address;

	if (strchr(text, '/') != NULL || (strchr(text, ':') != NULL) != v6 ||
	    cidr_parse(text, &address) != NULL)
		return false;
	end->family = address.family;
	memcpy(end->bytes, address.bytes, sizeof(end->bytes));
	return true;
}

static bool
read_port(const char *text, uint16_t *port)
{
	unsigned value = 0;

	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (unsigned)(*text - '0');
		if (value > UINT16_MAX)
			return false;
	}
	*port = (uint16_t)value;
	return true;
}

/* What stands behind "PROXY ". */
static bool
read_line(char *line, struct proxyproto *proxy)
{
	static const char unknown[] = "UNKNOWN";
	size_t len = sizeof(unknown) - 1;
	char *word, *client, *public, *port;
	bool v6;

	if (strncmp(line, unknown, len) == 0)
		return line[len] == '\0' || line[len] == ' ';
	if ((word = take_word(&line)) == NULL)
		return false;
	v6 = strcmp(word, "TCP6") == 0;
	if ((!v6 && strcmp(word, "TCP4") != 0) ||
	    (client = take_word(&line)) == NULL ||
	    (public = take_word(&line)) == NULL ||
	    (port = take_word(&line)) == NULL)
		return false;
	return read_address(client, v6, &proxy->client) &&
	    read_address(public, v6, &proxy->public) &&
	    read_port(port, &proxy->client.port) &&
	    read_port(line, &proxy->public.port);
}

static enum wire_result
decode_v1(const uint8_t *bytes, size_t len, struct proxyproto *proxy,
    size_t *size, const char **why)
{
	size_t most = len < PROXYPROTO_V1_MAX ? len : PROXYPROTO_V1_MAX;
	char line[PROXYPROTO_V1_MAX + 1];
	size_t end = 0;

	while (end < most && bytes[end] != '\r' && bytes[end] != '\n') {
		if (bytes[end] == '\0') {
			*why = bad_line;
			return WIRE_BAD;
		}
		end++;
	}
	if (end + 1 >= PROXYPROTO_V1_MAX) {
		*why = "the PROXY line is longer than 107 bytes";
		return WIRE_BAD;
	}
	if (end == most || (bytes[end] == '\r' && end + 1 == len)) {
		*size = len < V1_MIN ? V1_MIN : len + 1;
		return WIRE_MORE;
	}
	memcpy(line, bytes, end);
	line[end] = '\0';
	*why = bad_line;
	if (bytes[end] != '\r' || bytes[end + 1] != '\n' ||
	    !read_line(line + strlen(v1_start), proxy))
		return WIRE_BAD;
	*size = end + 2;
	return WIRE_OK;
}

/* --- version 2 ----------------------------------------------------------- */

/* As net/endpoint does. */
static void
set_end(struct proxyproto_end *end, const uint8_t *bytes, size_t len,
    const uint8_t *port)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	end->family = len == 4 ? 4 : 6;
	end->port = wire_get_u16(port);
	if (len == 16 && memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		end->family = 4;
		bytes += sizeof(mapped);
		len = 4;
	}
	memcpy(end->bytes, bytes, len);
}

/* Walks the TLVs; false: they do not fill what there is. */
static bool
read_tlvs(const uint8_t *bytes, size_t len, struct proxyproto *proxy)
{
	while (len > 0) {
		size_t value;

		if (len < TLV_HEADER ||
		    (value = wire_get_u16(bytes + 1)) > len - TLV_HEADER)
			return false;
		if (bytes[0] == PROXYPROTO_SERVICE) {
			proxy->service = bytes + TLV_HEADER;
			proxy->service_len = value;
		}
		bytes += TLV_HEADER + value;
		len -= TLV_HEADER + value;
	}
	return true;
}

/* What stands behind the first 16 bytes. Returns what is wrong, or NULL. */
static const char *
read_block(uint8_t family, const uint8_t *bytes, size_t len,
    struct proxyproto *proxy)
{
	size_t each = family >> 4 == FAMILY_INET6 ? 16 : 4;
	uint8_t protocol = family & 0x0f;

	if ((family >> 4 != FAMILY_INET && family >> 4 != FAMILY_INET6) ||
	    protocol == 0)
		return NULL; /* nothing is told */
	if (len < 2 * each + 4)
		return "the PROXY header is too short for its addresses";
	proxy->protocol = protocol == PROTOCOL_DGRAM ? REQUEST_UDP
						     : REQUEST_TCP;
	set_end(&proxy->client, bytes, each, bytes + 2 * each);
	set_end(&proxy->public, bytes + each, each, bytes + 2 * each + 2);
	if (!read_tlvs(bytes + 2 * each + 4, len - 2 * each - 4, proxy))
		return "the PROXY header ends in the middle of a TLV";
	return NULL;
}

/* Each byte of the header, as far as they have come. */
static const char *
check_v2(const uint8_t *bytes, size_t len)
{
	if (len > AT_COMMAND && bytes[AT_COMMAND] != (VERSION_2 | LOCAL) &&
	    bytes[AT_COMMAND] != (VERSION_2 | PROXY))
		return "the PROXY header has an unknown version or command";
	if (len > AT_FAMILY && bytes[AT_COMMAND] == (VERSION_2 | PROXY) &&
	    (bytes[AT_FAMILY] >> 4 > FAMILY_LAST ||
		(bytes[AT_FAMILY] & 0x0f) > PROTOCOL_DGRAM))
		return "the PROXY header has an unknown family or protocol";
	if (len >= AT_ADDRESSES &&
	    wire_get_u16(bytes + AT_LENGTH) > PROXYPROTO_V2_MAX - AT_ADDRESSES)
		return "the PROXY header is longer than 4096 bytes";
	return NULL;
}

static enum wire_result
decode_v2(const uint8_t *bytes, size_t len, struct proxyproto *proxy,
    size_t *size, const char **why)
{
	if ((*why = check_v2(bytes, len)) != NULL)
		return WIRE_BAD;
	*size = AT_ADDRESSES;
	if (len < *size)
		return WIRE_MORE;
	*size += wire_get_u16(bytes + AT_LENGTH);
	if (len < *size)
		return WIRE_MORE;
	if (bytes[AT_COMMAND] == (VERSION_2 | LOCAL))
		return WIRE_OK;
	*why = read_block(bytes[AT_FAMILY], bytes + AT_ADDRESSES,
	    *size - AT_ADDRESSES, proxy);
	return *why == NULL ? WIRE_OK : WIRE_BAD;
}

/* --- both ---------------------------------------------------------------- */

/* Whether the bytes are the beginning of start, or begin with it. */
static bool
may_begin(const uint8_t *bytes, size_t len, const void *start, size_t start_len)
{
	return memcmp(bytes, start, len < start_len ? len : start_len) == 0;
}

enum wire_result
proxyproto_decode(const uint8_t *bytes, size_t len, struct proxyproto *proxy,
    size_t *size, const char **why)
{
	memset(proxy, 0, sizeof(*proxy));
	if (len == 0) {
		*size = V1_MIN;
		return WIRE_MORE;
	}
	if (may_begin(bytes, len, v1_start, strlen(v1_start)))
		return decode_v1(bytes, len, proxy, size, why);
	if (may_begin(bytes, len, signature, sizeof(signature)))
		return decode_v2(bytes, len, proxy, size, why);
	*why = no_header;
	return WIRE_BAD;
}
