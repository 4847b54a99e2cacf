/* options.h - the command line that both programs share. Floor: ops. */
#ifndef OPS_OPTIONS_H
#define OPS_OPTIONS_H

#include <stdbool.h>

enum {
	EXIT_CONFIG = 2, /* bad option or configuration */
};

struct options {
	const char *config; /* -c FILE, borrowed from argv; or NULL */
	bool check;	    /* --check */
	enum service_word {
		SERVICE_NONE,
		SERVICE_INSTALL,
		SERVICE_REMOVE,
		SERVICE_RUN
	} service; /* --service WORD */
};

/* What one program says of itself. All borrowed. */
struct options_program {
	const char *name;	 /* "outer_server" */
	const char *purpose;	 /* one line for --help */
	const char *config_name; /* "outer.config.json" */
	const char *service;	 /* "TransponderOuter", on Windows */
};

/*
 * Reads the command line. Returns -1 to go on, or the exit code when all is
 * done: --help, --version and --generate-key print and give 0, a wrong option
 * gives EXIT_CONFIG after one line to standard error.
 */
int options_read(int argc, char **argv, const struct options_program *program,
    struct options *options);

#endif
