/*
 * newday.c - preloaded into a program under test: at SIGUSR2 the day is over
 * for whoever has a timer of one day.
 */
#define _GNU_SOURCE
#include <event2/event.h>

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/time.h>

enum { DAY = 24 * 3600 };

static int (*real_add)(struct event *event, const struct timeval *wait);
static struct event *_Atomic waits;
static sigset_t signals;

int
event_add(struct event *event, const struct timeval *wait)
{
	if (wait != NULL && wait->tv_sec == DAY && wait->tv_usec == 0)
		atomic_store(&waits, event);
	return real_add(event, wait);
}

/* A thread of its own: a handler may not call libevent. */
static void *
run(void *arg)
{
	struct event *event;
	int number;

	while (sigwait(&signals, &number) == 0)
		if ((event = atomic_exchange(&waits, NULL)) != NULL)
			event_active(event, EV_TIMEOUT, 0);
	return arg;
}

__attribute__((constructor)) static void
prepare(void)
{
	pthread_t thread;

	*(void **)&real_add = dlsym(RTLD_NEXT, "event_add");
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	(void)pthread_create(&thread, NULL, run, NULL);
}
