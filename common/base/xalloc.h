/* xalloc.h - memory that must be there: for start-up only. Floor: base. */
#ifndef BASE_XALLOC_H
#define BASE_XALLOC_H

#include <stddef.h>

/*
 * Allocates at boot: zeroed memory that the caller owns (free() it), or the
 * program ends with one line and exit code 1.
 * Memory that one connection needs comes from calloc(): there a failure
 * costs that connection, never the program.
 */
void *xcalloc(size_t count, size_t size);

#endif
