/*
 * fuzz_register.c - the payloads of REGISTER and REGISTERED.
 *
 * The first byte of the input chooses the decoder. What holds: what a decoder
 * takes is within its bounds, and the encoder writes it so that it decodes to
 * the same, if it fits.
 */
#undef NDEBUG
#include "wire/register.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static char out[REGISTER_PAYLOAD_MAX];

static void
assert_text(const char *text, bool may_be_empty)
{
	size_t len = strlen(text);

	assert(len <= REGISTER_TEXT_MAX && (len > 0 || may_be_empty));
	for (; *text != '\0'; text++)
		assert(*text >= 0x20 && *text <= 0x7e);
}

static void
assert_same(const char *a, const char *b)
{
	assert((a == NULL) == (b == NULL));
	assert(a == NULL || strcmp(a, b) == 0);
}

static void
assert_service(const struct register_service *a,
    const struct register_service *b)
{
	assert(register_name_ok(a->name));
	assert_text(a->target, false);
	if (a->listen != NULL)
		assert_text(a->listen, false);
	assert(a->weight >= 1 && a->weight <= REGISTER_WEIGHT_MAX);
	assert_same(a->name, b->name);
	assert_same(a->target, b->target);
	assert_same(a->listen, b->listen);
	assert(a->weight == b->weight && a->healthy == b->healthy);
}

static void
try_register(const void *json, size_t len)
{
	struct registration a, b;

	if (register_decode(json, len, &a) != NULL) {
		assert(a.block == NULL);
		return;
	}
	assert(a.service_count <= REGISTER_SERVICES_MAX);
	assert(a.allow_count <= REGISTER_ALLOW_MAX);
	len = register_encode(&a, out);
	if (len > 0) {
		assert(register_decode(out, len, &b) == NULL);
		assert(a.service_count == b.service_count);
		assert(a.allow_count == b.allow_count);
		for (size_t i = 0; i < a.service_count; i++)
			assert_service(&a.services[i], &b.services[i]);
		for (size_t i = 0; i < a.allow_count; i++) {
			assert_text(a.allow[i], false);
			assert_same(a.allow[i], b.allow[i]);
		}
		register_free(&b);
	}
	register_free(&a);
}

static void
assert_registered(const struct registered_service *a,
    const struct registered_service *b)
{
	assert(register_name_ok(a->name));
	if (a->error != NULL)
		assert_text(a->error, true);
	if (a->address != NULL)
		assert_text(a->address, false);
	assert(a->error == NULL || (a->id == 0 && a->address == NULL));
	assert_same(a->name, b->name);
	assert(a->id == b->id && (a->error == NULL) == (b->error == NULL));
}

static void
try_registered(const void *json, size_t len)
{
	struct registered a, b;

	if (registered_decode(json, len, &a) != NULL) {
		assert(a.block == NULL);
		return;
	}
	assert(a.service_count <= REGISTER_SERVICES_MAX);
	len = registered_encode(&a, out);
	if (len > 0) {
		assert(registered_decode(out, len, &b) == NULL);
		assert(a.service_count == b.service_count);
		for (size_t i = 0; i < a.service_count; i++)
			assert_registered(&a.services[i], &b.services[i]);
		registered_free(&b);
	}
	registered_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	if (size == 0)
		return 0;
	if (input[0] % 2 == 0)
		try_register(input + 1, size - 1);
	else
		try_registered(input + 1, size - 1);
	return 0;
}
