/*
 * os_win32.c - files and local time for the log, on Windows.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys.
 */
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

/* As open(2) would say it. */
static int
errno_of(DWORD error)
{
	switch (error) {
	case ERROR_FILE_NOT_FOUND:
	case ERROR_PATH_NOT_FOUND:
	case ERROR_INVALID_NAME:
	case ERROR_BAD_NETPATH:
		return ENOENT;
	case ERROR_ACCESS_DENIED:
	case ERROR_SHARING_VIOLATION:
		return EACCES;
	case ERROR_TOO_MANY_OPEN_FILES:
		return EMFILE;
	case ERROR_DISK_FULL:
		return ENOSPC;
	default:
		return EIO;
	}
}

/*
 * Not by open(), which lets nobody rename the file. A handle that may only
 * append does so whatever others write meanwhile, and inherits to nobody.
 */
int
os_open_log(const char *path)
{
	HANDLE file = CreateFileA(path, FILE_APPEND_DATA | SYNCHRONIZE,
	    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
	    OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
	int fd;

	if (file == INVALID_HANDLE_VALUE) {
		errno = errno_of(GetLastError());
		return -1;
	}
	fd = _open_osfhandle((intptr_t)file, _O_NOINHERIT | _O_BINARY);
	if (fd < 0)
		CloseHandle(file);
	return fd;
}

int
os_swap_file(int fd, int old)
{
	int result = _dup2(fd, old);

	_close(fd);
	return result;
}

ssize_t
os_write(int fd, const void *bytes, size_t len)
{
	return _write(fd, bytes,
	    len < INT_MAX ? (unsigned)len : (unsigned)INT_MAX);
}

/* %z of strftime is a name there, in words. */
void
os_local_time(time_t when, struct tm *out, char zone[OS_ZONE_SIZE])
{
	struct tm copy;
	int east = 0; /* minutes */

	if (localtime_s(out, &when) != 0) {
		*out = (struct tm){ .tm_mday = 1, .tm_year = 70 };
	} else {
		copy = *out;
		east = (int)((_mkgmtime(&copy) - when) / 60);
	}
	snprintf(zone, OS_ZONE_SIZE, "%c%02d%02d", east < 0 ? '-' : '+',
	    abs(east) / 60 % 100, abs(east) % 60);
}
