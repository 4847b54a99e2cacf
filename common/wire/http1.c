/*
 * http1.c - lines and fields of an HTTP/1 request head.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   wire.
 */
#include "wire/http1.h"

#include <string.h>

bool
http1_is_token(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') ||
	    (c != '\0' && strchr("-_!#$%&'*+.^`|~", c) != NULL);
}

enum wire_result
http1_line(struct span *from, struct span *line)
{
	if (!span_until(from, '\n', line))
		return WIRE_MORE;
	if (line->left == 0 || line->at[line->left - 1] != '\r')
		return WIRE_BAD;
	line->left--;
	return WIRE_OK;
}

bool
http1_field(struct span line, struct span *name, struct span *value)
{
	if (!span_until(&line, ':', name) || name->left == 0)
		return false;
	for (size_t i = 0; i < name->left; i++)
		if (!http1_is_token(name->at[i]))
			return false;
	*value = span_trimmed(line);
	return true;
}
