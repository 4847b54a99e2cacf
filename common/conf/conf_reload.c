/*
 * conf_reload.c - two readings of one file: what has changed between them.
 *
 * Owns:    nothing.
 * Thread:  that of the settings.
 * Floor:   conf.
 */
#include "conf/conf_reload.h"
#include "conf/conf_types.h"
#include "base/str.h"

size_t
conf_changed(const struct conf_field *fields, size_t count, const void *running,
    const void *fresh, bool reloadable, char *out, size_t size)
{
	size_t used = 0, found = 0;

	str_copy(out, size, "");
	for (size_t i = 0; i < count; i++) {
		const struct conf_field *field = &fields[i];

		if (((field->flags & CONF_RELOAD) != 0) != reloadable ||
		    conf_value_same(field, running, fresh))
			continue;
		str_append(out, size, &used, "%s%s", found == 0 ? "" : ", ",
		    field->key);
		found++;
	}
	return found;
}

static void
swap(void *a, void *b, size_t size)
{
	unsigned char *x = a, *y = b, kept;

	for (size_t i = 0; i < size; i++) {
		kept = x[i];
		x[i] = y[i];
		y[i] = kept;
	}
}

void
conf_take(const struct conf_field *fields, size_t count, void *running,
    void *fresh)
{
	for (size_t i = 0; i < count; i++)
		if ((fields[i].flags & CONF_RELOAD) != 0)
			swap((char *)running + fields[i].offset,
			    (char *)fresh + fields[i].offset,
			    conf_value_size(&fields[i]));
}
