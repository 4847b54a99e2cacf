/*
 * conf_ranges.c - lists of addresses in a configuration, each perhaps with a
 * range of ports.
 *
 * Owns:    nothing; the lists belong to the settings.
 * Thread:  any.
 * Floor:   conf. A row of the table in conf_types.c.
 */
#include "conf/conf_ranges.h"
#include "base/addr.h"

#include <stdlib.h>
#include <string.h>

static const char *
check(const struct conf_field *field, const struct addr_range *range)
{
	if (range->first.tls && (field->flags & CONF_TLS) == 0)
		return "tls:// is for links between outer and inner only";
	if ((field->flags & CONF_CONNECT) != 0 &&
	    range->first.kind == ADDR_TCP && range->first.port == 0)
		return "nobody can be reached at port 0";
	return NULL;
}

/* There are few of them: room for one more each time. */
const char *
conf_ranges_add(const struct conf_field *field, json_t *item, void *place)
{
	const char *text = json_string_value(item), *wrong;
	struct addr_ranges *list = place;
	struct addr_range range, *items;

	if ((double)list->count >= field->max)
		return "one too many";
	if (text == NULL)
		return ""; /* the expectation says it all */
	if ((wrong = addr_range_parse(text, &range)) != NULL ||
	    (wrong = check(field, &range)) != NULL)
		return wrong;
	items = realloc(list->items, (list->count + 1) * sizeof(*items));
	if (items == NULL)
		return "there is no memory for it";
	list->items = items;
	list->items[list->count++] = range;
	return NULL;
}

void
conf_ranges_expect(const struct conf_field *field, char *out, size_t size)
{
	snprintf(out, size, "%s%s", field->max > 1 ? "one or a list of " : "",
	    "tcp://host:port, tcp://host:first-last or unix:///path");
}

void
conf_ranges_print(const struct conf_field *field, const void *place, FILE *out)
{
	const struct addr_ranges *list = place;
	char text[ADDR_RANGE_TEXT_SIZE];

	(void)field;
	if (list->count == 0)
		fputs("(none)", out);
	for (size_t i = 0; i < list->count; i++) {
		addr_range_format(&list->items[i], text, sizeof(text));
		fprintf(out, i == 0 ? "%s" : ", %s", text);
	}
}

bool
conf_ranges_same(const struct conf_field *field, const void *a, const void *b)
{
	const struct addr_ranges *x = a, *y = b;
	char x_text[ADDR_RANGE_TEXT_SIZE], y_text[ADDR_RANGE_TEXT_SIZE];

	(void)field;
	if (x->count != y->count)
		return false;
	for (size_t i = 0; i < x->count; i++) {
		addr_range_format(&x->items[i], x_text, sizeof(x_text));
		addr_range_format(&y->items[i], y_text, sizeof(y_text));
		if (strcmp(x_text, y_text) != 0)
			return false;
	}
	return true;
}

size_t
conf_ranges_count(const void *place)
{
	return ((const struct addr_ranges *)place)->count;
}

void
conf_ranges_free(const struct conf_field *field, void *place)
{
	struct addr_ranges *list = place;

	(void)field;
	free(list->items);
	*list = (struct addr_ranges){ 0 };
}
