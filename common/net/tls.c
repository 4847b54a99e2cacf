/*
 * tls.c - one TLS connection: handshake, bytes, close_notify.
 *
 * Owns:    the library's object; the socket is the caller's.
 * Thread:  the loop's.
 * Floor:   net. Sources: RFC 8446, RFC 9266; SSL_read(3), SSL_get_error(3).
 */
#include "net/tls_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

enum {
	RECORD = SSL3_RT_MAX_PLAIN_LENGTH,
	RECORD_BUFFER = RECORD + SSL3_RT_MAX_ENCRYPTED_OVERHEAD,
	READ_AHEAD = 4 * RECORD_BUFFER,
	STEPS_MOST = 64, /* a message takes one to four; two are usual */
};

struct tls *
tls_of(const SSL *ssl)
{
	return SSL_get_app_data(ssl);
}

void
tls_on_info(const SSL *ssl, int where, int value)
{
	struct tls *tls = tls_of(ssl);

	if ((where & SSL_CB_ALERT) != 0 && (where & SSL_CB_WRITE) != 0 &&
	    (value & 0xff) == SSL_AD_NO_RENEGOTIATION)
		tls->renegotiates = true;
	else if (tls->connected && (where & SSL_CB_LOOP) != 0)
		tls->floods |= ++tls->steps > STEPS_MOST;
	if (tls->renegotiates || tls->floods)
		SSL_set_shutdown(tls->ssl,
		    SSL_get_shutdown(ssl) | SSL_RECEIVED_SHUTDOWN);
}

static struct tls *
tls_new(struct tls_context *context, sock_fd fd)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	if (tls == NULL)
		return NULL;
	ERR_clear_error();
	tls->ssl = SSL_new(context->ctx);
	if (tls->ssl == NULL || SSL_set_fd(tls->ssl, (int)fd) != 1 ||
	    SSL_set_app_data(tls->ssl, tls) != 1) {
		SSL_free(tls->ssl);
		free(tls);
		return NULL;
	}
	tls->context = tls_context_hold(context);
	return tls;
}

void
tls_free(struct tls *tls)
{
	if (tls == NULL)
		return;
	/* else a connection that was cut would spoil the ticket that it came
	 * of for all others */
	SSL_set_shutdown(tls->ssl,
	    SSL_get_shutdown(tls->ssl) | SSL_SENT_SHUTDOWN);
	SSL_free(tls->ssl);
	tls_context_release(tls->context);
	free(tls);
}

/* Notes why; errno is still that of the call. */
static enum tls_result
fail(struct tls *tls, int code)
{
	int system_error = errno;

	tls->failed = true;
	tls->error = ERR_peek_error();
	if (code == SSL_ERROR_SYSCALL && tls->error == 0)
		tls->system_error = system_error;
	ERR_clear_error();
	return TLS_FAILED;
}

static enum tls_result
fail_because(struct tls *tls, const char *why)
{
	tls->failed = true;
	tls->why = why;
	return TLS_FAILED;
}

/* What a call that returned so and not 1 means. */
static enum tls_result
result_of(struct tls *tls, int returned)
{
	int code = SSL_get_error(tls->ssl, returned);

	if (code == SSL_ERROR_WANT_READ)
		return TLS_WANT_READ;
	if (code == SSL_ERROR_WANT_WRITE)
		return TLS_WANT_WRITE;
	return fail(tls, code);
}

/* A resumed session has been checked when it began: it may have ended since. */
static const char *
peer_problem(const struct tls *tls)
{
	X509 *cert = SSL_get0_peer_certificate(tls->ssl);

	if (!tls->context->asks_certificate || !SSL_session_reused(tls->ssl) ||
	    (cert != NULL && tls_is_current(cert)))
		return NULL;
	return tls_certificate_problem(X509_V_ERR_CERT_HAS_EXPIRED,
	    !tls->context->server);
}

/* Leaves an empty key of the same kind in its place. */
static void
empty_key(EVP_PKEY *key)
{
	(void)EVP_PKEY_set_type(key, EVP_PKEY_get_base_id(key));
	EVP_PKEY_free(key);
}

/* The keys of the exchange are of no more use, and who reads the memory of a
 * session that lasts for days shall not find them; the library would keep them
 * as long as the connection. */
