/*
 * clock.c - time that only goes forward, and time that people write.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   base.
 */
#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

uint64_t
clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t
clock_ms(void)
{
	return clock_us() / 1000;
}

int64_t
clock_wall_s(void)
{
	return (int64_t)time(NULL);
}

static bool
is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t
days_before_year(int64_t year)
{
	int64_t whole = year - 1;

	return whole * 365 + whole / 4 - whole / 100 + whole / 400;
}

/* By hand: gmtime(3) may be used by one thread, and what may be used by more
 * has a name of its own on each system. */
void
clock_utc_text(int64_t seconds, char out[CLOCK_UTC_SIZE])
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };
	const int64_t first = -62135596800, last = 253402300799;
	int64_t at = seconds < first ? first : seconds > last ? last : seconds;
	int64_t days = (at - first) / 86400, rest = (at - first) % 86400;
	int64_t year = days / 366 + 1; /* or a later one */
	int month = 0, length;

	while (days_before_year(year + 1) <= days)
		year++;
	days -= days_before_year(year);
	for (;; month++) {
		length = lengths[month] + (month == 1 && is_leap(year));
		if (days < length)
			break;
		days -= length;
	}
	(void)snprintf(out, CLOCK_UTC_SIZE, "%04u-%02u-%02uT%02u:%02u:%02uZ",
	    (unsigned)year % 10000, (unsigned)month % 12 + 1,
	    (unsigned)days % 31 + 1, (unsigned)(rest / 3600) % 24,
	    (unsigned)(rest / 60 % 60), (unsigned)(rest % 60));
}
