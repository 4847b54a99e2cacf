/*
 * conf_types.c - what a value of each type may be: read, explain, print.
 *
 * Owns:    nothing; the texts it makes belong to the settings.
 * Thread:  any.
 * Floor:   conf. A new type is one row of the table at the end.
 */
#include "conf/conf_types.h"
#include "conf/conf_addrs.h"
#include "conf/conf_lists.h"
#include "conf/conf_nets.h"
#include "conf/conf_targets.h"
#include "conf/conf_ranges.h"
#include "conf/conf_wipe.h"
#include "base/json_safe.h"
#include "base/cidr.h"
#include "base/str.h"
#include "base/targets.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Enough to show 0.1 and 1000000 as people write them. */
#define NUMBER "%.15g"

static const char no_memory[] = "there is no memory for it";
static const char see_expected[] = "";

/* False of NaN too, as no comparison with it holds. */
static bool
in_range(const struct conf_field *field, double number)
{
	return number >= field->min && number <= field->max;
}

/* Asked before the cast that follows, which is undefined for larger ones. */
static bool
is_whole(double number)
{
	return number >= 0 && number < 1e15 &&
	    number == (double)(uint64_t)number;
}

static bool
legal_name(const char *text)
{
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) &&
		    strchr("._-", *text) == NULL)
			return false;
	return true;
}

static const char *
set_text(const struct conf_field *field, json_t *value, void *place)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);
	char *copy = NULL, **slot = place;

	if (text == NULL || !in_range(field, (double)len))
		return see_expected;
	if ((field->flags & CONF_NAME) != 0 && !legal_name(text))
		return see_expected;
	if (len > 0 && (copy = strdup(text)) == NULL)
		return no_memory;
	free(*slot);
	*slot = copy;
	return NULL;
}

static void
expect_text(const struct conf_field *field, char *out, size_t size)
{
	snprintf(out, size,
	    (field->flags & CONF_NAME) != 0
		? NUMBER " to " NUMBER " letters, digits, dots, _ or -"
		: "text of " NUMBER " to " NUMBER " bytes",
	    field->min, field->max);
}

static void
print_printable(const char *text, FILE *out)
{
	for (; *text != '\0'; text++)
		fputc(iscntrl((unsigned char)*text) ? '?' : *text, out);
}

static void
print_text(const struct conf_field *field, const void *place, FILE *out)
{
	const char *text = *(char *const *)place;

	(void)field;
	print_printable(text != NULL ? text : "(none)", out);
}

static const char *
set_bool(const struct conf_field *field, json_t *value, void *place)
{
	(void)field;
	if (!json_is_boolean(value))
		return see_expected;
	*(bool *)place = json_is_true(value);
	return NULL;
}

static void
expect_bool(const struct conf_field *field, char *out, size_t size)
{
	(void)field;
	str_copy(out, size, "true or false");
}

static void
print_bool(const struct conf_field *field, const void *place, FILE *out)
{
	(void)field;
	fputs(*(const bool *)place ? "true" : "false", out);
}

static const char *
set_count(const struct conf_field *field, json_t *value, void *place)
{
	double number = json_number_value(value);

	if (!json_is_number(value) || !in_range(field, number) ||
	    !is_whole(number))
		return see_expected;
	*(uint32_t *)place = (uint32_t)number;
	return NULL;
}

static void
expect_count(const struct conf_field *field, char *out, size_t size)
{
	snprintf(out, size, "a whole number " NUMBER ".." NUMBER, field->min,
	    field->max);
}

static void
print_count(const struct conf_field *field, const void *place, FILE *out)
{
	uint32_t count = *(const uint32_t *)place;

	if (count == 0 && field->min > 0)
		fputs("(none)", out);
	else
		fprintf(out, "%" PRIu32, count);
}

/* Rounded to the nearest millisecond; a maximum in the table is far below
 * the 49 days that 32 bits hold. */
static const char *
set_seconds(const struct conf_field *field, json_t *value, void *place)
{
	double number = json_number_value(value);

	if (!json_is_number(value) || !in_range(field, number))
		return see_expected;
	*(uint32_t *)place = (uint32_t)(number * 1000 + 0.5);
	return NULL;
}

static void
expect_seconds(const struct conf_field *field, char *out, size_t size)
{
	snprintf(out, size, "a number of seconds " NUMBER ".." NUMBER,
	    field->min, field->max);
}

