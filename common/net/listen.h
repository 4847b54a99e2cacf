/* listen.h - a listening address: one socket, or one per address of a name.
 * Floor: net. */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "base/addr.h"
#include "net/endpoint.h"
#include "sys/sock.h"
#include "sys/sock_unix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listen;
struct loop;

enum { LISTEN_PROBLEM_SIZE = 256, LISTEN_BACKLOG = 4096 };

/* fd: accepted, non-blocking, closed on exec, with the options of its listener;
 * the callee's. peer: the far end, for the call. */
typedef void listen_fn(sock_fd fd, const struct endpoint *peer, void *arg);

struct listen_options {
	const struct addr *addr;  /* borrowed for the call */
	const char *what;	  /* for the log: "links"; a constant */
	const char *service;	  /* for the log: whose, or NULL; borrowed until
				   * listen_stop */
	uint32_t keepalive_ms;	  /* see sock_set_keepalive; 0: off */
	uint32_t user_timeout_ms; /* see sock_set_user_timeout */
	uint32_t socket_mode;	  /* Unix: mode, owner, group */
	const char *socket_owner, *socket_group; /* NULL: leave */
};

/*
 * Listens on every address of the host; an empty one means all, IPv4 and
 * IPv6. A stale Unix socket file is taken over. Each address is logged with
 * the port it really got. Blocks while a name is resolved: for start-up only.
 * NULL with one line in problem when no address could be had.
 *
 * When descriptors run out, accepting pauses, which is logged once, and goes
 * on when there are some again; clients wait in the kernel's backlog. One
 * descriptor is kept in reserve for that time, so that the log file can still
 * be opened and a name resolved.
 */
struct listen *
listen_start(struct loop *loop, const struct listen_options *options,
    listen_fn *on_accept, void *arg, char problem[LISTEN_PROBLEM_SIZE]);

/* The port of the first socket; 0 of a Unix one. */
uint16_t listen_port(const struct listen *listen);

/* Where one of its sockets listens. */
struct listen_place {
	struct endpoint at;
	bool everywhere;	  /* at all addresses, IPv4 and IPv6 */
	struct sock_file_id file; /* of a Unix socket */
};

/* The place of the nth socket. False: there are not as many. */
bool listen_nth(const struct listen *listen, unsigned nth,
    struct listen_place *place);

/*
 * Gives each socket to a server that accepts by itself, before the loop runs:
 * take may set a callback of its own on it, and frees it some time after
 * listen_stop. on_accept is never called. Its pauses are still the owner's, and
 * for want of descriptors it pauses for up to LISTEN_LENT_MS. False when take
 * was, which then took none from that socket on.
 */
enum { LISTEN_LENT_MS = 1000 };
struct evconnlistener;
bool listen_lend(struct listen *listen,
    bool (*take)(struct evconnlistener *socket, void *arg), void *arg);

/* Stops accepting and removes the Unix socket file; NULL is fine. Not from
 * inside on_accept. */
void listen_stop(struct listen *listen);

/* The owner's own pause: new connections wait in the kernel. Idempotent. */
void listen_pause(struct listen *listen, bool paused);

#endif
