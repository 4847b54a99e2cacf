/* session.h - one client, from accept to its last log line. Floor: outer.
 *
 * It waits on main, is set up and relays on a shard, and goes from the one to
 * the other only while nothing has been read from the client. */
#ifndef OUTER_SESSION_H
#define OUTER_SESSION_H

#include "base/list.h"
#include "net/endpoint.h"
#include "outer/service.h"
#include "outer/standby.h"

#include <stdbool.h>
#include <stdint.h>

struct hub;
struct instance;
struct link;
struct pool_history;
struct service;
struct session;
struct shard;
struct source;

/* WAITING (QueueTimeout) -> STARTING (the standby's deadlines) -> RELAYING. */
enum session_state {
	SESSION_WAITING,
	SESSION_STARTING,
	SESSION_RELAYING,
	SESSION_CLOSED,
	SESSION_NSTATES,
};

/* A client that has come. */
struct session_arrival {
	sock_fd fd;
	unsigned nth;			/* of the service's addresses */
	struct endpoint client, public; /* who, and where it came to */
	struct source *source;		/* counts it until its end; or NULL */
};

/* Main: takes a new client of the service and gives it to dispatch. What it
 * sends stays in the kernel until RELAYING. */
void
session_start(struct service *service, const struct session_arrival *arrival);

/* Main: the session stays in dispatch's queue for QueueTimeout, and leaves it
 * when the client does. May close it. */
void session_wait(struct session *session);

/*
 * Main: sends the session to a shard where a standby of the instance is
 * promised to it. waiting: see request.waiting. Without threads it may be back
 * in the queue, or closed, when this returns.
 */
void session_send(struct session *session, struct shard *shard,
    struct instance *instance, uint16_t waiting);

/* Ends it, from where it is: the client is reset. Idempotent. */
void session_close(struct session *session, const char *why);

/* Whether it relays by a key that is none of its inner's any more. */
bool session_is_revoked(const struct session *session);

uint64_t session_id(const struct session *session);
const struct pool_history *session_history(const struct session *session);

/* What there is to say of it, for the API. */
struct session_info {
	uint64_t id, age_ms;
	const char *state; /* a constant */
	struct endpoint client;
	char service[SERVICE_NAME_MAX + 1];
	char inner[HELLO_INNER_MAX + 1]; /* "": no standby yet */
};
void session_describe(const struct session *session, struct session_info *info);

/* Its node in dispatch's lists, shard.setting_up or shard.relaying. */
struct list_node *session_node(struct session *session);
struct session *session_of(struct list_node *node);

/*
 * What becomes of the standby that it claimed. By the time of on_lost the
 * standby is closed, and its instance may be gone: hence the serial.
 * on_ready takes the link, with raw bytes in its input if there are any.
 */
void
session_on_ready(struct session *session, struct link *link, bool whole_close);
/* link: to the target, taken; NULL: why, there is none. */
void
session_on_target(struct session *session, struct link *link, const char *why);
void session_on_refused(struct session *session, uint64_t instance_serial,
    unsigned code, const char *text);
void session_on_lost(struct session *session, uint64_t instance_serial,
    enum standby_loss loss, const char *why);

#endif
