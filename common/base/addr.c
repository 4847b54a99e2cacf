/*
 * addr.c - the text of addresses.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   base. Names are not resolved here: see net/resolve.
 */
#include "base/addr.h"
#include "base/str.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char no_number[] = "the port is not a number";

static const char *
parse_unix(const char *path, struct addr *addr)
{
	addr->kind = ADDR_UNIX;
	if (path[0] != '/')
		return "a Unix path starts with /, as in unix:///run/name.sock";
	if (path[1] == '\0')
		return "the path is missing";
	if (!str_copy(addr->path, sizeof(addr->path), path))
		return "the path is longer than 107 bytes, the system's limit";
	return NULL;
}

const char *
addr_read_port(const char **text, uint16_t *port)
{
	unsigned value = 0;

	if (**text == '\0')
		return "the port is missing";
	if (!isdigit((unsigned char)**text))
		return no_number;
	for (; isdigit((unsigned char)**text); (*text)++) {
		value = value * 10 + (unsigned)(**text - '0');
		if (value > UINT16_MAX)
			return "the port is over 65535";
	}
	*port = (uint16_t)value;
	return NULL;
}

/* last: the port behind the hyphen, or NULL where no range may stand. */
static const char *
parse_ports(const char *text, uint16_t *first, uint16_t *last)
{
	const char *wrong = addr_read_port(&text, first);

	if (wrong == NULL && last != NULL) {
		*last = *first;
		if (*text == '-') {
			text++;
			wrong = addr_read_port(&text, last);
		}
	}
	if (wrong != NULL)
		return wrong;
	return *text == '\0' ? NULL : no_number;
}

static bool
legal_host(const char *host, bool bracketed)
{
	const char *others = bracketed ? ":.%-_" : ".-_";

	for (; *host != '\0'; host++)
		if (!isalnum((unsigned char)*host) &&
		    strchr(others, *host) == NULL)
			return false;
	return true;
}

static const char *
parse_tcp(const char *text, struct addr *addr, uint16_t *last)
{
	bool bracketed = text[0] == '[';
	const char *end, *colon;
	size_t len;

	addr->kind = ADDR_TCP;
	if (bracketed) {
		text++;
		end = strchr(text, ']');
		if (end == NULL || end[1] != ':')
			return "an IPv6 address is written [address]:port";
		colon = end + 1;
	} else {
		colon = end = strrchr(text, ':');
		if (colon == NULL)
			return "the port is missing";
		if (strchr(text, ':') != colon)
			return "an IPv6 address is written [address]:port";
	}
	len = (size_t)(end - text);
	if (len > ADDR_HOST_MAX)
		return "the host is longer than 253 characters";
	memcpy(addr->host, text, len);
	addr->host[len] = '\0';
	if (bracketed && (len == 0 || strchr(addr->host, ':') == NULL))
		return "an IPv6 address is written [address]:port";
	if (!legal_host(addr->host, bracketed))
		return "the host has a character that no host name has";
	return parse_ports(colon + 1, &addr->port, last);
}

static const char *
parse(const char *text, struct addr *addr, uint16_t *last)
{
	memset(addr, 0, sizeof(*addr));
	if (strncasecmp(text, "tcp://", 6) == 0)
		return parse_tcp(text + 6, addr, last);
	if (strncasecmp(text, "tls://", 6) == 0) {
		addr->tls = true;
		return parse_tcp(text + 6, addr, last);
	}
	if (strncasecmp(text, "unix://", 7) == 0)
		return parse_unix(text + 7, addr);
	return "an address starts with tcp:// or unix://";
}

const char *
addr_parse(const char *text, struct addr *addr)
{
	return parse(text, addr, NULL);
}

const char *
addr_range_parse(const char *text, struct addr_range *range)
{
	uint16_t last = 0;
	const char *wrong = parse(text, &range->first, &last);

	if (wrong != NULL)
		return wrong;
	range->count = 1;
	if (last == range->first.port)
		return NULL;
	if (range->first.port == 0)
		return "a range of ports begins at 1 or above";
	if (last < range->first.port)
		return "a range of ports begins with the smaller number";
	if (last - range->first.port >= ADDR_RANGE_MAX)
		return "a range has at most 1000 ports";
	range->count = (uint16_t)(last - range->first.port + 1);
	return NULL;
}

void
addr_format(const struct addr *addr, char *out, size_t size)
{
	bool v6 = strchr(addr->host, ':') != NULL;

	if (addr->kind == ADDR_NONE)
		snprintf(out, size, "%s", "");
	else if (addr->kind == ADDR_UNIX)
		snprintf(out, size, "unix://%s", addr->path);
	else
		snprintf(out, size, v6 ? "%s://[%s]:%u" : "%s://%s:%u",
		    addr->tls ? "tls" : "tcp", addr->host,
		    (unsigned)addr->port);
}

void
addr_range_format(const struct addr_range *range, char *out, size_t size)
{
	size_t used;

	addr_format(&range->first, out, size);
	used = strlen(out);
	if (range->count > 1)
		str_append(out, size, &used, "-%u",
		    (unsigned)range->first.port + range->count - 1);
}

bool
addr_range_nth(const struct addr_range *range, unsigned nth, struct addr *addr)
{
	if (nth >= range->count)
		return false;
	*addr = range->first;
	addr->port = (uint16_t)(addr->port + nth);
	return true;
}

/* 127/8 in digits; "127.example.org" is a name, and not ours. */
static bool
is_loopback_ipv4(const char *host)
{
	return strncmp(host, "127.", 4) == 0 &&
	    host[strspn(host, "0123456789.")] == '\0';
}

bool
addr_is_local(const struct addr *addr)
{
	return addr->kind == ADDR_UNIX || is_loopback_ipv4(addr->host) ||
	    strcmp(addr->host, "::1") == 0 ||
	    strcasecmp(addr->host, "localhost") == 0;
}
