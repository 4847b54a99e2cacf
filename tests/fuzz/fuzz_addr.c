/*
 * fuzz_addr.c - an address as an operator or a peer may write it.
 *
 * What holds: what parses has a canonical text that parses to the same; an
 * address is a range of one; each address of a range parses.
 */
#undef NDEBUG
#include "base/addr.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void
check_range(const char *text)
{
	char first[ADDR_RANGE_TEXT_SIZE], second[ADDR_RANGE_TEXT_SIZE];
	struct addr_range range, again;
	struct addr last;

	if (addr_range_parse(text, &range) != NULL)
		return;
	assert(range.count >= 1 && range.count <= ADDR_RANGE_MAX);
	addr_range_format(&range, first, sizeof(first));
	assert(addr_range_parse(first, &again) == NULL);
	assert(range.count == again.count);
	addr_range_format(&again, second, sizeof(second));
	assert(strcmp(first, second) == 0);
	assert(!addr_range_nth(&range, range.count, &last));
	assert(addr_range_nth(&range, range.count - 1u, &last));
	assert(last.port - range.first.port == range.count - 1);
	addr_format(&last, first, sizeof(first));
	assert(addr_parse(first, &last) == NULL);
}

static void
check_addr(const struct addr *a, const char *text)
{
	char first[ADDR_TEXT_SIZE], second[ADDR_TEXT_SIZE];
	struct addr_range range;
	struct addr b;

	addr_format(a, first, sizeof(first));
	assert(strlen(first) < sizeof(first));
	assert(addr_parse(first, &b) == NULL);
	assert(a->kind == b.kind && a->port == b.port);
	assert(strcmp(a->host, b.host) == 0);
	assert(strcmp(a->path, b.path) == 0);
	assert(addr_is_local(a) == addr_is_local(&b));
	addr_format(&b, second, sizeof(second));
	assert(strcmp(first, second) == 0);
	assert(addr_range_parse(text, &range) == NULL && range.count == 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	char *text = malloc(size + 1);
	struct addr addr;

	assert(text != NULL);
	memcpy(text, input, size);
	text[size] = '\0';
	if (addr_parse(text, &addr) == NULL)
		check_addr(&addr, text);
	check_range(text);
	free(text);
	return 0;
}
