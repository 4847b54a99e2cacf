/* worker.h - a thread that runs a loop of its own. Floor: net. */
#ifndef NET_WORKER_H
#define NET_WORKER_H

#include <stdbool.h>

struct loop;
struct worker;

/* A new loop that nobody runs yet: until worker_start it is the caller's. NULL
 * without memory or descriptors. */
struct worker *worker_new(void);

/* Runs the loop on a new thread, which blocks all signals. False when the
 * system has no more threads. */
bool worker_start(struct worker *worker);

/* The worker's loop. Borrowed; while it runs, only its inbox may be used from
 * elsewhere. */
struct loop *worker_loop(struct worker *worker);

/*
 * Stops the loop, after the messages that were posted before, and waits for
 * the thread. From then on the loop is the caller's: what lived on it may be
 * ended here, before worker_free.
 */
void worker_join(struct worker *worker);

/* Joins if need be, and frees the loop. NULL is fine. */
void worker_free(struct worker *worker);

#endif
