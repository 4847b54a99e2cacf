/*
 * host.c - host names, and patterns that they match.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   base.
 */
#include "base/host.h"
#include "base/str.h"

#include <ctype.h>
#include <string.h>

const char *
host_read(const char *text, size_t len, char name[ADDR_HOST_MAX + 1])
{
	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len == 0)
		return "the host is missing";
	if (len > ADDR_HOST_MAX)
		return "the host is longer than 253 characters";
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (!isalnum(c) && (c == '\0' || strchr("-_.", c) == NULL))
			return c == '*'
			    ? "a * stands alone, or in front as in *.example"
			    : "the host has a character that no host name has";
		if (c == '.' && (i == 0 || i == len - 1 || text[i - 1] == '.'))
			return "nothing stands between two dots of the host";
		name[i] = (char)tolower(c);
	}
	name[len] = '\0';
	return NULL;
}

bool
host_is_below(const char *name, const char *top)
{
	size_t len = strlen(name), top_len = strlen(top);

	return len > top_len + 1 && name[len - top_len - 1] == '.' &&
	    strcmp(name + len - top_len, top) == 0;
}

static bool
is_wildcard(const char *pattern)
{
	return pattern[0] == '*' && pattern[1] == '.';
}

const char *
host_read_pattern(const char *text, char pattern[HOST_PATTERN_SIZE])
{
	if (strcmp(text, "*") == 0) {
		str_copy(pattern, HOST_PATTERN_SIZE, text);
		return NULL;
	}
	if (is_wildcard(text)) {
		memcpy(pattern, text, 2);
		text += 2;
		pattern += 2;
	}
	return host_read(text, strlen(text), pattern);
}

bool
host_matches(const char *pattern, const char *name)
{
	if (is_wildcard(pattern))
		return host_is_below(name, pattern + 2);
	return strcmp(pattern, "*") == 0 || strcmp(pattern, name) == 0;
}

/* How narrow a pattern is, beside others that match the same name. */
static size_t
narrowness(const char *pattern)
{
	if (strcmp(pattern, "*") == 0)
		return 0;
	return is_wildcard(pattern) ? strlen(pattern) : HOST_PATTERN_SIZE;
}

bool
host_better(const char *a, const char *b)
{
	return narrowness(a) > narrowness(b);
}
