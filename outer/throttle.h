/* throttle.h - how fast the sessions of one service may go on one shard.
 * Floor: outer. */
#ifndef OUTER_THROTTLE_H
#define OUTER_THROTTLE_H

#include "base/list.h"

struct rate;
struct service;
struct shard;

/* A shard's, while sessions of the service are there. */
struct throttle {
	struct list_node node;	 /* shard.throttles */
	struct service *service; /* borrowed: held by those sessions */
	struct rate *rate;	 /* owned */
	unsigned sessions;
};

/* A session of a service with limits of its own begins to relay: the one for
 * all of them here. NULL without memory. */
struct throttle *throttle_take(struct shard *shard, struct service *service);

/* It has ended; NULL is fine. Before service_release. */
void throttle_drop(struct throttle *throttle);

#endif
