/* watch.h - notices that a peer has gone, without reading from it. Floor: net. */
#ifndef NET_WATCH_H
#define NET_WATCH_H

struct loop;
struct watch;

/*
 * Calls on_gone once when the peer of fd has reset the connection or closed
 * it altogether; a peer that only ended its own direction is still there.
 * What it sent stays unread. fd is borrowed: end the watch before closing it
 * or reading from it. on_gone may end the watch. NULL without memory.
 */
struct watch *
watch_start(struct loop *loop, int fd, void (*on_gone)(void *arg), void *arg);
void watch_end(struct watch *watch); /* NULL is fine */

#endif
