/* conf_nets.h - lists of networks in a configuration: one type of conf_types.c,
 * which says what each of these is for. Floor: conf. */
#ifndef CONF_CONF_NETS_H
#define CONF_CONF_NETS_H

#include "conf/conf.h"

#include <jansson.h>
#include <stdio.h>

/* place: a struct cidr_list in the settings, which owns its blocks. */
const char *
conf_nets_add(const struct conf_field *field, json_t *item, void *place);
void conf_nets_expect(const struct conf_field *field, char *out, size_t size);
void
conf_nets_print(const struct conf_field *field, const void *place, FILE *out);
bool
conf_nets_same(const struct conf_field *field, const void *a, const void *b);
size_t conf_nets_count(const void *place);
void conf_nets_free(const struct conf_field *field, void *place);

#endif
