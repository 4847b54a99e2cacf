/* conf_types.h - what a value of each type may be: read, explain, print.
 * Floor: conf. */
#ifndef CONF_CONF_TYPES_H
#define CONF_CONF_TYPES_H

#include "conf/conf.h"

#include <jansson.h>
#include <stdio.h>

enum { CONF_EXPECT_SIZE = 256 };

/*
 * Puts a JSON value into its place in the settings, and frees a text that was
 * there. Numbers must have been read as reals (JSON_DECODE_INT_AS_REAL).
 * Returns NULL, or a constant text that says what is wrong, "" when the
 * expectation says it all; then the settings are as before.
 */
const char *
conf_value_set(const struct conf_field *field, json_t *value, void *settings);

/*
 * A field of a list is not set as a whole: each item of it is added, which was
 * found at its own place in the file. conf_value_add returns what
 * conf_value_set does, and another text when the list is full.
 */
bool conf_value_is_list(const struct conf_field *field);
const char *
conf_value_add(const struct conf_field *field, json_t *item, void *settings);

/* How many items the list has now. */
size_t conf_value_count(const struct conf_field *field, const void *settings);

/* Frees what the value owns, and leaves none. */
void conf_value_free(const struct conf_field *field, void *settings);

/* What a field's default would be in the file: a new reference, or NULL when
 * there is no memory. Only for a field with a default. */
json_t *conf_value_default(const struct conf_field *field);

/* "a whole number 1..1000": what can stand behind the word expected. */
void
conf_value_expect(const struct conf_field *field, char out[CONF_EXPECT_SIZE]);

/* Whether two settings have the same value. Not for the eyes of strangers: the
 * time it takes depends on the values, secrets too. */
bool
conf_value_same(const struct conf_field *field, const void *a, const void *b);

/* How many bytes of the settings the value takes. */
size_t conf_value_size(const struct conf_field *field);

/* The value as it would stand in the file, without quotes; a secret as ***. */
void conf_value_print(const struct conf_field *field, const void *settings,
    FILE *out);

#endif
