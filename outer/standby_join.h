/* standby_join.h - what joining and the life of a standby know of each other.
 * Only outer/standby.c and outer/standby_join.c include this. Floor: outer. */
#ifndef OUTER_STANDBY_JOIN_H
#define OUTER_STANDBY_JOIN_H

#include "outer/standby_codec.h"

/* A new link is in its shard: it stands in HANDSHAKE, its deadline runs, and
 * its bytes are read. Never calls back before it returns. */
void standby_begin(struct standby *standby);

/* It has joined, or has said no to a session: the pool gets it, and a client
 * that waits may be given it before this returns. */
void standby_become_idle(struct standby *standby);

/* It has joined as a control link. */
void standby_become_control(struct standby *standby);

/* Wipes and frees what the handshake had to remember, if there is any. */
void standby_forget_handshake(struct standby *standby);

#endif
