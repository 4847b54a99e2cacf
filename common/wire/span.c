/*
 * span.c - some of the bytes that a stranger has sent.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   wire.
 */
#include "wire/span.h"

#include <string.h>
#include <strings.h>

bool
span_take(struct span *from, size_t len, struct span *out)
{
	if (from->left < len)
		return false;
	*out = (struct span){ from->at, len };
	from->at += len;
	from->left -= len;
	return true;
}

bool
span_number(struct span *from, size_t size, size_t *number)
{
	struct span bytes;

	if (!span_take(from, size, &bytes))
		return false;
	*number = 0;
	for (size_t i = 0; i < size; i++)
		*number = *number << 8 | bytes.at[i];
	return true;
}

bool
span_vector(struct span *from, size_t length_size, struct span *out)
{
	size_t len;

	return span_number(from, length_size, &len) &&
	    span_take(from, len, out);
}

bool
span_until(struct span *from, char mark, struct span *out)
{
	const uint8_t *end = from->left > 0
	    ? memchr(from->at, (unsigned char)mark, from->left)
	    : NULL;

	if (end == NULL)
		return false;
	(void)span_take(from, (size_t)(end - from->at), out);
	from->at++;
	from->left--;
	return true;
}

bool
span_is(struct span text, const char *word)
{
	return text.left == strlen(word) &&
	    memcmp(text.at, word, text.left) == 0;
}

bool
span_is_name(struct span text, const char *word)
{
	return text.left == strlen(word) &&
	    strncasecmp((const char *)text.at, word, text.left) == 0;
}

struct span
span_trimmed(struct span text)
{
	while (text.left > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) {
		text.at++;
		text.left--;
	}
	while (text.left > 0 &&
	    (text.at[text.left - 1] == ' ' || text.at[text.left - 1] == '\t'))
		text.left--;
	return text;
}
