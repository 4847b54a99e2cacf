/*
 * targets.c - AllowTargets: what the outer may make an inner dial.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   base. Names are not resolved here, so that what is allowed does
 *          not depend on what somebody's name server says today.
 */
#include "base/targets.h"
#include "base/host.h"
#include "base/str.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char no_v4[] =
    "neither a name nor an IPv4 address in four decimal numbers";
static const char no_v6[] =
    "an IPv6 address is written [address]:port, a block [address/bits]:port";
static const char no_port[] =
    "a port is a number, a range as 8000-8099, or *, with commas between them";
static const char too_long[] = "the host is longer than 253 characters";

/* --- hosts --------------------------------------------------------------- */

static bool
all_digits(const char *text, int (*is_digit)(int))
{
	while (is_digit((unsigned char)*text))
		text++;
	return *text == '\0';
}

/*
 * Whether getaddrinfo(3) might take a name for an address: inet_aton(3) reads
 * one to four numbers, decimal, octal or hexadecimal. No name that a domain
 * registry knows ends in a number.
 */
static bool
ends_in_number(const char *name)
{
	const char *dot = strrchr(name, '.');
	const char *last = dot != NULL ? dot + 1 : name;

	if (last[0] == '0' && (last[1] == 'x' || last[1] == 'X'))
		return all_digits(last + 2, isxdigit);
	return all_digits(last, isdigit);
}

static const char *
read_name(const char *text, size_t len, char name[ADDR_HOST_MAX + 1])
{
	const char *wrong = host_read(text, len, name);

	if (wrong != NULL)
		return wrong;
	return ends_in_number(name) ? no_v4 : NULL;
}

/* 0.0.0.0 or ::, and not a block that begins there. */
static bool
is_unspecified(const struct cidr *net)
{
	static const uint8_t zeros[sizeof(net->bytes)];

	return net->bits == (net->family == 4 ? 32 : 128) &&
	    memcmp(net->bytes, zeros, sizeof(zeros)) == 0;
}

static const char *
read_net(const char *text, size_t len, struct targets_entry *entry)
{
	char block[CIDR_TEXT_SIZE * 2]; /* addresses can be written longer */
	const char *wrong;

	entry->kind = TARGETS_NET;
	if (len >= sizeof(block))
		return "no address is that long";
	memcpy(block, text, len);
	block[len] = '\0';
	if ((wrong = cidr_parse(block, &entry->net)) != NULL)
		return wrong;
	if (is_unspecified(&entry->net))
		return "nobody can be reached at 0.0.0.0 or ::; for all "
		       "addresses write 0.0.0.0/0 or [::/0]";
	return NULL;
}

static const char *
read_host(const char *text, size_t len, struct targets_entry *entry)
{
	struct cidr address;
	char host[2 + ADDR_HOST_MAX + 2]; /* a dot and the NUL behind */

	if (len == 1 && text[0] == '*') {
		entry->kind = TARGETS_ANY;
		return NULL;
	}
	if (len >= sizeof(host))
		return too_long;
	memcpy(host, text, len);
	host[len] = '\0';
	if (strchr(host, '/') != NULL || cidr_parse(host, &address) == NULL)
		return read_net(text, len, entry);
	entry->kind = TARGETS_NAME;
	if (len > 2 && text[0] == '*' && text[1] == '.') {
		entry->kind = TARGETS_BELOW;
		text += 2;
		len -= 2;
	}
	return read_name(text, len, entry->text);
}

/* --- ports --------------------------------------------------------------- */

/* One number; *text moves behind it. */
static const char *
read_port(const char **text, uint16_t *port)
{
	const char *wrong;

	if (!isdigit((unsigned char)**text))
		return no_port;
	if ((wrong = addr_read_port(text, port)) != NULL)
		return wrong;
	return *port == 0 ? "nobody can be reached at port 0" : NULL;
}

static const char *
read_range(const char **text, struct targets_ports *ports)
{
	const char *wrong = read_port(text, &ports->first);

	ports->last = ports->first;
	if (wrong != NULL || **text != '-')
		return wrong;
	(*text)++;
	if ((wrong = read_port(text, &ports->last)) != NULL)
		return wrong;
	return ports->first > ports->last ? "a range of ports begins with the "
					    "smaller number"
					  : NULL;
}

static const char *
read_ports(const char *text, struct targets_entry *entry)
{
	const char *wrong;

	if (*text == '\0')
		return "the port is missing";
	if (strcmp(text, "*") == 0) {
		entry->ports[0] = (struct targets_ports){ 1, UINT16_MAX };
		entry->port_count = 1;
		return NULL;
	}
	for (;; text++) {
		if (entry->port_count == TARGETS_PORTS_MAX)
			return "more than 16 ports and ranges: write a second "
			       "entry";
		wrong = read_range(&text, &entry->ports[entry->port_count++]);
		if (wrong != NULL || *text == '\0')
			return wrong;
		if (*text != ',')
			return no_port;
	}
}

/* --- an entry ------------------------------------------------------------ */

static const char *
read_unix(const char *text, struct targets_entry *entry)
{
	struct addr addr;
	const char *wrong = addr_parse(text, &addr);

	if (wrong != NULL)
		return wrong;
	if (strchr(addr.path, '*') != NULL)
		return "a Unix path is written whole, without *";
	entry->kind = TARGETS_UNIX;
	str_copy(entry->text, sizeof(entry->text), addr.path);
	return NULL;
}

static const char *
read_bracketed(const char *text, struct targets_entry *entry)
{
	size_t len = strcspn(text, "]");
	const char *wrong;

	if (text[len] != ']' || text[len + 1] != ':' ||
	    memchr(text, ':', len) == NULL)
		return no_v6;
	if ((wrong = read_net(text, len, entry)) != NULL)
		return wrong;
	return read_ports(text + len + 2, entry);
}

