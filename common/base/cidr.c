/*
 * cidr.c - blocks of addresses, as an operator writes them.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   base. So the addresses are read here and not by the system, whose
 *          inet_pton(3) is another one on every system.
 */
#include "base/cidr.h"
#include "base/str.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { V4_BYTES = 4, V6_BYTES = 16, GROUPS = 8, MAPPED_BITS = 96 };

static const uint8_t mapped_prefix[MAPPED_BITS / 8] = { [10] = 0xff, 0xff };

static const char no_address[] = "neither an IPv4 nor an IPv6 address";
static const char no_bits[] = "behind the / stands no number of bits";

/* One decimal number up to most, without leading zeros, which some read as
 * octal. Returns what stands behind it, or NULL. */
static const char *
read_number(const char *text, unsigned most, uint8_t *number)
{
	unsigned value = 0;

	if (!isdigit((unsigned char)*text) ||
	    (text[0] == '0' && isdigit((unsigned char)text[1])))
		return NULL;
	for (; isdigit((unsigned char)*text); text++) {
		value = value * 10 + (unsigned)(*text - '0');
		if (value > most)
			return NULL;
	}
	*number = (uint8_t)value;
	return text;
}

/* Returns what stands behind the address, or NULL. */
static const char *
read_v4(const char *text, uint8_t bytes[V4_BYTES])
{
	for (int i = 0; i < V4_BYTES; i++) {
		if (i > 0 && *text++ != '.')
			return NULL;
		if ((text = read_number(text, 255, &bytes[i])) == NULL)
			return NULL;
	}
	return text;
}

/* One group of one to four hex digits. Returns what stands behind it. */
static const char *
read_group(const char *text, uint8_t bytes[2])
{
	unsigned value = 0;
	int digits = 0;

	for (; isxdigit((unsigned char)*text); text++) {
		char digit[2] = { *text, '\0' };

		if (++digits > 4)
			return NULL;
		value = value << 4 | (unsigned)strtoul(digit, NULL, 16);
	}
	if (digits == 0)
		return NULL;
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
	return text;
}

/* A group, or the IPv4 address that may stand for the last two. */
static const char *
read_part(const char *text, uint8_t *bytes, int left, int *taken)
{
	const char *end = left >= 2 ? read_v4(text, bytes) : NULL;

	*taken = end != NULL ? 2 : 1;
	return end != NULL ? end : read_group(text, bytes);
}

/* Moves what was read behind the :: to the end. */
static void
spread(uint8_t bytes[V6_BYTES], int gap, int count)
{
	size_t behind = (size_t)(count - gap) * 2;

	memmove(bytes + V6_BYTES - behind, bytes + gap * 2, behind);
	memset(bytes + gap * 2, 0, (size_t)(GROUPS - count) * 2);
}

/* Returns what stands behind the address, or NULL. */
static const char *
read_v6(const char *text, uint8_t bytes[V6_BYTES])
{
	int count = 0, gap = -1, taken = 1;

	while (taken == 1) {
		if (text[0] == ':' && text[1] == ':' && gap < 0) {
			gap = count;
			text += 2;
			if (!isxdigit((unsigned char)*text))
				break;
		} else if (count > 0) {
			if (*text != ':')
				break;
			text++;
		}
		if (count == GROUPS ||
		    (text = read_part(text, bytes + count * 2, GROUPS - count,
			 &taken)) == NULL)
			return NULL;
		count += taken;
	}
	if (gap < 0)
		return count == GROUPS ? text : NULL;
	if (count == GROUPS) /* :: is one group at least */
		return NULL;
	spread(bytes, gap, count);
	return text;
}

static unsigned
bits_of(const struct cidr *cidr)
{
	return cidr->family == 4 ? V4_BYTES * 8 : V6_BYTES * 8;
}

static const char *
read_bits(const char *text, struct cidr *cidr)
{
	if (*text == '\0') {
		cidr->bits = (uint8_t)bits_of(cidr);
		return NULL;
	}
	if (*text != '/')
		return no_address;
	text = read_number(text + 1, 255, &cidr->bits);
	if (text == NULL || *text != '\0')
		return no_bits;
	if (cidr->bits > bits_of(cidr))
		return cidr->family == 4 ? "an IPv4 address has 32 bits"
					 : "an IPv6 address has 128 bits";
	return NULL;
}

