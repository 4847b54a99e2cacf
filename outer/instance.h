/* instance.h - one run of an inner process, let in by one key, as all shards
 * know it. Floor: outer. */
#ifndef OUTER_INSTANCE_H
#define OUTER_INSTANCE_H

#include "base/list.h"
#include "base/targets.h"
#include "net/inbox.h"
#include "net/loop.h"
#include "wire/hello.h"
#include "wire/register.h"
#include "wire/window.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct instance;

enum {
	SERVICES_MAX = 4096, /* that there can be at once */
	INSTANCE_SERVES_WORDS = SERVICES_MAX / 64,
	INSTANCE_LATELY_MS = 5000, /* see instance_size */
};

/*
 * What one shard has of an instance. Only that shard's loop touches it, but
 * for idle_count and put_us, which main reads, idle_count others too, and the
 * message, which goes to and fro.
 */
struct instance_part {
	struct list_node node;	   /* pool.parts: known to that shard */
	struct instance *instance; /* borrowed: the one it is a part of */
	struct list idle;	   /* pool_item, most recently used first */
	_Atomic uint64_t put_us;   /* when one last became idle */
	atomic_int idle_count;	   /* idle ones less those main has promised */
	struct inbox_message message; /* registry.c: one at a time */
	unsigned shard;
};

/* Its part of the clients of 64 services, by slot. */
struct instance_shares {
	uint8_t weight[64]; /* 0: 1 */
	int32_t turn[64];   /* see dispatch.c, take_turn */
};

/* How it looks to dispatch.c while that chooses. */
struct instance_offer {
	struct instance *next; /* that may be chosen too */
	unsigned shard;	       /* which has most idle ones */
	int idle, size;	       /* in all; see instance_size */
	unsigned weight;       /* for the service */
	int32_t *turn;	       /* likewise */
	uint64_t put_us;       /* when that shard last got one */
};

struct instance {
	/* constant once it is known to a shard */
	uint64_t serial; /* never reused; younger is larger */
	uint32_t key;	 /* id of the key that lets it in */
	char inner[HELLO_INNER_MAX + 1];
	char id[HELLO_INSTANCE_SIZE + 1]; /* "classic" of classic links */
	bool has_secret;		  /* classic ones have none */
	uint8_t secret[PROOF_SIZE];	  /* of the first full handshake */
	struct hub *hub;		  /* borrowed */

	/* shared by all threads */
	struct window window; /* of counters that have joined quickly */
	_Atomic uint64_t newest[PROOF_SIZE / sizeof(uint64_t)]; /* secret */
	atomic_size_t links;	 /* authenticated and not relaying */
	_Atomic uint64_t rtt_ms; /* when rtt_us was asked for; 0: never */
	_Atomic uint32_t rtt_us; /* round trip; 0: not known */
	atomic_uint dialing;	 /* links that it makes at once, as a full
				  * handshake has proved */
	atomic_bool emptied;	 /* links has been zero since main looked */
	atomic_bool suspect;	 /* did not answer: taken last */
	atomic_bool replaced;	 /* a younger run took its place */
	atomic_bool gone;	 /* nobody may join any more */
	atomic_bool by_name;	 /* it has services by name: by HELLO, then
				  * by REGISTER. Else the default alone */
	_Atomic uint64_t serves[INSTANCE_SERVES_WORDS]; /* bits */

	/* main's */
	struct registration registration; /* owned: the newest REGISTER */
	struct targets allow;		  /* owned: what it lets us name */
	bool registered;		  /* it has sent one */
	/* owned: each NULL until it is needed */
	struct instance_shares *shares[INSTANCE_SERVES_WORDS];
	int32_t no_turn;       /* where there was no memory for them */
	uint64_t lately_ms;    /* see instance_size: since when */
	int most, most_before; /* idle standbys since then, and before */
	struct instance_offer offer;
	bool draining;		 /* it serves nobody new, until it is told */
	int64_t since_s;	 /* when it came: seconds since 1970 */
	struct list_node node;	 /* registry.all */
	struct loop_timer grace; /* without links, not yet gone */
	unsigned in_flight;	 /* parts whose message is under way */

	unsigned part_count;
	struct instance_part parts[];
};

/* One for so many shards; zeroed otherwise. NULL without memory. */
struct instance *instance_new(unsigned shards);

/* Its secrets are wiped. */
void instance_free(struct instance *instance);

/*
 * A link joins, or leaves. instance_join is false when the instance is going
 * just now: then nothing has changed, and registry_admit knows what to do.
 * instance_leave is true when that was the last link. From any thread.
 */
bool instance_join(struct instance *instance);
bool instance_leave(struct instance *instance);

/*
 * A full handshake has made this secret: from now on it is good for quick joins
 * too, beside that of the first one; the one before it is not any more. From
 * any thread.
 */
void instance_renew_secret(struct instance *instance, const uint8_t *secret);

/*
 * Whether a link may join quickly by what HELLO says: the proof fits one of
 * the secrets, which is copied out, and the counter was not used before.
 * binding: PROOF_BINDING_SIZE bytes of the link. From any thread.
 */
bool
instance_joins_quickly(struct instance *instance, const struct hello *hello,
    const uint8_t *binding, uint8_t secret[PROOF_SIZE]);

/* Whether it serves the clients of the service at that slot. Set by main, asked
 * from any thread. */
void instance_serve(struct instance *instance, unsigned slot, bool serves);

/* Main: its weight for the service at that slot, 1 if it was not set. False
 * without memory: then it is as before. */
bool
instance_set_weight(struct instance *instance, unsigned slot, unsigned weight);
unsigned instance_weight(const struct instance *instance, unsigned slot);

/* Main: how much its turn for that service is due. Without memory there is none
 * to be kept: 0, each time. */
int32_t *instance_turn(struct instance *instance, unsigned slot);

static inline bool
instance_serves(const struct instance *instance, unsigned slot)
{
	return (atomic_load_explicit(&instance->serves[slot / 64],
		    memory_order_relaxed) >>
		       slot % 64 &
		   1) != 0;
}

/* Idle standbys on all shards, those aside that are promised. */
int instance_idle(const struct instance *instance);

/* Main: how many standbys it keeps, of which so many are idle now: the most that
 * were idle at once in the last INSTANCE_LATELY_MS, or twice that. */
int instance_size(struct instance *instance, int idle, uint64_t now_ms);

static inline bool
instance_is(const struct instance *instance, const char *inner, const char *id,
    uint32_t key)
{
	return instance->key == key && strcmp(instance->id, id) == 0 &&
	    strcmp(instance->inner, inner) == 0;
}

#endif
