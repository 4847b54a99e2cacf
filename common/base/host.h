/* host.h - host names, and patterns that they match: www.example.org,
 * *.example.org, *. Floor: base. */
#ifndef BASE_HOST_H
#define BASE_HOST_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>

enum { HOST_PATTERN_SIZE = 2 + ADDR_HOST_MAX + 1 }; /* with "*." and NUL */

/*
 * Reads a name of len bytes, which may be any: letters, digits, "-" and "_",
 * with single dots between; capitals become small and one dot at the end is
 * cut off. An IPv4 address passes for a name. Returns NULL, or a constant text
 * that says what is wrong ("the host is missing"); then name is undefined.
 */
const char *
host_read(const char *text, size_t len, char name[ADDR_HOST_MAX + 1]);

/* Whether name is one or more labels with top behind them: "a.b.lan" is below
 * "lan", "lan" and "plan" are not. Both as host_read writes them. */
bool host_is_below(const char *name, const char *top);

/* Reads a name, "*." and a name, or "*", as an operator writes it. Returns
 * as host_read does. Two patterns are the same when what was written is. */
const char *
host_read_pattern(const char *text, char pattern[HOST_PATTERN_SIZE]);

/* Whether a name matches a pattern: is that name, is below it, or "*". */
bool host_matches(const char *pattern, const char *name);

/*
 * Whether of two patterns that match one name the first is to be taken: a name
 * before a wildcard, a longer wildcard before a shorter one, "*" last. Where
 * this is false for a and b, and for b and a, no name matches both, or they
 * are the same.
 */
bool host_better(const char *a, const char *b);

#endif
