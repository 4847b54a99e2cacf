/* reload.h - SIGHUP: the configuration file is read anew, and what can change
 * while the program runs is taken. Floor: ops. */
#ifndef OPS_RELOAD_H
#define OPS_RELOAD_H

#include "conf/conf.h"

struct start_program;

/* What is read anew, and into what. start() makes it. */
struct reload {
	const struct start_program *program; /* borrowed, all of it */
	const char *path;		     /* the file, or "command line" */
	const char *const *values; /* borrowed; NULL: there is a file */
	void *config; /* the running settings. Main alone reads or writes
		       * their CONF_RELOAD fields once threads run */
};

/*
 * Makes the new settings count: fresh is a whole file, read and checked, and
 * freed after the call. Returns false with one line in problem when that
 * cannot be; then nothing may have changed. Called even when no key differs,
 * for files that keys name may.
 */
typedef bool
reload_fn(const void *fresh, void *arg, char problem[CONF_PROBLEM_SIZE]);

/* Reads all of it into settings of their own, zeroed: 0, or -1 with one line in
 * problem. */
int reload_read(const struct reload *reload, void *config,
    char problem[CONF_PROBLEM_SIZE]);

/*
 * Reads the file. A bad one changes nothing: one line (error) says why. Of a
 * good one take(fresh, arg) is called; then the CONF_RELOAD fields of the
 * running settings are the new ones. Other keys that differ are named in one
 * line (warn): they need a restart. says: the same in one line, for whoever
 * asked; NULL is fine. False of a bad one. Main only.
 */
bool reload_run(const struct reload *reload, reload_fn *take, void *arg,
    char says[CONF_PROBLEM_SIZE]);

#endif