static void
print_seconds(const struct conf_field *field, const void *place, FILE *out)
{
	(void)field;
	fprintf(out, NUMBER, *(const uint32_t *)place / 1000.0);
}

static const struct {
	char letter;
	uint64_t bytes;
} units[] = {
	{ 'G', 1 << 30 },
	{ 'M', 1 << 20 },
	{ 'K', 1 << 10 },
};

/* Reads digits and perhaps a unit; returns -1 for anything else. */
static double
parse_bytes(const char *text)
{
	double number = 0;

	if (!isdigit((unsigned char)*text))
		return -1;
	for (; isdigit((unsigned char)*text); text++)
		number = number * 10 + (*text - '0');
	if (*text == '\0')
		return number;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (toupper((unsigned char)*text) == units[i].letter &&
		    text[1] == '\0')
			return number * (double)units[i].bytes;
	return -1;
}

static const char *
set_bytes(const struct conf_field *field, json_t *value, void *place)
{
	double number = json_is_string(value)
	    ? parse_bytes(json_string_value(value))
	    : json_is_number(value) ? json_number_value(value)
				    : -1;

	if (!in_range(field, number) || !is_whole(number))
		return see_expected;
	*(uint64_t *)place = (uint64_t)number;
	return NULL;
}

/* The shortest exact form: 65536 is 64K, 65537 stays. */
static void
format_bytes(uint64_t bytes, char *out, size_t size)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (bytes > 0 && bytes % units[i].bytes == 0) {
			snprintf(out, size, "%" PRIu64 "%c",
			    bytes / units[i].bytes, units[i].letter);
			return;
		}
	snprintf(out, size, "%" PRIu64, bytes);
}

static void
expect_bytes(const struct conf_field *field, char *out, size_t size)
{
	char least[24], most[24];

	format_bytes((uint64_t)field->min, least, sizeof(least));
	format_bytes((uint64_t)field->max, most, sizeof(most));
	snprintf(out, size,
	    "a size %s..%s, a number of bytes or text as "
	    "\"64K\" or \"1M\"",
	    least, most);
}

static void
print_bytes(const struct conf_field *field, const void *place, FILE *out)
{
	uint64_t bytes = *(const uint64_t *)place;
	char text[24];

	format_bytes(bytes, text, sizeof(text));
	fputs(bytes == 0 && field->min > 0 ? "(none)" : text, out);
}

static const char *
set_choice(const struct conf_field *field, json_t *value, void *place)
{
	const char *text = json_string_value(value);
	const char *const *choices = field->more;

	for (int i = 0; text != NULL && choices[i] != NULL; i++)
		if (strcasecmp(text, choices[i]) == 0) {
			*(int *)place = i;
			return NULL;
		}
	return see_expected;
}

/* "error", "warn" or "info" */
static void
expect_choice(const struct conf_field *field, char *out, size_t size)
{
	const char *const *choices = field->more;
	size_t used = 0;

	for (size_t i = 0; choices[i] != NULL; i++)
		str_append(out, size, &used, "%s\"%s\"",
		    i == 0			 ? ""
			: choices[i + 1] != NULL ? ", "
						 : " or ",
		    choices[i]);
}

static void
print_choice(const struct conf_field *field, const void *place, FILE *out)
{
	const char *const *choices = field->more;

	fputs(choices[*(const int *)place], out);
}

/* A number is read by its decimal digits, since JSON has no octal ones: 660
 * means what "0660" does, as in chmod(1). */
static const char *
set_mode(const struct conf_field *field, json_t *value, void *place)
{
	const char *digits = json_string_value(value);
	double number = json_number_value(value);
	char from_number[24];
	uint32_t mode = 0;

	(void)field;
	if (json_is_number(value) && is_whole(number)) {
		snprintf(from_number, sizeof(from_number), "%" PRIu64,
		    (uint64_t)number);
		digits = from_number;
	}
	if (digits == NULL || *digits == '\0')
		return see_expected;
	for (; *digits != '\0'; digits++) {
		if (*digits < '0' || *digits > '7' || mode > 0777)
			return see_expected;
		mode = mode << 3 | (uint32_t)(*digits - '0');
	}
	if (mode > 0777)
		return see_expected;
	*(uint32_t *)place = mode;
	return NULL;
}

