/*
 * conf.c - a JSON configuration file read by one table of keys.
 *
 * Owns:    the text of the file while it is read; overwritten afterwards.
 * Thread:  any; warnings go to the log.
 * Floor:   conf. Bytes are conf_text's, types conf_types', messages
 *          conf_error's; here they are put together.
 */
#include "conf/conf.h"
#include "conf/conf_error.h"
#include "conf/conf_text.h"
#include "conf/conf_types.h"
#include "conf/conf_wipe.h"
#include "base/json_safe.h"
#include "base/log.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20, PAIR_SHOWN = 60 };

static void
warn_key(const struct conf_source *source, const struct conf_token *key,
    const char *name, const char *message)
{
	log_warn("config", message, KV_STR("file", source->name),
	    KV_U64("line", key->pos.line), KV_U64("column", key->pos.column),
	    KV_STR("key", name));
}

/* Finds which entry of the object counts for each field; given: one per field,
 * zeroed. */
static int
sort_entries(const struct conf_source *source, const struct conf_token *object,
    struct conf_entry *given)
{
	const struct conf_field *field;
	struct conf_entry entry, *place;
	struct conf_scan scan;
	bool exact = true;

	conf_scan_inside(&scan, source->text, object);
	while (conf_entry_next(&scan, &entry)) {
		field = conf_source_field(source, &entry.key, &exact);
		if (field == NULL)
			return conf_fail_key(source, &entry.key);
		place = &given[field - source->fields];
		if (!exact)
			warn_key(source, &entry.key, field->key,
			    "key in other case: write it as here");
		if (place->key.kind != CONF_TOKEN_END)
			warn_key(source, &entry.key, field->key,
			    "key given again: the last one counts");
		*place = entry;
	}
	return 0;
}

static int
set_default(const struct conf_source *source, const struct conf_field *field,
    void *settings)
{
	json_t *value;
	const char *wrong;

	if (field->by_default == NULL)
		return 0;
	value = conf_value_default(field);
	wrong = value != NULL ? conf_value_set(field, value, settings)
			      : "there is no memory for it";
	json_decref(value);
	if (wrong != NULL)
		return conf_fail(source, conf_nowhere, field->key,
		    "no default: %s", wrong);
	return 0;
}

static int read_object(const struct conf_source *source,
    const struct conf_token *object, void *settings);

static int
fail_memory(const struct conf_source *source, const struct conf_field *field,
    const struct conf_token *token)
{
	return conf_fail(source, token->pos, field->key,
	    "there is no memory for it");
}

static size_t
count_objects(const struct conf_source *source, const struct conf_token *token)
{
	struct conf_token element;
	struct conf_scan scan;
	size_t count = 0;

	conf_scan_list(&scan, source->text, source->len, token);
	while (conf_item_next(&scan, &element))
		count++;
	return count;
}

static bool
is_opened_by(const struct conf_source *source, const struct conf_token *token,
    char mark)
{
	return token->kind == CONF_TOKEN_MARK &&
	    source->text[token->start] == mark;
}

/* The items are in the settings one by one, so that what was read is freed
 * with them. */
static int
set_each(const struct conf_source *source, const struct conf_field *field,
    const struct conf_token *token, struct conf_list *list)
{
	const struct conf_items *items = field->more;
	struct conf_source inside = *source;
	struct conf_token element;
	struct conf_scan scan;
	char *item;

	inside.fields = items->fields;
	inside.count = items->count;
	inside.list = field->key;
	conf_scan_list(&scan, source->text, source->len, token);
	while (conf_item_next(&scan, &element)) {
		if (!is_opened_by(source, &element, '{'))
			return conf_fail(&inside, element.pos, NULL,
			    "found something else than { \"%s\": ... } in "
			    "the list",
			    items->fields[0].key);
		inside.at = element.pos;
		item = (char *)list->items + list->count++ * items->size;
		if (read_object(&inside, &element, item) != 0)
			return -1;
	}
	return 0;
}

