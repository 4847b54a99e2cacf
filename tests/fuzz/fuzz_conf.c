/*
 * fuzz_conf.c - any bytes as a configuration file, read by both tables.
 *
 * Whatever comes: a file is taken and all its values are in range, or it is
 * refused with one line. What was taken can be printed and freed.
 */
#include "base/log.h"
#include "conf/conf.h"
#include "inner/config.h"
#include "outer/config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	must(log_open(LOG_WARN, LOG_JSON, "/dev/null") == 0);
	must(freopen("/dev/null", "w", stdout) != NULL);
	return 0;
}

static void
check_problem(int result, const char *problem)
{
	must(result == 0 || result == -1);
	must((result == 0) == (problem[0] == '\0'));
	if (result != 0) {
		must(strncmp(problem, "f:", 2) == 0);
		must(strchr(problem, '\n') == NULL);
		must(strlen(problem) < CONF_PROBLEM_SIZE);
	}
}

/* It may come from elsewhere. */
static void
check_key(const char *key)
{
	must(key == NULL || (key[0] != '\0' && strlen(key) <= 256));
}

static void
fuzz_outer(const char *text, size_t len)
{
	struct outer_config config = { 0 };
	char problem[CONF_PROBLEM_SIZE];
	int result = conf_parse("f", text, len, outer_config_fields,
	    outer_config_count, &config, problem);

	check_problem(result, problem);
	if (result == 0) {
		check_key(config.auth_key);
		must(config.socket_mode <= 0777);
		must(config.handshake_ms >= 100);
		must(config.handshake_ms <= 60000);
		must(config.buffer_bytes >= 16384);
		must(config.buffer_bytes <= 16 << 20);
		must(config.allow.count <= 1024 && config.deny.count <= 1024);
		conf_print(outer_config_fields, outer_config_count, &config);
	}
	outer_config_free(&config);
}

static void
fuzz_inner(const char *text, size_t len)
{
	struct inner_config config = { 0 };
	char problem[CONF_PROBLEM_SIZE];
	int result = conf_parse("f", text, len, inner_config_fields,
	    inner_config_count, &config, problem);

	check_problem(result, problem);
	if (result == 0) {
		must(config.max_free >= 1 && config.max_free <= 10000);
		must(config.link_age_ms >= 1000);
		must(config.protocol == INNER_NATIVE ||
		    config.protocol == INNER_CLASSIC);
		conf_print(inner_config_fields, inner_config_count, &config);
	}
	inner_config_free(&config);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	fuzz_outer((const char *)bytes, len);
	fuzz_inner((const char *)bytes, len);
	return 0;
}
