/*
 * conf_targets.c - lists of what may be dialed, in a configuration.
 *
 * Owns:    nothing; the lists belong to the settings.
 * Thread:  any.
 * Floor:   conf. A row of the table in conf_types.c.
 */
#include "conf/conf_targets.h"
#include "base/targets.h"

#include <stdlib.h>
#include <string.h>

/* Room for as many as the number has lower bits clear: it doubles each time
 * that the number is a power of two. */
const char *
conf_targets_add(const struct conf_field *field, json_t *item, void *place)
{
	const char *text = json_string_value(item), *wrong;
	struct targets_entry entry, *entries;
	struct targets *list = place;
	size_t count = list->count;

	if ((double)count >= field->max)
		return "one too many";
	if (text == NULL)
		return ""; /* the expectation says it all */
	if ((wrong = targets_parse(text, &entry)) != NULL)
		return wrong;
	if ((count & (count - 1)) == 0) {
		entries = realloc(list->entries,
		    (count == 0 ? 1 : count * 2) * sizeof(*entries));
		if (entries == NULL)
			return "there is no memory for it";
		list->entries = entries;
	}
	list->entries[list->count++] = entry;
	return NULL;
}

void
conf_targets_expect(const struct conf_field *field, char *out, size_t size)
{
	snprintf(out, size,
	    "a list of %.15g to %.15g targets, as [\"127.0.0.1:3000\", "
	    "\"10.0.0.0/8:22\", \"*.lan:80,443\"]",
	    field->min, field->max);
}

void
conf_targets_print(const struct conf_field *field, const void *place, FILE *out)
{
	const struct targets *list = place;
	char text[TARGETS_TEXT_SIZE];

	(void)field;
	if (list->count == 0)
		fputs("(none)", out);
	for (size_t i = 0; i < list->count; i++) {
		targets_format(&list->entries[i], text, sizeof(text));
		fprintf(out, i == 0 ? "%s" : ", %s", text);
	}
}

bool
conf_targets_same(const struct conf_field *field, const void *a, const void *b)
{
	const struct targets *x = a, *y = b;
	char s[TARGETS_TEXT_SIZE], t[TARGETS_TEXT_SIZE];

	(void)field;
	if (x->count != y->count)
		return false;
	for (size_t i = 0; i < x->count; i++) {
		targets_format(&x->entries[i], s, sizeof(s));
		targets_format(&y->entries[i], t, sizeof(t));
		if (strcmp(s, t) != 0)
			return false;
	}
	return true;
}

size_t
conf_targets_count(const void *place)
{
	return ((const struct targets *)place)->count;
}

void
conf_targets_free(const struct conf_field *field, void *place)
{
	struct targets *list = place;

	(void)field;
	free(list->entries);
	*list = (struct targets){ 0 };
}
