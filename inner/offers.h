/* offers.h - what this inner offers, and what it lets the outer dial: one
 * reading of the file, with the ids that the outer has given. Floor: inner. */
#ifndef INNER_OFFERS_H
#define INNER_OFFERS_H

#include "base/addr.h"
#include "base/targets.h"
#include "inner/config.h"
#include "wire/register.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct offers_slot;

#define OFFER_NO_ID UINT64_MAX

/* A service. */
struct offer {
	char name[REGISTER_NAME_MAX + 1];
	struct addr_range target;
	struct addr_range listen; /* public; ADDR_NONE: it asks for none */
	uint32_t weight;
	int header; /* enum inner_header */
	int health; /* enum inner_health, and its settings */
	uint32_t health_ms, health_status;
	char *health_path; /* owned; NULL of ProxyAddress */
	/* From REGISTERED: */
	char *address; /* owned: where the outer listens, as text; NULL:
			* nowhere, or unknown */
	char *error;   /* owned: why it is not registered; NULL: it is, or
			* the outer has not said */
};

/* Constant once it is shared, and counted. */
struct offers {
	atomic_uint holders;
	size_t count;
	struct offer *list; /* owned */
	uint64_t *ids;	    /* owned: of each, OFFER_NO_ID: none */
	uint16_t *ports; /* owned: the first public port of each; 0: unknown */
	struct targets allow; /* owned: AllowTargets */
	bool registers;	      /* the file has Services */
};

/* ProxyAddress, as the service "default", and Services. Held once; NULL without
 * memory. */
struct offers *offers_new(const struct inner_config *config);

/* offers_hold returns offers. */
struct offers *offers_hold(struct offers *offers);
void offers_release(struct offers *offers); /* NULL is fine */

/* Before fresh is shared: services keep what the outer has said of those of
 * their name. False without memory. */
bool offers_inherit(struct offers *fresh, const struct offers *old);

/* A copy that knows what the outer says now. Held once; NULL without memory. */
struct offers *offers_answered(const struct offers *offers,
    const struct registered *registered);

/* Where the service is in the list; count: there is none. */
size_t offers_find(const struct offers *offers, const char *name);
size_t offers_find_id(const struct offers *offers, uint32_t id);

/* The one that has this target, by text, in the list; count: none has. */
size_t offers_find_target(const struct offers *offers, const struct addr *addr);

/* REGISTER. bad: of each whether its target is; NULL: none is. The length, or
 * 0: see register_encode. */
size_t offers_encode(const struct offers *offers, const bool *bad,
    char out[REGISTER_PAYLOAD_MAX]);

/* Where all threads find the newest. offers_slot_put takes offers;
 * offers_slot_get holds what it returns. */
struct offers_slot *offers_slot_new(void);	 /* NULL without memory */
void offers_slot_free(struct offers_slot *slot); /* NULL is fine */
void offers_slot_put(struct offers_slot *slot, struct offers *offers);
struct offers *offers_slot_get(struct offers_slot *slot);

#endif
