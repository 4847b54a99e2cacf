/* dial.h - one connection to an address, with a deadline. Floor: net. */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "base/addr.h"
#include "sys/sock.h"

#include <stdbool.h>
#include <stdint.h>

struct dial;
struct loop;
struct resolver;

enum {
	DIAL_ADDRESSES_MAX = 8, /* of one name; more are not tried */
	DIAL_STAGGER_MS = 250,	/* RFC 8305 section 5 */
};

enum dial_result {
	DIAL_OK,
	DIAL_NO_NAME, /* the name has no address */
	DIAL_REFUSED, /* every address refused or failed */
	DIAL_TIMED_OUT,
	DIAL_NO_RESOURCES, /* out of descriptors or memory here */
};

/*
 * fd: connected and non-blocking, the callee's (DIAL_OK); else SOCK_NONE. why:
 * text for people, valid during the call.
 */
typedef void
dial_fn(enum dial_result result, sock_fd fd, const char *why, void *arg);

/*
 * Connects to addr. A name is looked up; each address it has is tried, the
 * next one when the last failed or DIAL_STAGGER_MS have passed, until one
 * answers. done is called once, never before this returns, unless dial_cancel
 * comes first; where the answer is there at once, as it is on this machine, in
 * the same wake-up of the loop. NULL, and no call, without memory.
 */
struct dial *dial_start(struct loop *loop, struct resolver *resolver,
    const struct addr *addr, uint32_t timeout_ms, dial_fn *done, void *arg);

/* Whether the answer is there, and done is called in this wake-up. */
bool dial_is_over(const struct dial *dial);

/* Gives up; done is not called. NULL is fine. */
void dial_cancel(struct dial *dial);

#endif
