/* claims.h - what inners register over their control links: services that they
 * have, and public addresses that they ask for. Floor: outer. */
#ifndef OUTER_CLAIMS_H
#define OUTER_CLAIMS_H

#include "net/inbox.h"
#include "wire/register.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct instance;
struct service;
struct services;
struct shard;
struct standby;

/*
 * A shard's REGISTER on its way to main, and what REGISTERED says on the way
 * back; then answered runs on the shard and owns it (claim_free).
 */
struct claim {
	struct inbox_message message;
	struct shard *shard;	 /* borrowed */
	struct standby *standby; /* the shard's: NULL once it has ended */
	uint64_t serial;	 /* of the instance */
	struct registration registration; /* owned: main takes it */
	char *answer;			  /* owned; NULL: no memory */
	size_t answer_len;
	void (*answered)(struct claim *claim);
};

/* Called on the shard; answered may be called before it returns. */
void claim_post(struct claim *claim);
void claim_free(struct claim *claim);

/*
 * Main: what the registration says of that name; NULL: nothing. Instances that
 * have not registered have none.
 */
const struct register_service *
claims_find(const struct instance *instance, const char *name);

/*
 * Main: the instance has no links left. What it alone had asked for is given
 * up in ReleaseAfter, unless its inner comes back and asks for it again.
 */
void claims_on_gone(struct services *services, const struct instance *instance);

#endif
