/* inbox.h - messages to a loop from other threads. Floor: net. */
#ifndef NET_INBOX_H
#define NET_INBOX_H

#include "base/list.h"

struct inbox;
struct loop;

/* Embedded in the message. run is called once, in the loop's thread, and
 * owns the message from then on. */
struct inbox_message {
	struct list_node node;
	void (*run)(struct inbox_message *message);
};

/* NULL without memory or descriptors. loop_new makes the loop's own. */
struct inbox *inbox_new(struct loop *loop);

/* Runs what was posted before, then frees. Nobody may post any more. */
void inbox_free(struct inbox *inbox);

/* Runs what was posted before, now. In the loop's thread, or when no other
 * runs the loop. */
void inbox_drain(struct inbox *inbox);

/* Takes the message. From any thread; never calls back before it returns. */
void inbox_post(struct inbox *inbox, struct inbox_message *message);

#endif
