/*
 * worker.c - a thread that runs a loop of its own.
 *
 * Owns:    the thread and the loop.
 * Thread:  each function in the one that called worker_new.
 * Floor:   net.
 */
#include "net/worker.h"
#include "net/inbox.h"
#include "net/loop.h"
#include "sys/thread.h"

#include <stdlib.h>

struct worker {
	struct loop *loop;     /* owned */
	struct thread *thread; /* owned; NULL: it does not run */
	struct inbox_message stop;
};

static void
run(void *arg)
{
	struct worker *worker = arg;

	(void)loop_run(worker->loop);
}

struct worker *
worker_new(void)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (worker != NULL && (worker->loop = loop_new()) == NULL) {
		worker_free(worker);
		return NULL;
	}
	return worker;
}

bool
worker_start(struct worker *worker)
{
	worker->thread = thread_start(run, worker);
	return worker->thread != NULL;
}

struct loop *
worker_loop(struct worker *worker)
{
	return worker->loop;
}

static void
on_stop(struct inbox_message *message)
{
	struct worker *worker = list_entry(message, struct worker, stop);

	loop_stop(worker->loop);
}

void
worker_join(struct worker *worker)
{
	if (worker->thread == NULL)
		return;
	worker->stop.run = on_stop;
	inbox_post(loop_inbox(worker->loop), &worker->stop);
	thread_join(worker->thread);
	worker->thread = NULL;
}

void
worker_free(struct worker *worker)
{
	if (worker == NULL)
		return;
	worker_join(worker);
	loop_free(worker->loop);
	free(worker);
}
