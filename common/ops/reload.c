/*
 * reload.c - SIGHUP: the configuration file is read anew.
 *
 * Owns:    the new settings while it looks at them.
 * Thread:  main, with the main loop.
 * Floor:   ops.
 */
#include "ops/reload.h"
#include "ops/start.h"
#include "base/log.h"
#include "base/str.h"
#include "conf/conf_reload.h"

#include <stdlib.h>

enum { NAMES_SIZE = 512 };

/* What has come of a file that is good. */
static void
tell(const struct reload *reload, const void *fresh,
    char says[CONF_PROBLEM_SIZE])
{
	const struct start_program *program = reload->program;
	char names[NAMES_SIZE];
	size_t used = 0;

	if (conf_changed(program->fields, *program->field_count, reload->config,
		fresh, true, names, sizeof(names)) == 0) {
		log_info("app",
		    "configuration read anew: no other keys to take",
		    KV_STR("file", reload->path));
		str_append(says, CONF_PROBLEM_SIZE, &used,
		    "no other keys to take");
	} else {
		log_info("app", "configuration read anew",
		    KV_STR("file", reload->path), KV_STR("taken", names));
		str_append(says, CONF_PROBLEM_SIZE, &used, "taken: %s", names);
	}
	if (conf_changed(program->fields, *program->field_count, reload->config,
		fresh, false, names, sizeof(names)) > 0) {
		log_warn("app",
		    "these keys have changed, which needs a restart",
		    KV_STR("file", reload->path), KV_STR("keys", names));
		str_append(says, CONF_PROBLEM_SIZE, &used,
		    "; changed, which needs a restart: %s", names);
	}
}

int
reload_read(const struct reload *reload, void *config,
    char problem[CONF_PROBLEM_SIZE])
{
	const struct start_program *program = reload->program;

	return reload->values != NULL
	    ? program->load_values(reload->path, reload->values, config,
		  problem)
	    : program->load(reload->path, config, problem);
}

bool
reload_run(const struct reload *reload, reload_fn *take, void *arg,
    char says[CONF_PROBLEM_SIZE])
{
	const struct start_program *program = reload->program;
	char problem[CONF_PROBLEM_SIZE] = "out of memory";
	void *fresh = calloc(1, program->config_size);
	bool good = fresh != NULL &&
	    (reload->values != NULL ||
		conf_can_reread(reload->path, problem)) &&
	    reload_read(reload, fresh, problem) == 0 &&
	    take(fresh, arg, problem);

	if (!good) {
		log_error("app",
		    "cannot take the configuration anew: all stays as it was",
		    KV_STR("why", problem));
	} else {
		tell(reload, fresh, problem);
		conf_take(program->fields, *program->field_count,
		    reload->config, fresh);
	}
	if (says != NULL)
		(void)str_copy(says, CONF_PROBLEM_SIZE, problem);
	if (fresh != NULL)
		program->unload(fresh);
	free(fresh);
	return good;
}
