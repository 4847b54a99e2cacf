/* ready.h - tells when a bare descriptor can be read or written. Floor: net. */
#ifndef NET_READY_H
#define NET_READY_H

#include "sys/sock.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>

struct loop;

enum { READY_READ = EV_READ, READY_WRITE = EV_WRITE };

/* Called in the loop for as long as it is so; what: READY_* of what is wanted.
 * An error of the descriptor counts as all that is wanted. */
typedef void ready_fn(sock_fd fd, short what, void *arg);

/* Embedded by whoever reads and writes. */
struct ready {
	struct event event;
	short wanted; /* READY_* */
};

/* fd is borrowed. Nothing is wanted yet. */
void ready_init(struct ready *ready, struct loop *loop, sock_fd fd,
    ready_fn *on_ready, void *arg);

/* Wants just that from now on; costs no system call of its own. False without
 * memory; then nothing is wanted. */
bool ready_want(struct ready *ready, short what);

/* Calls on_ready soon, once, as if the descriptor were ready. A change of what
 * is wanted takes this back. */
void ready_soon(struct ready *ready, short what);

/* Before fd is closed. Zeroed is fine. */
void ready_fini(struct ready *ready);

#endif
