/* start.h - from the command line to a running program. Floor: ops. */
#ifndef OPS_START_H
#define OPS_START_H

#include "conf/conf.h"
#include "ops/options.h"
#include "ops/reload.h"

/* Where the log goes, as the configuration says, and who opens it. */
struct start_log {
	int level, format;	  /* enums of base/log */
	const char *file;	  /* NULL: standard output */
	const char *user, *group; /* NULL: who we are; see ops/privileges.h */
};

/* What one program is made of. */
struct start_program {
	struct options_program about;
	const struct conf_field *fields;
	const size_t *field_count;
	size_t config_size; /* of the settings, bytes */
	/* Reads path; 0, or -1 with one line. Undone by unload either way. */
	int (*load)(const char *path, void *config,
	    char problem[CONF_PROBLEM_SIZE]);
	/* The same from options.values; name stands for a file in messages.
	 * NULL: the program has none. */
	int (*load_values)(const char *name, const char *const *values,
	    void *config, char problem[CONF_PROBLEM_SIZE]);
	void (*unload)(void *config);
	void (*log)(const void *config, struct start_log *log);
	/* Runs until told to stop; returns the exit code. reload: what to run
	 * on SIGHUP. */
	int (*run)(const void *config, const struct reload *reload);
};

/* All of main(): returns the exit code. */
int start(int argc, char **argv, const struct start_program *program);

#endif