static void
forget_exchange(struct tls *tls)
{
	EVP_PKEY *key;

	if (SSL_get_tmp_key(tls->ssl, &key) == 1)
		empty_key(key);
	if (SSL_get_peer_tmp_key(tls->ssl, &key) == 1)
		empty_key(key);
	ERR_clear_error();
}

/* What the library does not see to by itself. */
static enum tls_result
check(struct tls *tls)
{
	const unsigned char *alpn;
	unsigned len;
	const char *why;

	SSL_get0_alpn_selected(tls->ssl, &alpn, &len);
	if (len == 0)
		return fail_because(tls,
		    "the other side does not speak transponder/1 (ALPN)");
	if (SSL_version(tls->ssl) < TLS1_3_VERSION &&
	    SSL_get_extms_support(tls->ssl) != 1)
		return fail_because(tls,
		    "TLS 1.2 without extended master secret");
	if ((why = peer_problem(tls)) != NULL)
		return fail_because(tls, why);
	forget_exchange(tls);
	if (tls->context->server)
		tls_hello_forget(SSL_get_rbio(tls->ssl));
	tls->connected = true;
	return TLS_DONE;
}

enum tls_result
tls_handshake(struct tls *tls)
{
	enum tls_result result;
	int n;

	if (tls->failed)
		return TLS_FAILED;
	ERR_clear_error();
	errno = 0;
	n = SSL_do_handshake(tls->ssl);
	if (n == 1)
		return check(tls);
	result = result_of(tls, n);
	if (tls->too_much != NULL)
		return fail_because(tls, tls->too_much);
	return result;
}

/*
 * The client's first bytes come from memory, all that follow from the socket;
 * so the first flight is answered here. False: it does not fit this way.
 */
static bool
feed(struct tls *tls, const void *bytes, size_t len)
{
	BIO *socket = SSL_get_rbio(tls->ssl);
	BIO *memory = BIO_new_mem_buf(bytes, (int)len);
	enum tls_result result;

	if (memory == NULL || BIO_up_ref(socket) != 1) {
		BIO_free(memory);
		return false;
	}
	BIO_set_mem_eof_return(memory, -1); /* at its end: try again */
	tls_hello_watch(tls, memory);
	tls_hello_watch(tls, socket);
	SSL_set0_rbio(tls->ssl, memory);
	result = tls_handshake(tls);
	if (result == TLS_WANT_WRITE ||
	    (result != TLS_FAILED && BIO_pending(memory) > 0))
		(void)fail_because(tls,
		    "more than one message before the answer");
	SSL_set0_rbio(tls->ssl, socket);
	return true;
}

struct tls *
tls_accept(struct tls_context *context, sock_fd fd, const void *bytes,
    size_t len)
{
	struct tls *tls = tls_new(context, fd);

	if (tls == NULL)
		return NULL;
	SSL_set_accept_state(tls->ssl);
	if (!feed(tls, bytes, len)) {
		tls_free(tls);
		return NULL;
	}
	return tls;
}

struct tls *
tls_connect(struct tls_context *context, sock_fd fd,
    const struct tls_ticket *ticket)
{
	struct tls *tls = tls_new(context, fd);

	if (tls == NULL)
		return NULL;
	SSL_set_connect_state(tls->ssl);
	if (ticket != NULL && tls_ticket_fits(ticket, context))
		(void)SSL_set_session(tls->ssl, ticket->session);
	return tls;
}

/* What it means that nothing was decrypted. */
static ssize_t
recv_result(struct tls *tls, int n)
{
	int code = SSL_get_error(tls->ssl, n);

	if (tls->renegotiates || tls->floods) {
		(void)fail_because(tls,
		    tls->floods ? "the peer changes keys without end"
				: "the peer asks to renegotiate");
		return SOCK_FAILED;
	}
	switch (code) {
	case SSL_ERROR_WANT_WRITE:
		tls->recv_wants_write = tls->dry = true;
		return SOCK_AGAIN;
	case SSL_ERROR_WANT_READ:
		tls->dry = true;
		return SOCK_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		(void)fail(tls, code);
		return SOCK_FAILED;
	}
}

