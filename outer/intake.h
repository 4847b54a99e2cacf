/* intake.h - whether clients are accepted at all: one answer for all
 * listeners. Floor: outer. */
#ifndef OUTER_INTAKE_H
#define OUTER_INTAKE_H

#include "base/list.h"
#include "net/loop.h"
#include "outer/refusals.h"

#include <stdbool.h>

struct hub;

enum { FDS_PER_FRONT = 2 }; /* it has one in reserve */

/*
 * A session needs a descriptor for its link as well. So clients are accepted
 * only while both are to be had, fewer sessions are there than there may be,
 * and not all the memory for slow readers is in use: who comes too early waits
 * in the kernel's backlog, and the links that will serve those already here
 * still get in. A service may have a bound of its own: then its listeners
 * pause.
 */
struct intake {
	struct hub *hub;	 /* borrowed */
	struct list ears;	 /* struct ear: all that listen */
	struct loop_timer calm;	 /* room for so long is worth a line */
	struct loop_timer again; /* looks while full: pipes close unheard */
	bool full;		 /* nobody is accepted */
	bool told;		 /* the log knows */
	unsigned full_services;	 /* whose own MaxSessions is reached */
	struct refusals refusals;
};

/* How many addresses may listen at once: they take a quarter of the
 * descriptors, so that nobody who may ask for some can take all. */
size_t intake_ears_max(const struct intake *intake);

/* False without memory. intake_fini either way. */
bool intake_init(struct intake *intake, struct hub *hub);
void intake_fini(struct intake *intake);

struct service;

/* A client of the service has been accepted: pauses what is full now. NULL: of
 * which is not yet known. */
void intake_on_client(struct intake *intake, struct service *service);

/* Something has ended: accepts again where there is room. Not from inside a
 * listener's callback. */
void intake_look(struct intake *intake);

#endif
