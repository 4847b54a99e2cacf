/* ear.h - a listener for clients, which several services may have in common.
 * Floor: outer. */
#ifndef OUTER_EAR_H
#define OUTER_EAR_H

#include "base/addr.h"
#include "base/list.h"
#include "net/listen.h"
#include "outer/denials.h"
#include "outer/service.h"

#include <stdbool.h>

struct front;
struct hub;
struct source;

struct ear {
	struct hub *hub;       /* borrowed */
	struct listen *listen; /* owned */
	struct addr addr;      /* as asked for; port 0: as it was got */
	struct list fronts;    /* struct front: whose it is, one at least */
	struct list visitors;  /* lobby's: whom they are for is not known */
	struct list_node node; /* intake.ears */
	char name[SERVICE_NAME_MAX + 1]; /* who opened it, for the log */
};

/* By its node in intake.ears. */
struct ear *ear_of(struct list_node *node);

/*
 * The front of a service joins the ear at its address, which listens from now
 * on if it did not: front.service and .nth are set, .ear will be. Of several
 * services at one address one at most has no patterns of hosts. False with one
 * line in problem.
 */
bool ear_join(struct front *front, const struct addr *addr,
    char problem[LISTEN_PROBLEM_SIZE]);

/* The front leaves; with the last one the address is free, and those clients
 * end of whom it is not known whom they are for. Not from inside its own
 * callback. */
void ear_leave(struct front *front);

/* Pauses or goes on, as intake and the services say: of several it goes on for
 * those that have room. */
void ear_update(struct ear *ear);

/* Whether its clients are told apart by the host they ask for. */
bool ear_has_hosts(const struct ear *ear);

/* Whose pattern fits the name best; who has none. NULL: there is none. */
struct front *ear_find(const struct ear *ear, const char *name);
struct front *ear_fallback(const struct ear *ear);

/*
 * Whether a client from there may come at all, as far as that is known: to one
 * service of the ear at least. DENIAL_NONE: it is counted in *source.
 */
enum denial ear_admit(const struct ear *ear, const struct endpoint *client,
    struct source **source);

/* Resets a client and tells the log why, once for each source and minute. */
void ear_refuse(const struct ear *ear, sock_fd fd,
    const struct endpoint *client, enum denial denial);

#endif
