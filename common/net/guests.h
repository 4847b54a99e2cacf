/* guests.h - the connections of a server that accepts by itself (libevent's
 * evhttp): how many there are, and how long each may take. Floor: net. */
#ifndef NET_GUESTS_H
#define NET_GUESTS_H

#include "sys/sock.h"

#include <stdbool.h>
#include <stdint.h>

struct bufferevent;
struct endpoint;
struct guests;
struct loop;

/* From accept, or the end of its last answer, a guest has patience_ms to be
 * served; then its bufferevent times out, whatever it has sent by then. */
struct guests_options {
	unsigned max;
	uint64_t patience_ms;
	/* There are as many as there may be; there are fewer again. Never from
	 * inside a call to this module but guests_admit. */
	void (*on_full)(bool full, void *arg);
	void *arg;
};

/* options is copied. NULL without memory. */
struct guests *
guests_new(struct loop *loop, const struct guests_options *options);

/* After the server has freed all of its connections. NULL is fine. */
void guests_free(struct guests *guests);

/* A bufferevent without a socket yet, the server's: that sets an event callback
 * before it returns to the loop, and calls bufferevent_free in the end. NULL
 * without memory. Its socket is closed within GUESTS_LOOK_MS of that. */
enum { GUESTS_LOOK_MS = 200 };
struct bufferevent *guests_admit(struct guests *guests);

/* It waits for us: no deadline; it goes on: patience_ms from now on. Does
 * nothing to what is no guest. */
void guests_hold(struct guests *guests, struct bufferevent *guest);
void guests_go_on(struct guests *guests, struct bufferevent *guest);

/* The far end of any bufferevent's socket; an unknown one reads as Unix. */
void guests_peer(struct bufferevent *guest, struct endpoint *peer);

#endif
