/*
 * throttle.c - how fast the sessions of one service may go on one shard.
 *
 * Owns:    the rate of each service that has sessions on the shard.
 * Thread:  the shard's loop only.
 * Floor:   outer.
 *
 * What the shards share is in the service, which lives as long as its sessions.
 */
#include "outer/throttle.h"
#include "outer/service.h"
#include "outer/shard.h"
#include "net/rate.h"

#include <stdlib.h>

static struct throttle *
find(struct shard *shard, const struct service *service)
{
	struct list *all = &shard->throttles;
	struct list_node *node = list_first(all);

	for (; node != NULL; node = list_next(all, node)) {
		struct throttle *one = list_entry(node, struct throttle, node);

		if (one->service == service)
			return one;
	}
	return NULL;
}

struct throttle *
throttle_take(struct shard *shard, struct service *service)
{
	struct throttle *throttle = find(shard, service);

	if (throttle == NULL) {
		if ((throttle = calloc(1, sizeof(*throttle))) == NULL)
			return NULL;
		throttle->service = service;
		throttle->rate = rate_new(shard->loop, &service->rates);
		if (throttle->rate == NULL) {
			free(throttle);
			return NULL;
		}
		list_push_back(&shard->throttles, &throttle->node);
	}
	throttle->sessions++;
	return throttle;
}

void
throttle_drop(struct throttle *throttle)
{
	if (throttle == NULL || --throttle->sessions > 0)
		return;
	list_remove(&throttle->node);
	rate_free(throttle->rate);
	free(throttle);
}
