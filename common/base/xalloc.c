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

void *
xcalloc(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL) {
		fputs("transponder: out of memory while starting\n", stderr);
		exit(1);
	}
	return memory;
}
