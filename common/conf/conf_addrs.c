/*
 * conf_addrs.c - addresses in a configuration.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   conf. Two rows of the table in conf_types.c.
 */
#include "conf/conf_addrs.h"
#include "base/str.h"

#include <ctype.h>
#include <string.h>

/* What the field's flags ask of an address; may fill in the host. */
static const char *
check(const struct conf_field *field, struct addr *addr)
{
	if (addr->tls && (field->flags & CONF_TLS) == 0)
		return "tls:// is for links between outer and inner only";
	if ((field->flags & CONF_CONNECT) == 0 || addr->kind != ADDR_TCP)
		return NULL;
	if (addr->port == 0)
		return "nobody can be reached at port 0";
	if (addr->host[0] == '\0')
		str_copy(addr->host, sizeof(addr->host), "localhost");
	return NULL;
}

/* A path may have any byte but NUL. */
static void
print(const char *text, FILE *out)
{
	if (*text == '\0')
		text = "(none)";
	for (; *text != '\0'; text++)
		fputc(iscntrl((unsigned char)*text) ? '?' : *text, out);
}

const char *
conf_addr_set(const struct conf_field *field, json_t *value, void *place)
{
	const char *text = json_string_value(value), *wrong;
	struct addr addr;

	if (text == NULL)
		return ""; /* the expectation says it all */
	if ((wrong = addr_parse(text, &addr)) != NULL ||
	    (wrong = check(field, &addr)) != NULL)
		return wrong;
	memcpy(place, &addr, sizeof(addr));
	return NULL;
}

void
conf_addr_expect(const struct conf_field *field, char *out, size_t size)
{
	str_copy(out, size,
	    (field->flags & CONF_TLS) != 0
		? "tls://host:port, tcp://host:port or unix:///path"
		: "tcp://host:port or unix:///path");
}

void
conf_addr_print(const struct conf_field *field, const void *place, FILE *out)
{
	char text[ADDR_TEXT_SIZE];

	(void)field;
	addr_format(place, text, sizeof(text));
	print(text, out);
}

bool
conf_addr_same(const struct conf_field *field, const void *a, const void *b)
{
	char x[ADDR_TEXT_SIZE], y[ADDR_TEXT_SIZE];

	(void)field;
	addr_format(a, x, sizeof(x));
	addr_format(b, y, sizeof(y));
	return strcmp(x, y) == 0;
}

const char *
conf_range_set(const struct conf_field *field, json_t *value, void *place)
{
	const char *text = json_string_value(value), *wrong;
	struct addr_range range;

	if (text == NULL)
		return "";
	if ((wrong = addr_range_parse(text, &range)) != NULL ||
	    (wrong = check(field, &range.first)) != NULL)
		return wrong;
	memcpy(place, &range, sizeof(range));
	return NULL;
}

void
conf_range_expect(const struct conf_field *field, char *out, size_t size)
{
	(void)field;
	str_copy(out, size,
	    "tcp://host:port, tcp://host:first-last or unix:///path");
}

void
conf_range_print(const struct conf_field *field, const void *place, FILE *out)
{
	char text[ADDR_RANGE_TEXT_SIZE];

	(void)field;
	addr_range_format(place, text, sizeof(text));
	print(text, out);
}

bool
conf_range_same(const struct conf_field *field, const void *a, const void *b)
{
	char x[ADDR_RANGE_TEXT_SIZE], y[ADDR_RANGE_TEXT_SIZE];

	(void)field;
	addr_range_format(a, x, sizeof(x));
	addr_range_format(b, y, sizeof(y));
	return strcmp(x, y) == 0;
}
