/* forget.h - what was secret is overwritten. Floor: base. */
#ifndef BASE_FORGET_H
#define BASE_FORGET_H

#include <stddef.h>

/* Overwrites memory by a way that no compiler may leave out. */
static inline void
forget(void *memory, size_t len)
{
	volatile unsigned char *byte = memory;

	while (len-- > 0)
		*byte++ = 0;
}

#endif
