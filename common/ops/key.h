/* key.h - where a shared key comes from: the configuration file, a file
 * of its own, the environment. Floor: ops. */
#ifndef OPS_KEY_H
#define OPS_KEY_H

#include "conf/conf.h"

enum { KEY_MAX = 256 }; /* bytes */

/* The variable of the environment that may hold AuthKey. */
extern const char key_variable[];

/* Where one key may stand. All borrowed. */
struct key_source {
	const char *path;     /* of the configuration file */
	const char *key;      /* names of the two keys: "AuthKey", */
	const char *key_file; /* "AuthKeyFile" */
	const char *file;     /* value of the second; NULL: not given. Not
			       * absolute: beside the configuration file */
	const char *variable; /* NULL: none is looked at */
};

/*
 * Fills in *key, the value of the first of the two keys, where it stands
 * elsewhere; *key is then the caller's. Still NULL: it stands nowhere. A key
 * file is one line, with a byte order mark or without. That everybody may read
 * it is warned about in the log. False with one line in problem: a source that
 * is bad, or two that say different things.
 */
bool key_find(const struct key_source *source, char **key,
    char problem[CONF_PROBLEM_SIZE]);

/* The same for AuthKey: file is the value of AuthKeyFile, or NULL. needed:
 * that it stands nowhere is a problem, too. */
bool key_find_shared(const char *path, const char *file, bool needed,
    char **key, char problem[CONF_PROBLEM_SIZE]);

/* Whether it is the key of our sample files, which is no secret. NULL is
 * not. */
bool key_is_sample(const char *key);

/*
 * Warns in the log of a shared key that is short, or that of our sample files
 * for a link that leaves this machine, and names the command that makes a good
 * one. inner: whose key it is; NULL: everybody's.
 */
void key_warn_short(const char *path, const char *key, const char *inner,
    const struct addr *link);

#endif
