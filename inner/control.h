/* control.h - the one link over which services are registered, and what the
 * outer has made of them. Floor: inner. */
#ifndef INNER_CONTROL_H
#define INNER_CONTROL_H

#include "inner/config.h"
#include "inner/shard.h"
#include "inner/spare.h"
#include "net/loop.h"
#include "wire/register.h"

struct health;
struct keeper;

/* Lives on the main loop. Its link is on a shard of its own there, so that it
 * is not counted among those that stand by. Zeroed is one that never started. */
struct control {
	struct keeper *keeper;		   /* borrowed */
	const struct inner_config *config; /* borrowed */
	struct inner_shard shard;
	struct health *health;	  /* owned; NULL: targets are not tried */
	struct loop_timer report; /* of what it has found, together */
	bool report_waits;
	struct loop_timer again; /* REGISTER, for what was not registered */
	struct spare *link;	 /* authenticated; NULL: none. Its shard's */
	bool dialing;		 /* a link is on its way */
	bool wanted;		 /* since when: for the rest of this run */
	bool stopping;

	uint64_t down_since_ms, delay_ms; /* before the next attempt */
	struct loop_timer retry;
	bool retry_waits;
	bool told;	    /* of this outage */
	bool told_services; /* the first answer on this link has been */
};

/* Fills *control, dials nothing yet. False without memory. control_stop either
 * way. */
bool control_start(struct control *control, struct keeper *keeper,
    struct loop *loop);

/* Dials where a link is wanted and none is there: while standbys can be had,
 * too. */
void control_look(struct control *control);

/* The first standby since an outage is there: what went wrong before counts no
 * more. */
void control_on_connected(struct control *control);

/* There are other offers: registers them. */
void control_on_offers(struct control *control);

/* No new link; the one that is there says GOAWAY. */
void control_drain(struct control *control);

/* Closes what is left. */
void control_stop(struct control *control);

/* What its link tells. end: see enum spare_end. */
void control_on_joined(struct control *control, struct spare *link);
void control_on_registered(struct control *control,
    const struct registered *registered);
void
control_on_end(struct control *control, enum spare_end end, const char *why);

#endif
