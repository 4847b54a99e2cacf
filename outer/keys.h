/* keys.h - which keys there are, and who may use which. Floor: outer.
 *
 * A set of keys never changes: another configuration makes another set, and
 * each shard goes over to that in its own time. A key keeps its id as long as
 * it is in the set, so what was let in by it is known by the id alone. */
#ifndef OUTER_KEYS_H
#define OUTER_KEYS_H

#include "ops/key.h"
#include "outer/config.h"
#include "wire/hello.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { KEYS_PER_INNER = 2 };

struct key {
	uint32_t id; /* of the text; never used again; 0: a decoy */
	char inner[HELLO_INNER_MAX + 1]; /* whose; "": all that have none */
	char text[KEY_MAX + 1];
	uint8_t digest[PROOF_SIZE]; /* of the text */
	bool classic;		    /* a classic signal can carry it */
	struct conf_names services; /* owned: what it is for; none: all */
	struct conf_ports ports;    /* owned: likewise */
};

struct keys {
	atomic_uint refs;
	uint32_t next_id;
	unsigned count;
	bool classic;	  /* one of them is */
	struct key decoy; /* random: fits nobody */
	struct key list[];
};

/* The set that the configuration names. before: whose ids are kept, or NULL.
 * NULL without memory or random bytes. The caller has one reference. */
struct keys *
keys_new(const struct outer_config *config, const struct keys *before);

/* From any thread. The last one out wipes and frees it; NULL is fine. */
struct keys *keys_hold(struct keys *keys);
void keys_drop(struct keys *keys);

/*
 * The keys that the inner of that name may prove: its own if it is listed,
 * else AuthKey. Where there are fewer than KEYS_PER_INNER the rest are decoys,
 * so that who tries them all cannot be told by the time how many there are.
 * Borrowed from keys.
 */
void keys_of(const struct keys *keys, const char *inner,
    const struct key *out[KEYS_PER_INNER]);

/* The key that a classic signal carries, or NULL. Takes equally long whichever
 * it is. */
const struct key *keys_in_signal(const struct keys *keys, const char *text);

/* What peer and log are told of a link or session that keys_allow no more. */
extern const char keys_removed[];

/* Whether what was let in as that inner by the key of that id still may be
 * here. */
bool keys_allow(const struct keys *keys, const char *inner, uint32_t id);

#endif
