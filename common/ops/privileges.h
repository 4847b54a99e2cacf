/* privileges.h - from root to the user of the configuration. Floor: ops.
 *
 * The order of a start: the configuration and what it names (keys,
 * certificates) is read as root; the log is opened as the user, so that SIGHUP
 * can open it anew; the limit of descriptors is raised and all addresses are
 * bound as root; then privileges_drop. What is read or made from then on is
 * read and made as the user: a new configuration at SIGHUP, and whatever is to
 * be renewed. So what must be the user's own is made between privileges_begin
 * and privileges_end, while there is one thread, or after the drop. */
#ifndef OPS_PRIVILEGES_H
#define OPS_PRIVILEGES_H

#include "conf/conf.h"
#include "sys/user.h"

#include <stdbool.h>

/* For a configuration: whether User and Group (either may be NULL) are known.
 * False with one line in problem. */
bool privileges_check(const char *path, const char *user, const char *group,
    char problem[CONF_PROBLEM_SIZE]);

/*
 * For a while: files are opened as the user. False with one line in problem:
 * not root, and not that user already. With user NULL, or where the process is
 * that user, nothing changes. No exec gains privileges from now on.
 */
struct privileges {
	bool acting;
	struct user_before before;
};
bool privileges_begin(struct privileges *privileges, const char *user,
    const char *group, char problem[CONF_PROBLEM_SIZE]);
void privileges_end(struct privileges *privileges);

/* For good, in all threads. False with one line in problem: then the program
 * must end. With user NULL, or that user already, nothing changes. */
bool privileges_drop(const char *user, const char *group,
    char problem[CONF_PROBLEM_SIZE]);

/* Warns in the log of a configuration that strangers may change, or read
 * though it holds a secret. */
void privileges_warn(const char *path, bool secret);

#endif
