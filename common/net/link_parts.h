/* link_parts.h - what a link is to its own files. Only net/link.c and
 * net/link_end.c include this. Floor: net. */
#ifndef NET_LINK_PARTS_H
#define NET_LINK_PARTS_H

#include "net/link.h"
#include "net/loop.h"

struct bufferevent;
struct retirement; /* link_end.c */
struct secure;

struct link {
	struct bufferevent *bev;	    /* owned; NULL: TLS */
	struct secure *secure;		    /* owned; NULL: plain */
	sock_fd fd;			    /* owned */
	struct loop *loop;		    /* borrowed */
	const struct link_handler *handler; /* borrowed */
	void *arg;
	struct retirement *retirement; /* owned; NULL: it does not retire */
	struct reap flush;	       /* after the callbacks that run now */
	bool automatic;		       /* libevent writes what is added */
	bool guarded;		       /* see link_guard */
	bool starved;		       /* no memory to wait for it */
};

/* Sends what waits, without asking the system first whether it may: mostly it
 * may. What cannot leave, or a broken connection, is the loop's to find again. */
void link_flush(struct link *link);

#endif
