/*
 * fuzz_cidr.c - a block of addresses as an operator may write it.
 *
 * What holds: what parses has a canonical text that parses to the same, lies
 * in itself, and is an address to the system too; one address that the system
 * takes is one here.
 */
#undef NDEBUG
#include "base/cidr.h"
#include "sys/inet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static bool
system_takes(const char *text)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, text, bytes) == 1 ||
	    inet_pton(AF_INET6, text, bytes) == 1;
}

static void
check_block(char *text, const struct cidr *cidr)
{
	char first[CIDR_TEXT_SIZE], second[CIDR_TEXT_SIZE];
	struct cidr again;

	cidr_format(cidr, first, sizeof(first));
	assert(strlen(first) < sizeof(first) - 1);
	assert(cidr_parse(first, &again) == NULL);
	assert(memcmp(cidr, &again, sizeof(again)) == 0);
	cidr_format(&again, second, sizeof(second));
	assert(strcmp(first, second) == 0);
	assert(cidr_holds(cidr, cidr->family, cidr->bytes));
	assert(!cidr_holds(cidr, 0, cidr->bytes));
	first[strcspn(first, "/")] = text[strcspn(text, "/")] = '\0';
	assert(system_takes(first) && system_takes(text));
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	char *text = malloc(size + 1);
	struct cidr cidr;

	assert(text != NULL);
	memcpy(text, input, size);
	text[size] = '\0';
	if (cidr_parse(text, &cidr) == NULL)
		check_block(text, &cidr);
	else
		assert(!system_takes(text));
	free(text);
	return 0;
}
