/* span.h - some of the bytes that a stranger has sent: what is still to be
 * read of them. Floor: wire. */
#ifndef WIRE_SPAN_H
#define WIRE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
	const uint8_t *at; /* borrowed; may be NULL when left is 0 */
	size_t left;
};

/*
 * Take something off the front of from, which moves behind it, and put it into
 * the last argument. False when it is not there whole; how much of from was
 * taken then is not defined.
 *
 * span_take: len bytes. span_number: a big-endian number of size bytes, 8 at
 * most. span_vector: what stands behind its own length, a number of that many
 * bytes. span_until: what stands before the next mark, which is taken too.
 */
bool span_take(struct span *from, size_t len, struct span *out);
bool span_number(struct span *from, size_t size, size_t *number);
bool span_vector(struct span *from, size_t length_size, struct span *out);
bool span_until(struct span *from, char mark, struct span *out);

/* Whether the bytes are those of a word; the latter with letters of any case,
 * as names of fields and of schemes are compared. */
bool span_is(struct span text, const char *word);
bool span_is_name(struct span text, const char *word);

/* The same without the spaces and tabs at both ends. */
struct span span_trimmed(struct span text);

#endif
