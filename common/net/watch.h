/* watch.h - notices that a peer has gone, without reading from it. Floor: net. */
#ifndef NET_WATCH_H
#define NET_WATCH_H

#include "sys/sock.h"

struct loop;
struct watch;

/* What is noticed. Either may end the watch. */
struct watch_handler {
	void (*on_gone)(void *arg);
	void (*on_more)(void *arg); /* more bytes may have come, or a
				     * half-close; NULL: not asked for */
};

/*
 * Calls on_gone once when the peer of fd has reset the connection or closed
 * it altogether; a peer that only ended its own direction is still there.
 * What it sent stays unread. fd is borrowed: end the watch before closing it
 * or reading from it. handler is borrowed and outlives the watch. NULL without
 * memory.
 */
struct watch *watch_start(struct loop *loop, sock_fd fd,
    const struct watch_handler *handler, void *arg);
void watch_end(struct watch *watch); /* NULL is fine */

#endif
