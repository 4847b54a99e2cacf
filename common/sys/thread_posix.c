/*
 * thread_posix.c - threads and their locks by pthreads(7).
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys.
 */
#include "sys/thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct mutex {
	pthread_mutex_t lock;
};

struct thread {
	pthread_t id;
	void (*run)(void *);
	void *arg;
};

/* Starts begin(thread); all signals are blocked there. */
static int
create(struct thread *thread, void *(*begin)(void *), int detached)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int failed;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* inherited */
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, detached);
	failed = pthread_create(&thread->id, &attr, begin, thread);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed;
}

static struct thread *
thread_new(void (*run)(void *), void *arg)
{
	struct thread *thread = calloc(1, sizeof(*thread));

	if (thread != NULL) {
		thread->run = run;
		thread->arg = arg;
	}
	return thread;
}

static void *
begin_joined(void *memory)
{
	struct thread *thread = memory;

	thread->run(thread->arg);
	return NULL;
}

struct thread *
thread_start(void (*run)(void *), void *arg)
{
	struct thread *thread = thread_new(run, arg);

	if (thread == NULL)
		return NULL;
	if (create(thread, begin_joined, PTHREAD_CREATE_JOINABLE) != 0) {
		free(thread);
		return NULL;
	}
	return thread;
}

void
thread_join(struct thread *thread)
{
	if (thread == NULL)
		return;
	pthread_join(thread->id, NULL);
	free(thread);
}

static void *
begin_detached(void *memory)
{
	struct thread *thread = memory;
	void (*run)(void *) = thread->run;
	void *arg = thread->arg;

	free(thread);
	run(arg);
	return NULL;
}

bool
thread_detach(void (*run)(void *), void *arg)
{
	struct thread *thread = thread_new(run, arg);
	bool started;

	if (thread == NULL)
		return false;
	started = create(thread, begin_detached, PTHREAD_CREATE_DETACHED) == 0;
	if (!started)
		free(thread);
	return started;
}

struct mutex *
mutex_new(void)
{
	struct mutex *mutex = calloc(1, sizeof(*mutex));

	if (mutex != NULL)
		pthread_mutex_init(&mutex->lock, NULL);
	return mutex;
}

void
mutex_free(struct mutex *mutex)
{
	if (mutex == NULL)
		return;
	pthread_mutex_destroy(&mutex->lock);
	free(mutex);
}

void
mutex_lock(struct mutex *mutex)
{
	pthread_mutex_lock(&mutex->lock);
}

void
mutex_unlock(struct mutex *mutex)
{
	pthread_mutex_unlock(&mutex->lock);
}
