/* options.h - the command line that both programs share. Floor: ops. */
#ifndef OPS_OPTIONS_H
#define OPS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum {
	EXIT_CONFIG = 2, /* bad option or configuration */
	OPTIONS_VALUES_MAX = 8,
};

/* An option of one program that stands in the place of a file. */
struct options_value {
	const char *name; /* "register": --register TEXT */
	const char *text; /* "ADDRESS", for --help */
	const char *help; /* at most 40 characters */
};

struct options {
	const char *config; /* -c FILE, borrowed from argv; or NULL */
	bool check;	    /* --check */
	/* Of each of the program's values its text, borrowed from argv; NULL:
	 * not given. has_values: at least one was, so there is no file. */
	const char *values[OPTIONS_VALUES_MAX];
	bool has_values;
	enum service_word {
		SERVICE_NONE,
		SERVICE_INSTALL,
		SERVICE_REMOVE,
		SERVICE_RUN
	} service; /* --service WORD */
};

/* What one program says of itself. All borrowed. */
struct options_program {
	const char *name;		    /* "outer_server" */
	const char *purpose;		    /* one line for --help */
	const char *config_name;	    /* "outer.config.json" */
	const char *service;		    /* "TransponderOuter", on Windows */
	const struct options_value *values; /* NULL: it has none */
	size_t value_count;		    /* at most OPTIONS_VALUES_MAX */
};

/*
 * Reads the command line. Returns -1 to go on, or the exit code when all is
 * done: --help, --version and --generate-key print and give 0, a wrong option
 * gives EXIT_CONFIG after one line to standard error.
 */
int options_read(int argc, char **argv, const struct options_program *program,
    struct options *options);

#endif
