/*
 * main.c - the program outer_server.
 *
 * Owns:    nothing.
 * Thread:  main.
 * Floor:   outer.
 */
#include "outer/config.h"
#include "outer/outer.h"
#include "ops/start.h"

static int
load(const char *path, void *config, char problem[CONF_PROBLEM_SIZE])
{
	return outer_config_load(path, config, problem);
}

static void
unload(void *config)
{
	outer_config_free(config);
}

static void
where_to_log(const void *config, struct start_log *log)
{
	const struct outer_config *outer = config;

	*log = (struct start_log){ outer->log_level, outer->log_format,
		outer->log_file, outer->user, outer->group };
}

static int
run(const void *config, const struct reload *reload)
{
	return outer_run(config, reload);
}

int
main(int argc, char **argv)
{
	static const struct start_program program = {
		.about = {
			.name = "outer_server",
			.purpose = "The public side of Transponder: joins each "
			    "client to a standby link\nof an inner_server.",
			.config_name = "outer.config.json",
			.service = "TransponderOuter",
		},
		.fields = outer_config_fields,
		.field_count = &outer_config_count,
		.config_size = sizeof(struct outer_config),
		.load = load, .unload = unload, .log = where_to_log,
		.run = run,
	};

	return start(argc, argv, &program);
}
