/* callers.h - the sources that links come from: who is known, and who has failed
 * of late. Floor: outer.
 *
 * A source is an IPv4 address, an IPv6 /64, or all of this machine's Unix
 * sockets. */
#ifndef OUTER_CALLERS_H
#define OUTER_CALLERS_H

#include "net/endpoint.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	CALLERS_MAX = 4096,	     /* sources that are told apart: 2^n */
	CALLER_KNOWN_MS = 60 * 1000, /* after its last link has gone */

	/* two faults; the next one within that time bars its source */
	CALLER_PATIENCE_MS = 10 * 1000,
	CALLER_BAR_MS = 15 * 1000, /* the first time */
	CALLER_BAR_MAX_MS = 600 * 1000,

	/* While it is barred, one link may try, and the next one between half
	 * of that and one and a half later: by chance, so that who comes as
	 * regularly does not take every turn. */
	CALLER_PROBE_MS = 1000,
};

/* Why a link ended without having proved a key. */
enum fault {
	FAULT_NONE, /* it has said nothing, or that was our own doing */
	FAULT_PROOF,
	FAULT_PROTOCOL,
	FAULT_SILENCE, /* its time was over */
	FAULT_LEFT,    /* it began a handshake and went by itself, or asked for
			* what there is not */
	FAULT_NKINDS,
};

/* One source. Only main looks one up; its numbers are any thread's. */
struct caller {
	/* main's */
	bool used;
	uint8_t family;
	uint8_t level;	   /* how often it was barred in a row */
	uint64_t net;	   /* what tells it from others */
	uint64_t until_ms; /* of the penalty */
	uint64_t probe_ms; /* barred: when one may try again */

	atomic_bool barred;  /* written by main */
	atomic_uint pending; /* links without a proof as yet */
	atomic_uint links;   /* that stand by */
	atomic_uint dialing; /* most that one of its inners makes at once */
	atomic_uint faults[FAULT_NKINDS]; /* since main looked */
	_Atomic uint64_t fault_ms;	  /* the last one */
	_Atomic uint64_t left_ms;	  /* its last link left; 0: never */
	_Atomic uint64_t told_ms[FAULT_NKINDS];
	atomic_uint untold[FAULT_NKINDS];
};

struct callers {
	struct caller *rows; /* owned: CALLERS_MAX */
	uint64_t seed;	     /* so that nobody can fill one place */
};

/* seed: a number that no stranger knows. False without memory. */
bool callers_init(struct callers *callers, uint64_t seed);

/* When no link is left; zeroed is fine. */
void callers_fini(struct callers *callers);

/* Main: that of peer; NULL: there is no place for it. A pointer stays good
 * while the source counts a link. */
struct caller *callers_find(struct callers *callers,
    const struct endpoint *peer, uint64_t now_ms);

/* From any thread: whether a link of it stands by, or did so not long ago. */
bool caller_is_known(const struct caller *caller, uint64_t now_ms);

/* From any thread: a link of it has ended so. */
void caller_note(struct caller *caller, enum fault fault, uint64_t now_ms);

/* From any thread: one of its inners makes so many links at once. */
void caller_raise_dialing(struct caller *caller, unsigned dialing);

/* Main: bars it, or ends that, by what was noted. roll: 0 to 99, by chance. */
void caller_judge(struct caller *caller, uint64_t now_ms, unsigned roll);

/* Main: one link of this barred source tries now: when is it the next one's
 * turn? */
void caller_probes(struct caller *caller, uint64_t now_ms, unsigned roll);

/* Main: what a known source did wrong is forgotten, whoever it was there. */
void caller_forgive(struct caller *caller);

#endif
