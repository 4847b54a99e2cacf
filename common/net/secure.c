/*
 * secure.c - the TLS half of a link.
 *
 * Owns:    the TLS connection, bytes on either side of it.
 * Thread:  the loop's.
 * Floor:   net.
 *
 * It has no bufferevent of libevent's: that one reads 4096 bytes a time, makes
 * a record of each block of its buffers, and asks epoll before it writes.
 */
#include "net/secure.h"
#include "net/loop.h"
#include "net/ready.h"
#include "net/tls.h"

#include <event2/buffer.h>
#include <stdlib.h>

enum { AT_ONCE = 16 * 1024 }; /* a record */

struct secure {
	struct tls *tls; /* owned */
	struct loop *loop;
	sock_fd fd;			      /* borrowed */
	const struct secure_handler *handler; /* borrowed */
	void *arg;
	struct evbuffer *input, *output; /* owned */
	struct ready ready;
	struct reap flush; /* after the callbacks that run now */
	size_t low, held;  /* held: as on_held was told last */
	bool secured;	   /* the handshake is over */
	bool reading;	   /* it is wanted */
	bool kicked;	   /* on_input is due whether or not bytes come */
	bool ended;	   /* close_notify came, or it is broken */
	bool starved;	   /* bytes were lost for want of memory: it is broken,
			 * which is yet to be told */
	bool unsendable;   /* what is unsent will stay so: told once there is
			    * nothing left to be read */
	bool broken;	   /* on_error was called: there is no more to tell */
	bool finishing;	   /* close_notify waits */
	bool handshake_writes;
};

static void on_ready(sock_fd fd, short what, void *arg);

static void
complain(struct secure *secure, const char *why)
{
	secure->ended = secure->broken = true;
	(void)ready_want(&secure->ready, 0);
	secure->handler->on_error(secure->arg, why);
}

static void
tell_held(struct secure *secure)
{
	size_t held = tls_held(secure->tls);

	if (held == secure->held)
		return;
	secure->held = held;
	secure->handler->on_held(secure->arg, held);
}

/* Whether on_ready has something to do that no event will tell of. */
static bool
is_due(const struct secure *secure)
{
	if (!secure->secured)
		return false;
	if (secure->kicked)
		return true;
	if (secure->ended)
		return secure->unsendable && !secure->broken;
	return secure->reading &&
	    (secure->starved || secure->unsendable ||
		tls_has_more(secure->tls));
}

/* Wants what is needed now. False without memory: it is broken. */
static bool
rearm(struct secure *secure)
{
	bool unsent = !secure->unsendable &&
	    evbuffer_get_length(secure->output) > 0;
	short what = 0;

	tell_held(secure);
	if (secure->ended) {
		what = secure->secured && (unsent || secure->finishing)
		    ? READY_WRITE
		    : 0;
	} else if (!secure->secured) {
		what = secure->handshake_writes ? READY_WRITE : READY_READ;
	} else {
		/* what can be read then stays where it is, and would be told of
		 * again and again */
		if (secure->reading)
			what |= tls_recv_wants_write(secure->tls) ? READY_WRITE
								  : READY_READ;
		if (unsent || secure->finishing)
			what |= READY_WRITE;
	}
	if (!ready_want(&secure->ready, what))
		return false;
	if (is_due(secure))
		ready_soon(&secure->ready, READY_READ);
	return true;
}

/* False: there is something that must be heard of; see on_ready. */
static void
rearm_or_break(struct secure *secure)
{
	if (!rearm(secure)) {
		secure->kicked = true;
		ready_soon(&secure->ready, READY_READ);
	}
}

/* Adds what has come to the input. Returns how many bytes; or 0, SOCK_AGAIN,
 * SOCK_FAILED when there were none. */
static ssize_t
pull(struct secure *secure)
{
	unsigned char bytes[AT_ONCE];
	ssize_t n;

	if (secure->starved)
		return SOCK_FAILED;
	n = tls_recv(secure->tls, bytes, sizeof(bytes));
	secure->starved = n > 0 &&
	    evbuffer_add(secure->input, bytes, (size_t)n) != 0;
	return secure->starved ? SOCK_FAILED : n;
}

/* Ends with a handler, which may have freed it. */
static void
hear(struct secure *secure)
{
	char why[TLS_WHY_SIZE];
	bool kicked = secure->kicked;
	ssize_t n = SOCK_AGAIN;

	secure->kicked = false;
	if (secure->reading && !secure->ended)
		n = pull(secure);
	else if (secure->unsendable && secure->ended && !secure->broken)
		n = SOCK_FAILED;
	if (n == 0 && !kicked) {
		secure->ended = true;
		if (rearm(secure))
			secure->handler->on_eof(secure->arg);
		else /* what is unsent would stay */
			complain(secure, "out of memory");
	} else if (n == SOCK_FAILED && !kicked) {
		complain(secure,
		    secure->starved ? "out of memory"
				    : tls_problem(secure->tls, why));
	} else if (!rearm(secure)) {
		complain(secure, "out of memory");
	} else if (n > 0 || kicked) {
		secure->handler->on_input(secure->arg);
	}
}

/* Ends with a handler, which may have freed it. */
static void
shake(struct secure *secure)
{
	enum tls_result result = tls_handshake(secure->tls);
	char why[TLS_WHY_SIZE];

	secure->handshake_writes = result == TLS_WANT_WRITE;
	if (result == TLS_FAILED) {
		complain(secure, tls_problem(secure->tls, why));
		return;
	}
	if (result == TLS_DONE)
		secure->secured = true;
	if (!rearm(secure))
		complain(secure, "out of memory");
	else if (result == TLS_DONE)
		secure->handler->on_secured(secure->arg);
}

