/* refusals.h - writes what denials.h says to the log, for one listener.
 * Floor: outer. */
#ifndef OUTER_REFUSALS_H
#define OUTER_REFUSALS_H

#include "base/log.h"
#include "net/loop.h"
#include "outer/denials.h"

struct refusals {
	const char *part; /* of the log; a constant */
	const char *who;  /* the field with the address: "client" */
	enum log_level level;
	struct denials denials;
	struct loop_timer
	    timer; /* tells of counts; runs while there are some */
	bool counting;
};

/* Texts: constants. */
void refusals_init(struct refusals *refusals, struct loop *loop,
    const char *part, const char *who, enum log_level level);

/* Tells all that has not been told yet. */
void refusals_fini(struct refusals *refusals);

/* One from peer has just been refused. */
void refusals_note(struct refusals *refusals, const struct endpoint *peer,
    enum denial denial);

#endif
