/*
 * conf_nets.c - lists of networks in a configuration.
 *
 * Owns:    nothing; the lists belong to the settings.
 * Thread:  any.
 * Floor:   conf. A row of the table in conf_types.c.
 */
#include "conf/conf_nets.h"
#include "base/cidr.h"

#include <stdlib.h>
#include <string.h>

/* Room for as many as the number has lower bits clear: it doubles each time
 * that the number is a power of two. */
const char *
conf_nets_add(const struct conf_field *field, json_t *item, void *place)
{
	const char *text = json_string_value(item), *wrong;
	struct cidr_list *list = place;
	size_t count = list->count;
	struct cidr cidr, *blocks;

	if ((double)count >= field->max)
		return "one too many";
	if (text == NULL)
		return ""; /* the expectation says it all */
	if ((wrong = cidr_parse(text, &cidr)) != NULL)
		return wrong;
	if ((count & (count - 1)) == 0) {
		blocks = realloc(list->blocks,
		    (count == 0 ? 1 : count * 2) * sizeof(*blocks));
		if (blocks == NULL)
			return "there is no memory for it";
		list->blocks = blocks;
	}
	list->blocks[list->count++] = cidr;
	return NULL;
}

void
conf_nets_expect(const struct conf_field *field, char *out, size_t size)
{
	snprintf(out, size,
	    "a list of "
	    "%.15g"
	    " to "
	    "%.15g"
	    " addresses and blocks of them, "
	    "as [\"192.0.2.7\", \"2001:db8::/32\"]",
	    field->min, field->max);
}

void
conf_nets_print(const struct conf_field *field, const void *place, FILE *out)
{
	const struct cidr_list *list = place;
	char text[CIDR_TEXT_SIZE];

	(void)field;
	if (list->count == 0)
		fputs("(none)", out);
	for (size_t i = 0; i < list->count; i++) {
		cidr_format(&list->blocks[i], text, sizeof(text));
		fprintf(out, i == 0 ? "%s" : ", %s", text);
	}
}

bool
conf_nets_same(const struct conf_field *field, const void *a, const void *b)
{
	const struct cidr_list *x = a, *y = b;

	(void)field;
	return x->count == y->count &&
	    (x->count == 0 ||
		memcmp(x->blocks, y->blocks, x->count * sizeof(*x->blocks)) ==
		    0);
}

size_t
conf_nets_count(const void *place)
{
	return ((const struct cidr_list *)place)->count;
}

void
conf_nets_free(const struct conf_field *field, void *place)
{
	struct cidr_list *list = place;

	(void)field;
	free(list->blocks);
	*list = (struct cidr_list){ 0 };
}
