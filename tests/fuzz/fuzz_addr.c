/*
 * fuzz_addr.c - an address as an operator or a peer may write it.
 *
 * What holds: what parses has a canonical text that parses to the same.
 */
#undef NDEBUG
#include "base/addr.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	char *text = malloc(size + 1);
	char first[ADDR_TEXT_SIZE], second[ADDR_TEXT_SIZE];
	struct addr a, b;

	assert(text != NULL);
	memcpy(text, input, size);
	text[size] = '\0';
	if (addr_parse(text, &a) == NULL) {
		addr_format(&a, first, sizeof(first));
		assert(strlen(first) < sizeof(first));
		assert(addr_parse(first, &b) == NULL);
		assert(a.kind == b.kind && a.port == b.port);
		assert(strcmp(a.host, b.host) == 0);
		assert(strcmp(a.path, b.path) == 0);
		assert(addr_is_local(&a) == addr_is_local(&b));
		addr_format(&b, second, sizeof(second));
		assert(strcmp(first, second) == 0);
	}
	free(text);
	return 0;
}
