/*
 * fuzz_frame.c - a stream of native frames from a stranger.
 *
 * The first byte of the input says in what pieces the rest comes and which
 * limit is on. What holds: the pieces change nothing; no more is asked for
 * than the limit allows; what was decoded encodes to the same bytes.
 */
#undef NDEBUG
#include "wire/frame.h"
#include "wire/request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static bool
printable(const uint8_t *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return true;
}

/* A payload of fixed bytes and a text: only printable text comes back. */
static void
assert_text(const struct frame *f, size_t fixed, const char *text,
    const uint8_t *again, size_t again_len)
{
	size_t len = f->length - fixed;

	assert(printable((const uint8_t *)text, strlen(text)));
	assert(memcmp(again, f->payload, fixed) == 0);
	if (len > FRAME_TEXT_MAX || !printable(f->payload + fixed, len))
		return;
	assert(again_len == f->length);
	assert(memcmp(again, f->payload, again_len) == 0);
}

static void
try_request(const uint8_t *bytes, size_t len)
{
	uint8_t again[REQUEST_MAX];
	char client[REQUEST_CLIENT_SIZE];
	struct request request;

	if (request_decode(bytes, len, &request) != NULL)
		return;
	assert(request_encode(&request, again) == len);
	assert(memcmp(again, bytes, len) == 0);
	request_client_text(&request, client);
	assert(strlen(client) >= 4 && strlen(client) < sizeof(client) - 1);
}

static void
try_payload(const struct frame *f)
{
	uint8_t out[REFUSED_MAX];
	char text[FRAME_TEXT_MAX + 1];
	struct refusal refusal;
	const uint8_t *early;
	uint64_t session;
	uint16_t code;
	size_t len;

	if (f->type == FRAME_FORWARD)
		try_request(f->payload, f->length);
	if (f->type == FRAME_READY && ready_decode(f, &session)) {
		assert(ready_encode(out, session) == f->length);
		assert(memcmp(out, f->payload, f->length) == 0);
	}
	if (f->type == FRAME_REFUSED && refused_decode(f, &refusal)) {
		len = refused_encode(out, refusal.session,
		    (enum wire_code)refusal.code, refusal.text);
		assert_text(f, 10, refusal.text, out, len);
	}
	if (f->type == FRAME_ERROR && error_decode(f, &code, text)) {
		len = error_encode(out, (enum wire_code)code, text);
		assert_text(f, 2, text, out, len);
	}
	if (f->type == FRAME_EARLY && early_decode(f, &session, &early, &len))
		assert(early == f->payload + 8 && len == f->length - 8 &&
		    len <= FRAME_EARLY_MAX);
}

/* Decodes a copy that ends where its memory ends. */
static enum wire_result
decode_copy(const uint8_t *bytes, size_t len, uint32_t max, size_t *size)
{
	uint8_t *copy = malloc(len > 0 ? len : 1), head[FRAME_HEADER_SIZE];
	enum wire_code code = 0;
	enum wire_result got;
	const char *why = NULL;
	struct frame f;
	size_t need = 0;

	assert(copy != NULL);
	memcpy(copy, bytes, len);
	got = frame_decode(copy, len, max, &f, &need, &why, &code);
	if (got == WIRE_MORE)
		assert(need > len && need <= FRAME_HEADER_SIZE + (size_t)max);
	if (got == WIRE_BAD)
		assert(why != NULL &&
		    (code == CODE_PROTOCOL || code == CODE_VERSION));
	if (got == WIRE_OK) {
		*size = FRAME_HEADER_SIZE + (size_t)f.length;
		assert(*size <= len && f.length <= max);
		assert(frame_type_name(f.type)[0] != '?');
		frame_encode_header(head, f.type, f.length);
		assert(memcmp(head, bytes, sizeof(head)) == 0);
		try_payload(&f);
	}
	free(copy);
	return got;
}

/* Takes one frame as it grows by step bytes; returns its size, 0 at the end. */
static size_t
take_frame(const uint8_t *bytes, size_t len, uint32_t max, size_t step)
{
	enum wire_result got = WIRE_MORE, whole;
	size_t have = 0, size = 0, whole_size = 0;

	whole = decode_copy(bytes, len, max, &whole_size);
	while (got == WIRE_MORE && have < len) {
		have = len - have > step ? have + step : len;
		got = decode_copy(bytes, have, max, &size);
	}
	assert(got == whole && size == whole_size);
	return size;
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	uint32_t max = FRAME_MAX_BEFORE_AUTH;
	size_t step, at = 0, taken = 1;

	if (size < 2)
		return 0;
	if (input[0] & 0x80)
		max = FRAME_MAX_AFTER_AUTH;
	step = 1 + (input[0] & 0x7f);
	input++;
	size--;
	try_request(input, size);
	while (at < size && taken > 0) {
		taken = take_frame(input + at, size - at, max, step);
		at += taken;
	}
	return 0;
}
