/* registry.h - all instances: who is let in, who is replaced, who has gone.
 * Floor: outer. */
#ifndef OUTER_REGISTRY_H
#define OUTER_REGISTRY_H

#include "base/list.h"
#include "net/inbox.h"
#include "wire/hello.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hub;
struct instance;
struct shard;
struct standby;

enum {
	REGISTRY_REPLACED_MAX = 64,
	REGISTRY_DRAINED_MAX = 64,
	REGISTRY_GRACE_MS = 3000, /* for a refill after all links are taken */
};

/* One that has gone and may come back. */
struct registry_run {
	char inner[HELLO_INNER_MAX + 1];
	char id[HELLO_INSTANCE_SIZE + 1]; /* "": none */
};

struct registry {
	struct hub *hub;     /* borrowed */
	struct list all;     /* struct instance */
	struct list leaving; /* gone; shards are still being told */
	uint64_t next_serial;
	char replaced[REGISTRY_REPLACED_MAX][HELLO_INSTANCE_SIZE + 1];
	unsigned next_replaced; /* where the next id goes, in turn */
	struct registry_run drained[REGISTRY_DRAINED_MAX];
	unsigned next_drained; /* that is forgotten for another */
	uint32_t grace_ms;     /* REGISTRY_GRACE_MS, but in a test */
};

/*
 * A shard's question to main: an authenticated link of an instance that the
 * shard does not know, or must not let in by itself. It travels to main and
 * back; then answered runs on the shard and owns it.
 */
struct admission {
	struct inbox_message message;
	struct shard *shard;	 /* borrowed */
	struct standby *standby; /* the shard's: NULL once it has ended */
	char inner[HELLO_INNER_MAX + 1];
	char id[HELLO_INSTANCE_SIZE + 1];
	uint32_t key;	 /* id of that which it has proved */
	bool has_secret; /* for quick joins, if it is new */
	uint8_t secret[PROOF_SIZE];
	bool registers; /* hello.registers */
	bool replace;	/* this run takes the place of others of its inner */
	struct instance *instance; /* the answer: NULL, it is not let in */
	bool revoked;		   /* then: its key was removed meanwhile */
	const char *why;	   /* then, if not: a constant text */
	void (*answered)(struct admission *admission);
};

void registry_init(struct registry *registry, struct hub *hub);

/* Frees every instance; none has links any more, and no shard runs. */
void registry_fini(struct registry *registry);

/*
 * Asks main whether that run may join. It is made known to all shards when it
 * is new, before the answer leaves; which is logged. It lives while it has
 * links that do not relay, and REGISTRY_GRACE_MS longer: when a burst takes
 * its last link it is still there, to be waited for. A run that was replaced
 * must stay away while another run of its inner's id is here; one that was
 * drained still is when it comes back. Called on the shard; answered may be
 * called before it returns.
 */
void registry_admit(struct admission *admission);

/* Main: the next one; NULL begins, and ends. */
struct instance *
registry_next(const struct registry *registry, const struct instance *instance);

/* Main: NULL: it has gone. */
struct instance *
registry_of_serial(const struct registry *registry, uint64_t serial);

/*
 * Main: an inner, or one run of it, serves nobody new, or does again; one that
 * has gone, too, if it should come back. How many runs that concerns.
 */
unsigned
registry_drain(struct registry *registry, const char *name, bool draining);

/* Main: some instances have lost their last links. */
void registry_look(struct registry *registry);

/* Main: how many instances serve the service at that slot, have links and are
 * neither suspect nor replaced. */
size_t registry_serving(const struct registry *registry, unsigned slot);

#endif
