/*
 * conf_error.c - the one line that says what is wrong with a file.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   conf. The library's own error texts quote what they stumble over,
 *          which may be the key of the links, so none of them is passed on.
 */
#include "conf/conf_error.h"
#include "conf/conf_types.h"
#include "base/json_safe.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NAME_SHOWN = 400, TOKEN_SHOWN = 60, FOUND_SIZE = 128 };

const struct conf_pos conf_nowhere = { 0, 0 };

int
conf_fail(const struct conf_source *source, struct conf_pos pos,
    const char *key, const char *format, ...)
{
	size_t used = 0, len = strlen(source->name);
	bool cut = len > NAME_SHOWN;
	char text[CONF_PROBLEM_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	str_append(source->problem, CONF_PROBLEM_SIZE, &used,
	    "%s%s:", cut ? "..." : "",
	    source->name + (cut ? len - NAME_SHOWN : 0));
	if (pos.line > 0)
		str_append(source->problem, CONF_PROBLEM_SIZE, &used,
		    "%u:%u:", pos.line, pos.column);
	if (source->list != NULL)
		str_append(source->problem, CONF_PROBLEM_SIZE, &used,
		    " %s:", source->list);
	if (key != NULL)
		str_append(source->problem, CONF_PROBLEM_SIZE, &used,
		    " %s:", key);
	str_append(source->problem, CONF_PROBLEM_SIZE, &used, " %s", text);
	return -1;
}

json_t *
conf_source_value(const struct conf_source *source,
    const struct conf_token *token)
{
	return json_safe_load(source->text + token->start,
	    token->end - token->start,
	    JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
}

const struct conf_field *
conf_source_field(const struct conf_source *source,
    const struct conf_token *key, bool *exact)
{
	json_t *text = conf_source_value(source, key);
	const char *name = json_string_value(text);
	const struct conf_field *found = NULL;

	for (size_t i = 0; name != NULL && i < source->count; i++)
		if (strcasecmp(source->fields[i].key, name) == 0) {
			found = &source->fields[i];
			*exact = strcmp(found->key, name) == 0;
			break;
		}
	json_decref(text);
	return found;
}

/* The source's bytes of a token, cut between characters. A control character
 * that JSON lets pass (DEL, and U+0080 to U+009F in UTF-8) becomes '?'. */
static void
copy_shown(const struct conf_source *source, size_t start, size_t end,
    char *out, size_t size)
{
	const unsigned char *from = (const unsigned char *)source->text + start;
	size_t len = end - start, kept = len, used = 0;

	if (len > TOKEN_SHOWN)
		for (kept = TOKEN_SHOWN; (from[kept] & 0xc0) == 0x80; kept--)
			;
	for (size_t i = 0; i < kept; i++) {
		bool c1 = from[i] == 0xc2 && from[i + 1] < 0xa0;

		str_append(out, size, &used, "%c",
		    c1 || from[i] == 0x7f ? '?' : from[i]);
		i += c1;
	}
	str_append(out, size, &used, "%s", kept < len ? "..." : "");
}

static void
describe_kind(const json_t *value, char *out, size_t size)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		str_copy(out, size, "{...}");
		break;
	case JSON_ARRAY:
		str_copy(out, size, "[...]");
		break;
	case JSON_STRING:
		snprintf(out, size, "text of %zu bytes",
		    json_string_length(value));
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		str_copy(out, size, "a number");
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		str_copy(out, size, "true or false");
		break;
	case JSON_NULL:
		str_copy(out, size, "null");
		break;
	}
}

int
conf_fail_value(const struct conf_source *source,
    const struct conf_field *field, const struct conf_token *token,
    json_t *value, const char *detail)
{
	char expect[CONF_EXPECT_SIZE], found[FOUND_SIZE];
	bool secret = (field->flags & CONF_SECRET) != 0;

	if (secret || json_is_object(value) || json_is_array(value))
		describe_kind(value, found, sizeof(found));
	else
		copy_shown(source, token->start, token->end, found,
		    sizeof(found));
	conf_value_expect(field, expect);
	return conf_fail(source, token->pos, field->key,
	    "found %s%s%s; expected %s", found, detail[0] != '\0' ? ": " : "",
	    detail, expect);
}

