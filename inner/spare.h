/* spare.h - one link to the outer until it relays. Floor: inner. */
#ifndef INNER_SPARE_H
#define INNER_SPARE_H

#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inner_shard;
struct spare;

/* A control link: CONNECTING, HANDSHAKE -> CONTROL (3 pings of silence). All
 * others: CONNECTING, HANDSHAKE (HandshakeTimeout each) -> IDLE (3 pings of silence)
 * -> DIALING (DialTimeout) -> STARTED (ForwardTimeout, until START) ->
 * RELAYING. RETIRING is an idle one that has said GOAWAY. */
enum spare_state {
	SPARE_CONNECTING,
	SPARE_HANDSHAKE,
	SPARE_IDLE,
	SPARE_RETIRING,
	SPARE_DIALING,
	SPARE_STARTED,
	SPARE_RELAYING,
	SPARE_CONTROL,
	SPARE_CLOSED,
	SPARE_NSTATES,
};

/* Why a spare ended: what the keeper makes of it. */
enum spare_end {
	SPARE_END_NORMAL,      /* used up, retired, or simply lost */
	SPARE_END_UNREACHABLE, /* nobody answers at the outer's address */
	SPARE_END_FAILED,      /* answered, but not as far as idle */
	SPARE_END_REJECTED,    /* the outer, or its key, is wrong */
	SPARE_END_SENT_AWAY,   /* the outer takes no links for now */
};

enum { SPARE_RETIRE_MS = 10000 }; /* for the outer's answer to GOAWAY */

/* Starts to connect. False without memory or descriptors. The shard hears of
 * all that follows, later; that one is connecting it has counted already. */
bool spare_start(struct inner_shard *shard);

/* Ends it, from anywhere: link, dial and session. Idempotent. */
void spare_close(struct spare *spare, enum spare_end end, const char *why);

/* An idle spare takes its leave: GOAWAY, and the outer closes it. A FORWARD
 * that crosses it is still served. A control link ends with its GOAWAY. reason:
 * enum goaway_reason. */
void spare_retire(struct spare *spare, int reason);

/* An idle one that has joined with an older key is to take its leave (age)
 * after so long. */
void spare_replace_stale(struct spare *spare, uint64_t in_ms);

/* One that is dialing serves its client, and nobody after that: it says GOAWAY
 * (shutdown) now and ends with its session. */
void spare_will_leave(struct spare *spare);

/* Sends REGISTER over a control link. False without memory: close it. */
bool spare_register(struct spare *spare, const char *payload, size_t len);

struct spare *spare_of(struct list_node *state_node);

/* Deadlines, called by the timer and by tests. */
void spare_on_timeout(struct spare *spare);

#endif
