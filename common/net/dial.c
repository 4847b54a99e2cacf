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
#include "sys/sock.h"
#include "sys/sys.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

struct attempt {
	struct dial *dial;   /* the one it belongs to */
	struct event *event; /* owned; NULL: not connecting */
	int fd;		     /* owned while event is not NULL */
};

struct dial {
	struct loop *loop;	     /* borrowed */
	struct lookup *lookup;	     /* owned; NULL: not looking up */
	struct loop_timer *deadline; /* owned */
	struct loop_timer *stagger;  /* owned: the next address, or the end */
	dial_fn *done;
	void *arg;
	struct sockaddr_storage addresses[DIAL_ADDRESSES_MAX];
	socklen_t lengths[DIAL_ADDRESSES_MAX];
	struct attempt attempts[DIAL_ADDRESSES_MAX];
	unsigned count, next, running;
	int winner;		 /* owned; -1: none yet */
	enum dial_result result; /* what to say if nothing answers */
	const char *why;
};

static void
attempt_stop(struct attempt *attempt)
{
	if (attempt->event == NULL)
		return;
	event_free(attempt->event);
	attempt->event = NULL;
	attempt->dial->running--;
	if (attempt->fd >= 0)
		sock_close(attempt->fd);
}

static void
dial_free(struct dial *dial)
{
	for (unsigned i = 0; i < dial->count; i++)
		attempt_stop(&dial->attempts[i]);
	lookup_cancel(dial->lookup);
	loop_timer_free(dial->deadline);
	loop_timer_free(dial->stagger);
	if (dial->winner >= 0)
		sock_close(dial->winner);
	free(dial);
}

static void
finish(struct dial *dial, enum dial_result result, const char *why)
{
	dial_fn *done = dial->done;
	void *arg = dial->arg;
	int fd = result == DIAL_OK ? dial->winner : -1;

	if (result == DIAL_OK)
		dial->winner = -1;
	dial_free(dial);
	done(result, fd, why, arg);
}

static void
note_failure(struct dial *dial, int error)
{
	dial->result = DIAL_REFUSED;
	if (sys_out_of_fds(error))
		dial->result = DIAL_NO_RESOURCES;
	else if (error == ETIMEDOUT)
		dial->result = DIAL_TIMED_OUT;
	dial->why = evutil_socket_error_to_string(error);
}

static void
on_connected(evutil_socket_t fd, short what, void *arg)
{
	struct attempt *attempt = arg;
	struct dial *dial = attempt->dial;
	int error = 0;
	socklen_t len = sizeof(error);

	(void)what;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error == 0) {
		dial->winner = fd;
		attempt->fd = -1; /* not the attempt's any more */
		attempt_stop(attempt);
		finish(dial, DIAL_OK, "connected");
		return;
	}
	note_failure(dial, error);
	attempt_stop(attempt);
	loop_timer_start(dial->stagger, 0); /* the next one now */
}

/* Starts connecting to the i-th address. False: it failed at once. */
static bool
attempt_start(struct dial *dial, unsigned i)
{
	struct attempt *attempt = &dial->attempts[i];
	const struct sockaddr *to = (struct sockaddr *)&dial->addresses[i];
	int fd = socket(to->sa_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		note_failure(dial, errno);
		return false;
	}
	if (connect(fd, to, dial->lengths[i]) != 0 && errno != EINPROGRESS) {
		note_failure(dial, errno);
		sock_close(fd);
		return false;
	}
	attempt->dial = dial;
	attempt->fd = fd;
	attempt->event = event_new(loop_base(dial->loop), fd, EV_WRITE,
	    on_connected, attempt);
	if (attempt->event == NULL || event_add(attempt->event, NULL) != 0) {
		note_failure(dial, ENOMEM);
		if (attempt->event != NULL)
			event_free(attempt->event);
		attempt->event = NULL;
		sock_close(fd);
		return false;
	}
	dial->running++;
	return true;
}

/* The next address's turn, or, when all have failed, the end. */
static void
on_stagger(void *arg)
{
	struct dial *dial = arg;

	while (dial->next < dial->count) {
		if (attempt_start(dial, dial->next++)) {
			if (dial->next < dial->count)
				loop_timer_start(dial->stagger,
				    DIAL_STAGGER_MS);
			return;
		}
	}
	if (dial->running == 0)
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
add_address(struct dial *dial, const void *address, size_t len)
{
	if (dial->count == DIAL_ADDRESSES_MAX ||
	    len > sizeof(dial->addresses[0]))
		return;
	memcpy(&dial->addresses[dial->count], address, len);
	dial->lengths[dial->count++] = (socklen_t)len;
}

static void
add_found(struct dial *dial, const struct addrinfo *found)
{
	for (; found != NULL; found = found->ai_next)
		add_address(dial, found->ai_addr, found->ai_addrlen);
}

static void
on_resolved(struct addrinfo *found, const char *why, void *arg)
{
	struct dial *dial = arg;

	dial->lookup = NULL;
	if (found == NULL) {
		finish(dial, DIAL_NO_NAME, why);
		return;
	}
	add_found(dial, found);
	on_stagger(dial);
}

static void
add_unix(struct dial *dial, const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	memcpy(sun.sun_path, path, strlen(path) + 1);
	add_address(dial, &sun, sizeof(sun));
}

/* Finds the addresses, or asks for them. False without memory. */
static bool
find_addresses(struct dial *dial, struct resolver *resolver,
    const struct addr *addr)
{
	struct addrinfo *numeric;

	if (addr->kind == ADDR_UNIX) {
		add_unix(dial, addr->path);
	} else if ((numeric = resolve_numeric(addr)) != NULL) {
		add_found(dial, numeric);
		freeaddrinfo(numeric);
	} else {
		dial->lookup = lookup_start(resolver, addr, on_resolved, dial);
		return dial->lookup != NULL;
	}
	loop_timer_start(dial->stagger, 0);
	return true;
}

struct dial *
dial_start(struct loop *loop, struct resolver *resolver,
    const struct addr *addr, uint32_t timeout_ms, dial_fn *done, void *arg)
{
	struct dial *dial = calloc(1, sizeof(*dial));

	if (dial == NULL)
		return NULL;
	dial->loop = loop;
	dial->done = done;
	dial->arg = arg;
	dial->winner = -1;
	dial->result = DIAL_REFUSED;
	dial->why = "no address to try";
	dial->deadline = loop_timer_new(loop, on_deadline, dial);
	dial->stagger = loop_timer_new(loop, on_stagger, dial);
	if (dial->deadline == NULL || dial->stagger == NULL ||
	    !find_addresses(dial, resolver, addr)) {
		dial_free(dial);
		return NULL;
	}
	loop_timer_start(dial->deadline, timeout_ms);
	return dial;
}

void
dial_cancel(struct dial *dial)
{
	if (dial != NULL)
		dial_free(dial);
}
