/* tls.h - TLS (RFC 8446, RFC 5246) on a connected socket. Floor: net.
 *
 * A context holds what all connections of one side share: certificates, what
 * is asked of the other side, the keys of tickets. TLS 1.3, and 1.2 only with
 * extended master secret (RFC 7627) and AEAD suites; ALPN (RFC 7301)
 * "transponder/1"; no renegotiation, no early data. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "sys/sock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls;
struct tls_context;
struct tls_slot;
struct tls_ticket;

enum {
	TLS_BINDING_SIZE = 32,
	TLS_FINGERPRINT_SIZE = 32, /* SHA-256 of a certificate, DER */
	TLS_PROBLEM_SIZE = 512,
	TLS_WHY_SIZE = 192,
	TLS_FIRST_BYTE = 0x16, /* of a client's hello: RFC 8446, 5.1 */
};

#define TLS_SERVER_NAME "transponder.internal"

/* --- contexts; all texts are borrowed for the call --- */

struct tls_server_options {
	const char *cert_file;	    /* PEM, its chain behind it */
	const char *key_file;	    /* PEM */
	const char *client_ca_file; /* PEM: who may sign clients'
				     * certificates, which are then required;
				     * NULL: none are asked for */
};

struct tls_client_options {
	const char *ca_file; /* PEM: who may sign the server's; NULL: anyone */
	const char *server_name;    /* whom it must be for, if ca_file or the
				  * fingerprint of a CA is given */
	const uint8_t *fingerprint; /* TLS_FINGERPRINT_SIZE bytes: of the
				     * server's certificate or of one in its
				     * chain that signed it; NULL: any */
	const char *cert_file, *key_file; /* the client's own; NULL: none */
};

/* Reads all files. NULL with one line in problem that names the file. */
struct tls_context *
tls_context_new_server(const struct tls_server_options *options,
    char problem[TLS_PROBLEM_SIZE]);
struct tls_context *
tls_context_new_client(const struct tls_client_options *options,
    char problem[TLS_PROBLEM_SIZE]);

/* From any thread. A context lives as long as somebody holds it. */
struct tls_context *tls_context_hold(struct tls_context *context);
void tls_context_release(struct tls_context *context); /* NULL is fine */

/* Where threads find the context of the day. NULL without memory. */
struct tls_slot *tls_slot_new(void);
void tls_slot_free(struct tls_slot *slot); /* NULL is fine */

/* Takes context, which may be NULL: TLS is off. From any thread. */
void tls_slot_put(struct tls_slot *slot, struct tls_context *context);

/* The context, held for the caller; or NULL. From any thread. */
struct tls_context *tls_slot_get(struct tls_slot *slot);

/* 64 hex digits, in pairs with colons or without. */
bool tls_fingerprint_parse(const char *text, uint8_t out[TLS_FINGERPRINT_SIZE]);

/* --- one connection; of one thread --- */

/*
 * The server's side of a handshake, of which these bytes have been read off fd
 * already: the client's first. fd is borrowed until tls_free. NULL without
 * memory.
 */
struct tls *tls_accept(struct tls_context *context, sock_fd fd,
    const void *bytes, size_t len);

/* The client's. ticket: of an earlier connection of the same context, tried
 * for resumption; borrowed for the call; NULL: none. */
struct tls *tls_connect(struct tls_context *context, sock_fd fd,
    const struct tls_ticket *ticket);

/* Leaves fd as it is. NULL is fine. */
void tls_free(struct tls *tls);

enum tls_result {
	TLS_DONE,
	TLS_WANT_READ, /* call again when the socket can be read */
	TLS_WANT_WRITE,
	TLS_FAILED, /* see tls_problem */
};

/* Goes on with the handshake, and checks what came of it. */
enum tls_result tls_handshake(struct tls *tls);

/*
 * As sock_recv and sock_send, after the handshake. 0 of tls_recv is the peer's
 * close_notify; a connection that ends without one has failed. What was not
 * sent has to be offered again, with more behind it or not.
 */
ssize_t tls_recv(struct tls *tls, void *out, size_t size);
ssize_t tls_send(struct tls *tls, const void *first, size_t first_len,
    const void *second, size_t second_len);

/* Whether tls_recv has to be called again when the socket can be written. */
bool tls_recv_wants_write(const struct tls *tls);

/* Whether tls_recv may have something to say although the socket does not show
 * it: it has not said SOCK_AGAIN, nor met that; or another call has failed. */
bool tls_has_more(const struct tls *tls);

/* Whether bytes were read off the socket that tls_recv has not given yet; they
 * may be a part of a record. */
bool tls_has_bytes(const struct tls *tls);

/*
 * Bytes of memory that the library keeps for as long as a record has come in
 * part, or is not read, or could not leave, rounded up to its buffers. 0: it is
 * at rest.
 */
size_t tls_held(const struct tls *tls);

/* From now on bytes are read off the socket in large pieces; then tls_recv is
 * to be called until it says SOCK_AGAIN. */
void tls_read_ahead(struct tls *tls);

/* Sends close_notify: ends our direction. Never TLS_WANT_READ. */
enum tls_result tls_finish(struct tls *tls);

/* Why it failed, for people. out is returned. */
const char *tls_problem(const struct tls *tls, char out[TLS_WHY_SIZE]);

/* Whether it failed for a reason that a new attempt will meet as well: a
 * certificate, a protocol, a refusal. */
bool tls_was_refused(const struct tls *tls);

/* Whether it failed by what the peer sent, and not by what became of the
 * connection, or because the peer refused us. */
bool tls_peer_is_at_fault(const struct tls *tls);

/* The channel binding "tls-exporter" (RFC 9266). False without memory. */
bool tls_binding(struct tls *tls, uint8_t out[TLS_BINDING_SIZE]);

/* "TLSv1.3"; whether the session was resumed. */
const char *tls_version(const struct tls *tls);
bool tls_is_resumed(const struct tls *tls);

/*
 * The server's: the ticket that the peer was sent is good from now on. So who
 * has not been let in resumes nothing, and cannot crowd out who has. Of TLS 1.2
 * there are none: it would do without a new key exchange.
 */
void tls_let_resume(struct tls *tls);

/* --- tickets: a client's, for its next connections --- */

/* What the server sent, for the caller. NULL: none, or no memory. */
struct tls_ticket *tls_take_ticket(struct tls *tls);
void tls_ticket_free(struct tls_ticket *ticket); /* NULL is fine */

/* Whether it was given under this context. */
bool tls_ticket_fits(const struct tls_ticket *ticket,
    const struct tls_context *context);

#endif
