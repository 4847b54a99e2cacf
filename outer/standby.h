/* standby.h - one inner link until it relays. Floor: outer. */
#ifndef OUTER_STANDBY_H
#define OUTER_STANDBY_H

#include "base/list.h"
#include "net/endpoint.h"
#include "outer/pool.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct endpoint;
struct hub;
struct link;
struct pass;
struct request;
struct session;
struct shard;
struct standby;

/* HANDSHAKE (HandshakeTimeout) -> IDLE (3 pings of silence) -> STARTING (an
 * answer, then ForwardTimeout) -> RELAYING (given to the session). CONTROL is a
 * control link: it says what its inner has, and serves nobody. */
enum standby_state {
	STANDBY_HANDSHAKE,
	STANDBY_IDLE,
	STANDBY_STARTING,
	STANDBY_CONTROL,
	STANDBY_RELAYING,
	STANDBY_CLOSED,
	STANDBY_NSTATES,
};

/* A standby lost while it was starting: what that says of its instance. */
enum standby_loss {
	STANDBY_DIED,	   /* the link broke: try the next one */
	STANDBY_SILENT,	   /* no answer: its instance is suspect */
	STANDBY_LEFT,	   /* a suspect, for one that is none */
	STANDBY_CLOSED_IT, /* dead, or a refusal without a word */
	STANDBY_REFUSED,   /* not to be tried there again */
};

/*
 * Main: takes fd, a new link from that address with that pass, and sends it to
 * a shard, where its handshake starts; refuses it without memory.
 */
void standby_accept(struct hub *hub, sock_fd fd, const struct endpoint *peer,
    const struct pass *pass);

/*
 * Sends FORWARD for the session on an idle standby that the pool gave. From
 * then on, later and never before this returns, one of session_on_ready,
 * session_on_refused, session_on_lost is called, unless standby_close comes
 * first.
 */
void standby_claim(struct standby *standby, struct session *session,
    const struct request *request);

/*
 * Whether EARLY may be sent on it now, as far as the link goes, and sends it,
 * at most once for each claim. Without memory the standby is lost, later.
 */
bool standby_takes_early(const struct standby *standby);
void standby_send_early(struct standby *standby, const void *bytes, size_t len);

/* Closes the link, from anywhere. Idempotent. The session is not told. */
void standby_close(struct standby *standby, const char *why);

/* Closes politely one that is not starting; an idle one is told why by GOAWAY
 * (shutdown, replaced). */
void standby_dismiss(struct standby *standby, bool replaced);

/* Whether a younger run has taken the place of its instance. */
bool standby_is_replaced(const struct standby *standby);

/* Whether its handshake is to end, for what others of its source did. */
bool standby_is_barred(const struct standby *standby);

/* Whether its handshake takes longer than strangers may keep others waiting:
 * its time is over (standby_on_timeout). */
bool standby_is_slow(const struct standby *standby);

/* Whether the key that let it in is none of its inner's any more; ends it, and
 * tells its peer. */
bool standby_is_revoked(const struct standby *standby);
void standby_revoke(struct standby *standby);

struct standby *standby_of_item(struct pool_item *item);
struct standby *standby_of(struct list_node *state_node);
/* Its far end, for the log. */
const char *
standby_peer(const struct standby *standby, char out[ENDPOINT_TEXT_SIZE]);

/* Deadlines, called by the timer and by tests. */
void standby_on_timeout(struct standby *standby);

#endif
