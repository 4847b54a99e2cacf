/*
 * user_none.c - whom the program runs as, where a service has its account from
 * the system's own settings (Windows).
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys.
 */
#include "sys/user.h"

#include <stddef.h>

const char *
user_find(const char *user, const char *group, struct user_id *id)
{
	(void)user;
	(void)group;
	*id = (struct user_id){ 0, 0 };
	return "user";
}

bool
user_is(const struct user_id *id)
{
	(void)id;
	return false;
}

bool
user_may_change(void)
{
	return false;
}

const char *
user_act_as(const struct user_id *id, struct user_before *before)
{
	(void)id;
	(void)before;
	return "not on this system";
}

void
user_act_end(struct user_before *before)
{
	(void)before;
}

const char *
user_become(const struct user_id *id)
{
	(void)id;
	return "not on this system";
}

void
user_no_new_privileges(void)
{
}

bool
user_may_write_beside(const char *path)
{
	(void)path;
	return true;
}

struct user_others
user_others_may(const char *path)
{
	(void)path;
	return (struct user_others){ false, false };
}
