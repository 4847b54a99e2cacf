/*
 * denials.c - what the log tells of clients that are not let in.
 *
 * Owns:    the rows.
 * Thread:  main.
 * Floor:   outer.
 *
 * A stranger may try as often as he likes: his first try is told at once, the
 * others as one number when a minute is over. There are as many rows as are
 * looked through in no time; who finds none is counted with all the others.
 */
#include "outer/denials.h"

#include <string.h>

static const char *const texts[DENIAL_NKINDS] = {
	[DENIAL_NONE] = "none",
	[DENIAL_LISTED] = "in DenyFrom",
	[DENIAL_NOT_ALLOWED] = "not in AllowFrom",
	[DENIAL_TOO_MANY] = "MaxSessionsPerAddress reached",
	[DENIAL_TOO_FAST] = "NewSessionsPerSecond exceeded",
	[DENIAL_NO_MEMORY] = "out of memory",
	[DENIAL_FULL] = "MaxSessions of its service reached",
	[DENIAL_HEADER] = "no PROXY header, or a bad one: AcceptProxyProtocol",
	[DENIAL_NO_NAME] = "it names no host in time: Host",
	[DENIAL_STARTUPS] = "too many links that have not authenticated: "
			    "MaxStartups",
	[DENIAL_SOURCE] = "too many links from there that have not "
			  "authenticated",
	[DENIAL_BARRED] = "links from there have failed too often of late",
};

const char *
denial_text(enum denial denial)
{
	return texts[denial];
}

/* Who has one IPv6 address has a whole /64 of them. */
static bool
same_source(const struct endpoint *a, const struct endpoint *b)
{
	return a->family == b->family &&
	    memcmp(a->bytes, b->bytes, a->family == 6 ? 8 : 4) == 0;
}

bool
denials_note(struct denials *denials, const struct endpoint *client,
    enum denial denial, uint64_t now_ms)
{
	struct denial_row *row = denials->rows;

	for (unsigned i = 0; i < denials->used; i++, row++)
		if (row->denial == denial &&
		    same_source(&row->client, client)) {
			row->count++;
			return false;
		}
	if (denials->used == DENIALS_MAX) {
		denials->others++;
		return false;
	}
	denials->used++;
	*row = (struct denial_row){ *client, denial, 0, now_ms };
	return true;
}

bool
denials_due(struct denials *denials, uint64_t now_ms, struct denial_row *row)
{
	struct denial_row *rows = denials->rows;

	for (unsigned i = 0; i < denials->used; i++) {
		if (now_ms - rows[i].began_ms < DENIALS_PERIOD_MS)
			continue;
		*row = rows[i];
		rows[i] = rows[--denials->used];
		return true;
	}
	/* they came while all rows were taken, the oldest of which is gone */
	if (denials->others == 0 || denials->used == DENIALS_MAX)
		return false;
	*row = (struct denial_row){ .count = denials->others };
	denials->others = 0;
	return true;
}

bool
denials_any(const struct denials *denials)
{
	return denials->used > 0 || denials->others > 0;
}
