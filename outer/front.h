/* front.h - one address that listens for clients of a service. Floor: outer. */
#ifndef OUTER_FRONT_H
#define OUTER_FRONT_H

#include "base/list.h"
#include "net/listen.h"

struct front;
struct service;

/*
 * Listens, and puts the front into service.fronts; it is the service's. nth:
 * see service_target. False with one line in problem.
 */
bool front_start(struct service *service, const struct addr *addr, unsigned nth,
    char problem[LISTEN_PROBLEM_SIZE]);

/* Not from inside its own callback. */
void front_stop(struct front *front);

/* Its address, with the port that it really got. */
void front_address(const struct front *front, struct addr *addr);

/* Pauses or goes on, as the service and intake say. */
void front_update(struct front *front);

/* By its node in service.fronts, and by that in intake.fronts. */
struct front *front_of(struct list_node *node);
struct front *front_in_intake(struct list_node *node);

#endif
