/* conf_targets.h - lists of what may be dialed, in a configuration: one type of
 * conf_types.c, which says what each of these is for. Floor: conf. */
#ifndef CONF_CONF_TARGETS_H
#define CONF_CONF_TARGETS_H

#include "conf/conf.h"

#include <jansson.h>
#include <stdio.h>

/* place: a struct targets in the settings, which owns its entries. */
const char *
conf_targets_add(const struct conf_field *field, json_t *item, void *place);
void
conf_targets_expect(const struct conf_field *field, char *out, size_t size);
void conf_targets_print(const struct conf_field *field, const void *place,
    FILE *out);
bool
conf_targets_same(const struct conf_field *field, const void *a, const void *b);
size_t conf_targets_count(const void *place);
void conf_targets_free(const struct conf_field *field, void *place);

#endif
