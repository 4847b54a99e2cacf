/* cidr.h - blocks of addresses, as an operator writes them: 192.0.2.0/24.
 * Floor: base. */
#ifndef BASE_CIDR_H
#define BASE_CIDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CIDR_TEXT_SIZE = 40 + 4, /* of the longest IPv6 address, and "/128" */
};

/* All addresses that begin with the same bits (RFC 4632, RFC 4291 2.3). The
 * bits behind them are zero. */
struct cidr {
	uint8_t family;	   /* 4, 6: as in struct endpoint */
	uint8_t bits;	   /* 0 to 32 or 128 */
	uint8_t bytes[16]; /* in network order; IPv4 in the first four */
};

/* Some of them, in the order of the file. Zeroed is none. */
struct cidr_list {
	struct cidr *blocks; /* owned by whoever owns the list */
	size_t count;
};

/*
 * Reads an IPv4 address in four decimal numbers, or an IPv6 address (RFC 4291
 * 2.2), without brackets or zone; then perhaps / and how many bits count, all
 * of them if not given. IPv4-mapped IPv6 (RFC 4291 2.5.5.2) becomes IPv4, and
 * ::/0 is IPv6 alone. Returns NULL, or a constant text that says what is
 * wrong; then *cidr is undefined.
 */
const char *cidr_parse(const char *text, struct cidr *cidr);

/* Writes the canonical text to out, at least CIDR_TEXT_SIZE bytes: without the
 * bits where all of them count. What it writes parses to the same. */
void cidr_format(const struct cidr *cidr, char *out, size_t size);

/* Whether an address lies in the block, in any block of the list; family and
 * bytes as in struct endpoint. A family of neither kind lies in none. */
bool cidr_holds(const struct cidr *cidr, uint8_t family, const uint8_t *bytes);
bool cidr_list_holds(const struct cidr_list *list, uint8_t family,
    const uint8_t *bytes);

/* Makes *to, which is none, a list of its own. False without memory. */
bool cidr_list_copy(struct cidr_list *to, const struct cidr_list *from);

#endif
