/* targets.h - AllowTargets: what the outer may make an inner dial.
 * Floor: base. */
#ifndef BASE_TARGETS_H
#define BASE_TARGETS_H

#include "base/addr.h"
#include "base/cidr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TARGETS_PORTS_MAX = 16, /* ranges of ports in one entry */
	/* "*.", the host, ":", each range with a comma or the NUL behind it */
	TARGETS_TEXT_SIZE = 2 + ADDR_HOST_MAX + 1 + TARGETS_PORTS_MAX * 12,
};

enum targets_kind {
	TARGETS_NET,   /* 127.0.0.1, 10.0.0.0/8, [fd00::/8] */
	TARGETS_NAME,  /* example.internal */
	TARGETS_BELOW, /* *.lan: one or more labels, and these behind them */
	TARGETS_ANY,   /* *: every address and every name */
	TARGETS_UNIX,  /* unix:///run/x.sock */
};

struct targets_ports {
	uint16_t first, last;
};

struct targets_entry {
	enum targets_kind kind;
	struct cidr net; /* TARGETS_NET */
	/* The name, in lower case, without "*." and a dot at the end; the path */
	char text[ADDR_HOST_MAX + 1];
	struct targets_ports ports[TARGETS_PORTS_MAX];
	size_t port_count; /* 0: a Unix path has none */
};

/* Some of them, in the order of the file. Zeroed is none: nothing is allowed. */
struct targets {
	struct targets_entry *entries; /* owned by whoever owns the list */
	size_t count;
};

/*
 * Reads HOST:PORTS, perhaps with tcp:// before it, or unix:///absolute/path.
 * HOST: an IPv4 address or block of addresses, an IPv6 one in brackets (the
 * bits within them: [fd00::/8]), a name, *.name, or * alone. PORTS: numbers
 * and ranges with commas between them (80,8000-8099), or *. What addr_format
 * and addr_range_format write for a target that can be dialed is an entry too,
 * but for an address with a zone.
 *
 * Returns NULL, or a constant text that says what is wrong; then *entry is
 * undefined.
 */
const char *targets_parse(const char *text, struct targets_entry *entry);

/* Writes the canonical text to out, at least TARGETS_TEXT_SIZE bytes. What it
 * writes parses to the same. */
void targets_format(const struct targets_entry *entry, char *out, size_t size);

/*
 * Whether the list allows to dial target, as the text of FORWARD names it.
 *
 * What is compared is text, nothing is resolved. So an address is held against
 * addresses only, and a name against names only: "localhost" is not allowed by
 * 127.0.0.0/8, for whoever answers for a name could make it lie in any block;
 * and whoever lists a name trusts whoever answers for it with all addresses.
 * Names are compared without regard to case and to a dot at their end.
 *
 * Never allowed, whatever the list says: a host that the system may take for
 * an address although it is not written as four decimal numbers ("127.1",
 * "0x7f.1", "2130706433", "010.0.0.1"); 0.0.0.0 and ::, which lead to this
 * machine; port 0; an empty host; tls://, which is no target's. IPv4 mapped
 * into IPv6 is held against IPv4. The zone of an IPv6 address does not count.
 */
bool targets_allow(const struct targets *list, const struct addr *target);

/* Why no list allows that host, as an address has it, or nobody has it: a
 * constant text. NULL: a list may. */
const char *targets_host_problem(const char *host);

#endif
