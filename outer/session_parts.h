/* session_parts.h - what the files of a session know of each other. Only
 * outer/session.c and outer/session_tries.c include this. Floor: outer. */
#ifndef OUTER_SESSION_PARTS_H
#define OUTER_SESSION_PARTS_H

#include "net/inbox.h"
#include "net/loop.h"
#include "outer/early.h"
#include "outer/pool.h"
#include "outer/session.h"

struct direct;
struct pump;
struct throttle;
struct watch;

struct session {
	struct inbox_message message; /* under way between main and shard */
	struct list_node node; /* dispatch's, shard.setting_up, .relaying */
	struct pool_history history;
	struct hub *hub;	   /* borrowed */
	struct service *service;   /* held until its end */
	struct shard *shard;	   /* borrowed; NULL: it is on main */
	struct instance *promised; /* borrowed; on the way to the shard */
	uint64_t id;
	enum session_state state;
	uint16_t waiting; /* request.waiting */
	uint16_t nth;	  /* see service_target */
	sock_fd fd;	  /* owned; SOCK_NONE once the pump has it */
	struct endpoint client, public;
	struct source *source;	   /* counts it until its end; or NULL */
	struct early early;	   /* what went ahead of READY */
	struct watch *watch;	   /* owned; while fd is */
	struct loop_timer *timer;  /* owned: QueueTimeout; while queued */
	struct standby *standby;   /* borrowed; STARTING only */
	struct direct *direct;	   /* owned; STARTING only, without a standby */
	struct pump *pump;	   /* RELAYING only; frees itself */
	struct throttle *throttle; /* its service's, while it relays; or NULL */
	const char *stop_why;	   /* why pump_stop was called */
	uint32_t key;		   /* id of the key that let the standby in, */
	char inner[HELLO_INNER_MAX + 1]; /* and as whose */
	unsigned attempts, counted; /* standbys used up; those that count */
	uint64_t began_ms, claimed_ms, ready_ms;
	struct reap reap;
};

/* The only writer of the state; also moves lists and gauges. */
void session_set_state(struct session *session, enum session_state next);

/* Nobody looks after the client's socket or the wait any more. */
void session_stop_waiting(struct session *session);

/* Of a watch on the client, arg being the session: it has left. */
void session_on_gone(void *arg);

#endif
