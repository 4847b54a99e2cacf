/*
 * failmalloc.c - preloaded into a program under test: while it is switched on,
 * every FAIL_EVERY-th allocation fails. SIGUSR2 switches it on and off. With
 * FAIL_ONCE the allocation of that number fails, counted from the start.
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
static atomic_ulong calls;
static unsigned long every = 7, once;

static int
fails(void)
{
	if (once != 0
		? atomic_fetch_add(&calls, 1) + 1 != once
		: !atomic_load(&on) || atomic_fetch_add(&calls, 1) % every != 0)
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
		once = strtoul(at, NULL, 10);
	if (text != NULL)
		every = strtoul(text, NULL, 10);
	sigaction(SIGUSR2, &action, NULL);
}
