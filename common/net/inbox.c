/*
 * inbox.c - messages to a loop from other threads.
 *
 * Owns:    messages between post and run.
 * Thread:  inbox_post from any; the rest in the loop's.
 * Floor:   net. One byte through a socket pair wakes the loop, once for each
 *          batch; socket pairs exist on every system.
 */
#include "net/inbox.h"
#include "net/loop.h"
#include "sys/inet.h"
#include "sys/sock.h"
#include "sys/thread.h"

#include <event2/event.h>
#include <event2/util.h>
#include <stdlib.h>

struct inbox {
	struct mutex *mutex; /* owned; guards messages */
	struct list messages;
	sock_fd wake[2];     /* owned: [0] read, [1] written */
	struct event *event; /* owned */
};

void
inbox_drain(struct inbox *inbox)
{
	struct list_node *node;

	for (;;) {
		struct inbox_message *message;

		mutex_lock(inbox->mutex);
		node = list_pop(&inbox->messages);
		mutex_unlock(inbox->mutex);
		if (node == NULL)
			return;
		message = list_entry(node, struct inbox_message, node);
		message->run(message);
	}
}

static void
on_wake(sock_fd fd, short what, void *arg)
{
	char bytes[64];

	(void)what;
	while (sock_recv(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
		continue;
	inbox_drain(arg);
}

struct inbox *
inbox_new(struct loop *loop)
{
	struct inbox *inbox = calloc(1, sizeof(*inbox));

	if (inbox == NULL)
		return NULL;
	list_init(&inbox->messages);
	inbox->wake[0] = inbox->wake[1] = SOCK_NONE;
	if ((inbox->mutex = mutex_new()) == NULL ||
	    evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, inbox->wake) != 0)
		goto fail;
	for (int i = 0; i < 2; i++) {
		evutil_make_socket_nonblocking(inbox->wake[i]);
		evutil_make_socket_closeonexec(inbox->wake[i]);
	}
	sock_set_nodelay(inbox->wake[1]); /* where it is a TCP connection */
	inbox->event = event_new(loop_base(loop), inbox->wake[0],
	    EV_READ | EV_PERSIST, on_wake, inbox);
	if (inbox->event == NULL || event_add(inbox->event, NULL) != 0)
		goto fail;
	return inbox;
fail:
	inbox_free(inbox);
	return NULL;
}

void
inbox_free(struct inbox *inbox)
{
	if (inbox == NULL)
		return;
	if (inbox->mutex != NULL)
		inbox_drain(inbox);
	if (inbox->event != NULL)
		event_free(inbox->event);
	for (int i = 0; i < 2; i++)
		if (inbox->wake[i] != SOCK_NONE)
			sock_close(inbox->wake[i]);
	mutex_free(inbox->mutex);
	free(inbox);
}

void
inbox_post(struct inbox *inbox, struct inbox_message *message)
{
	mutex_lock(inbox->mutex);
	list_push_back(&inbox->messages, &message->node);
	/* one wake-up per batch; under the lock, so that whoever has run the
	 * last message may free the inbox */
	if (inbox->messages.length == 1)
		(void)sock_send(inbox->wake[1], "", 1, NULL, 0);
	mutex_unlock(inbox->mutex);
}
