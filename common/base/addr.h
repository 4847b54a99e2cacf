/* addr.h - the text of addresses: what an operator writes. Floor: base. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed is ADDR_NONE: nobody has given one. */
enum addr_kind { ADDR_NONE, ADDR_TCP, ADDR_UNIX };

enum {
	ADDR_HOST_MAX = 253, /* RFC 1035 2.3.4, in text */
	ADDR_PATH_MAX = 107, /* unix(7): sun_path less its NUL */
	ADDR_TEXT_SIZE = 6 + ADDR_HOST_MAX + 2 + 1 + 5 + 1,
	/* Each port is a listener, and a descriptor of those that the system
	 * gives: 1024 where nobody raised the limit. */
	ADDR_RANGE_MAX = 1000,
	ADDR_RANGE_TEXT_SIZE = ADDR_TEXT_SIZE + 6,
};

struct addr {
	enum addr_kind kind;
	bool tls;		      /* TCP: written tls://host:port */
	uint16_t port;		      /* TCP; 0 = any free one, to listen on */
	char host[ADDR_HOST_MAX + 1]; /* TCP; "" = all addresses; no brackets */
	char path[ADDR_PATH_MAX + 1]; /* Unix; absolute */
};

/* Addresses that differ in their ports alone, one after the other. */
struct addr_range {
	struct addr first;
	uint16_t count; /* 1 to ADDR_RANGE_MAX */
};

/* Some of them. Zeroed is none. */
struct addr_ranges {
	struct addr_range *items; /* owned by whoever owns the list */
	size_t count;
};

/*
 * Reads tcp://host:port, tcp://1.2.3.4:port, tcp://[IPv6]:port, tcp://:port,
 * the same with tls://, or unix:///absolute/path. Returns NULL, or a constant
 * text that says what is wrong ("the port is missing"); then *addr is
 * undefined.
 */
const char *addr_parse(const char *text, struct addr *addr);

/* Writes the canonical text to out, at least ADDR_TEXT_SIZE bytes; of none
 * "". */
void addr_format(const struct addr *addr, char *out, size_t size);

/*
 * Reads what addr_parse reads, or first-last in place of the port
 * (tcp://0.0.0.0:6000-6099): at most ADDR_RANGE_MAX ports, none of them 0.
 * Returns as addr_parse does.
 */
const char *addr_range_parse(const char *text, struct addr_range *range);

/* Reads the digits of a port; *text moves behind them. Returns as addr_parse
 * does. */
const char *addr_read_port(const char **text, uint16_t *port);

/* Writes the canonical text to out, at least ADDR_RANGE_TEXT_SIZE bytes. */
void addr_range_format(const struct addr_range *range, char *out, size_t size);

/* The address nth places behind the first. False, and *addr as it was, where
 * the range is over. */
bool
addr_range_nth(const struct addr_range *range, unsigned nth, struct addr *addr);

/*
 * True when only this machine can reach the address: a Unix socket, 127/8,
 * ::1 or the name localhost.
 */
bool addr_is_local(const struct addr *addr);

#endif
