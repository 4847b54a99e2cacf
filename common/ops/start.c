/*
 * start.c - from the command line to a running program.
 *
 * Owns:    the settings while the program runs.
 * Thread:  main.
 * Floor:   ops.
 */
#include "ops/start.h"
#include "ops/privileges.h"
#include "base/json_safe.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "sys/manager.h"
#include "sys/service.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 4096 };

static int
fail(const struct start_program *program, const char *problem, int code)
{
	fprintf(stderr, "%s: %s\n", program->about.name, problem);
	manager_report(problem);
	return code;
}

/* As the user who will open it anew on SIGHUP. */
static int
open_log(const struct start_program *program, const struct start_log *to)
{
	struct privileges privileges;
	char problem[CONF_PROBLEM_SIZE];
	int result, error;

	if (!privileges_begin(&privileges, to->user, to->group, problem))
		return fail(program, problem, EXIT_FAILURE);
	result = log_open((enum log_level)to->level,
	    (enum log_format)to->format, to->file);
	error = errno;
	privileges_end(&privileges);
	if (result == 0)
		return EXIT_SUCCESS;
	snprintf(problem, sizeof(problem), "LogFile %.800s: %s%s%.60s",
	    to->file, strerror(error), to->user != NULL ? ", as user " : "",
	    to->user != NULL ? to->user : "");
	return fail(program, problem, EXIT_CONFIG);
}

static int
run_with_log(const struct reload *reload)
{
	const struct start_program *program = reload->program;
	void *config = reload->config;
	struct start_log to;
	int code;

	program->log(config, &to);
	if ((code = open_log(program, &to)) != EXIT_SUCCESS)
		return code;
	log_release();
	return program->run(config, reload);
}

/* values: NULL, where there is a file. */
static int
run_with(const struct start_program *program, const char *path,
    const char *const *values, bool check)
{
	void *config = xcalloc(1, program->config_size);
	const struct reload reload = { program, path, values, config };
	char problem[CONF_PROBLEM_SIZE];
	int code;

	log_hold(); /* its warnings go where it says */
	if (reload_read(&reload, config, problem) != 0) {
		code = fail(program, problem, EXIT_CONFIG);
	} else if (check) {
		log_release();
		printf("%s is good:\n", path);
		conf_print(program->fields, *program->field_count, config);
		code = EXIT_SUCCESS;
	} else {
		code = run_with_log(&reload);
	}
	log_release();
	log_close();
	program->unload(config);
	free(config);
	return code;
}

static int
run_with_file(const struct start_program *program, const char *path, bool check)
{
	return run_with(program, path, NULL, check);
}

struct service_run {
	const struct start_program *program;
	const char *path;
};

static int
run_service(void *arg)
{
	const struct service_run *run = arg;
	char problem[MANAGER_PROBLEM_SIZE];

	/* here, where the manager hears what is wrong */
	if (!manager_check_files(run->path, problem))
		return fail(run->program, problem, EXIT_FAILURE);
	return run_with_file(run->program, run->path, false);
}

/* A file that could not be run is not installed either. */
static int
install(const struct start_program *program,
    const struct manager_service *service)
{
	char problem[MANAGER_PROBLEM_SIZE];
	int code = run_with_file(program, service->config, true);

	if (code != EXIT_SUCCESS)
		return code;
	if (!manager_check_files(service->config, problem) ||
	    !manager_install(service, problem))
		return fail(program, problem, EXIT_FAILURE);
	printf("installed: starts with the system; now: net start %s\n",
	    service->name);
	return EXIT_SUCCESS;
}

static int
run_with_word(const struct start_program *program, enum service_word word,
    const char *path)
{
	const struct manager_service service = { program->about.service,
		program->about.purpose, path };
	struct service_run run = { program, path };
	char problem[MANAGER_PROBLEM_SIZE];
	bool done;
	int code = EXIT_SUCCESS;

	if (word == SERVICE_INSTALL && manager_possible())
		return install(program, &service);
	if (word == SERVICE_RUN)
		done = manager_run(&service, run_service, &run, &code, problem);
	else
		done = manager_remove(&service, problem);
	if (!done)
		return fail(program, problem, EXIT_FAILURE);
	if (word == SERVICE_REMOVE)
		printf("removed: %s\n", service.name);
	return code;
}

int
start(int argc, char **argv, const struct start_program *program)
{
	char exe_dir[PATH_SIZE], *path;
	struct options options;
	int code;

	if (!service_prepare())
		return fail(program, "the system has no sockets to give",
		    EXIT_FAILURE);
	json_safe_prepare();
	code = options_read(argc, argv, &program->about, &options);
	if (code >= 0)
		return code;
	if (options.has_values)
		return run_with(program, "command line", options.values,
		    options.check);
	path = conf_find(options.config,
	    sys_exe_dir(exe_dir, sizeof(exe_dir)) ? exe_dir : NULL,
	    program->about.config_name);
	if (path == NULL)
		return fail(program, "out of memory", EXIT_FAILURE);
	code = options.service != SERVICE_NONE
	    ? run_with_word(program, options.service, path)
	    : run_with_file(program, path, options.check);
	free(path);
	return code;
}
