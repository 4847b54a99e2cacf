/*
 * fuzz_signal48.c - classic signals from a stranger, and any key.
 *
 * What holds: fewer than 48 bytes are never a signal; bytes behind the 48th
 * change nothing; a key that may travel comes out as it went in.
 */
#undef NDEBUG
#include "wire/signal48.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void
there_and_back(enum signal48_type type, const char *ext)
{
	char out[SIGNAL48_SIZE];
	struct signal48 signal;
	const char *why;

	signal48_encode(type, ext, out);
	assert(signal48_decode((const uint8_t *)out, sizeof(out), &signal,
		   &why) == WIRE_OK);
	assert(signal.type == type && strcmp(signal.ext, ext) == 0);
}

/* Decodes a copy that ends where its memory ends. */
static enum wire_result
decode_copy(const uint8_t *bytes, size_t len, struct signal48 *signal)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	const char *why = NULL;
	enum wire_result got;

	assert(copy != NULL);
	memcpy(copy, bytes, len);
	got = signal48_decode(copy, len, signal, &why);
	assert(got != WIRE_BAD || why != NULL);
	free(copy);
	return got;
}

static void
try_stream(const uint8_t *input, size_t size)
{
	struct signal48 signal, again;
	enum wire_result got = decode_copy(input, size, &signal);
	size_t len;

	for (len = 0; len < size && len < SIGNAL48_SIZE; len++)
		assert(decode_copy(input, len, &again) != WIRE_OK);
	if (size < SIGNAL48_SIZE)
		assert(got != WIRE_OK);
	else
		assert(decode_copy(input, SIGNAL48_SIZE, &again) == got);
	if (got != WIRE_OK)
		return;
	len = strlen(signal.ext);
	assert(len <= SIGNAL48_EXT_MAX);
	assert(len == 0 || signal.ext[len - 1] != ' ');
	if (len == 0 || signal48_key_problem(signal.ext) == NULL)
		there_and_back(signal.type, signal.ext);
}

static void
try_key(const uint8_t *input, size_t size)
{
	char *key = malloc(size + 1);

	assert(key != NULL);
	memcpy(key, input, size);
	key[size] = '\0';
	if (signal48_key_problem(key) == NULL)
		there_and_back(SIGNAL48_AUTH, key);
	free(key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	try_stream(input, size);
	try_key(input, size);
	return 0;
}
