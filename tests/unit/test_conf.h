/* test_conf.h - one table of every type, for the tests of conf. */
#ifndef TESTS_TEST_CONF_H
#define TESTS_TEST_CONF_H

#include "base/cidr.h"
#include "base/targets.h"
#include "conf/conf.h"

#include <check.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SECRET	     "s3cr3t"

enum { TEST_LOG_SIZE = 8192 };

struct settings {
	char *text, *name, *key;
	struct addr addr, peer;
	bool flag;
	uint32_t count, ms, mode;
	uint64_t bytes;
	int choice;
	struct cidr_list nets;
	struct addr_range range, to;
	struct targets targets;
};

enum { FIELD_COUNT = 15 };
extern const struct conf_field fields[FIELD_COUNT];

/*
 * Reads text as "f.json" into *s, which the caller gives to settings_free.
 * The warnings are caught in log; neither they nor the problem may hold the
 * text SECRET. Returns what conf_parse does.
 */
int settings_parse(const char *json, size_t len, struct settings *s,
    char problem[CONF_PROBLEM_SIZE], char log[TEST_LOG_SIZE]);
void settings_free(struct settings *s);

/* Of test_conf_values.c: each type's values, defaults, what is required. */
TCase *conf_values_case(void);

#endif