static int
set_objects(const struct conf_source *source, const struct conf_field *field,
    const struct conf_token *token, void *settings)
{
	struct conf_list *list = (void *)((char *)settings + field->offset);
	const struct conf_items *items = field->more;
	size_t count = count_objects(source, token);

	if ((double)count < field->min || (double)count > field->max)
		return conf_fail(source, token->pos, field->key,
		    "found %zu in the list; expected %.0f to %.0f", count,
		    field->min, field->max);
	if (count > 0 && (list->items = calloc(count, items->size)) == NULL)
		return fail_memory(source, field, token);
	return set_each(source, field, token, list);
}

/* One is a list of one. */
static int
set_object(const struct conf_source *source, const struct conf_field *field,
    const struct conf_token *token, void *settings)
{
	struct conf_list *list = (void *)((char *)settings + field->offset);
	const struct conf_items *items = field->more;
	struct conf_source inside = *source;

	inside.fields = items->fields;
	inside.count = items->count;
	inside.list = field->key;
	inside.at = token->pos;
	if ((list->items = calloc(1, items->size)) == NULL)
		return fail_memory(source, field, token);
	list->count = 1;
	return read_object(&inside, token, list->items);
}

static int
set_items(const struct conf_source *source, const struct conf_field *field,
    const struct conf_token *list, void *settings)
{
	struct conf_token token;
	struct conf_scan scan;
	int result = 0;

	conf_scan_list(&scan, source->text, source->len, list);
	while (result == 0 && conf_item_next(&scan, &token)) {
		json_t *item = conf_source_value(source, &token);
		const char *wrong;

		if (item == NULL)
			return fail_memory(source, field, &token);
		wrong = conf_value_add(field, item, settings);
		if (wrong != NULL)
			result = conf_fail_value(source, field, &token, item,
			    wrong);
		json_decref(item);
	}
	return result;
}

/* Each item has its own place in the file, which a message names. */
static int
set_list(const struct conf_source *source, const struct conf_field *field,
    const struct conf_token *token, json_t *value, void *settings)
{
	const char *wrong;
	int result;

	if (field->type == CONF_RANGES && json_is_string(value)) {
		conf_value_free(field, settings); /* one is a list of one */
		wrong = conf_value_add(field, value, settings);
		return wrong == NULL
		    ? 0
		    : conf_fail_value(source, field, token, value, wrong);
	}
	if (!json_is_array(value))
		return conf_fail_value(source, field, token, value, "");
	conf_value_free(field, settings);
	result = set_items(source, field, token, settings);
	if (result == 0 &&
	    (double)conf_value_count(field, settings) < field->min)
		result = conf_fail_value(source, field, token, value, "");
	return result;
}

static int
set_field(const struct conf_source *source, const struct conf_field *field,
    const struct conf_token *token, void *settings)
{
	json_t *value = conf_source_value(source, token);
	const char *wrong;
	int result = 0;

	if (value == NULL)
		return fail_memory(source, field, token);
	if (conf_value_is_list(field)) {
		result = set_list(source, field, token, value, settings);
	} else {
		wrong = conf_value_set(field, value, settings);
		if (wrong != NULL)
			result = conf_fail_value(source, field, token, value,
			    wrong);
	}
	json_decref(value);
	return result;
}

static int
set_fields(const struct conf_source *source, const struct conf_entry *given,
    void *settings)
{
	for (size_t i = 0; i < source->count; i++)
		if (set_default(source, &source->fields[i], settings) != 0)
			return -1;
	for (size_t i = 0; i < source->count; i++) {
		const struct conf_field *field = &source->fields[i];

		if (given[i].key.kind != CONF_TOKEN_END) {
			const struct conf_token *value = &given[i].value;
			bool list = field->type == CONF_LIST &&
			    is_opened_by(source, value, '[');
			bool single = field->type == CONF_LIST &&
			    field->max == 1 && is_opened_by(source, value, '{');

			if ((list	     ? set_objects
				    : single ? set_object
					     : set_field)(source, field, value,
				settings) != 0)
				return -1;
		} else if ((field->flags & CONF_REQUIRED) != 0) {
			return conf_fail(source, source->at, field->key,
			    "missing; expected %s", field->help);
		}
	}
	return 0;
}

/* One object, the file's or one of a list's. */
static int
read_object(const struct conf_source *source, const struct conf_token *object,
    void *settings)
{
	struct conf_entry *given = calloc(source->count, sizeof(*given));
	int result;

	if (given == NULL)
		return conf_fail(source, conf_nowhere, NULL,
		    "there is no memory to read it");
	result = sort_entries(source, object, given);
	if (result == 0)
		result = set_fields(source, given, settings);
	free(given);
	return result;
}

