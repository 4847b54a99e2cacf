/* services.h - all services: which there are, and which instance serves which.
 * Floor: outer. */
#ifndef OUTER_SERVICES_H
#define OUTER_SERVICES_H

#include "base/list.h"
#include "base/log.h"
#include "outer/intake.h"
#include "outer/lobby.h"
#include "outer/service.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hub;
struct instance;
struct outer_config;

enum { SERVICE_PROBLEM_SIZE = 512 };

struct services {
	struct hub *hub;     /* borrowed */
	struct list all;     /* struct service, in the order they came */
	struct list leaving; /* removed; sessions of them go on */
	struct list busy;    /* struct dispatch: somebody waits there */
	size_t queued;	     /* clients in all of them */
	struct service *slots[SERVICES_MAX]; /* borrowed; NULL: free */
	uint32_t next_id;
	uint16_t next_slot;	 /* where to look for a free one first */
	bool closed;		 /* the outer stops: there are no new ones */
	struct log_limit claims; /* lines that inners can cause */
	struct intake intake;
	struct lobby lobby;
	struct loop_timer sweep; /* frees those that have left */
};

/* False without memory. services_fini either way. */
bool services_init(struct services *services, struct hub *hub);

/* All sessions have ended. Zeroed is fine. */
void services_fini(struct services *services);

/* Closes all clients that wait, and those in the lobby. */
void services_close(struct services *services);

/*
 * Adds a service that listens nowhere yet; the one named SERVICE_DEFAULT has id
 * 0. An inner's name is its own: others may have one too. NULL with one line in
 * problem: the name is there already, there are SERVICES_MAX, no memory, the
 * outer stops.
 */
struct service *services_add(struct services *services,
    const struct service_options *options, char problem[SERVICE_PROBLEM_SIZE]);

/*
 * Its addresses are free when this returns, and those who waited are reset with
 * why in the log; sessions that relay go on. Not from inside a listener's
 * callback.
 */
void services_remove(struct service *service, const char *why);

/* The one of that name that an inner has asked for; inner NULL: that of the file
 * or the API. NULL: there is none. */
struct service *services_find(const struct services *services, const char *name,
    const char *inner);

/* Whose the range is already, in part or whole; NULL: nobody's here. */
struct service *services_holder(const struct services *services,
    const struct addr_range *range);

/*
 * Whether an inner that is here would dial the target: "" names none, any will
 * do. False, and *refuser is one that would not, where all that have said what
 * they allow do not.
 */
bool services_may_reach(const struct services *services, const char *inner,
    const struct addr_range *target, const char **refuser);

/* Which instances serve it, by what it is now: those that are leaving too, for
 * they may still have links. */
void services_judge_one(const struct service *service);

/* Keys have changed: who serves what is judged anew. */
void services_judge_all(struct services *services);

/* The next one in services.all; NULL begins, and ends. */
struct service *
services_next(const struct services *services, const struct service *service);

/* Whether the instance, as far as it has said so, dials that target. */
bool services_may_dial(const struct instance *instance,
    const struct addr_range *target);

/* Which services it serves, by what it is now: before any shard knows it, and
 * when what it offers has changed. */
void services_judge(struct services *services, struct instance *instance);

/* No client is accepted any more, and no service added. */
void services_stop_listening(struct services *services);

/* Standbys are idle, or who may be tried has changed: each queue looks, after
 * the callbacks that run now. */
void services_look(struct services *services);

#endif
