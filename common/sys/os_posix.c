/*
 * os_posix.c - files and local time for the log, on POSIX systems.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys.
 */
#include "base/os.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* To open a fifo that nobody reads would take until somebody does. */
int
os_open_log(const char *path)
{
	int fd = open(path,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640);

	if (fd >= 0)
		(void)fcntl(fd, F_SETFL, O_APPEND); /* lines are whole */
	return fd;
}

int
os_swap_file(int fd, int old)
{
	int result = dup3(fd, old, O_CLOEXEC) < 0 ? -1 : 0;

	close(fd);
	return result;
}

ssize_t
os_write(int fd, const void *bytes, size_t len)
{
	return write(fd, bytes, len);
}

void
os_local_time(time_t when, struct tm *out, char zone[OS_ZONE_SIZE])
{
	localtime_r(&when, out);
	if (strftime(zone, OS_ZONE_SIZE, "%z", out) == 0)
		memcpy(zone, "+0000", sizeof("+0000"));
}