/* Whether the output has just fallen to its low mark. */
static bool
push(struct secure *secure)
{
	size_t len = evbuffer_get_length(secure->output), left = len;

	while (left > 0) {
		struct evbuffer_iovec piece;
		size_t most = left < AT_ONCE ? left : AT_ONCE;
		ssize_t n;

		if (evbuffer_pullup(secure->output, (ssize_t)most) == NULL ||
		    evbuffer_peek(secure->output, (ssize_t)most, NULL, &piece,
			1) < 1)
			break;
		n = tls_send(secure->tls, piece.iov_base, most, NULL, 0);
		secure->unsendable = n == SOCK_FAILED;
		if (n <= 0)
			break;
		(void)evbuffer_drain(secure->output, (size_t)n);
		left -= (size_t)n;
	}
	return left < len && left <= secure->low;
}

static void
on_ready(sock_fd fd, short what, void *arg)
{
	struct secure *secure = arg;
	bool drained = false;

	(void)fd;
	if (!secure->secured) {
		shake(secure);
		return;
	}
	if ((what & READY_WRITE) != 0) {
		drained = push(secure) || secure->finishing;
		secure->finishing = false;
	}
	if (drained) {
		if (!rearm(secure))
			complain(secure, "out of memory");
		else
			secure->handler->on_drained(secure->arg);
	} else {
		hear(secure);
	}
}

struct secure *
secure_new(struct loop *loop, sock_fd fd, struct tls *tls,
    const struct secure_handler *handler, void *arg)
{
	struct secure *secure = calloc(1, sizeof(*secure));

	if (secure == NULL)
		return NULL;
	secure->loop = loop;
	secure->fd = fd;
	secure->handler = handler;
	secure->arg = arg;
	secure->reading = true;
	secure->input = evbuffer_new();
	secure->output = evbuffer_new();
	ready_init(&secure->ready, loop, fd, on_ready, secure);
	if (secure->input == NULL || secure->output == NULL ||
	    !ready_want(&secure->ready, READY_READ)) {
		(void)secure_take(secure);
		return NULL;
	}
	secure->tls = tls;
	ready_soon(&secure->ready,
	    READY_READ); /* it may have begun, or failed */
	return secure;
}

struct tls *
secure_take(struct secure *secure)
{
	struct tls *tls = secure->tls;

	ready_fini(&secure->ready);
	list_remove(&secure->flush.node);
	if (secure->input != NULL)
		evbuffer_free(secure->input);
	if (secure->output != NULL)
		evbuffer_free(secure->output);
	free(secure);
	return tls;
}

void
secure_free(struct secure *secure)
{
	if (secure != NULL)
		tls_free(secure_take(secure));
}

struct tls *
secure_tls(struct secure *secure)
{
	return secure->tls;
}

size_t
secure_held(const struct secure *secure)
{
	return secure->held;
}

struct evbuffer *
secure_input(struct secure *secure)
{
	return secure->input;
}

struct evbuffer *
secure_output(struct secure *secure)
{
	return secure->output;
}

void
secure_flush(struct secure *secure)
{
	if (!secure->secured)
		return;
	(void)push(secure);
	rearm_or_break(secure);
}

/* Ends with a handler, which may have freed it. */
static void
flush_and_tell(void *object)
{
	struct secure *secure = object;
	bool drained = secure->secured && push(secure);

	rearm_or_break(secure);
	if (drained)
		secure->handler->on_drained(secure->arg);
}

static void
on_added(struct evbuffer *output, const struct evbuffer_cb_info *info,
    void *arg)
{
	struct secure *secure = arg;

	(void)output;
	if (info->n_added > 0)
		loop_reap(secure->loop, &secure->flush, flush_and_tell, secure);
}

void
secure_flush_always(struct secure *secure)
{
	if (evbuffer_add_cb(secure->output, on_added, secure) == NULL) {
		/* what is added would stay: it ends instead, when it is read */
		secure->starved = true;
		rearm_or_break(secure);
	}
	if (evbuffer_get_length(secure->output) > 0)
		loop_reap(secure->loop, &secure->flush, flush_and_tell, secure);
}

void
secure_read(struct secure *secure, bool on)
{
	if (secure->reading == on)
		return;
	secure->reading = on;
	rearm_or_break(secure);
}

void
secure_set_low(struct secure *secure, size_t bytes)
{
	secure->low = bytes;
}

void
secure_kick(struct secure *secure)
{
	secure->kicked = true;
	rearm_or_break(secure);
}

bool
secure_finish(struct secure *secure)
{
	secure->finishing = tls_finish(secure->tls) == TLS_WANT_WRITE;
	rearm_or_break(secure);
	return !secure->finishing;
}

bool
secure_is_quiet(struct secure *secure)
{
	ssize_t n;

	if (evbuffer_get_length(secure->input) > 0)
		return false;
	if (!tls_has_bytes(secure->tls) && sock_peek(secure->fd) == SOCK_DRY)
		return true;
	n = pull(secure); /* it may be nothing for us, as a new ticket */
	if (n > 0)
		secure_kick(secure);
	else if (n != SOCK_AGAIN)
		rearm_or_break(secure); /* to be met again */
	return n == SOCK_AGAIN && !tls_has_bytes(secure->tls);
}