/* One slip in three letters is still taken for a slip. */
int
conf_fail_key(const struct conf_source *source, const struct conf_token *key)
{
	size_t distance, len = key->end - key->start, least = len / 3;
	const char *meant = NULL;
	char name[FOUND_SIZE];
	bool exact;

	if (conf_source_field(source, key, &exact) != NULL)
		return conf_fail(source, key->pos, NULL,
		    "there was no memory to read it");
	copy_shown(source, key->start + 1, key->end - 1, name, sizeof(name));
	for (size_t i = 0; len <= TOKEN_SHOWN && i < source->count; i++) {
		distance = str_distance(source->fields[i].key, name);
		if (distance <= least) {
			least = distance;
			meant = source->fields[i].key;
		}
	}
	if (meant != NULL)
		return conf_fail(source, key->pos, name,
		    "unknown key; did you mean %s?", meant);
	return conf_fail(source, key->pos, name,
	    "unknown key; expected one of those in the manual page");
}

static char
mark_of(const struct conf_source *source, const struct conf_token *token)
{
	return token->kind == CONF_TOKEN_MARK ? source->text[token->start]
					      : '\0';
}

/* A word where a value belongs: what a person may have meant by it. */
static const char *
word_slip(const char *word)
{
	if (word[0] == '\'' || (unsigned char)word[0] >= 0x80)
		return "found text in other quotes than \"\"";
	if (word[0] == '-')
		word++;
	if (word[0] == '0' && word[1] >= '0' && word[1] <= '9')
		return "found a number that begins with 0 (a file mode is "
		       "written \"0660\")";
	if (strchr("0123456789.+", word[0]) != NULL)
		return "found a number that JSON does not know";
	return "found a word; text stands in double quotes";
}

static const char *
text_slip(const char *library)
{
	if (strncmp(library, "control ", 8) == 0)
		return "found a control character in text; expected \\t for "
		       "a tab";
	if (strncmp(library, "invalid ", 8) == 0 ||
	    strncmp(library, "\\u0000 ", 7) == 0)
		return "found an unknown escape in text; expected \\\\ for "
		       "one \\, \\\" for a quote";
	return NULL;
}

/* Between two tokens that do not follow one another in JSON. */
static const char *
order_slip(const struct conf_source *source, const struct conf_spot *spot)
{
	char before = mark_of(source, &spot->before);
	char mark = mark_of(source, &spot->token);

	if (spot->token.kind == CONF_TOKEN_END)
		return spot->before.kind == CONF_TOKEN_END
		    ? "found nothing; expected { \"Key\": value, ... }"
		    : "found the end of the file; expected a } before that";
	if (spot->before.kind == CONF_TOKEN_END)
		return "found no {; expected { \"Key\": value, ... }";
	if (before == ',' && (mark == '}' || mark == ']'))
		return "found a comma before the closing bracket; "
		       "remove that comma";
	if (before == '{' || before == ',')
		return "found no key; expected one in double quotes";
	if (before == ':' || before == '[')
		return "found no value behind the key; expected one";
	return spot->key.kind == CONF_TOKEN_END
	    ? "found no colon behind the key; expected one"
	    : "found no comma; expected one, or a closing bracket";
}

/* A word where a value belongs: its key says what would be right there. */
static int
fail_word(const struct conf_source *source, const struct conf_spot *spot,
    const char *slip)
{
	const struct conf_field *field = NULL;
	char expect[CONF_EXPECT_SIZE];
	bool exact;

	if (spot->key.kind == CONF_TOKEN_TEXT)
		field = conf_source_field(source, &spot->key, &exact);
	if (field == NULL)
		return conf_fail(source, spot->token.pos, NULL,
		    "%s; expected a JSON value", slip);
	conf_value_expect(field, expect);
	return conf_fail(source, spot->token.pos, field->key, "%s; expected %s",
	    slip, expect);
}

int
conf_fail_json(const struct conf_source *source, const json_error_t *error)
{
	enum json_error_code code = json_error_code(error);
	const char *slip = NULL;
	struct conf_spot spot;
	char before;

	if (code == json_error_out_of_memory)
		return conf_fail(source, conf_nowhere, NULL,
		    "there is no memory to read it");
	conf_spot_find(source->text, source->len,
	    code == json_error_premature_end_of_input ? SIZE_MAX
						      : (size_t)error->position,
	    &spot);
	before = mark_of(source, &spot.before);
	if (code == json_error_end_of_input_expected)
		return conf_fail(source, spot.token.pos, NULL,
		    "found more "
		    "behind the closing }; expected the end of the file");
	if (code == json_error_numeric_overflow)
		return fail_word(source, &spot,
		    "found a number beyond all bounds");
	if (spot.token.kind == CONF_TOKEN_WORD &&
	    (before == ':' || before == '['))
		return fail_word(source, &spot,
		    word_slip(source->text + spot.token.start));
	if (spot.token.kind == CONF_TOKEN_TEXT)
		slip = text_slip(error->text);
	return conf_fail(source, spot.token.pos, NULL, "%s",
	    slip != NULL ? slip : order_slip(source, &spot));
}
