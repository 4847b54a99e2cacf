/* worker.h - a thread that runs a loop of its own. Floor: net. */
#ifndef NET_WORKER_H
#define NET_WORKER_H

struct loop;
struct worker;

/*
 * A new loop on a new thread, which blocks all signals. NULL without memory,
 * descriptors or threads. What runs there begins as a message to the loop's
 * inbox.
 */
struct worker *worker_start(void);

/* The worker's loop. Borrowed; only its inbox may be used from elsewhere. */
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
