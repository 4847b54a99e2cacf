/* denials.h - what the log tells of clients and links that are not let in: a line for
 * each source and minute, not for each client. Floor: outer. */
#ifndef OUTER_DENIALS_H
#define OUTER_DENIALS_H

#include "net/endpoint.h"

#include <stdbool.h>
#include <stdint.h>

/* Why a client is not let in. */
enum denial {
	DENIAL_NONE, /* it is let in */
	DENIAL_LISTED,
	DENIAL_NOT_ALLOWED,
	DENIAL_TOO_MANY,
	DENIAL_TOO_FAST,
	DENIAL_NO_MEMORY,
	DENIAL_FULL,	 /* its service */
	DENIAL_HEADER,	 /* AcceptProxyProtocol: a bad one, or none */
	DENIAL_NO_NAME,	 /* Host: nothing that could be a name */
	DENIAL_STARTUPS, /* links: see armour.h */
	DENIAL_SOURCE,
	DENIAL_BARRED,
	DENIAL_NKINDS,
};

/* For the log: "in DenyFrom". */
const char *denial_text(enum denial denial);

enum {
	DENIALS_MAX = 64, /* sources that are told apart in one period */
	DENIALS_PERIOD_MS = 60 * 1000,
};

/* One source, refused in one way. */
struct denial_row {
	struct endpoint client; /* its port is that of the first one */
	enum denial denial;
	uint64_t count;	   /* refused since it was last told */
	uint64_t began_ms; /* of the period */
};

/* Zeroed is ready. Nothing here allocates. */
struct denials {
	struct denial_row rows[DENIALS_MAX];
	unsigned used;
	uint64_t others; /* refused for which there was no row */
};

/*
 * Counts a refused client. True: it is the first of its source for a period,
 * and to be told now; false: denials_due tells of it.
 */
bool denials_note(struct denials *denials, const struct endpoint *client,
    enum denial denial, uint64_t now_ms);

/*
 * Takes the next row whose period is over, whose count is of those who were
 * not told of: 0 where none came again. A row of DENIAL_NONE counts the
 * sources for which there was no row. Returns false when there is none.
 */
bool
denials_due(struct denials *denials, uint64_t now_ms, struct denial_row *row);

/* Whether any row waits for its period to be over. */
bool denials_any(const struct denials *denials);

#endif
