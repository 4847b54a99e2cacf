/* thread.h - threads and their locks. Floor: sys. */
#ifndef SYS_THREAD_H
#define SYS_THREAD_H

#include <stdbool.h>

struct mutex;
struct thread;

/* Starts run(arg) on a thread that blocks all signals. NULL when the system
 * has no more threads, or no memory. Give it to thread_join. */
struct thread *thread_start(void (*run)(void *), void *arg);

/* Waits until run has returned, and frees the thread. NULL is fine. */
void thread_join(struct thread *thread);

/* Starts run(arg) on a thread of its own that nobody waits for; it blocks all
 * signals. False when the system has no more threads. */
bool thread_detach(void (*run)(void *), void *arg);

/* NULL without memory. */
struct mutex *mutex_new(void);
void mutex_free(struct mutex *mutex);
void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

#endif
