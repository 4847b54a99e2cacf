/* conf_error.h - the one line that says what is wrong with a file and what to
 * write instead. Floor: conf. */
#ifndef CONF_CONF_ERROR_H
#define CONF_CONF_ERROR_H

#include "conf/conf.h"
#include "conf/conf_text.h"

#include <jansson.h>

/* A text and what it is read by. All borrowed for the load. */
struct conf_source {
	const char *name; /* the file, in messages */
	const char *text; /* cleaned: see conf_text_clean */
	size_t len;
	const struct conf_field *fields;
	size_t count;
	char *problem;	    /* CONF_PROBLEM_SIZE bytes */
	const char *list;   /* the key of the list that it is an object of */
	struct conf_pos at; /* that object's place */
};

/* The place of a whole file: no line, no column. */
extern const struct conf_pos conf_nowhere;

/* The field of a key token, in any case, or NULL; *exact: the case too. */
const struct conf_field *conf_source_field(const struct conf_source *source,
    const struct conf_token *key, bool *exact);

/* The value of a token or entry in the text. A new reference, or NULL. */
json_t *conf_source_value(const struct conf_source *source,
    const struct conf_token *token);

/*
 * Each writes the problem line and returns -1. conf_fail: key may be NULL.
 * conf_fail_json: where the library found no JSON. conf_fail_key: no such
 * key, perhaps another was meant. conf_fail_value: value is not what field
 * takes, detail from conf_value_set.
 */
int conf_fail(const struct conf_source *source, struct conf_pos pos,
    const char *key, const char *format, ...)
    __attribute__((format(FORMAT_OF_PRINTF, 4, 5)));
int conf_fail_json(const struct conf_source *source, const json_error_t *error);
int
conf_fail_key(const struct conf_source *source, const struct conf_token *key);
int conf_fail_value(const struct conf_source *source,
    const struct conf_field *field, const struct conf_token *token,
    json_t *value, const char *detail);

#endif