/* The library says whether it is JSON at all; only then are the entries
 * found, which need not look twice at anything. */
static int
read_source(const struct conf_source *source, void *settings)
{
	const struct conf_token all = {
		.pos = { 1, 1 },
		.end = source->len,
	};
	json_error_t error;
	json_t *root;
	int result;

	root = json_safe_load(source->text, source->len,
	    JSON_DECODE_INT_AS_REAL, &error);
	if (root == NULL)
		return conf_fail_json(source, &error);
	result = json_is_object(root)
	    ? 0
	    : conf_fail(source, (struct conf_pos){ 1, 1 }, NULL,
		  "found [...]; expected { \"Key\": value, ... }");
	json_decref(root);
	return result != 0 ? result : read_object(source, &all, settings);
}

int
conf_parse(const char *name, const char *text, size_t len,
    const struct conf_field *fields, size_t count, void *settings,
    char problem[CONF_PROBLEM_SIZE])
{
	struct conf_source source = {
		.name = name,
		.fields = fields,
		.count = count,
		.problem = problem,
	};
	size_t cleaned = len;
	struct conf_pos pos;
	const char *wrong;
	char *copy;
	int result;

	problem[0] = '\0';
	if (len > FILE_MAX)
		return conf_fail(&source, conf_nowhere, NULL,
		    "over 1 MiB; expected a configuration file");
	if ((copy = malloc(len + 1)) == NULL)
		return conf_fail(&source, conf_nowhere, NULL,
		    "there is no memory to read it");
	if (len > 0)
		memcpy(copy, text, len);
	wrong = conf_text_clean(copy, &cleaned, &pos);
	copy[cleaned] = '\0';
	source.text = copy;
	source.len = cleaned;
	result = wrong != NULL
	    ? conf_fail(&source, pos, NULL, "found %s", wrong)
	    : read_source(&source, settings);
	conf_forget(copy, len);
	free(copy);
	return result;
}

static const struct conf_field *
field_of(const struct conf_source *source, const char *key)
{
	for (size_t i = 0; i < source->count; i++)
		if (strcmp(source->fields[i].key, key) == 0)
			return &source->fields[i];
	return NULL;
}

static int
take_pair(const struct conf_source *source, const struct conf_pair *pair,
    void *settings)
{
	const struct conf_field *field = field_of(source, pair->key);
	char expect[CONF_EXPECT_SIZE], shown[PAIR_SHOWN + 1];
	json_t *value;
	const char *wrong;

	if (pair->text == NULL || field == NULL)
		return 0;
	value = json_string(pair->text);
	wrong = value != NULL ? conf_value_set(field, value, settings)
			      : "text in UTF-8 is taken alone";
	json_decref(value);
	if (wrong == NULL)
		return 0;
	str_copy(shown, sizeof(shown), pair->text);
	for (char *c = shown; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
			*c = '?';
	conf_value_expect(field, expect);
	return conf_fail(source, conf_nowhere, pair->shown,
	    "found \"%s\"%s%s; expected %s", shown,
	    wrong[0] != '\0' ? ": " : "", wrong, expect);
}

int
conf_take_pairs(const char *name, const struct conf_pair *pairs,
    size_t pair_count, const struct conf_field *fields, size_t count,
    void *settings, char problem[CONF_PROBLEM_SIZE])
{
	const struct conf_source source = {
		.name = name,
		.fields = fields,
		.count = count,
		.problem = problem,
	};

	problem[0] = '\0';
	for (size_t i = 0; i < count; i++)
		if (set_default(&source, &fields[i], settings) != 0)
			return -1;
	for (size_t i = 0; i < pair_count; i++)
		if (take_pair(&source, &pairs[i], settings) != 0)
			return -1;
	return 0;
}

/* Some systems only say of one that it may not be opened. */
static bool
is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A fifo, or a device: to open it may take until somebody else does. What the
 * user's shell has opened for us is another matter. */
static bool
is_stream(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) &&
	    !S_ISDIR(st.st_mode);
}

