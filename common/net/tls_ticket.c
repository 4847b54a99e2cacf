/*
 * tls_ticket.c - resumption: a later TLS connection does without a whole
 * handshake.
 *
 * Owns:    the library's session; the client keeps the ticket.
 * Thread:  the connection's; a ticket: its owner's.
 * Floor:   net. Sources: RFC 8446, 4.6.1; SSL_SESSION_is_resumable(3).
 */
#include "net/tls_parts.h"

#include <stdlib.h>

#include <openssl/err.h>

enum { KEEP_ATTEMPTS = 10 };

bool
tls_is_resumed(const struct tls *tls)
{
	return SSL_session_reused(tls->ssl) == 1;
}

/*
 * Without memory the library (3.0) leaves the session on its list without a
 * reference, and the list would lead into freed memory. A second attempt puts
 * that right; where all fail, one of ours keeps the session for the list.
 */
static void
keep_session(SSL_CTX *ctx, SSL_SESSION *session)
{
	for (int i = 0; i < KEEP_ATTEMPTS; i++)
		if (SSL_CTX_add_session(ctx, session) == 1)
			return;
	(void)SSL_SESSION_up_ref(session);
}

void
tls_let_resume(struct tls *tls)
{
	ERR_clear_error();
	if (!SSL_session_reused(tls->ssl) && !tls->kept &&
	    SSL_version(tls->ssl) >= TLS1_3_VERSION) {
		keep_session(tls->context->ctx, SSL_get0_session(tls->ssl));
		tls->kept = true;
	}
	ERR_clear_error();
}

struct tls_ticket *
tls_take_ticket(struct tls *tls)
{
	SSL_SESSION *session = SSL_get1_session(tls->ssl);
	struct tls_ticket *ticket = NULL;

	if (session != NULL && SSL_version(tls->ssl) >= TLS1_3_VERSION &&
	    SSL_SESSION_is_resumable(session))
		ticket = calloc(1, sizeof(*ticket));
	if (ticket == NULL) {
		SSL_SESSION_free(session);
		return NULL;
	}
	ticket->session = session;
	ticket->context = tls_context_hold(tls->context);
	return ticket;
}

void
tls_ticket_free(struct tls_ticket *ticket)
{
	if (ticket == NULL)
		return;
	SSL_SESSION_free(ticket->session);
	tls_context_release(ticket->context);
	free(ticket);
}

bool
tls_ticket_fits(const struct tls_ticket *ticket,
    const struct tls_context *context)
{
	return ticket->context == context;
}
