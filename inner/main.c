/*
 * main.c - the program inner_server.
 *
 * Owns:    nothing.
 * Thread:  main.
 * Floor:   inner.
 */
#include "inner/config.h"
#include "inner/inner.h"
#include "ops/start.h"

static int
load(const char *path, void *config, char problem[CONF_PROBLEM_SIZE])
{
	return inner_config_load(path, config, problem);
}

static int
load_values(const char *name, const char *const *values, void *config,
    char problem[CONF_PROBLEM_SIZE])
{
	return inner_config_load_values(name, values, config, problem);
}

static void
unload(void *config)
{
	inner_config_free(config);
}

static void
where_to_log(const void *config, struct start_log *log)
{
	const struct inner_config *inner = config;

	*log = (struct start_log){ inner->log_level, inner->log_format,
		inner->log_file, inner->user, inner->group };
}

static int
run(const void *config, const struct reload *reload)
{
	return inner_run(config, reload);
}

int
main(int argc, char **argv)
{
	static const struct start_program program = {
		.about = {
			.name = "inner_server",
			.purpose = "The inner side of Transponder: keeps links to "
			    "an outer_server and\njoins them to a service "
			    "that only this machine can reach.",
			.config_name = "inner.config.json",
			.service = "TransponderInner",
			.values = inner_config_values,
			.value_count = INNER_VALUE_COUNT,
		},
		.fields = inner_config_fields,
		.field_count = &inner_config_count,
		.config_size = sizeof(struct inner_config),
		.load = load, .load_values = load_values, .unload = unload, .log = where_to_log,
		.run = run,
	};

	return start(argc, argv, &program);
}
