/* circle.h - services with Tunnel false whose targets are addresses of such
 * services here: their clients would be their own sessions, without end.
 * Floor: outer.
 *
 * What texts tell is refused before anything listens: circle_meet, circle_ahead
 * and circle_behind. What only a name, a route or a link in the file system
 * tells is found when the target is to be dialed, or has been: circle_holds. */
#ifndef OUTER_CIRCLE_H
#define OUTER_CIRCLE_H

#include "base/addr.h"
#include "base/list.h"
#include "sys/sock.h"

#include <stdbool.h>

struct circle_places;
struct listen;
struct mutex;
struct service;
struct services;

/* Where clients of such services come in, for whoever dials a target. */
struct circle {
	struct mutex *lock; /* owned */
	struct list places; /* struct circle_places; under the lock */
};

/* False without memory. circle_fini either way; zeroed is fine. */
bool circle_init(struct circle *circle);
void circle_fini(struct circle *circle);

/* Main: one of them listens; NULL without memory. It listens there no more;
 * NULL is fine. */
struct circle_places *
circle_add(struct circle *circle, const struct listen *listen);
void circle_drop(struct circle *circle, struct circle_places *places);

/* From any thread: whether the target is one of these places. fd: is connected
 * to it; SOCK_NONE: not yet, and what a name means is not known then. */
bool circle_holds(struct circle *circle, const struct addr *target, sock_fd fd);

/* Whether an address of the target is one where somebody listens, as far as
 * their texts tell, and which addresses this machine has now. */
bool
circle_meet(const struct addr_range *listen, const struct addr_range *target);

/* Main: the service with Tunnel false that listens at one of the target's
 * addresses; whose target is one of the addresses to listen on. NULL: none. */
const struct service *
circle_ahead(const struct services *services, const struct addr_range *target);
const struct service *
circle_behind(const struct services *services, const struct addr_range *listen);

#endif
