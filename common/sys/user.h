/* user.h - whom the program runs as. Floor: sys.
 *
 * Where the system has no such users (Windows) none is ever found, and no file
 * is exposed. */
#ifndef SYS_USER_H
#define SYS_USER_H

#include <stdbool.h>
#include <stdint.h>

/* A user and the one group that he is in. */
struct user_id {
	uint32_t uid, gid;
};

/* Looks both up by name; group NULL: the user's own. Returns NULL, or which of
 * them is unknown: "user", "group". Blocks: for start-up. */
const char *user_find(const char *user, const char *group, struct user_id *id);

/* Whether this process is that user with that group already. */
bool user_is(const struct user_id *id);

/* Whether it may become another (it is root). */
bool user_may_change(void);

/* What root was before it acted as another. */
struct user_before {
	uint32_t *groups; /* owned until user_act_end */
	uint32_t gid;
	int count;
};

/*
 * For a while, before there are threads: files are opened and made as that
 * user. Returns NULL, or a constant text that says what failed: then the
 * program must end. user_act_end goes back, and ends the program where that
 * fails.
 */
const char *user_act_as(const struct user_id *id, struct user_before *before);
void user_act_end(struct user_before *before);

/*
 * For good, with all threads, no other group, and no way back, which is
 * tried. Returns NULL, or a constant text that says what failed; then the
 * program must end.
 */
const char *user_become(const struct user_id *id);

/* From now on no exec gives this thread, and those it makes, more than it has
 * (prctl(2), PR_SET_NO_NEW_PRIVS). Where there is no such thing: nothing. */
void user_no_new_privileges(void);

/* Whether this user may make and remove files beside that one. */
bool user_may_write_beside(const char *path);

/* Who may use a file beside its owner and its group; nobody, if there is no
 * such file. */
struct user_others {
	bool read, write;
};
struct user_others user_others_may(const char *path);

#endif
