/* secure.h - the TLS half of a link: what its bufferevent is to a plain one.
 * Only net/link*.c and net/secure.c include this. Floor: net. */
#ifndef NET_SECURE_H
#define NET_SECURE_H

#include "sys/sock.h"

#include <stdbool.h>
#include <stddef.h>

struct evbuffer;
struct loop;
struct secure;
struct tls;

/* Each is called in the loop, never from inside a call to this module, and
 * may free the secure. */
struct secure_handler {
	void (*on_secured)(void *arg); /* the handshake is over */
	void (*on_input)(void *arg);   /* bytes were added to the input */
	void (*on_drained)(void *arg); /* the output fell to its low mark */
	void (*on_eof)(void *arg);     /* close_notify */
	void (*on_error)(void *arg, const char *why);

	/* How much memory the library holds has changed (tls_held). From inside
	 * any call; may not free the secure. */
	void (*on_held)(void *arg, size_t bytes);
};

/*
 * Takes tls; fd is borrowed until secure_free or secure_take. Its handshake
 * goes on, bytes are read. handler is borrowed and outlives it. NULL without
 * memory; then tls stays the caller's.
 */
struct secure *secure_new(struct loop *loop, sock_fd fd, struct tls *tls,
    const struct secure_handler *handler, void *arg);
void secure_free(struct secure *secure); /* NULL is fine */

/* Frees all but what it returns. */
struct tls *secure_take(struct secure *secure);

struct tls *secure_tls(struct secure *secure); /* borrowed */

/* What on_held was told last. */
size_t secure_held(const struct secure *secure);

/* Borrowed: decrypted; not yet encrypted. */
struct evbuffer *secure_input(struct secure *secure);
struct evbuffer *secure_output(struct secure *secure);

/* Sends what is in the output, when the handshake is over. What cannot leave
 * follows when it can; a broken connection is found by who reads. */
void secure_flush(struct secure *secure);

/* From now on it does so whenever something is added. */
void secure_flush_always(struct secure *secure);

void secure_read(struct secure *secure, bool on);
void secure_set_low(struct secure *secure, size_t bytes);

/* Calls on_input soon. */
void secure_kick(struct secure *secure);

/* Sends close_notify. False: not yet; on_drained is called when to try again.
 * Where it cannot be sent, who reads is told: on_error. */
bool secure_finish(struct secure *secure);

/* True when nothing waits to be read and the peer has not ended. What has come
 * meanwhile is read, and on_input called soon. */
bool secure_is_quiet(struct secure *secure);

#endif
