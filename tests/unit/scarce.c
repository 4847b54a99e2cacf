/*
 * scarce.c - memory that the TLS library does not get when a test says so.
 */
#include "tests/unit/scarce.h"

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

static atomic_bool fail_next;

static void *
get(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return atomic_exchange(&fail_next, false) ? NULL : malloc(size);
}

static void *
get_more(void *memory, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return atomic_exchange(&fail_next, false) ? NULL
						  : realloc(memory, size);
}

static void
give_back(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	free(memory);
}

void
scarce_prepare(void)
{
	(void)CRYPTO_set_mem_functions(get, get_more, give_back);
}

void
scarce_fail_next(void)
{
	atomic_store(&fail_next, true);
}