ssize_t
tls_recv(struct tls *tls, void *out, size_t size)
{
	unsigned char *at = out;
	size_t len = 0;

	tls->recv_wants_write = tls->dry = false;
	tls->steps = 0;
	if (tls->failed)
		return SOCK_FAILED;
	while (len < size) {
		size_t room = size - len < INT_MAX ? size - len : INT_MAX;
		int n;

		ERR_clear_error();
		errno = 0;
		n = SSL_read(tls->ssl, at + len, (int)room);
		if (n <= 0) {
			ssize_t result = recv_result(tls, n);

			/* an end, or an error, will be met again */
			return len > 0 ? (ssize_t)len : result;
		}
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* One record. 0: the socket takes no more; SOCK_FAILED. */
static ssize_t
send_record(struct tls *tls, const void *bytes, size_t len)
{
	int n, code;

	ERR_clear_error();
	errno = 0;
	n = SSL_write(tls->ssl, bytes, (int)len);
	tls->stuck = false;
	if (n > 0)
		return n;
	code = SSL_get_error(tls->ssl, n);
	tls->stuck = code == SSL_ERROR_WANT_WRITE;
	if (code == SSL_ERROR_WANT_WRITE || code == SSL_ERROR_WANT_READ)
		return 0;
	(void)fail(tls, code);
	return SOCK_FAILED;
}

/*
 * Records are full as long as there is enough, and two short pieces go into
 * one. A record that could not leave has to be offered again with all its
 * bytes: so pieces are always cut at the same places, counted from the first
 * byte that has not left.
 */
ssize_t
tls_send(struct tls *tls, const void *first, size_t first_len,
    const void *second, size_t second_len)
{
	unsigned char both[RECORD];
	size_t sent = 0, all = first_len + second_len;
	ssize_t n = 1;

	while (sent < all && n > 0) {
		size_t len = all - sent < RECORD ? all - sent : RECORD;
		const unsigned char *from = both;

		if (sent >= first_len) {
			from = (const unsigned char *)second +
			    (sent - first_len);
		} else if (first_len - sent >= len) {
			from = (const unsigned char *)first + sent;
		} else {
			size_t head = first_len - sent;

			memcpy(both, (const unsigned char *)first + sent, head);
			memcpy(both + head, second, len - head);
		}
		n = send_record(tls, from, len);
		if (n > 0)
			sent += (size_t)n;
	}
	if (n < 0)
		return SOCK_FAILED;
	return sent > 0 || all == 0 ? (ssize_t)sent : SOCK_AGAIN;
}

bool
tls_recv_wants_write(const struct tls *tls)
{
	return tls->recv_wants_write;
}

bool
tls_has_more(const struct tls *tls)
{
	return !tls->dry || tls->failed;
}

bool
tls_has_bytes(const struct tls *tls)
{
	return SSL_has_pending(tls->ssl) == 1;
}

/* Of a record's header alone SSL_has_pending says nothing, of no other part
 * the state of reading. */
size_t
tls_held(const struct tls *tls)
{
	size_t held = tls->stuck ? RECORD_BUFFER : 0;

	if (SSL_has_pending(tls->ssl) == 1 ||
	    strcmp(SSL_rstate_string(tls->ssl), "RB") == 0)
		held += tls->ahead ? READ_AHEAD : RECORD_BUFFER;
	return held;
}

void
tls_read_ahead(struct tls *tls)
{
	tls->ahead = true;
	SSL_set_default_read_buffer_len(tls->ssl, READ_AHEAD);
	SSL_set_read_ahead(tls->ssl, 1);
}

enum tls_result
tls_finish(struct tls *tls)
{
	int n;

	if (tls->failed || !tls->connected)
		return TLS_FAILED;
	ERR_clear_error();
	errno = 0;
	n = SSL_shutdown(tls->ssl);
	tls->stuck = false;
	if (n >= 0)
		return TLS_DONE; /* 0: the other way is still open */
	switch (SSL_get_error(tls->ssl, n)) {
	case SSL_ERROR_WANT_WRITE:
		tls->stuck = true;
		return TLS_WANT_WRITE;
	case SSL_ERROR_WANT_READ:
		return TLS_DONE;
	default:
		return fail(tls, SSL_ERROR_SSL);
	}
}

bool
tls_binding(struct tls *tls, uint8_t out[TLS_BINDING_SIZE])
{
	static const char label[] = "EXPORTER-Channel-Binding";

	ERR_clear_error();
	return SSL_export_keying_material(tls->ssl, out, TLS_BINDING_SIZE,
		   label, sizeof(label) - 1, NULL, 0, 0) == 1;
}

const char *
tls_version(const struct tls *tls)
{
	return SSL_get_version(tls->ssl);
}
