/* early.h - what of a client goes ahead of READY. Floor: outer. */
#ifndef OUTER_EARLY_H
#define OUTER_EARLY_H

#include "sys/sock.h"
#include "wire/early.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct standby;

/* A client's. Zeroed is one from whom nothing has come. */
struct early {
	uint16_t length; /* bytes that go ahead; 0: none yet */
	bool over;	 /* nothing (more) of it goes ahead */
	bool on_link;	 /* this try's link has got them */
	unsigned sent;	 /* on how many links */
};

/*
 * Sends ahead on a starting standby what may go: the bytes that went ahead
 * before, or all that is there if it may. They stay unread in the kernel.
 * Call it when FORWARD is out and whenever the client has sent more.
 */
void early_send(struct early *early, enum early_mode mode, sock_fd client_fd,
    struct standby *standby);

/* A new try begins: its link has got nothing yet. */
void early_begin(struct early *early);

/* READY has come: takes off the client's socket what went ahead on this link.
 * False when it is not there: the connection is broken. */
bool early_take(struct early *early, sock_fd client_fd);

/* The bytes that went ahead on this link. */
size_t early_on_link(const struct early *early);

/* On how many links it was sent again. */
unsigned early_retries(const struct early *early);

#endif