/* Clears the bits that do not count; whether there were any. */
static bool
cut(struct cidr *cidr)
{
	bool any = false;

	for (unsigned i = 0; i < V6_BYTES; i++) {
		unsigned counted = cidr->bits > i * 8 ? cidr->bits - i * 8 : 0;
		uint8_t mask = (uint8_t)(counted >= 8 ? 0xff
						      : 0xff00 >> counted);

		any |= (cidr->bytes[i] & ~mask) != 0;
		cidr->bytes[i] = (uint8_t)(cidr->bytes[i] & mask);
	}
	return any;
}

static void
unmap(struct cidr *cidr)
{
	if (cidr->family != 6 || cidr->bits < MAPPED_BITS ||
	    memcmp(cidr->bytes, mapped_prefix, sizeof(mapped_prefix)) != 0)
		return;
	cidr->family = 4;
	cidr->bits = (uint8_t)(cidr->bits - MAPPED_BITS);
	memmove(cidr->bytes, cidr->bytes + sizeof(mapped_prefix), V4_BYTES);
	memset(cidr->bytes + V4_BYTES, 0, V6_BYTES - V4_BYTES);
}

const char *
cidr_parse(const char *text, struct cidr *cidr)
{
	bool v6 = strchr(text, ':') != NULL;
	const char *end, *wrong;

	memset(cidr, 0, sizeof(*cidr));
	cidr->family = v6 ? 6 : 4;
	end = v6 ? read_v6(text, cidr->bytes) : read_v4(text, cidr->bytes);
	if (end == NULL)
		return no_address;
	if ((wrong = read_bits(end, cidr)) != NULL)
		return wrong;
	if (cut(cidr))
		return "bits are set behind those that count: a block is "
		       "written as 192.0.2.0/24, one address without /";
	unmap(cidr);
	return NULL;
}

static bool
is_zero(const uint8_t *bytes, unsigned group)
{
	return bytes[group * 2] == 0 && bytes[group * 2 + 1] == 0;
}

/* The longest run of zero groups, the first of equals; two at least. */
static unsigned
find_gap(const uint8_t *bytes, unsigned *length)
{
	unsigned best = GROUPS, run = 0;

	*length = 1;
	for (unsigned i = 0; i < GROUPS; i++) {
		run = is_zero(bytes, i) ? run + 1 : 0;
		if (run > *length) {
			*length = run;
			best = i + 1 - run;
		}
	}
	return best;
}

/* RFC 5952 4. */
static void
format_v6(const uint8_t *bytes, char *out, size_t size, size_t *used)
{
	unsigned length, gap = find_gap(bytes, &length);

	for (unsigned i = 0; i < GROUPS; i++) {
		if (i == gap) {
			str_append(out, size, used, "::");
			i += length - 1;
			continue;
		}
		str_append(out, size, used, "%s%x",
		    i > 0 && i != gap + length ? ":" : "",
		    (unsigned)bytes[i * 2] << 8 | bytes[i * 2 + 1]);
	}
}

void
cidr_format(const struct cidr *cidr, char *out, size_t size)
{
	const uint8_t *b = cidr->bytes;
	size_t used = 0;

	out[0] = '\0';
	if (cidr->family == 4)
		str_append(out, size, &used, "%u.%u.%u.%u", b[0], b[1], b[2],
		    b[3]);
	else
		format_v6(b, out, size, &used);
	if (cidr->bits < bits_of(cidr))
		str_append(out, size, &used, "/%u", cidr->bits);
}

bool
cidr_holds(const struct cidr *cidr, uint8_t family, const uint8_t *bytes)
{
	unsigned whole = cidr->bits / 8, rest = cidr->bits % 8;

	if (family != cidr->family || memcmp(bytes, cidr->bytes, whole) != 0)
		return false;
	return rest == 0 ||
	    (uint8_t)(bytes[whole] & 0xff00 >> rest) == cidr->bytes[whole];
}

bool
cidr_list_holds(const struct cidr_list *list, uint8_t family,
    const uint8_t *bytes)
{
	for (size_t i = 0; i < list->count; i++)
		if (cidr_holds(&list->blocks[i], family, bytes))
			return true;
	return false;
}

bool
cidr_list_copy(struct cidr_list *to, const struct cidr_list *from)
{
	if (from->count == 0)
		return true;
	to->blocks = calloc(from->count, sizeof(*to->blocks));
	if (to->blocks == NULL)
		return false;
	memcpy(to->blocks, from->blocks, from->count * sizeof(*to->blocks));
	to->count = from->count;
	return true;
}
