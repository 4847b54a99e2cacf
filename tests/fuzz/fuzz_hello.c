/*
 * fuzz_hello.c - the JSON payloads of a handshake from a stranger.
 *
 * The first byte of the input chooses the decoder. What holds: what a decoder
 * takes, the encoder writes so that it decodes to the same.
 */
#undef NDEBUG
#include "wire/hello.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void
assert_label(const char *text, size_t max)
{
	assert(strlen(text) <= max);
	for (; *text != '\0'; text++)
		assert(*text >= 0x20 && *text <= 0x7e);
}

static void
try_hello(const void *json, size_t len)
{
	char out[HELLO_PAYLOAD_MAX];
	struct hello a, b;

	if (hello_decode(json, len, &a) != NULL)
		return;
	assert(hello_inner_ok(a.inner));
	assert(strlen(a.instance) == HELLO_INSTANCE_SIZE);
	assert_label(a.software, HELLO_SOFTWARE_MAX);
	len = hello_encode(&a, out);
	assert(len > 0 && hello_decode(out, len, &b) == NULL);
	assert(a.role == b.role && a.replace == b.replace);
	assert(a.registers == b.registers);
	assert(a.dialing == b.dialing);
	assert(a.dialing >= 1 && a.dialing <= HELLO_DIALING_MAX);
	assert(strcmp(a.inner, b.inner) == 0);
	assert(strcmp(a.instance, b.instance) == 0);
	assert(strcmp(a.software, b.software) == 0);
	assert(memcmp(a.nonce, b.nonce, sizeof(a.nonce)) == 0);
	assert(a.join == b.join && a.counter == b.counter);
	assert(a.counter <= HELLO_COUNTER_MAX);
	assert(a.join || a.counter == 0);
	assert(!a.join || memcmp(a.proof, b.proof, sizeof(a.proof)) == 0);
}

static void
try_challenge(const void *json, size_t len)
{
	char out[HELLO_PAYLOAD_MAX];
	struct challenge a, b;

	if (challenge_decode(json, len, &a) != NULL)
		return;
	len = challenge_encode(&a, out);
	assert(len > 0 && challenge_decode(out, len, &b) == NULL);
	assert(memcmp(&a, &b, sizeof(a)) == 0);
}

static void
try_auth(const void *json, size_t len)
{
	char out[HELLO_PAYLOAD_MAX];
	struct auth a, b;

	if (auth_decode(json, len, &a) != NULL)
		return;
	len = auth_encode(&a, out);
	assert(len > 0 && auth_decode(out, len, &b) == NULL);
	assert(memcmp(&a, &b, sizeof(a)) == 0);
}

static void
try_welcome(const void *json, size_t len)
{
	char out[HELLO_PAYLOAD_MAX];
	struct welcome a, b;

	if (welcome_decode(json, len, &a) != NULL)
		return;
	assert(a.ping_ms > 0 && a.ping_ms <= 86400000);
	assert_label(a.link, HELLO_LINK_MAX);
	len = welcome_encode(&a, out);
	assert(len > 0 && welcome_decode(out, len, &b) == NULL);
	assert(a.control == b.control);
	assert(a.ping_ms == b.ping_ms && strcmp(a.link, b.link) == 0);
	assert(memcmp(a.proof, b.proof, sizeof(a.proof)) == 0);
}

static void
try_goaway(const void *json, size_t len)
{
	char out[HELLO_PAYLOAD_MAX];
	enum goaway_reason a, b;

	if (goaway_decode(json, len, &a) != NULL)
		return;
	assert(a <= GOAWAY_OTHER);
	len = goaway_encode(a, out);
	assert(len > 0 && goaway_decode(out, len, &b) == NULL && a == b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static void (*const tries[])(const void *, size_t) = {
		try_hello,
		try_challenge,
		try_auth,
		try_welcome,
		try_goaway,
	};

	if (size > 0)
		tries[input[0] % 5](input + 1, size - 1);
	return 0;
}
