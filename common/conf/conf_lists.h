/* conf_lists.h - lists of names, hosts and ports in a configuration: three types of
 * conf_types.c, which says what each of these is for. Floor: conf. */
#ifndef CONF_CONF_LISTS_H
#define CONF_CONF_LISTS_H

#include "conf/conf.h"

#include <jansson.h>
#include <stdio.h>

/* place: a struct conf_names in the settings, which owns its texts. */
const char *
conf_names_add(const struct conf_field *field, json_t *item, void *place);
void conf_names_expect(const struct conf_field *field, char *out, size_t size);
void
conf_names_print(const struct conf_field *field, const void *place, FILE *out);
bool
conf_names_same(const struct conf_field *field, const void *a, const void *b);
size_t conf_names_count(const void *place);
void conf_names_free(const struct conf_field *field, void *place);

/* The same, of patterns of hosts; all else of them is as with names. */
const char *
conf_hosts_add(const struct conf_field *field, json_t *item, void *place);
void conf_hosts_expect(const struct conf_field *field, char *out, size_t size);

/* place: a struct conf_ports. */
const char *
conf_ports_add(const struct conf_field *field, json_t *item, void *place);
void conf_ports_expect(const struct conf_field *field, char *out, size_t size);
void
conf_ports_print(const struct conf_field *field, const void *place, FILE *out);
bool
conf_ports_same(const struct conf_field *field, const void *a, const void *b);
size_t conf_ports_count(const void *place);
void conf_ports_free(const struct conf_field *field, void *place);

#endif
