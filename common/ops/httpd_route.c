/*
 * httpd_route.c - which route a path takes, and the name in it.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   ops.
 */
#include "ops/httpd_parts.h"

#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

/* Whether the path fits; *name, *len: what stands at {name}. */
static bool
fits(const char *pattern, const char *path, const char **name, size_t *len)
{
	const char *brace = strchr(pattern, '{');
	size_t before = brace != NULL ? (size_t)(brace - pattern) : 0;

	*name = path;
	*len = 0;
	if (brace == NULL)
		return strcmp(pattern, path) == 0;
	if (strncmp(pattern, path, before) != 0)
		return false;
	*name = path + before;
	*len = strcspn(*name, "/");
	return *len > 0 && strcmp(strchr(brace, '}') + 1, *name + *len) == 0;
}

bool
httpd_route_name(const char *at, size_t len, char **out)
{
	char *raw, *name;
	size_t size = 0;

	*out = NULL;
	if (len == 0)
		return true;
	if ((raw = malloc(len + 1)) == NULL)
		return false;
	memcpy(raw, at, len);
	raw[len] = '\0';
	name = evhttp_uridecode(raw, 0, &size);
	free(raw);
	if (name != NULL && strlen(name) != size) { /* %00 */
		free(name);
		name = NULL;
	}
	*out = name;
	return name != NULL;
}

const struct httpd_route *
httpd_route_find(const struct httpd_route *routes, size_t count,
    const char *path, unsigned method, unsigned *of, const char **name,
    size_t *len)
{
	const struct httpd_route *found = NULL;

	*of = 0;
	for (size_t i = 0; i < count; i++) {
		const char *at;
		size_t at_len;

		if (!fits(routes[i].pattern, path, &at, &at_len))
			continue;
		*of |= routes[i].methods;
		if (found != NULL || (routes[i].methods & method) == 0)
			continue;
		found = &routes[i];
		*name = at;
		*len = at_len;
	}
	return found;
}