static void
expect_mode(const struct conf_field *field, char *out, size_t size)
{
	(void)field;
	str_copy(out, size, "an octal file mode as text, such as \"0660\"");
}

static void
print_mode(const struct conf_field *field, const void *place, FILE *out)
{
	(void)field;
	fprintf(out, "%04" PRIo32, *(const uint32_t *)place);
}

/* What is no list at all; conf.c reads the others. */
static const char *
set_list(const struct conf_field *field, json_t *value, void *place)
{
	(void)field;
	(void)value;
	(void)place;
	return see_expected;
}

/* a list of 0 to 64 { "Inner", "Key" } */
static void
expect_list(const struct conf_field *field, char *out, size_t size)
{
	const struct conf_items *items = field->more;
	size_t used = 0;

	if (field->max > 1)
		str_append(out, size, &used,
		    "[...], " NUMBER " to " NUMBER " of ", field->min,
		    field->max);
	str_append(out, size, &used, "{");
	for (size_t i = 0; i < items->count; i++)
		str_append(out, size, &used, "%s \"%s\": ...",
		    i == 0 ? "" : ",", items->fields[i].key);
	str_append(out, size, &used, " }");
}

static void
print_list(const struct conf_field *field, const void *place, FILE *out)
{
	const struct conf_items *items = field->more;
	const struct conf_list *list = place;

	if (list->count == 0)
		fputs("(none)", out);
	for (size_t i = 0; i < list->count; i++) {
		fputs(i == 0 ? "{ " : ", { ", out);
		for (size_t j = 0; j < items->count; j++) {
			fprintf(out, "%s%s = ", j == 0 ? "" : ", ",
			    items->fields[j].key);
			conf_value_print(&items->fields[j],
			    (const char *)list->items + i * items->size, out);
		}
		fputs(" }", out);
	}
}

static void
free_list(const struct conf_field *field, void *place)
{
	const struct conf_items *items = field->more;
	struct conf_list *list = place;

	for (size_t i = 0; i < list->count; i++)
		for (size_t j = 0; j < items->count; j++)
			conf_value_free(&items->fields[j],
			    (char *)list->items + i * items->size);
	free(list->items);
	*list = (struct conf_list){ 0 };
}

static bool
same_list(const struct conf_field *field, const void *a, const void *b)
{
	const struct conf_items *items = field->more;
	const struct conf_list *x = a, *y = b;

	if (x->count != y->count)
		return false;
	for (size_t i = 0; i < x->count; i++)
		for (size_t j = 0; j < items->count; j++)
			if (!conf_value_same(&items->fields[j],
				(const char *)x->items + i * items->size,
				(const char *)y->items + i * items->size))
				return false;
	return true;
}

static bool
same_text(const struct conf_field *field, const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;

	(void)field;
	return x == NULL || y == NULL ? x == y : strcmp(x, y) == 0;
}

