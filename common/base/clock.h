/* clock.h - time that only goes forward. Floor: base. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds and microseconds of the monotonic clock (clock_gettime(2)). */
uint64_t clock_ms(void);
uint64_t clock_us(void);

#endif
