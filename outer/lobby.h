/* lobby.h - clients whose first bytes tell whom they are for, or who they are.
 * Floor: outer. */
#ifndef OUTER_LOBBY_H
#define OUTER_LOBBY_H

#include "base/list.h"

#include <stdbool.h>

struct ear;
struct service;
struct session_arrival;

/* HEADER, PEEKING (PeekTimeout from accept on) -> LEAVING (2 s). */
enum visitor_state {
	VISITOR_HEADER,	 /* its proxy is to say who it is */
	VISITOR_PEEKING, /* it is to say whom it asks for */
	VISITOR_LEAVING, /* it has been told that nobody serves it */
	VISITOR_CLOSED,	 /* a session by now, or gone */
	VISITOR_NSTATES,
};

/* Main's. Each counts as a session does: for MaxSessions, of the service too
 * where there is but one, and for descriptors. */
struct lobby {
	struct list visitors;
};

void lobby_init(struct lobby *lobby);

/* Closes all visitors. */
void lobby_end(struct lobby *lobby);

/*
 * Takes a client that has come to the ear and looks at its first bytes, which
 * stay in the kernel, until they say whom it asks for: then it is a session of
 * that service. header: a PROXY header comes before them, which is taken off,
 * and nobody has admitted the client yet. It may be a session, or gone, when
 * this returns.
 */
void lobby_enter(struct ear *ear, const struct session_arrival *arrival,
    bool header);

/* The service goes from the ear: no visitor holds it any more. */
void lobby_let_go(struct ear *ear, const struct service *service);

/* The ear ends: resets those who are still to say whom they ask for. */
void lobby_close(struct ear *ear);

#endif
