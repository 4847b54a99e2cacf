/*
 * xalloc.c - memory that must be there.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   base.
 */
#include "base/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
or_exit(void *memory)
{
	if (memory == NULL) {
		fputs("transponder: out of memory while starting\n", stderr);
		exit(1);
	}
	return memory;
}

void *
xcalloc(size_t count, size_t size)
{
	return or_exit(calloc(count, size));
}

char *
xstrdup(const char *text)
{
	return or_exit(strdup(text));
}
