/*
 * api_json.c - what API callers send, by a table of keys, and what they are
 * told.
 *
 * Owns:    nothing.
 * Thread:  main.
 * Floor:   outer.
 */
#include "outer/api_json.h"
#include "base/cidr.h"
#include "base/json_safe.h"
#include "base/str.h"
#include "conf/conf_wipe.h"
#include "ops/httpd.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOUND_SIZE = 64, KEYS_SIZE = 256 };

static __attribute__((format(FORMAT_OF_PRINTF, 2, 3))) bool
say(char problem[API_PROBLEM_SIZE], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(problem, API_PROBLEM_SIZE, format, args);
	va_end(args);
	for (char *at = problem; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?'; /* one line, whatever was sent */
	return false;
}

/* What stands there, cut, for a problem. */
static void
show(const json_t *value, char out[FOUND_SIZE])
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);

	if (text != NULL && strlen(text) >= FOUND_SIZE)
		memcpy(text + FOUND_SIZE - 4, "...", 4);
	(void)str_copy(out, FOUND_SIZE, text != NULL ? text : "something else");
	conf_free_json(text);
}

static bool
is_name(const char *text, size_t len)
{
	return strspn(text,
		   "abcdefghijklmnopqrstuvwxyz"
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

static bool
is_printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

static bool
read_text(const struct api_field *field, const json_t *value)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);

	if (text == NULL || len < field->min || len > field->max ||
	    !is_printable(text, len) ||
	    (field->type == API_NAME && !is_name(text, len)))
		return false;
	memcpy(field->to, text, len + 1);
	return true;
}

static bool
read_count(const struct api_field *field, const json_t *value)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < (json_int_t)field->min ||
	    number > (json_int_t)field->max)
		return false;
	*(uint32_t *)field->to = (uint32_t)number;
	return true;
}

static bool
read_nets(const struct api_field *field, const json_t *value)
{
	struct cidr_list *list = field->to;
	size_t count = json_array_size(value);

	if (!json_is_array(value) || count > field->max || list->count > 0)
		return false;
	list->blocks = calloc(count + 1, sizeof(*list->blocks));
	if (list->blocks == NULL)
		return false;
	for (; list->count < count; list->count++) {
		const char *text = json_string_value(
		    json_array_get(value, list->count));

		if (text == NULL ||
		    cidr_parse(text, &list->blocks[list->count]) != NULL)
			return false;
	}
	return true;
}

static bool
read_value(const struct api_field *field, const json_t *value)
{
	switch (field->type) {
	case API_TEXT:
	case API_NAME:
		return read_text(field, value);
	case API_COUNT:
		return read_count(field, value);
	case API_BOOL:
		if (!json_is_boolean(value))
			return false;
		*(bool *)field->to = json_is_true(value);
		return true;
	case API_NETS:
		return read_nets(field, value);
	}
	return false;
}

static bool
say_expected(const struct api_field *field, const json_t *value,
    char problem[API_PROBLEM_SIZE])
{
	char found[FOUND_SIZE];
	unsigned min = field->min, max = field->max;

	show(value, found);
	switch (field->type) {
	case API_TEXT:
		return say(problem,
		    "%s: found %s; expected a text of %u to %u ASCII characters",
		    field->key, found, min, max);
	case API_NAME:
		return say(problem,
		    "%s: found %s; expected a text of %u to %u letters, "
		    "digits, '.', '_' and '-'",
		    field->key, found, min, max);
	case API_COUNT:
		return say(problem,
		    "%s: found %s; expected a whole number from %u to %u",
		    field->key, found, min, max);
	case API_BOOL:
		return say(problem, "%s: found %s; expected true or false",
		    field->key, found);
	case API_NETS:
		break;
	}
	return say(problem,
	    "%s: found %s; expected a list of at most %u addresses such as "
	    "\"192.0.2.1\" or \"10.0.0.0/8\"",
	    field->key, found, max);
}

static const struct api_field *
find_field(const struct api_field *fields, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(fields[i].key, key) == 0)
			return &fields[i];
	return NULL;
}

static bool
say_unknown(const struct api_field *fields, size_t count, const char *key,
    char problem[API_PROBLEM_SIZE])
{
	char keys[KEYS_SIZE] = "";
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		str_append(keys, sizeof(keys), &used, "%s%s", i > 0 ? ", " : "",
		    fields[i].key);
	return say(problem, "%.40s: no such key; expected %s", key,
	    count > 0 ? keys : "none");
}

static bool
read_object(const json_t *root, const struct api_field *fields, size_t count,
    char problem[API_PROBLEM_SIZE])
{
	const char *key;
	json_t *value;

	if (!json_is_object(root))
		return say(problem,
		    "the body is JSON, but no object; expected { ... }");
	json_object_foreach((json_t *)root, key, value)
	{
		const struct api_field *field = find_field(fields, count, key);

		if (field == NULL)
			return say_unknown(fields, count, key, problem);
		if (!json_is_null(value) && !read_value(field, value))
			return say_expected(field, value, problem);
	}
	for (size_t i = 0; i < count; i++)
		if (fields[i].needed && !json_object_get(root, fields[i].key))
			return say(problem, "%s: missing", fields[i].key);
	return true;
}

bool
api_read(const char *json, size_t len, const struct api_field *fields,
    size_t count, char problem[API_PROBLEM_SIZE])
{
	json_error_t error;
	json_t *root = len == 0
	    ? json_object()
	    : json_safe_load(json, len, JSON_REJECT_DUPLICATES, &error);
	bool good = false;

	if (root != NULL)
		good = read_object(root, fields, count, problem);
	else
		(void)say(problem,
		    "the body is not JSON: line %d, column %d: %s",
		    len == 0 ? 0 : error.line, len == 0 ? 0 : error.column,
		    len == 0 ? "out of memory" : error.text);
	json_decref(root);
	return good;
}

void
api_reply(struct httpd_request *request, int status, const char *message,
    json_t *data)
{
	char *text = data != NULL ? json_dumps(data, JSON_COMPACT) : NULL;

	if (data != NULL && text == NULL)
		httpd_reply(request, 503, "out of memory", NULL);
	else
		httpd_reply(request, status, message, text);
	conf_free_json(text);
	json_decref(data);
}

json_t *
api_nets(const struct cidr_list *list)
{
	json_t *all = json_array();
	char text[CIDR_TEXT_SIZE];

	for (size_t i = 0; all != NULL && i < list->count; i++) {
		cidr_format(&list->blocks[i], text, sizeof(text));
		if (json_array_append_new(all, json_string(text)) != 0) {
			json_decref(all);
			all = NULL;
		}
	}
	return all;
}
