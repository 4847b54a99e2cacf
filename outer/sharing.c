/*
 * sharing.c - whether two services of a file may have one public address.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   outer.
 *
 * A PROXY header stands before what names the host: so it must be known from
 * the address alone whether there is one.
 */
#include "outer/sharing.h"

#include <stdio.h>
#include <string.h>

static bool
has_range(const struct outer_service *service)
{
	for (size_t i = 0; i < service->listen.count; i++)
		if (service->listen.items[i].count > 1)
			return true;
	return false;
}

static bool
same_nets(const struct cidr_list *a, const struct cidr_list *b)
{
	return a->count == b->count &&
	    (a->count == 0 ||
		memcmp(a->blocks, b->blocks, a->count * sizeof(*a->blocks)) ==
		    0);
}

/* The first pattern that both have, or NULL. */
static const char *
common_host(const struct conf_names *a, const struct conf_names *b)
{
	for (size_t i = 0; i < a->count; i++)
		for (size_t j = 0; j < b->count; j++)
			if (strcmp(a->items[i], b->items[j]) == 0)
				return a->items[i];
	return NULL;
}

bool
sharing_check(const char *path, const struct outer_service *one,
    const struct outer_service *other, char problem[CONF_PROBLEM_SIZE])
{
	const char *host = common_host(&one->hosts, &other->hosts);

	if ((one->hosts.count == 0 && other->hosts.count == 0) ||
	    has_range(one) || has_range(other))
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: Services: found the address of %s as Listen of "
		    "\"%s\"; expected another, or single ports with Host",
		    path, other->name, one->name);
	else if (host != NULL)
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: Services: found Host \"%s\" in \"%s\" and \"%s\" "
		    "at one address; expected it in one of them",
		    path, host, other->name, one->name);
	else if (!same_nets(&one->proxies, &other->proxies))
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: Services: found another AcceptProxyProtocol in "
		    "\"%s\" than in \"%s\" at one address; expected the same",
		    path, one->name, other->name);
	else
		return true;
	return false;
}
