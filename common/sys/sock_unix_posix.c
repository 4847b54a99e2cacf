/*
 * sock_unix_posix.c - Unix sockets, unix(7), on systems that have them.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys.
 */
#include "sys/sock_unix.h"
#include "sys/inet.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

bool
sock_unix_possible(void)
{
	return true;
}

size_t
sock_unix_address(const char *path, struct sockaddr_storage *out)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)out;

	memset(out, 0, sizeof(*out));
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path, strlen(path) + 1);
	return sizeof(*sun);
}

/* Whether somebody accepts connections there; *error is connect's answer. */
static bool
is_live(const char *path, int *error)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	sock_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	bool live;

	*error = errno;
	if (fd < 0)
		return true; /* cannot tell: leave the file alone */
	memcpy(sun.sun_path, path, strlen(path) + 1);
	live = connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0;
	*error = errno;
	close(fd);
	return live || *error == EAGAIN; /* EAGAIN: its backlog is full */
}

const char *
sock_unix_claim(const char *path)
{
	struct stat st;
	int error;

	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return "the path is too long for a socket";
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? NULL : strerror(errno);
	if (!S_ISSOCK(st.st_mode))
		return "a file that is not a socket is in the way";
	if (is_live(path, &error))
		return "another program listens there";
	if (error != ECONNREFUSED && error != ENOENT)
		return strerror(error);
	if (unlink(path) != 0 && errno != ENOENT)
		return strerror(errno);
	return NULL;
}

const char *
sock_unix_permit(const char *path, uint32_t mode, const char *owner,
    const char *group)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;

	if (owner != NULL) {
		struct passwd *pw = getpwnam(owner);

		if (pw == NULL)
			return "SocketOwner: no user of that name";
		uid = pw->pw_uid;
	}
	if (group != NULL) {
		struct group *gr = getgrnam(group);

		if (gr == NULL)
			return "SocketGroup: no group of that name";
		gid = gr->gr_gid;
	}
	if ((owner != NULL || group != NULL) && lchown(path, uid, gid) != 0)
		return "SocketOwner, SocketGroup: this user may not set them";
	if (chmod(path, (mode_t)mode) != 0)
		return "SocketMode: cannot be set";
	return NULL;
}

static void
identify(const struct stat *st, struct sock_file_id *id)
{
	id->device = (uint64_t)st->st_dev;
	id->inode = (uint64_t)st->st_ino;
}

bool
sock_file_identify(const char *path, struct sock_file_id *id)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return false;
	identify(&st, id);
	return true;
}

bool
sock_file_behind(const char *path, struct sock_file_id *id)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return false;
	identify(&st, id);
	return true;
}

void
sock_unix_remove(const char *path, const struct sock_file_id *id)
{
	struct sock_file_id now;

	if (sock_file_identify(path, &now) && now.device == id->device &&
	    now.inode == id->inode)
		(void)unlink(path);
}
