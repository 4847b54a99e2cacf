/* test_config.h - keys of the two programs' files, and what loading one says. */
#ifndef TESTS_TEST_CONFIG_H
#define TESTS_TEST_CONFIG_H

#include "inner/config.h"
#include "outer/config.h"

#include <check.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define IN	     "\"InnerServerAddress\": \"tcp://127.0.0.1:9090\", "
#define OUT	     "\"OuterServerAddress\": \"tcp://127.0.0.1:8080\", "
#define REG	     "\"RegisterAddress\": \"tcp://127.0.0.1:9090\", "
#define TO	     "\"ProxyAddress\": \"tcp://127.0.0.1:80\", "
#define KEY	     "\"AuthKey\": \"sixteen-letters!\""
#define EDGE	     "{\"Inner\": \"edge\", \"Key\": \"sixteen-for-edge\"}"

enum { CONFIG_TEXT_SIZE = 8192 };

/* What a load said: the problem line without the path, and the log. */
struct config_said {
	char problem[CONF_PROBLEM_SIZE], log[CONFIG_TEXT_SIZE];
};

/* Loads a file with that text, which is gone after it, into *outer, or into
 * *inner where outer is NULL. The caller frees what it has loaded. */
void config_load_text(const char *text, struct outer_config *outer,
    struct inner_config *inner, struct config_said *said);

/* Of test_config_rows.c: files that are taken, refused or warned about. */
TCase *config_rows_case(void);

#endif