static void
free_text(const struct conf_field *field, void *place)
{
	char **text = place;

	if (*text != NULL && (field->flags & CONF_SECRET) != 0)
		conf_forget(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

static const struct {
	const char *(*set)(const struct conf_field *, json_t *, void *place);
	void (*expect)(const struct conf_field *, char *out, size_t size);
	void (*print)(const struct conf_field *, const void *place, FILE *);
	bool in_quotes; /* how a default stands in the file */
	size_t size;	/* in the settings */
	/* NULL: byte by byte */
	bool (*same)(const struct conf_field *, const void *, const void *);
	void (*free)(const struct conf_field *, void *place); /* or NULL */
	/* of a list, instead of set; else NULL */
	const char *(*add)(const struct conf_field *, json_t *, void *place);
	size_t (*count)(const void *place);
} types[] = {
	[CONF_TEXT] = { set_text, expect_text, print_text, true, sizeof(char *),
	    same_text, free_text, NULL, NULL },
	[CONF_ADDR] = { conf_addr_set, conf_addr_expect, conf_addr_print, true,
	    sizeof(struct addr), conf_addr_same, NULL, NULL, NULL },
	[CONF_RANGE] = { conf_range_set, conf_range_expect, conf_range_print,
	    true, sizeof(struct addr_range), conf_range_same, NULL, NULL,
	    NULL },
	[CONF_BOOL] = { set_bool, expect_bool, print_bool, false, sizeof(bool),
	    NULL, NULL, NULL, NULL },
	[CONF_COUNT] = { set_count, expect_count, print_count, false,
	    sizeof(uint32_t), NULL, NULL, NULL, NULL },
	[CONF_SECONDS] = { set_seconds, expect_seconds, print_seconds, false,
	    sizeof(uint32_t), NULL, NULL, NULL, NULL },
	[CONF_BYTES] = { set_bytes, expect_bytes, print_bytes, true,
	    sizeof(uint64_t), NULL, NULL, NULL, NULL },
	[CONF_CHOICE] = { set_choice, expect_choice, print_choice, true,
	    sizeof(int), NULL, NULL, NULL, NULL },
	[CONF_MODE] = { set_mode, expect_mode, print_mode, true,
	    sizeof(uint32_t), NULL, NULL, NULL, NULL },
	[CONF_NETS] = { NULL, conf_nets_expect, conf_nets_print, false,
	    sizeof(struct cidr_list), conf_nets_same, conf_nets_free,
	    conf_nets_add, conf_nets_count },
	[CONF_TARGETS] = { NULL, conf_targets_expect, conf_targets_print, false,
	    sizeof(struct targets), conf_targets_same, conf_targets_free,
	    conf_targets_add, conf_targets_count },
	[CONF_RANGES] = { NULL, conf_ranges_expect, conf_ranges_print, true,
	    sizeof(struct addr_ranges), conf_ranges_same, conf_ranges_free,
	    conf_ranges_add, conf_ranges_count },
	[CONF_NAMES] = { NULL, conf_names_expect, conf_names_print, false,
	    sizeof(struct conf_names), conf_names_same, conf_names_free,
	    conf_names_add, conf_names_count },
	[CONF_HOSTS] = { NULL, conf_hosts_expect, conf_names_print, false,
	    sizeof(struct conf_names), conf_names_same, conf_names_free,
	    conf_hosts_add, conf_names_count },
	[CONF_PORTS] = { NULL, conf_ports_expect, conf_ports_print, false,
	    sizeof(struct conf_ports), conf_ports_same, conf_ports_free,
	    conf_ports_add, conf_ports_count },
	[CONF_LIST] = { set_list, expect_list, print_list, false,
	    sizeof(struct conf_list), same_list, free_list, NULL, NULL },
};

static void *
place_of(const struct conf_field *field, void *settings)
{
	return (char *)settings + field->offset;
}

const char *
conf_value_set(const struct conf_field *field, json_t *value, void *settings)
{
	return types[field->type].set(field, value, place_of(field, settings));
}

bool
conf_value_is_list(const struct conf_field *field)
{
	return types[field->type].add != NULL;
}

const char *
conf_value_add(const struct conf_field *field, json_t *item, void *settings)
{
	return types[field->type].add(field, item, place_of(field, settings));
}

size_t
conf_value_count(const struct conf_field *field, const void *settings)
{
	return types[field->type].count((const char *)settings + field->offset);
}

void
conf_value_free(const struct conf_field *field, void *settings)
{
	if (types[field->type].free != NULL)
		types[field->type].free(field, place_of(field, settings));
}

json_t *
conf_value_default(const struct conf_field *field)
{
	if (types[field->type].in_quotes)
		return json_string(field->by_default);
	return json_safe_load(field->by_default, strlen(field->by_default),
	    JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
}

void
conf_value_expect(const struct conf_field *field, char out[CONF_EXPECT_SIZE])
{
	types[field->type].expect(field, out, CONF_EXPECT_SIZE);
}

bool
conf_value_same(const struct conf_field *field, const void *a, const void *b)
{
	const void *x = (const char *)a + field->offset;
	const void *y = (const char *)b + field->offset;

	return types[field->type].same != NULL
	    ? types[field->type].same(field, x, y)
	    : memcmp(x, y, types[field->type].size) == 0;
}

size_t
conf_value_size(const struct conf_field *field)
{
	return types[field->type].size;
}

void
conf_value_print(const struct conf_field *field, const void *settings,
    FILE *out)
{
	const void *place = (const char *)settings + field->offset;

	if ((field->flags & CONF_SECRET) != 0 && *(char *const *)place != NULL)
		fputs("***", out);
	else
		types[field->type].print(field, place, out);
}
