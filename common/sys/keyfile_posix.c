/*
 * keyfile_posix.c - a small file with a secret in it, on POSIX systems.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys.
 */
#include "sys/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

size_t
keyfile_folder(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

bool
keyfile_is_absolute(const char *path)
{
	return path[0] == '/';
}

static int
read_all(int fd, char *out, size_t size, size_t *len)
{
	ssize_t n = 1;

	*len = 0;
	while (*len < size && n > 0) {
		n = read(fd, out + *len, size - *len);
		if (n > 0)
			*len += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	return n < 0 ? errno : 0;
}

int
keyfile_read(const char *path, char *out, size_t size, size_t *len,
    bool *exposed)
{
	/* not to wait for who writes to a fifo */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat about;
	int error;

	if (fd < 0)
		return errno;
	if (fstat(fd, &about) != 0)
		error = errno;
	else if (S_ISDIR(about.st_mode))
		error = EISDIR;
	else if (!S_ISREG(about.st_mode))
		error = EINVAL;
	else
		error = read_all(fd, out, size, len);
	*exposed = error == 0 && (about.st_mode & (S_IROTH | S_IWOTH)) != 0;
	close(fd);
	return error;
}
