/*
 * privileges.c - from root to the user of the configuration.
 *
 * Owns:    nothing.
 * Thread:  main.
 * Floor:   ops.
 */
#include "ops/privileges.h"
#include "base/log.h"

#include <stdio.h>

bool
privileges_check(const char *path, const char *user, const char *group,
    char problem[CONF_PROBLEM_SIZE])
{
	struct user_id id;
	const char *unknown;
	bool no_user;

	if (user == NULL && group == NULL)
		return true;
	if (user == NULL) {
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: Group: found it without User; expected both, or "
		    "User alone",
		    path);
		return false;
	}
	if ((unknown = user_find(user, group, &id)) == NULL)
		return true;
	no_user = unknown[0] == 'u';
	snprintf(problem, CONF_PROBLEM_SIZE,
	    "%.400s: %s: found \"%.100s\"; expected a %s of this system", path,
	    no_user ? "User" : "Group", no_user ? user : group, unknown);
	return false;
}

/* Whether there is anything to do: *id is to be become. */
static bool
is_other(const char *user, const char *group, struct user_id *id)
{
	return user != NULL && user_find(user, group, id) == NULL &&
	    !user_is(id);
}

static bool
fail(const char *user, const char *why, char problem[CONF_PROBLEM_SIZE])
{
	snprintf(problem, CONF_PROBLEM_SIZE,
	    "User: cannot run as %.100s: %s; start it as root, or as that user "
	    "with that group",
	    user, why);
	return false;
}

bool
privileges_begin(struct privileges *privileges, const char *user,
    const char *group, char problem[CONF_PROBLEM_SIZE])
{
	const char *why = NULL;
	struct user_id id;

	privileges->acting = false;
	user_no_new_privileges();
	if (!is_other(user, group, &id))
		return true;
	if (!user_may_change())
		return fail(user, "not started as root", problem);
	if ((why = user_act_as(&id, &privileges->before)) != NULL)
		return fail(user, why, problem);
	privileges->acting = true;
	return true;
}

void
privileges_end(struct privileges *privileges)
{
	if (privileges->acting)
		user_act_end(&privileges->before);
	privileges->acting = false;
}

bool
privileges_drop(const char *user, const char *group,
    char problem[CONF_PROBLEM_SIZE])
{
	struct user_id id;
	const char *why;

	if (!is_other(user, group, &id))
		return true;
	if ((why = user_become(&id)) != NULL)
		return fail(user, why, problem);
	log_info("app", "privileges given up", KV_STR("user", user),
	    KV_U64("uid", id.uid), KV_U64("gid", id.gid));
	return true;
}

void
privileges_warn(const char *path, bool secret)
{
	struct user_others others = user_others_may(path);

	if (others.write)
		log_warn("config",
		    "every user of this machine may change the file: chmod 600",
		    KV_STR("file", path));
	else if (others.read && secret)
		log_warn("config",
		    "every user of this machine may read the key in the file: "
		    "chmod 600",
		    KV_STR("file", path));
}
