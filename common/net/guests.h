/* guests.h - the connections of a server that accepts by itself (libevent's
 * evhttp): how many there are, and how long each may take. Floor: net. */
#ifndef NET_GUESTS_H
#define NET_GUESTS_H

#include "sys/sock.h"

#include <stdbool.h>
#include <stdint.h>

struct bufferevent;
struct evbuffer;
struct endpoint;
struct guests;
struct loop;

enum guests_trouble {
	GUESTS_LATE, /* its time is over, in the middle of a request: it times
		      * out next, and nothing has been said to it */
	GUESTS_LEFT, /* it has left in the middle of a request */
	GUESTS_TOLD, /* the server says something by itself, which has not left
		      * yet: it is in the output of the bufferevent */
};

/* From accept, or the end of its last answer, a guest has patience_ms to be
 * served; then its bufferevent times out, whatever it has sent by then. */
struct guests_options {
	unsigned max;
	uint64_t patience_ms;
	/* There are as many as there may be; there are fewer again. Never from
	 * inside a call to this module but guests_admit. */
	void (*on_full)(bool full, void *arg);
	/* Never from inside a call to this module. guest: as peer, for the
	 * call; of one that has left not to be used. False: the request goes
	 * on. */
	bool (*on_trouble)(enum guests_trouble trouble,
	    struct bufferevent *guest, const struct endpoint *peer, void *arg);
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

/* It waits for us: no deadline, and what is said to it is ours; it goes on:
 * patience_ms from now on. Does nothing to what is no guest. */
void guests_hold(struct guests *guests, struct bufferevent *guest);
void guests_go_on(struct guests *guests, struct bufferevent *guest);

/* In on_trouble, of a guest that is late or was told: what waits to leave for
 * it, size - 1 bytes at most and a NUL; and to say something in its place, or,
 * where nothing waits, at once: what the system does not take then is lost. */
void guests_waiting(struct bufferevent *guest, char *out, size_t size);
void guests_say(struct bufferevent *guest, struct evbuffer *answer);

/* The far end of any bufferevent's socket; an unknown one reads as Unix. */
void guests_peer(struct bufferevent *guest, struct endpoint *peer);

#endif
