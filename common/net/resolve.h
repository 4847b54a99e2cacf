/* resolve.h - host names to addresses without blocking a loop. Floor: net. */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include "base/addr.h"

#include <stddef.h>

struct addrinfo;
struct loop;
struct lookup;
struct resolver;

enum {
	RESOLVE_THREADS_MAX = 4,
	RESOLVE_QUEUE_MAX = 4096, /* lookups at once */
};

/*
 * Names go through getaddrinfo(3) on threads that end when there is nothing
 * left to look up, so names mean here what they mean to every program of the
 * machine. Several lookups of one name at a time share one question. NULL
 * without memory.
 */
struct resolver *resolver_new(struct loop *loop);

/* Lookups must be over or cancelled. Never waits: a thread that is still
 * asking ends by itself. */
void resolver_free(struct resolver *resolver);

/*
 * found: the addresses, borrowed for the call, or NULL and why, a constant
 * text, e.g. "Name or service not known".
 */
typedef void resolve_fn(struct addrinfo *found, const char *why, void *arg);

/*
 * Looks up the host of a TCP address. done is called once, never before this
 * returns. NULL, and no call, without memory or when the queue is full.
 */
struct lookup *lookup_start(struct resolver *resolver, const struct addr *addr,
    resolve_fn *done, void *arg);

/* done is not called any more. */
void lookup_cancel(struct lookup *lookup);

/*
 * Numbers instead of a name, and the empty host (this machine), need no
 * question: at once, without a thread. The caller owns what it gets
 * (freeaddrinfo). NULL when the host is a name.
 */
struct addrinfo *resolve_numeric(const struct addr *addr);

/*
 * Blocks. For listening, before anybody is served: all addresses of the host,
 * empty = the wildcard addresses; the caller owns them (freeaddrinfo). NULL
 * and *why when there are none.
 */
struct addrinfo *resolve_to_listen(const struct addr *addr, const char **why);

#endif
