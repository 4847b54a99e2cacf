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

struct start {
	void (*run)(void *);
	void *arg;
};

static void *
begin(void *memory)
{
	struct start start = *(struct start *)memory;

	free(memory);
	start.run(start.arg);
	return NULL;
}

bool
thread_detach(void (*run)(void *), void *arg)
{
	struct start *start = malloc(sizeof(*start));
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;
	int failed;

	if (start == NULL)
		return false;
	*start = (struct start){ run, arg };
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* inherited */
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	failed = pthread_create(&thread, &attr, begin, start);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed != 0)
		free(start);
	return failed == 0;
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
