/* scope.h - what inners and the API may ask for: PortRange, PortBlacklist, and
 * what a key is for. Floor: outer. */
#ifndef OUTER_SCOPE_H
#define OUTER_SCOPE_H

#include "base/addr.h"

#include <stdbool.h>

struct hub;
struct instance;

/*
 * Main: why a range may not be listened on, whoever asks: its ports, or that
 * it is no address in numbers; NULL: it may. A constant.
 */
const char *
scope_port_refuses(const struct hub *hub, const struct addr_range *range);

/* Main: the same of one that an inner asks for, which its key must be for
 * too. */
const char *
scope_refuses(const struct hub *hub, const struct instance *instance,
    const char *service, const struct addr_range *range);

/* Main: whether the key that let the instance in is for that service. */
bool scope_allows_name(const struct hub *hub, const struct instance *instance,
    const char *service);

/* Main: whether an inner of that InnerId has a key for that service, be it
 * connected or not. */
bool
scope_has_key(const struct hub *hub, const char *inner, const char *service);

/* Main: whether that key is for all ports of the range. */
bool scope_allows_ports(const struct hub *hub, const struct instance *instance,
    const struct addr_range *range);

#endif
