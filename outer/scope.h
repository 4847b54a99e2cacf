/* scope.h - what inners and the API may ask for: PortRange, PortBlacklist, and
 * what a key is for. Floor: outer. */
#ifndef OUTER_SCOPE_H
#define OUTER_SCOPE_H

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>

struct hub;
struct instance;
struct service;

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

/* Main: whether the key that let the instance in is for a service of that
 * name. */
bool scope_allows_name(const struct hub *hub, const struct instance *instance,
    const char *service);

/* Main: whether it is for that one: for its name, and for each TCP port where
 * its clients come in. */
bool scope_allows_service(const struct hub *hub,
    const struct instance *instance, const struct service *service);

/* Main: whether an inner of that InnerId has a key for a service of that name at
 * that public port, be it connected or not. 0: whatever the port. */
bool scope_has_key(const struct hub *hub, const char *inner,
    const char *service, uint16_t port);

#endif
