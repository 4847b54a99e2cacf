/*
 * thread_win32.c - threads and their locks on Windows.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys. Slim locks: nothing to make or to destroy, and they are taken
 *          for moments only.
 */
#include "sys/thread.h"

#include <process.h>
#include <stdint.h>
#include <stdlib.h>
#include <windows.h>

struct mutex {
	SRWLOCK lock;
};

struct thread {
	HANDLE handle; /* owned; of a detached one: closed at once */
	void (*run)(void *);
	void *arg;
};

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

/* By the C library, which gives a thread what errno and the like need. */
static HANDLE
begin(unsigned(__stdcall *first)(void *), struct thread *thread)
{
	return (HANDLE)_beginthreadex(NULL, 0, first, thread, 0, NULL);
}

static unsigned __stdcall run_joined(void *memory)
{
	struct thread *thread = memory;

	thread->run(thread->arg);
	return 0;
}

struct thread *
thread_start(void (*run)(void *), void *arg)
{
	struct thread *thread = thread_new(run, arg);

	if (thread == NULL)
		return NULL;
	thread->handle = begin(run_joined, thread);
	if (thread->handle == NULL) {
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
	WaitForSingleObject(thread->handle, INFINITE);
	CloseHandle(thread->handle);
	free(thread);
}

static unsigned __stdcall run_detached(void *memory)
{
	struct thread *thread = memory;
	void (*run)(void *) = thread->run;
	void *arg = thread->arg;

	free(thread);
	run(arg);
	return 0;
}

bool
thread_detach(void (*run)(void *), void *arg)
{
	struct thread *thread = thread_new(run, arg);
	HANDLE handle;

	if (thread == NULL)
		return false;
	if ((handle = begin(run_detached, thread)) == NULL) {
		free(thread);
		return false;
	}
	CloseHandle(handle);
	return true;
}

struct mutex *
mutex_new(void)
{
	struct mutex *mutex = calloc(1, sizeof(*mutex));

	if (mutex != NULL)
		InitializeSRWLock(&mutex->lock);
	return mutex;
}

void
mutex_free(struct mutex *mutex)
{
	free(mutex);
}

void
mutex_lock(struct mutex *mutex)
{
	AcquireSRWLockExclusive(&mutex->lock);
}

void
mutex_unlock(struct mutex *mutex)
{
	ReleaseSRWLockExclusive(&mutex->lock);
}
