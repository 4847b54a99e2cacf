/* standby_parts.h - what the files of a standby's life know of each other. Only
 * outer/standby.c, standby_join.c, standby_link.c and standby_session.c include
 * this. Floor: outer. */
#ifndef OUTER_STANDBY_PARTS_H
#define OUTER_STANDBY_PARTS_H

#include "outer/standby_codec.h"

/* --- standby.c ------------------------------------------------------------- */

/* A new link is in its shard: it stands in HANDSHAKE, its deadline runs, and
 * its bytes are read. Never calls back before it returns. */
void standby_begin(struct standby *standby);

/* The only writer of the state; also moves lists. */
void standby_set_state(struct standby *standby, enum standby_state next);

/* It has joined, or has said no to a session: the pool gets it, and a client
 * that waits may be given it before this returns. */
void standby_become_idle(struct standby *standby);

/* It has said no to a session: it is idle, or closed where it has to go. */
void standby_become_idle_again(struct standby *standby);

/* It has joined as a control link. */
void standby_become_control(struct standby *standby);

/* What every way out has in common. The link has its new owner by now. */
void standby_leave(struct standby *standby);

/* --- standby_join.c -------------------------------------------------------- */

/* Wipes and frees what the handshake had to remember, if there is any. */
void standby_forget_handshake(struct standby *standby);

/* --- standby_link.c -------------------------------------------------------- */

/* From now on what comes over its link is heard, later than this returns. */
void standby_hear(struct standby *standby);

/* --- standby_session.c ----------------------------------------------------- */

/* The deadline of STARTING is over: the standby is lost. */
void standby_on_starting_timeout(struct standby *standby);

#endif
