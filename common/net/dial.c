/*
 * dial.c - one connection to an address, with a deadline.
 *
 * Owns:    the sockets that are connecting.
 * Thread:  the loop's.
 * Floor:   net. Addresses are tried as RFC 8305 section 5 has it: staggered,
 *          the first to answer wins.
 */
#include "net/dial.h"
#include "net/loop.h"
#include "net/resolve.h"
#include "sys/inet.h"
#include "sys/sock.h"
#include "sys/sock_unix.h"

#include <assert.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESS_MAX = 112 }; /* the longest is that of a Unix socket */

struct attempt {
	struct dial *dial;  /* the one it belongs to */
	struct event event; /* while connecting */
	bool connecting;
	sock_fd fd; /* owned while connecting */
	socklen_t length;
	union {
		struct sockaddr any;
		unsigned char bytes[ADDRESS_MAX];
	} address;
};

/* Each link and each session begins with one: with its small size the C library
 * gives its room to the link that comes of it, and nothing is left over. */
struct dial {
	struct lookup *lookup; /* owned; NULL: not looking up */
	struct loop_timer deadline;
	struct loop_timer stagger; /* the next address, or the end */
	dial_fn *done;
	void *arg;
	struct attempt *attempts; /* &only, or owned: several of a name */
	struct attempt only;
	unsigned count, next, running;
	sock_fd winner;		 /* owned; SOCK_NONE: none yet */
	enum dial_result result; /* what to say if nothing answers */
	const char *why;
};

static void
attempt_stop(struct attempt *attempt)
{
	if (!attempt->connecting)
		return;
	event_del(&attempt->event);
	attempt->connecting = false;
	attempt->dial->running--;
	if (attempt->fd != SOCK_NONE)
		sock_close(attempt->fd);
}

static void
dial_free(struct dial *dial)
{
	for (unsigned i = 0; i < dial->count; i++)
		attempt_stop(&dial->attempts[i]);
	if (dial->attempts != &dial->only)
		free(dial->attempts);
	lookup_cancel(dial->lookup);
	loop_timer_fini(&dial->deadline);
	loop_timer_fini(&dial->stagger);
	if (dial->winner != SOCK_NONE)
		sock_close(dial->winner);
	free(dial);
}

static void
finish(struct dial *dial, enum dial_result result, const char *why)
{
	dial_fn *done = dial->done;
	void *arg = dial->arg;
	sock_fd fd = result == DIAL_OK ? dial->winner : SOCK_NONE;

	if (result == DIAL_OK)
		dial->winner = SOCK_NONE;
	dial_free(dial);
	done(result, fd, why, arg);
}

static void
note_failure(struct dial *dial, int error)
{
	dial->result = DIAL_REFUSED;
	if (inet_is_shortage(error))
		dial->result = DIAL_NO_RESOURCES;
	else if (inet_is_timeout(error))
		dial->result = DIAL_TIMED_OUT;
	dial->why = inet_error_text(error);
}

static void
on_connected(sock_fd fd, short what, void *arg)
{
	struct attempt *attempt = arg;
	struct dial *dial = attempt->dial;
	int error = inet_connected(fd);

	(void)what;
	if (error == 0) {
		dial->winner = fd;
		attempt->fd = SOCK_NONE; /* not the attempt's any more */
		attempt_stop(attempt);
		finish(dial, DIAL_OK, "connected");
		return;
	}
	note_failure(dial, error);
	attempt_stop(attempt);
	loop_timer_soon(&dial->stagger); /* the next one now */
}

/* Waits until fd, which is connecting, is connected. False without memory. */
static bool
attempt_wait(struct dial *dial, struct attempt *attempt, sock_fd fd)
{
	struct loop *loop = dial->deadline.loop;

	loop_prepare_fd(loop, fd);
	event_assign(&attempt->event, loop_base(loop), fd, EV_WRITE,
	    on_connected, attempt);
	if (event_add(&attempt->event, NULL) != 0) {
		dial->result = DIAL_NO_RESOURCES;
		dial->why = "out of memory";
		return false;
	}
	attempt->dial = dial;
	attempt->fd = fd;
	attempt->connecting = true;
	dial->running++;
	return true;
}

/* Starts connecting; it may be connected at once. False: it has failed. */
static bool
attempt_start(struct dial *dial, struct attempt *attempt)
{
	sock_fd fd = inet_open(attempt->address.any.sa_family);
	int error;

	if (fd == SOCK_NONE) {
		note_failure(dial, inet_error());
		return false;
	}
	sock_set_nodelay(fd);
	error = inet_connect(fd, &attempt->address.any, attempt->length);
	if (error == 0) {
		dial->winner = fd;
		return true;
	}
	if (error != INET_UNDER_WAY)
		note_failure(dial, error);
	else if (attempt_wait(dial, attempt, fd))
		return true;
	sock_close(fd);
	return false;
}

