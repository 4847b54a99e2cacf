/*
 * refusals.c - writes what denials.h says to the log, for one listener.
 *
 * Owns:    nothing.
 * Thread:  main.
 * Floor:   outer.
 */
#include "outer/refusals.h"
#include "base/clock.h"

#include <string.h>

enum { COUNTS_MS = 10000 }; /* how often to look for counts to be told */

static void
tell_again(const struct refusals *refusals, const struct denial_row *row)
{
	char peer[ENDPOINT_TEXT_SIZE];

	if (row->denial == DENIAL_NONE) {
		log_at(refusals->level, refusals->part,
		    "refused, from further addresses",
		    KV_U64("count", row->count));
		return;
	}
	endpoint_text(&row->client, false, peer);
	log_at(refusals->level, refusals->part, "refused again",
	    KV_STR(refusals->who, peer),
	    KV_STR("why", denial_text(row->denial)),
	    KV_U64("count", row->count));
}

static void
tell_counts(struct refusals *refusals, uint64_t now_ms)
{
	struct denial_row row;

	while (denials_due(&refusals->denials, now_ms, &row))
		if (row.count > 0)
			tell_again(refusals, &row);
}

static void
on_counts(void *arg)
{
	struct refusals *refusals = arg;

	tell_counts(refusals, clock_ms());
	refusals->counting = denials_any(&refusals->denials);
	if (refusals->counting)
		loop_timer_start(&refusals->timer, COUNTS_MS);
}

void
refusals_init(struct refusals *refusals, struct loop *loop, const char *part,
    const char *who, enum log_level level)
{
	memset(refusals, 0, sizeof(*refusals));
	refusals->part = part;
	refusals->who = who;
	refusals->level = level;
	loop_timer_init(&refusals->timer, loop, on_counts, refusals);
}

void
refusals_fini(struct refusals *refusals)
{
	tell_counts(refusals, UINT64_MAX); /* all there are */
	loop_timer_fini(&refusals->timer);
}

void
refusals_note(struct refusals *refusals, const struct endpoint *peer,
    enum denial denial)
{
	char text[ENDPOINT_TEXT_SIZE];

	if (!denials_note(&refusals->denials, peer, denial, clock_ms()))
		return;
	endpoint_text(peer, true, text);
	log_at(refusals->level, refusals->part, "refused",
	    KV_STR(refusals->who, text), KV_STR("why", denial_text(denial)));
	if (refusals->counting)
		return;
	refusals->counting = true;
	loop_timer_start(&refusals->timer, COUNTS_MS);
}
