/*
 * fuzz_peek.c - the first bytes of any client, looked at for a host.
 *
 * What holds: each part of the bytes gets the answer of the whole or waits for
 * more, and nobody waits at the bound; a name is one; what is found is there
 * in the bytes, and in HTTP a target would find it too, who looks in another
 * way.
 */
#undef NDEBUG
#include "base/host.h"
#include "wire/peek.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

enum { PARTS = 300 };

/* The answer for a copy that ends where its memory ends. */
static enum peek_answer
look(const uint8_t *bytes, size_t len, struct peek *peek)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	enum peek_answer answer;

	assert(copy != NULL);
	if (len > 0)
		memcpy(copy, bytes, len);
	answer = peek_look(copy, len, peek);
	free(copy);
	assert((answer == PEEK_FOUND) == (peek->name[0] != '\0'));
	assert((answer == PEEK_BAD) == (peek->why != NULL));
	assert(answer != PEEK_MORE || len < PEEK_MAX);
	return answer;
}

/* In small letters, without NULs, which would end it. */
static char *
text_of(const uint8_t *bytes, size_t len)
{
	char *text = malloc(len + 1);

	assert(text != NULL);
	for (size_t i = 0; i < len; i++)
		text[i] = bytes[i] == 0 ? '?' : (char)tolower(bytes[i]);
	text[len] = '\0';
	return text;
}

static void
check_http(const char *text, const char *name)
{
	const char *field = strstr(text, "\r\nhost:"), *end;
	const char *head = strstr(text, "\r\n\r\n");

	assert(head != NULL);
	if (field == NULL || field > head) {
		assert(text[strcspn(text, " ") + 1] != '/');
		return;
	}
	assert(strstr(field + 1, "\r\nhost:") == NULL ||
	    strstr(field + 1, "\r\nhost:") > head);
	field += strlen("\r\nhost:");
	field += strspn(field, " \t");
	end = strstr(field, "\r\n");
	if (field == end)
		assert(text[strcspn(text, " ") + 1] != '/');
	else
		assert(strncmp(field, name, strlen(name)) == 0);
}

static void
check_name(const struct peek *peek, const uint8_t *bytes, size_t len)
{
	char name[PEEK_NAME_SIZE], *text = text_of(bytes, len);

	if (peek->name[0] != '[') {
		assert(host_read(peek->name, strlen(peek->name), name) == NULL);
		assert(strcmp(peek->name, name) == 0);
	}
	if (peek->protocol == PEEK_HTTP) {
		assert(strstr(text, peek->name) != NULL);
		check_http(text, peek->name);
	}
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct peek peek, part;
	enum peek_answer answer = look(input, size, &peek), early;

	if (answer == PEEK_FOUND)
		check_name(&peek, input, size < PEEK_MAX ? size : PEEK_MAX);
	for (size_t cut = 0; cut < size; cut += 1 + size / PARTS) {
		early = look(input, cut, &part);
		if (early == PEEK_MORE)
			continue;
		assert(early == answer);
		assert(part.protocol == peek.protocol);
		assert(part.why == peek.why);
		assert(strcmp(part.name, peek.name) == 0);
	}
	return 0;
}
