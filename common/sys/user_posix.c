/*
 * user_posix.c - whom the program runs as, on Linux and other POSIX systems.
 *
 * Owns:    nothing.
 * Thread:  main; the C library brings the others along (nptl(7)).
 * Floor:   sys.
 */
#include "sys/user.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if __has_include(<sys/prctl.h>)
#include <sys/prctl.h>
#endif

enum { GROUPS_MAX = 65536, FOLDER_SIZE = 4096 };

const char *
user_find(const char *user, const char *group, struct user_id *id)
{
	struct passwd *pw = getpwnam(user);
	struct group *gr = NULL;

	if (pw == NULL)
		return "user";
	id->uid = (uint32_t)pw->pw_uid;
	id->gid = (uint32_t)pw->pw_gid;
	if (group == NULL)
		return NULL;
	if ((gr = getgrnam(group)) == NULL)
		return "group";
	id->gid = (uint32_t)gr->gr_gid;
	return NULL;
}

bool
user_is(const struct user_id *id)
{
	return geteuid() == (uid_t)id->uid && getegid() == (gid_t)id->gid;
}

bool
user_may_change(void)
{
	return geteuid() == 0;
}

_Static_assert(sizeof(gid_t) == sizeof(uint32_t), "a group is 32 bits");

static bool
keep_groups(struct user_before *before)
{
	int count = getgroups(0, NULL);

	if (count < 0 || count > GROUPS_MAX)
		return false;
	before->groups = calloc((size_t)count + 1, sizeof(gid_t));
	before->gid = (uint32_t)getegid();
	if (before->groups == NULL)
		return false;
	before->count = getgroups(count, before->groups);
	return before->count >= 0;
}

const char *
user_act_as(const struct user_id *id, struct user_before *before)
{
	gid_t gid = (gid_t)id->gid;

	if (!keep_groups(before))
		return "the groups cannot be read";
	if (setgroups(1, &gid) != 0)
		return "other groups cannot be given up";
	if (setegid(gid) != 0)
		return "the group cannot be taken";
	if (seteuid((uid_t)id->uid) != 0)
		return "the user cannot be taken";
	return NULL;
}

void
user_act_end(struct user_before *before)
{
	if (seteuid(0) != 0 || setegid((gid_t)before->gid) != 0 ||
	    setgroups((size_t)before->count, before->groups) != 0) {
		fputs("no way back to root\n", stderr);
		exit(EXIT_FAILURE);
	}
	free(before->groups);
	before->groups = NULL;
}

/* Root could come back by any of the three that the system keeps. */
static bool
is_for_good(const struct user_id *id)
{
	uid_t uid = (uid_t)id->uid, real, effective, saved;
	gid_t gid = (gid_t)id->gid, group, real_gid, effective_gid, saved_gid;

	if (getresuid(&real, &effective, &saved) != 0 || real != uid ||
	    effective != uid || saved != uid ||
	    getresgid(&real_gid, &effective_gid, &saved_gid) != 0 ||
	    real_gid != gid || effective_gid != gid || saved_gid != gid)
		return false;
	if (getgroups(1, &group) != 1 || group != gid)
		return false;
	return setuid(0) != 0 && seteuid(0) != 0 &&
	    setresuid((uid_t)-1, 0, (uid_t)-1) != 0 &&
	    (gid == 0 || setegid(0) != 0);
}

const char *
user_become(const struct user_id *id)
{
	uid_t uid = (uid_t)id->uid;
	gid_t gid = (gid_t)id->gid;

	if (setgroups(1, &gid) != 0)
		return "other groups cannot be given up";
	if (setresgid(gid, gid, gid) != 0)
		return "the group cannot be taken";
	if (setresuid(uid, uid, uid) != 0)
		return "the user cannot be taken";
	return is_for_good(id) ? NULL : "there would be a way back to root";
}

void
user_no_new_privileges(void)
{
#ifdef PR_SET_NO_NEW_PRIVS
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#endif
}

bool
user_may_write_beside(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[FOLDER_SIZE];
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);

	if (len >= sizeof(folder))
		return false;
	memcpy(folder, path, len);
	folder[len] = '\0';
	return access(slash == NULL ? "."
		       : len == 0   ? "/"
				    : folder,
		   W_OK | X_OK) == 0;
}

struct user_others
user_others_may(const char *path)
{
	struct user_others others = { false, false };
	struct stat about;

	if (stat(path, &about) != 0)
		return others;
	others.read = (about.st_mode & S_IROTH) != 0;
	others.write = (about.st_mode & S_IWOTH) != 0;
	return others;
}