static bool
is_given(const char *path)
{
	return strncmp(path, "/dev/stdin", 10) == 0 ||
	    strncmp(path, "/dev/fd/", 8) == 0 ||
	    strncmp(path, "/proc/self/fd/", 14) == 0;
}

bool
conf_can_reread(const char *path, char problem[CONF_PROBLEM_SIZE])
{
	struct conf_source source = { .name = path, .problem = problem };

	if (!is_stream(path))
		return true;
	(void)conf_fail(&source, conf_nowhere, NULL,
	    "found no regular file; expected one, that can be read again");
	return false;
}

static int
fail_file(const char *path, int error, char problem[CONF_PROBLEM_SIZE])
{
	struct conf_source source = { .name = path, .problem = problem };

	if (error == ENOENT || error == ENOTDIR)
		return conf_fail(&source, conf_nowhere, NULL,
		    "no such file; expected it beside the program or here; "
		    "-c FILE names another");
	if (error == EISDIR || is_folder(path))
		return conf_fail(&source, conf_nowhere, NULL,
		    "found a directory; expected the file itself");
	if (error == EACCES)
		return conf_fail(&source, conf_nowhere, NULL,
		    "permission denied; expected a file that this user "
		    "may read");
	return conf_fail(&source, conf_nowhere, NULL,
	    "%s; expected a file that can be read", strerror(error));
}

static int
fail_stream(const char *path, char problem[CONF_PROBLEM_SIZE])
{
	struct conf_source source = { .name = path, .problem = problem };

	return conf_fail(&source, conf_nowhere, NULL,
	    "found no regular file; expected the file itself, or /dev/stdin");
}

int
conf_load(const char *path, const struct conf_field *fields, size_t count,
    void *settings, char problem[CONF_PROBLEM_SIZE])
{
	FILE *file;
	int result, error = 0;
	char *text = NULL;
	size_t len = 0;

	if (is_stream(path) && !is_given(path))
		return fail_stream(path, problem);
	if ((file = fopen(path, "rb")) == NULL)
		return fail_file(path, errno, problem);
	setvbuf(file, NULL, _IONBF, 0); /* no copy of the key there */
	if ((text = malloc(FILE_MAX + 1)) == NULL) {
		error = ENOMEM;
	} else {
		errno = 0;
		len = fread(text, 1, FILE_MAX + 1, file);
		if (ferror(file))
			error = errno != 0 ? errno : EIO;
	}
	fclose(file);
	result = error != 0
	    ? fail_file(path, error, problem)
	    : conf_parse(path, text, len, fields, count, settings, problem);
	if (text != NULL)
		conf_forget(text, len);
	free(text);
	return result;
}

void
conf_print(const struct conf_field *fields, size_t count, const void *settings)
{
	for (size_t i = 0; i < count; i++) {
		printf("%s = ", fields[i].key);
		conf_value_print(&fields[i], settings, stdout);
		putchar('\n');
	}
}

static bool
is_secret_text(const struct conf_field *field, const void *place)
{
	return field->type == CONF_TEXT && (field->flags & CONF_SECRET) != 0 &&
	    *(char *const *)place != NULL;
}

bool
conf_has_secret(const struct conf_field *fields, size_t count,
    const void *settings)
{
	for (size_t i = 0; i < count; i++) {
		const void *place = (const char *)settings + fields[i].offset;
		const struct conf_items *items = fields[i].more;
		const struct conf_list *list = place;

		if (is_secret_text(&fields[i], place))
			return true;
		if (fields[i].type != CONF_LIST)
			continue;
		for (size_t item = 0; item < list->count; item++)
			if (conf_has_secret(items->fields, items->count,
				(const char *)list->items + item * items->size))
				return true;
	}
	return false;
}

void
conf_free(const struct conf_field *fields, size_t count, void *settings)
{
	for (size_t i = 0; i < count; i++)
		conf_value_free(&fields[i], settings);
}

char *
conf_find(const char *given, const char *exe_dir, const char *name)
{
	size_t size;
	char *path;

	if (given != NULL)
		return strdup(given);
	if (exe_dir == NULL)
		return strdup(name);
	size = strlen(exe_dir) + 1 + strlen(name) + 1;
	if ((path = malloc(size)) == NULL)
		return NULL;
	snprintf(path, size, "%s/%s", exe_dir, name);
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return strdup(name);
}
