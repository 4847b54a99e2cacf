/*
 * file_posix.c - small files, whole and safely.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys.
 */
#include "sys/file.h"
#include "sys/user.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

/* Up to size bytes; -1 with errno. */
static ssize_t
read_all(int fd, char *out, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, out + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* A fifo, device or socket. */
static bool
is_odd(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) &&
	    !S_ISDIR(st.st_mode);
}

char *
file_read(const char *path, size_t max, size_t *len, const char **why)
{
	/* not to wait for who writes to a fifo */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool odd = fd >= 0 && is_odd(fd);
	char *bytes = fd >= 0 && !odd ? malloc(max + 2) : NULL;
	ssize_t n = bytes != NULL ? read_all(fd, bytes, max + 1) : -1;

	*why = odd ? "it is no regular file" : strerror(errno);
	if (n >= 0)
		*why = "it is too long";
	if (fd >= 0)
		close(fd);
	if (n < 0 || (size_t)n > max) {
		free(bytes);
		return NULL;
	}
	bytes[n] = '\0';
	*len = (size_t)n;
	return bytes;
}

static bool
write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0;
}

/* A name is safe only when the folder that holds it is on the disk. */
static void
sync_folder_of(const char *path)
{
	char folder[PATH_SIZE];
	char *slash;
	int fd;

	if (snprintf(folder, sizeof(folder), "%s", path) >= (int)sizeof(folder))
		return;
	slash = strrchr(folder, '/');
	if (slash == NULL)
		(void)snprintf(folder, sizeof(folder), ".");
	else
		slash[slash == folder] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

const char *
file_write(const char *path, const void *bytes, size_t len, bool secret)
{
	char temporary[PATH_SIZE], unique[FILE_UNIQUE_SIZE];
	bool written;
	int fd, error;

	if (!file_unique(unique))
		return strerror(errno);
	if (snprintf(temporary, sizeof(temporary), "%s.tmp.%s", path, unique) >=
	    (int)sizeof(temporary))
		return strerror(ENAMETOOLONG);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    secret ? 0600 : 0644);
	if (fd < 0)
		return strerror(errno);
	written = write_all(fd, bytes, len);
	error = errno;
	if (close(fd) != 0 && written) {
		written = false;
		error = errno;
	}
	if (written && rename(temporary, path) == 0) {
		sync_folder_of(path);
		return NULL;
	}
	if (written)
		error = errno;
	(void)unlink(temporary);
	return strerror(error);
}

const char *
file_make_empty(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EEXIST ? NULL : strerror(errno);
	close(fd);
	sync_folder_of(path);
	return NULL;
}

const char *
file_make_folder(const char *path)
{
	return mkdir(path, 0700) == 0 ? NULL : strerror(errno);
}

const char *
file_name_folder(const char *from, const char *to)
{
	if (rename(from, to) != 0)
		return errno == ENOTEMPTY || errno == EEXIST ? NULL
							     : strerror(errno);
	sync_folder_of(to);
	return NULL;
}

void
file_remove(const char *path)
{
	(void)remove(path);
}

bool
file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static bool
has_mode(const char *path, mode_t any_of)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & any_of) != 0;
}

bool
file_is_open_to_others(const char *path)
{
	return has_mode(path, S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH);
}

bool
file_is_written_by_others(const char *path)
{
	return has_mode(path, S_IWGRP | S_IWOTH);
}

/* Root gives, in a folder that may be the user's already: who lays a second
 * name of another file there must not get that. */
bool
file_give(const char *path, const struct user_id *id)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	bool given;

	if (fd < 0)
		return false;
	given = fstat(fd, &st) == 0 &&
	    (S_ISDIR(st.st_mode) ||
		(S_ISREG(st.st_mode) && st.st_nlink == 1)) &&
	    fchown(fd, (uid_t)id->uid, (gid_t)id->gid) == 0;
	close(fd);
	return given;
}

bool
file_unique(char out[FILE_UNIQUE_SIZE])
{
	uint64_t number;

	if (getentropy(&number, sizeof(number)) != 0)
		return false;
	(void)snprintf(out, FILE_UNIQUE_SIZE, "%016" PRIx64, number);
	return true;
}
