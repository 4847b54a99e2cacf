/* conf_addrs.h - addresses, and ranges of their ports, in a configuration: two
 * types of conf_types.c, which says what each of these is for. Floor: conf. */
#ifndef CONF_CONF_ADDRS_H
#define CONF_CONF_ADDRS_H

#include "conf/conf.h"

#include <jansson.h>
#include <stdio.h>

/* place: a struct addr in the settings. */
const char *
conf_addr_set(const struct conf_field *field, json_t *value, void *place);
void conf_addr_expect(const struct conf_field *field, char *out, size_t size);
void
conf_addr_print(const struct conf_field *field, const void *place, FILE *out);
bool
conf_addr_same(const struct conf_field *field, const void *a, const void *b);

/* place: a struct addr_range. */
const char *
conf_range_set(const struct conf_field *field, json_t *value, void *place);
void conf_range_expect(const struct conf_field *field, char *out, size_t size);
void
conf_range_print(const struct conf_field *field, const void *place, FILE *out);
bool
conf_range_same(const struct conf_field *field, const void *a, const void *b);

#endif
