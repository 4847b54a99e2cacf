/* link.h - a byte stream over a connected socket. Floor: net.
 *
 * Whatever reads and writes bytes in either program holds a struct link: links
 * between outer and inner, clients, targets. */
#ifndef NET_LINK_H
#define NET_LINK_H

#include "net/stream.h"
#include "sys/sock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bufferevent_rate_limit_group;
struct ev_token_bucket_cfg;
struct evbuffer;
struct link;
struct loop;
struct tls_context;
struct tls_ticket;

enum {

	LINK_READ_MAX = 4096, /* libevent 2.1 reads that much a time */
	LINK_RETIRE_MS = 2000,
	LINK_LINGER_TIMES = 15,
	LINK_BINDING_SIZE = 32,
};

/* Called in the loop, never from inside a call to this module. Each may free
 * the link. NULL entries are skipped. */
struct link_handler {
	void (*on_input)(void *arg);   /* bytes were added to link_input */
	void (*on_secured)(void *arg); /* TLS: the handshake is over */
	void (*on_drained)(void *arg); /* output fell to its low mark */
	void (*on_eof)(void *arg);     /* the peer ended its direction */
	void (*on_error)(void *arg, const char *why); /* reset, or broken */

	/* TLS: link_held has changed. The one that comes from inside calls too,
	 * and may not free the link. */
	void (*on_held)(void *arg, size_t bytes);
};

/*
 * Takes fd (connected, non-blocking, TCP_NODELAY). NULL without memory; then fd stays the caller's. Nothing is read
 * before link_set_handler.
 */
struct link *link_new(struct loop *loop, sock_fd fd);

/*
 * Turns a plain link, of which nothing has been sent, into one over TLS, from
 * its first byte on; what is in its input is the client's hello, and taken.
 * What is written before on_secured waits for it. False without memory: close
 * the link.
 */
bool link_accept_tls(struct link *link, struct tls_context *context);

/* The same from the client's side. ticket: for resumption; or NULL. */
bool link_connect_tls(struct link *link, struct tls_context *context,
    const struct tls_ticket *ticket);

bool link_is_tls(const struct link *link);

/* After on_secured: what proofs are bound to (RFC 9266); zeros without TLS.
 * False without memory. */
bool link_binding(struct link *link, uint8_t out[LINK_BINDING_SIZE]);

/* In on_error: whether TLS has failed for good, and by whose fault: see
 * tls_was_refused, tls_peer_is_at_fault. */
bool link_was_refused(const struct link *link);
bool link_peer_is_at_fault(const struct link *link);

/* The outer's: who is at the other side has been let in, and may resume this
 * session; see tls_let_resume. */
void link_let_resume(struct link *link);

/* TLS: a ticket for the next link, the caller's, or NULL; "TLSv1.3", or "";
 * whether it came of a ticket. */
struct tls_ticket *link_take_ticket(struct link *link);
const char *link_tls_version(const struct link *link);
bool link_is_resumed(const struct link *link);

/* Closes with a FIN, or with a reset when the peer's bytes were not all read
 * (tcp(7)). Unsent output is lost. NULL is fine. */
void link_free(struct link *link);

/* Closes with a reset. NULL is fine. */
void link_reset(struct link *link);

/*
 * Takes the link and closes it politely: sends what is unsent, then FIN, and
 * throws away what still comes, so that no reset overtakes the last words;
 * after LINK_RETIRE_MS it is closed as it is.
 */
void link_retire(struct link *link);

/* The same for an answer that the peer may be slow to take: as long as its system
 * has not taken all, for LINK_LINGER_TIMES as long. */
void link_linger(struct link *link);

/* Copies the first len bytes of the output, which stay there. */
void link_copy_unsent(struct link *link, void *out, size_t len);

/* Takes the link and gives its bare stream. What its input and its output
 * still hold is lost. */
struct stream link_detach(struct link *link);

/* Who hears of it from now on. handler is borrowed and outlives the link.
 * Reading starts with the first handler. */
void link_set_handler(struct link *link, const struct link_handler *handler,
    void *arg);

/* Calls on_input soon, as if bytes had come: for bytes that are there. */
void link_kick(struct link *link);

/* Bytes of memory that TLS holds beside the input and the output: see
 * tls_held. */
size_t link_held(const struct link *link);

/* Borrowed. Take bytes off the one, add bytes to the other. */
struct evbuffer *link_input(struct link *link);
struct evbuffer *link_output(struct link *link);

/*
 * Adds bytes to the output. What one wake-up adds leaves in one piece, after
 * the callbacks that run now. False without memory: the link is then unusable
 * and the caller closes it.
 */
bool link_write(struct link *link, const void *bytes, size_t len);

/* From now on whatever is in the output leaves when the system takes it: for
 * who adds to link_output by itself. */
void link_write_always(struct link *link);

/* After bytes were added to link_output of such a link. Memory may have been
 * short when they were: then the link waits for the system once more, or ends
 * with on_error. */
void link_wrote(struct link *link);

/* Stops or resumes reading. */
void link_read(struct link *link, bool on);

/* on_drained comes when the output falls to so many bytes. */
void link_set_output_low(struct link *link, size_t bytes);

/*
 * For net/rate alone: from now on it goes by these, each of which may be NULL
 * and is borrowed until link_unlimit. False without memory: then it goes as
 * before.
 */
bool link_limit(struct link *link, struct ev_token_bucket_cfg *each,
    struct bufferevent_rate_limit_group *all);
void link_unlimit(struct link *link);

/* Ends our direction (shutdown(2), SHUT_WR; TLS: close_notify). Output must be
 * empty. False: not yet; on_drained is called when to try again. */
bool link_finish(struct link *link);

/* True when nothing waits to be read and the peer has not ended. */
bool link_is_quiet(struct link *link);

/* True when the peer has gone altogether, when the connection is broken: see
 * sock_gone, sock_broken. */
bool link_is_gone(struct link *link);
bool link_is_broken(struct link *link);

/*
 * What the system does about a peer that vanishes: keep-alive finds a silent
 * one after ms, and the user timeout ends the connection when sent bytes stay
 * unacknowledged for so long. Sets both, the first time.
 */
void link_guard(struct link *link, uint32_t ms);

/* Smoothed round-trip time, microseconds; 0 where unknown. */
uint32_t link_rtt_us(struct link *link);

/* How long the peer has acknowledged nothing of what is under way to it, ms:
 * see sock_unanswered_ms. */
uint32_t link_unanswered_ms(struct link *link);

sock_fd link_fd(const struct link *link);

#endif
