/*
 * conf_lists.c - lists of names, hosts and ports in a configuration.
 *
 * Owns:    nothing; the lists belong to the settings.
 * Thread:  any.
 * Floor:   conf. Three rows of the table in conf_types.c.
 */
#include "conf/conf_lists.h"
#include "base/host.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more of that size; it doubles each time that the number is a
 * power of two. False without memory. */
static bool
grow(void **items, size_t count, size_t size)
{
	void *more;

	if ((count & (count - 1)) != 0)
		return true;
	more = realloc(*items, (count == 0 ? 1 : count * 2) * size);
	if (more != NULL)
		*items = more;
	return more != NULL;
}

/* --- names ---------------------------------------------------------------- */

static bool
is_name(const char *text)
{
	size_t len = strlen(text);

	for (const char *c = text; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && strchr("._-", *c) == NULL)
			return false;
	return len >= 1 && len <= CONF_NAME_MAX;
}

/* A copy of the text. Returns what is wrong, or NULL. */
static const char *
add_text(struct conf_names *list, const char *text)
{
	void *items = list->items;
	char *copy;

	if (!grow(&items, list->count, sizeof(*list->items)))
		return "there is no memory for it";
	list->items = items;
	if ((copy = strdup(text)) == NULL)
		return "there is no memory for it";
	list->items[list->count++] = copy;
	return NULL;
}

const char *
conf_names_add(const struct conf_field *field, json_t *item, void *place)
{
	const char *text = json_string_value(item);
	struct conf_names *list = place;

	if ((double)list->count >= field->max)
		return "one too many";
	if (text == NULL)
		return ""; /* the expectation says it all */
	if (!is_name(text))
		return "a name has 1 to 64 letters, digits, '.', '_' and '-'";
	return add_text(list, text);
}

const char *
conf_hosts_add(const struct conf_field *field, json_t *item, void *place)
{
	const char *text = json_string_value(item), *wrong;
	struct conf_names *list = place;
	char pattern[HOST_PATTERN_SIZE];

	if ((double)list->count >= field->max)
		return "one too many";
	if (text == NULL)
		return ""; /* the expectation says it all */
	if ((wrong = host_read_pattern(text, pattern)) != NULL)
		return wrong;
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], pattern) == 0)
			return "it is there twice";
	return add_text(list, pattern);
}

void
conf_hosts_expect(const struct conf_field *field, char *out, size_t size)
{
	snprintf(out, size,
	    "a list of %.15g to %.15g host names, as [\"www.example.org\", "
	    "\"*.example.org\"]",
	    field->min, field->max);
}

void
conf_names_expect(const struct conf_field *field, char *out, size_t size)
{
	snprintf(out, size, "a list of %.15g to %.15g names", field->min,
	    field->max);
}

void
conf_names_print(const struct conf_field *field, const void *place, FILE *out)
{
	const struct conf_names *list = place;

	(void)field;
	if (list->count == 0)
		fputs("(none)", out);
	for (size_t i = 0; i < list->count; i++)
		fprintf(out, i == 0 ? "%s" : ", %s", list->items[i]);
}

bool
conf_names_same(const struct conf_field *field, const void *a, const void *b)
{
	const struct conf_names *x = a, *y = b;

	(void)field;
	if (x->count != y->count)
		return false;
	for (size_t i = 0; i < x->count; i++)
		if (strcmp(x->items[i], y->items[i]) != 0)
			return false;
	return true;
}

size_t
conf_names_count(const void *place)
{
	return ((const struct conf_names *)place)->count;
}

void
conf_names_free(const struct conf_field *field, void *place)
{
	struct conf_names *list = place;

	(void)field;
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct conf_names){ 0 };
}

/* --- ports ---------------------------------------------------------------- */

/* Digits up to a character that ends them; 0: no port stands there. */
static unsigned
read_port(const char **text)
{
	unsigned port = 0;
	int digits = 0;

	for (; **text >= '0' && **text <= '9' && digits < 6;
	     (*text)++, digits++)
		port = port * 10 + (unsigned)(**text - '0');
	return port <= UINT16_MAX ? port : 0;
}

/* 80, "80" or "8000-8099". */
static bool
read_range(json_t *item, struct conf_port_range *range)
{
	const char *text = json_string_value(item);
	double number = json_is_number(item) ? json_number_value(item) : 0;
	unsigned first, last;

	if (text == NULL) {
		first = last = number >= 1 && number <= UINT16_MAX
		    ? (unsigned)number
		    : 0;
		if ((double)first != number)
			return false;
	} else {
		first = last = read_port(&text);
		if (*text == '-') {
			text++;
			last = read_port(&text);
		}
		if (*text != '\0')
			return false;
	}
	range->first = (uint16_t)first;
	range->last = (uint16_t)last;
	return first >= 1 && last >= first;
}

const char *
conf_ports_add(const struct conf_field *field, json_t *item, void *place)
{
	struct conf_ports *list = place;
	struct conf_port_range range;
	void *ranges = list->ranges;

	if ((double)list->count >= field->max)
		return "one too many";
	if (!read_range(item, &range))
		return "a port is 1 to 65535, a range is \"8000-8099\"";
	if (!grow(&ranges, list->count, sizeof(*list->ranges)))
		return "there is no memory for it";
	list->ranges = ranges;
	list->ranges[list->count++] = range;
	return NULL;
}

void
conf_ports_expect(const struct conf_field *field, char *out, size_t size)
{
	snprintf(out, size,
	    "a list of %.15g to %.15g ports and ranges, as [22, \"8000-8099\"]",
	    field->min, field->max);
}

void
conf_ports_print(const struct conf_field *field, const void *place, FILE *out)
{
	const struct conf_ports *list = place;

	(void)field;
	if (list->count == 0)
		fputs("(none)", out);
	for (size_t i = 0; i < list->count; i++) {
		const struct conf_port_range *range = &list->ranges[i];

		fprintf(out, i == 0 ? "%u" : ", %u", (unsigned)range->first);
		if (range->last != range->first)
			fprintf(out, "-%u", (unsigned)range->last);
	}
}

bool
conf_ports_same(const struct conf_field *field, const void *a, const void *b)
{
	const struct conf_ports *x = a, *y = b;

	(void)field;
	if (x->count != y->count)
		return false;
	for (size_t i = 0; i < x->count; i++)
		if (x->ranges[i].first != y->ranges[i].first ||
		    x->ranges[i].last != y->ranges[i].last)
			return false;
	return true;
}

size_t
conf_ports_count(const void *place)
{
	return ((const struct conf_ports *)place)->count;
}

void
conf_ports_free(const struct conf_field *field, void *place)
{
	struct conf_ports *list = place;

	(void)field;
	free(list->ranges);
	*list = (struct conf_ports){ 0 };
}
