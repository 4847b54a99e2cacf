/*
 * failmalloc.c - preloaded into a program under test: makes allocations fail.
 *
 * FAIL_EVERY=n: every nth, from one SIGUSR2 to the next.
 * FAIL_IN_TURN: after the nth SIGUSR2 the nth, counted from that signal.
 * FAIL_ONCE=n:  the nth, counted from the start.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static atomic_bool on;
static atomic_ulong calls, the_one; /* 0: none, none alone */
static unsigned long every;	    /* 0: the_one alone */
static int in_turn;

static int
fails(void)
{
	unsigned long call;

	if (every != 0 && !atomic_load(&on))
		return 0;
	call = atomic_fetch_add(&calls, 1) + 1;
	if (every != 0 ? call % every != 0 : call != atomic_load(&the_one))
		return 0;
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *memory, size_t size)
{
	return fails() ? NULL : __libc_realloc(memory, size);
}

static void
on_signal(int number)
{
	static const char said[] = "failmalloc switched\n";

	(void)number;
	atomic_store(&on, !atomic_load(&on));
	if (in_turn) {
		atomic_store(&calls, 0);
		atomic_fetch_add(&the_one, 1);
	}
	(void)!write(STDERR_FILENO, said, sizeof(said) - 1);
}

__attribute__((constructor)) static void
prepare(void)
{
	struct sigaction action = { .sa_handler = on_signal,
		.sa_flags = SA_RESTART };
	const char *text = getenv("FAIL_EVERY");
	const char *at = getenv("FAIL_ONCE");

	if (at != NULL)
		atomic_store(&the_one, strtoul(at, NULL, 10));
	in_turn = getenv("FAIL_IN_TURN") != NULL;
	if (text != NULL)
		every = strtoul(text, NULL, 10);
	sigaction(SIGUSR2, &action, NULL);
}
