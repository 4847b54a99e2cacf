/* clock.h - time that only goes forward, and time that people write. Floor:
 * base. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds and microseconds of the monotonic clock (clock_gettime(2)). */
uint64_t clock_ms(void);
uint64_t clock_us(void);

/* Seconds since 1970, UTC, by the clock on the wall, which may be set. */
int64_t clock_wall_s(void);

/* Such a time as ISO 8601 writes it: "2024-02-29T12:00:00Z". Times that no
 * year from 1 to 9999 has are written as the nearest one that has. */
enum { CLOCK_UTC_SIZE = 21 };
void clock_utc_text(int64_t seconds, char out[CLOCK_UTC_SIZE]);

#endif
