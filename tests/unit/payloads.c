/*
 * payloads.c - JSON payloads of frames as doc/PROTOCOL has them.
 */
#include "tests/unit/payloads.h"
#include "tests/unit/suites.h"
#include "base/str.h"

#include <string.h>

void
assert_payload(const struct payload *want, const char *got, size_t len)
{
	char hex[2 * FRAME_HEADER_SIZE + 1];
	uint8_t header[FRAME_HEADER_SIZE];

	ck_assert_uint_eq(len, strlen(want->json));
	ck_assert_mem_eq(got, want->json, len);
	frame_encode_header(header, want->type, (uint32_t)len);
	hex_encode(header, sizeof(header), hex);
	ck_assert_str_eq(hex, want->header);
}

void
assert_whole(const struct payload *payload)
{
	const size_t whole = strlen(payload->json);

	for (size_t len = 0; len < whole; len++)
		ck_assert_ptr_nonnull(payload->decode(payload->json, len));
	ck_assert_ptr_null(payload->decode(payload->json, whole));
}
