/* armour.h - which links may begin a handshake: how many have not yet proved a
 * key, in all and of each source, and who has failed of late. Floor: outer.
 *
 * After MaxStartups, PerSourceMaxStartups and PerSourcePenalties of
 * sshd_config(5). */
#ifndef OUTER_ARMOUR_H
#define OUTER_ARMOUR_H

#include "outer/callers.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ARMOUR_OF_STRANGER = 32,
	/* four times its inners' MaxDialing: one's spare room, or some that
	 * share an address; at the least four times the default */
	ARMOUR_OF_KNOWN_PART = 4,
	ARMOUR_OF_KNOWN = ARMOUR_OF_KNOWN_PART * 64,
	ARMOUR_TIGHT = 8, /* strangers, while descriptors are short */
	ARMOUR_TELL_MS = 10 * 1000,
	ARMOUR_LINGER_MS = 2000, /* LINK_RETIRE_MS */

	/* What strangers have for the handshake when others wait for their
	 * place: that part of HandshakeTimeout, at the least so long. */
	ARMOUR_HURRY_PART = 4,
	ARMOUR_HURRY_MIN_MS = 1000,
};

/* MaxStartups: from start on rate per cent of the links are turned away, and
 * more of them the more there are, at full all. */
struct startups {
	uint32_t start, rate, full;
};

/* Reads "100:30:1000". False: that is none. */
bool startups_parse(const char *text, struct startups *startups);

struct armour {
	struct startups limits;	    /* as the descriptors allow */
	uint32_t known_full;	    /* pending ones of known sources */
	uint32_t hurry_ms;	    /* see ARMOUR_HURRY_PART */
	atomic_uint pending;	    /* of strangers */
	atomic_uint known_pending;  /* of known sources */
	atomic_bool tight;	    /* see armour_set_tight */
	_Atomic uint64_t linger_ms; /* see armour_may_linger */
	atomic_uint lingering;
	struct callers callers; /* its sources */
};

enum verdict {
	VERDICT_WELCOME,
	VERDICT_MAX_STARTUPS,	/* too many strangers */
	VERDICT_SOURCE_IS_FULL, /* too many of that source */
	VERDICT_BARRED,		/* it has failed too often */
};

/* A link's place among those that have not proved a key, and after that.
 * Embedded in it; zeroed counts nowhere. */
struct pass {
	struct caller *caller; /* borrowed; NULL: there was no room for it */
	enum pass_kind {
		PASS_NONE,
		PASS_STRANGER,
		PASS_KNOWN,
		PASS_LINK,
	} kind;
	bool crowded; /* its source has as many as it may: one must go */
	bool probe;   /* its source is barred: it tries all the same */
	uint64_t began_ms;
};

/*
 * limits: MaxStartups; max_fds: of which those without a proof get an eighth
 * at most, and known sources as much again; handshake_ms: HandshakeTimeout;
 * seed: a number that no stranger knows. False without memory. *armour is
 * zeroed before.
 */
bool armour_init(struct armour *armour, const struct startups *limits,
    uint64_t max_fds, uint32_t handshake_ms, uint64_t seed);

/* When no link is left; zeroed is fine. */
void armour_fini(struct armour *armour);

/*
 * Main: whether descriptors are short. While they are, ARMOUR_TIGHT strangers
 * are let in at once and no last words are read: what is left is for sessions
 * and their links.
 */
void armour_set_tight(struct armour *armour, bool tight);

/* From any thread: links without a proof, of strangers and all others. */
size_t armour_pending(const struct armour *armour);

/*
 * Main: a new link at now_ms. VERDICT_WELCOME: it has *pass, which must be
 * given to pass_end. Else it counts as nothing. roll: 0 to 99, by chance; which
 * links are turned away between start and full. Nothing is allocated.
 *
 * A source is known while a link of it stands by, and CALLER_KNOWN_MS longer:
 * it is never turned away but for its own number. Over that the oldest one
 * makes room (crowded), so that who does not prove a key there is in nobody's
 * way.
 *
 * A barred source has one link in CALLER_PROBE_MS (pass.probe), so that who is
 * right there is not shut out for what another one does: as a stranger, and
 * only while there are less than half as many as MaxStartups welcomes. What it
 * does wrong counts for nothing.
 */
enum verdict armour_admit(struct armour *armour, const struct endpoint *peer,
    uint64_t now_ms, unsigned roll, struct pass *pass);

/* From any thread: whether its source has been barred since it came, or its
 * time as the one that tries is over. */
bool pass_is_barred(const struct armour *armour, const struct pass *pass,
    uint64_t now_ms);

/* From any thread: whether it is a stranger's that has had hurry_ms. */
bool pass_is_slow(const struct armour *armour, const struct pass *pass,
    uint64_t now_ms);

/* From any thread. The link has proved a key. dialing: the MaxDialing that its
 * inner has told, proved as well; 0: not told. */
void pass_proved(struct armour *armour, struct pass *pass, unsigned dialing);

/* From any thread: the link has ended, or relays. fault is FAULT_NONE of one
 * that had proved a key; of strangers alone it counts. Idempotent. */
void pass_end(struct armour *armour, struct pass *pass, enum fault fault,
    uint64_t now_ms);

/*
 * From any thread: whether the log may tell of that end of a link without a
 * proof: one line for each source, kind and ARMOUR_TELL_MS. *left_out: those
 * that it could not tell since the last one. Known sources have no such limit.
 */
bool pass_may_tell(const struct pass *pass, enum fault fault, uint64_t now_ms,
    unsigned *left_out);

/*
 * From any thread: whether one more link that has failed may stay open until
 * its last words are read: twice an eighth of the descriptors at most.
 */
bool armour_may_linger(struct armour *armour, uint64_t now_ms);

#endif
