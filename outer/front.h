/* front.h - one address where clients of a service come in. Floor: outer. */
#ifndef OUTER_FRONT_H
#define OUTER_FRONT_H

#include "base/list.h"
#include "net/listen.h"
#include "outer/denials.h"

#include <stdbool.h>

struct circle_places;
struct ear;
struct service;
struct session_arrival;
struct source;
struct sources;

struct front {
	struct service *service; /* borrowed: whose it is */
	struct ear *ear;	 /* borrowed: while it is one of ear.fronts */
	unsigned nth;		 /* of the service's addresses */
	struct circle_places *places; /* owned; of a direct service, or NULL */
	struct list_node node;	      /* service.fronts */
	struct list_node at_ear;      /* ear.fronts */
};

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

/* Whether a client from there may come, by the service's lists. */
enum denial
front_judge(const struct front *front, const struct endpoint *client);

/* Counts a client in *source. DENIAL_NONE: it may come, as far as that goes. */
enum denial front_count(struct sources *sources, const struct endpoint *client,
    struct source **source);

/* Begins a session of the service's, which takes what arrival has; nth is
 * filled in. */
void front_take(struct front *front, struct session_arrival *arrival);

/* By its node in service.fronts. */
struct front *front_of(struct list_node *node);

#endif
