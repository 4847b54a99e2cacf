/*
 * slowmain.c - preloaded into a program under test: each small calloc of its
 * main thread takes SLOW_US microseconds: that of a timer or an event, which
 * a client that must wait gets, and not that of a new client or link. What the
 * other threads do meanwhile comes between two steps that else lie too close
 * for a test to hit.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

void *__libc_calloc(size_t count, size_t size);

enum { SMALL = 256 };

static long slow_ns;

void *
calloc(size_t count, size_t size)
{
	struct timespec wait = { .tv_nsec = slow_ns };

	if (slow_ns > 0 && count * size <= SMALL && gettid() == getpid())
		nanosleep(&wait, NULL);
	return __libc_calloc(count, size);
}

__attribute__((constructor)) static void
prepare(void)
{
	const char *text = getenv("SLOW_US");

	if (text != NULL)
		slow_ns = strtol(text, NULL, 10) * 1000;
}