/* The next address's turn. */
static void
try_next(struct dial *dial)
{
	while (dial->next < dial->count)
		if (attempt_start(dial, &dial->attempts[dial->next++]))
			break;
	if (dial_is_over(dial))
		loop_timer_soon(&dial->stagger);
	else if (dial->next < dial->count)
		loop_timer_start(&dial->stagger, DIAL_STAGGER_MS);
}

static void
on_stagger(void *arg)
{
	struct dial *dial = arg;

	if (dial->winner != SOCK_NONE)
		finish(dial, DIAL_OK, "connected");
	else if (dial->next < dial->count)
		try_next(dial);
	else if (dial->running == 0)
		finish(dial, dial->result, dial->why);
}

static void
on_deadline(void *arg)
{
	struct dial *dial = arg;

	finish(dial, DIAL_TIMED_OUT,
	    dial->lookup != NULL ? "the name was not resolved in time"
				 : "no answer in time");
}

static void
set_address(struct attempt *attempt, const void *address, size_t len)
{
	assert(len <= ADDRESS_MAX);
	memcpy(attempt->address.bytes, address, len);
	attempt->length = (socklen_t)len;
}

/* Takes up to DIAL_ADDRESSES_MAX of them. False without memory. */
static bool
add_found(struct dial *dial, const struct addrinfo *found)
{
	const struct addrinfo *at;
	unsigned count = 0;

	for (at = found; at != NULL && count < DIAL_ADDRESSES_MAX;
	     at = at->ai_next)
		count++;
	if (count > 1 &&
	    (dial->attempts = calloc(count, sizeof(struct attempt))) == NULL) {
		dial->attempts = &dial->only;
		return false;
	}
	for (at = found; dial->count < count; at = at->ai_next)
		set_address(&dial->attempts[dial->count++], at->ai_addr,
		    at->ai_addrlen);
	return true;
}

static void
on_resolved(struct addrinfo *found, const char *why, void *arg)
{
	struct dial *dial = arg;

	dial->lookup = NULL;
	if (found == NULL)
		finish(dial, DIAL_NO_NAME, why);
	else if (!add_found(dial, found))
		finish(dial, DIAL_NO_RESOURCES, "out of memory");
	else
		try_next(dial);
}

/* The usual kinds of address, for which nobody need be asked. */
static bool
add_plain(struct dial *dial, const struct addr *addr)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(addr->port) };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(addr->port) };
	struct sockaddr_storage unix_address;

	if (addr->kind == ADDR_UNIX) {
		set_address(&dial->only, &unix_address,
		    sock_unix_address(addr->path, &unix_address));
	} else if (inet_pton(AF_INET, addr->host, &sin.sin_addr) == 1) {
		set_address(&dial->only, &sin, sizeof(sin));
	} else if (inet_pton(AF_INET6, addr->host, &sin6.sin6_addr) == 1) {
		set_address(&dial->only, &sin6, sizeof(sin6));
	} else {
		return false;
	}
	dial->count = 1;
	return true;
}

/* Finds the addresses, or asks for them. False without memory. */
static bool
find_addresses(struct dial *dial, struct resolver *resolver,
    const struct addr *addr)
{
	struct addrinfo *numeric;
	bool added;

	if (add_plain(dial, addr))
		return true;
	numeric = resolve_numeric(addr);
	if (numeric == NULL) {
		dial->lookup = lookup_start(resolver, addr, on_resolved, dial);
		return dial->lookup != NULL;
	}
	added = add_found(dial, numeric);
	freeaddrinfo(numeric);
	return added;
}

struct dial *
dial_start(struct loop *loop, struct resolver *resolver,
    const struct addr *addr, uint32_t timeout_ms, dial_fn *done, void *arg)
{
	struct dial *dial = calloc(1, sizeof(*dial));

	if (dial == NULL)
		return NULL;
	dial->done = done;
	dial->arg = arg;
	dial->attempts = &dial->only;
	dial->winner = SOCK_NONE;
	dial->result = DIAL_REFUSED;
	dial->why = "no address to try";
	loop_timer_init(&dial->deadline, loop, on_deadline, dial);
	loop_timer_init(&dial->stagger, loop, on_stagger, dial);
	if (!find_addresses(dial, resolver, addr)) {
		dial_free(dial);
		return NULL;
	}
	if (dial->lookup == NULL)
		try_next(dial);
	if (!dial_is_over(dial))
		loop_timer_start(&dial->deadline, timeout_ms);
	return dial;
}

bool
dial_is_over(const struct dial *dial)
{
	return dial->winner != SOCK_NONE ||
	    (dial->lookup == NULL && dial->next == dial->count &&
		dial->running == 0);
}

void
dial_cancel(struct dial *dial)
{
	if (dial != NULL)
		dial_free(dial);
}
