/* session.h - one client, from accept to its last log line. Floor: outer. */
#ifndef OUTER_SESSION_H
#define OUTER_SESSION_H

#include "base/list.h"
#include "outer/standby.h"

#include <stdbool.h>
#include <stdint.h>

struct link;
struct session;
struct shard;

/* WAITING (QueueTimeout) -> STARTING (the standby's deadlines) -> RELAYING. */
enum session_state {
	SESSION_WAITING,
	SESSION_STARTING,
	SESSION_RELAYING,
	SESSION_CLOSED,
	SESSION_NSTATES,
};

/* Takes fd, a new client. What it sends stays in the kernel until RELAYING. */
void session_start(struct shard *shard, int fd);

/* Ends it, from anywhere: the client is reset. Idempotent. */
void session_close(struct session *session, const char *why);

uint64_t session_id(const struct session *session);

/* Of a node of shard.setting_up or shard.relaying. */
struct session *session_of(struct list_node *node);

/*
 * What becomes of the standby that it claimed. By the time of on_lost the
 * standby is closed, and its instance may be gone: hence the serial.
 * on_ready takes the link, with raw bytes in its input if there are any.
 */
void
session_on_ready(struct session *session, struct link *link, bool whole_close);
void session_on_refused(struct session *session, uint64_t instance_serial,
    unsigned code, const char *text);
void session_on_lost(struct session *session, uint64_t instance_serial,
    enum standby_loss loss, const char *why);

#endif
