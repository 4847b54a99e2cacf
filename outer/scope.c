/*
 * scope.c - what inners and the API may ask for.
 *
 * Owns:    nothing.
 * Thread:  main.
 * Floor:   outer.
 */
#include "outer/scope.h"
#include "outer/hub.h"
#include "outer/instance.h"
#include "outer/keys.h"
#include "outer/service.h"
#include "base/cidr.h"
#include "base/str.h"

#include <string.h>

static bool
is_listed(const struct conf_ports *list, unsigned port)
{
	for (size_t i = 0; i < list->count; i++)
		if (port >= list->ranges[i].first &&
		    port <= list->ranges[i].last)
			return true;
	return false;
}

/* A name would be looked up on main, which then waits for a name server that
 * whoever asks may have chosen. */
static bool
is_name(const char *host)
{
	char number[ADDR_HOST_MAX + 1];
	struct cidr one;

	str_copy(number, sizeof(number), host);
	if (strchr(host, ':') != NULL)
		number[strcspn(number, "%")] = '\0';
	return host[0] != '\0' &&
	    (strchr(host, '/') != NULL || cidr_parse(number, &one) != NULL);
}

const char *
scope_port_refuses(const struct hub *hub, const struct addr_range *range)
{
	const struct outer_config *config = hub->config;
	const struct outer_ports *allowed = config->port_range.items;

	if (range->first.kind != ADDR_TCP)
		return "only a tcp:// address can be asked for";
	if (range->first.tls)
		return "clients are not served over tls:// here";
	if (is_name(range->first.host))
		return "a public address is asked for by its number, not by a "
		       "name";
	for (unsigned i = 0; i < range->count; i++) {
		unsigned port = range->first.port + i;

		if (allowed != NULL &&
		    (port < allowed->from || port > allowed->end))
			return "a port outside the outer's PortRange";
		if (is_listed(&config->port_blacklist, port))
			return "a port in the outer's PortBlacklist";
	}
	return NULL;
}

/* One of the keys that let it in; NULL: it has been removed. */
static const struct key *
key_of(const struct hub *hub, const struct instance *instance)
{
	const struct key *keys[KEYS_PER_INNER];

	keys_of(hub->keys, instance->inner, keys);
	for (unsigned i = 0; i < KEYS_PER_INNER; i++)
		if (keys[i]->id == instance->key && keys[i]->id != 0)
			return keys[i];
	return NULL;
}

/* Whether the key is for all of them. */
static bool
has_ports(const struct key *key, unsigned first, unsigned last)
{
	for (unsigned port = first; key->ports.count > 0 && port <= last;
	     port++)
		if (!is_listed(&key->ports, port))
			return false;
	return true;
}

const char *
scope_refuses(const struct hub *hub, const struct instance *instance,
    const char *service, const struct addr_range *range)
{
	const char *why = scope_port_refuses(hub, range);
	const struct key *key = key_of(hub, instance);
	unsigned first = range->first.port;

	if (why != NULL)
		return why;
	if (!scope_allows_name(hub, instance, service))
		return "its key is not for this service";
	return key != NULL && has_ports(key, first, first + range->count - 1)
	    ? NULL
	    : "a port that is not among Ports of its key";
}

static bool
is_for(const struct key *key, const char *service)
{
	for (size_t i = 0; i < key->services.count; i++)
		if (strcmp(key->services.items[i], service) == 0)
			return true;
	return key->services.count == 0;
}

bool
scope_allows_name(const struct hub *hub, const struct instance *instance,
    const char *service)
{
	const struct key *key = key_of(hub, instance);

	return key != NULL && is_for(key, service);
}

bool
scope_allows_service(const struct hub *hub, const struct instance *instance,
    const struct service *service)
{
	const struct key *key = key_of(hub, instance);

	if (key == NULL || !is_for(key, service->name))
		return false;
	for (size_t i = 0; i < service->tcp_count; i++)
		if (!has_ports(key, service->tcp[i].first,
			service->tcp[i].last))
			return false;
	return true;
}

bool
scope_has_key(const struct hub *hub, const char *inner, const char *service,
    uint16_t port)
{
	const struct key *keys[KEYS_PER_INNER];

	keys_of(hub->keys, inner, keys);
	for (unsigned i = 0; i < KEYS_PER_INNER; i++)
		if (keys[i]->id != 0 && is_for(keys[i], service) &&
		    (port == 0 || has_ports(keys[i], port, port)))
			return true;
	return false;
}