const char *
targets_parse(const char *text, struct targets_entry *entry)
{
	const char *colon, *wrong;

	memset(entry, 0, sizeof(*entry));
	if (strncasecmp(text, "unix://", 7) == 0)
		return read_unix(text, entry);
	if (strncasecmp(text, "tls://", 6) == 0)
		return "tls:// is for links between outer and inner only";
	if (strncasecmp(text, "tcp://", 6) == 0)
		text += 6;
	if (text[0] == '[')
		return read_bracketed(text + 1, entry);
	if ((colon = strchr(text, ':')) == NULL)
		return "the port is missing";
	if (strchr(colon + 1, ':') != NULL)
		return no_v6;
	wrong = read_host(text, (size_t)(colon - text), entry);
	return wrong != NULL ? wrong : read_ports(colon + 1, entry);
}

static void
format_ports(const struct targets_entry *entry, char *out, size_t size,
    size_t *used)
{
	const struct targets_ports *ports = entry->ports;

	for (size_t i = 0; i < entry->port_count; i++, ports++) {
		str_append(out, size, used, i == 0 ? ":" : ",");
		if (ports->first == ports->last)
			str_append(out, size, used, "%u", ports->first);
		else if (ports->first == 1 && ports->last == UINT16_MAX &&
		    entry->port_count == 1)
			str_append(out, size, used, "*");
		else
			str_append(out, size, used, "%u-%u", ports->first,
			    ports->last);
	}
}

void
targets_format(const struct targets_entry *entry, char *out, size_t size)
{
	char block[CIDR_TEXT_SIZE];
	size_t used = 0;

	out[0] = '\0';
	switch (entry->kind) {
	case TARGETS_NET:
		cidr_format(&entry->net, block, sizeof(block));
		str_append(out, size, &used,
		    entry->net.family == 6 ? "[%s]" : "%s", block);
		break;
	case TARGETS_NAME:
		str_append(out, size, &used, "%s", entry->text);
		break;
	case TARGETS_BELOW:
		str_append(out, size, &used, "*.%s", entry->text);
		break;
	case TARGETS_ANY:
		str_append(out, size, &used, "*");
		break;
	case TARGETS_UNIX:
		str_append(out, size, &used, "unix://%s", entry->text);
		break;
	}
	format_ports(entry, out, size, &used);
}

/* --- a target ------------------------------------------------------------ */

/* What a target turns out to be. */
struct wanted {
	enum targets_kind kind; /* NET, NAME or UNIX */
	struct cidr net;	/* one address */
	char text[ADDR_HOST_MAX + 1];
	uint16_t port;
};

/* Not NULL: nothing that may be dialed, whatever is allowed. */
static const char *
look_at_host(const char *host, struct wanted *wanted)
{
	char address[ADDR_HOST_MAX + 1];

	str_copy(address, sizeof(address), host);
	if (strchr(host, ':') != NULL)
		address[strcspn(address, "%")] = '\0';
	if (strchr(host, '/') == NULL &&
	    cidr_parse(address, &wanted->net) == NULL) {
		wanted->kind = TARGETS_NET;
		return is_unspecified(&wanted->net)
		    ? "nobody can be reached at 0.0.0.0 or ::"
		    : NULL;
	}
	wanted->kind = TARGETS_NAME;
	return read_name(host, strlen(host), wanted->text);
}

static bool
look_at(const struct addr *target, struct wanted *wanted)
{
	memset(wanted, 0, sizeof(*wanted));
	if (target->kind == ADDR_UNIX) {
		wanted->kind = TARGETS_UNIX;
		return str_copy(wanted->text, sizeof(wanted->text),
		    target->path);
	}
	wanted->port = target->port;
	return target->kind == ADDR_TCP && !target->tls && target->port != 0 &&
	    look_at_host(target->host, wanted) == NULL;
}

const char *
targets_host_problem(const char *host)
{
	struct wanted wanted;

	memset(&wanted, 0, sizeof(wanted));
	if (host[0] == '-') /* RFC 1123 2.1 */
		return "no name begins with -";
	return look_at_host(host, &wanted);
}

static bool
holds_host(const struct targets_entry *entry, const struct wanted *wanted)
{
	switch (entry->kind) {
	case TARGETS_NET:
		return wanted->kind == TARGETS_NET &&
		    cidr_holds(&entry->net, wanted->net.family,
			wanted->net.bytes);
	case TARGETS_NAME:
		return wanted->kind == TARGETS_NAME &&
		    strcmp(entry->text, wanted->text) == 0;
	case TARGETS_BELOW:
		return wanted->kind == TARGETS_NAME &&
		    host_is_below(wanted->text, entry->text);
	case TARGETS_ANY:
		return wanted->kind != TARGETS_UNIX;
	case TARGETS_UNIX:
		return wanted->kind == TARGETS_UNIX &&
		    strcmp(entry->text, wanted->text) == 0;
	}
	return false;
}

static bool
holds_port(const struct targets_entry *entry, uint16_t port)
{
	for (size_t i = 0; i < entry->port_count; i++)
		if (port >= entry->ports[i].first &&
		    port <= entry->ports[i].last)
			return true;
	return entry->kind == TARGETS_UNIX;
}

bool
targets_allow(const struct targets *list, const struct addr *target)
{
	struct wanted wanted;

	if (!look_at(target, &wanted))
		return false;
	for (size_t i = 0; i < list->count; i++)
		if (holds_host(&list->entries[i], &wanted) &&
		    holds_port(&list->entries[i], wanted.port))
			return true;
	return false;
}
