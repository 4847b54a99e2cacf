/* dispatch.h - gives each client to a shard that has a standby for it, in the
 * order in which they came. Floor: outer. */
#ifndef OUTER_DISPATCH_H
#define OUTER_DISPATCH_H

#include "base/list.h"
#include "net/loop.h"

#include <stddef.h>
#include <stdint.h>

struct hub;
struct instance;
struct session;

/* Of one service. */
struct dispatch {
	struct hub *hub;       /* borrowed */
	unsigned slot;	       /* the service's: see instance_serves */
	struct list arrivals;  /* sessions of this wake-up */
	struct list waiting;   /* sessions, longest waiting first */
	size_t counted;	       /* of those, in hub.waiting */
	struct list_node busy; /* services.busy, while somebody is here */
	struct reap later;     /* a look after the callbacks */
	struct crowd {
		size_t size;	   /* clients that came since then */
		uint64_t since_ms; /* for a moment at most */
		uint64_t held_ms;  /* when a last standby was held */
		bool holding;	   /* until the timer says */
		struct loop_timer over;
	} crowd;
};

void dispatch_init(struct dispatch *dispatch, struct hub *hub, unsigned slot);

/* Closes all that wait. why: a constant, for the log. */
void dispatch_close(struct dispatch *dispatch, const char *why);

/* Nothing waits any more. */
void dispatch_fini(struct dispatch *dispatch);

/*
 * Takes a session that is on no shard, and looks for a standby after the
 * callbacks that run now: so that those who come together are counted
 * together. again: it has been on a shard, and goes to the front.
 */
void
dispatch_add(struct dispatch *dispatch, struct session *session, bool again);

/* A standby is idle, or who may be tried has changed: looks after the
 * callbacks that run now. */
void dispatch_look(struct dispatch *dispatch);

/* The session's wait is over: gives it to whoever is there, a suspect too.
 * False when there is nobody. */
bool dispatch_last_try(struct dispatch *dispatch, struct session *session);

/* Takes it off the queue, if it is on. */
void dispatch_remove(struct dispatch *dispatch, struct session *session);

/*
 * What FORWARD says of those who wait: how many for each instance that serves,
 * rounded up, at most 65535; of those who have just come, whoever will find no
 * idle standby waits too.
 */
uint16_t
dispatch_share(size_t waiting, size_t arrivals, size_t idle, size_t serving);

size_t dispatch_length(const struct dispatch *dispatch);

#endif
