/* conf_ranges.h - lists of addresses in a configuration: one type of
 * conf_types.c, which says what each of these is for. Floor: conf. */
#ifndef CONF_CONF_RANGES_H
#define CONF_CONF_RANGES_H

#include "conf/conf.h"

#include <jansson.h>
#include <stdio.h>

/* place: a struct addr_ranges in the settings, which owns its items. */
const char *
conf_ranges_add(const struct conf_field *field, json_t *item, void *place);
void conf_ranges_expect(const struct conf_field *field, char *out, size_t size);
void
conf_ranges_print(const struct conf_field *field, const void *place, FILE *out);
bool
conf_ranges_same(const struct conf_field *field, const void *a, const void *b);
size_t conf_ranges_count(const void *place);
void conf_ranges_free(const struct conf_field *field, void *place);

#endif
