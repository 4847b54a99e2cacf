/*
 * fuzz_proxyproto.c - the PROXY header that a proxy may send.
 *
 * What holds: whoever waits for the bytes that are asked for gets on, and
 * needs no more than the bound; a header is the same with other bytes behind
 * it, and each part of it waits for more; what it tells can be written and
 * read again.
 */
#undef NDEBUG
#include "wire/proxyproto.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

/* Decodes a copy that ends where its memory ends. The service is not looked
 * at: it would be in the copy. */
static enum wire_result
decode(const uint8_t *bytes, size_t len, struct proxyproto *proxy, size_t *size)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	const char *why = NULL;
	enum wire_result got;

	assert(copy != NULL);
	if (len > 0)
		memcpy(copy, bytes, len);
	*size = 0;
	got = proxyproto_decode(copy, len, proxy, size, &why);
	assert(got != WIRE_BAD || why != NULL);
	assert(got != WIRE_MORE || *size > len);
	assert(got != WIRE_OK || *size <= len);
	assert(got == WIRE_BAD || *size <= PROXYPROTO_V2_MAX);
	if (got == WIRE_OK && proxy->service != NULL) {
		assert(proxy->service >= copy);
		assert(proxy->service + proxy->service_len <= copy + *size);
		proxy->service = NULL;
	}
	free(copy);
	return got;
}

static bool
same_end(const struct proxyproto_end *a, const struct proxyproto_end *b)
{
	return a->family == b->family && a->port == b->port &&
	    memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static void
check_again(const struct proxyproto *proxy, const uint8_t *bytes, size_t len)
{
	struct proxyproto again;
	size_t size;

	assert(decode(bytes, len, &again, &size) == WIRE_OK && size == len);
	assert(same_end(&again.client, &proxy->client));
	assert(same_end(&again.public, &proxy->public));
}

static void
check_written(const struct proxyproto *proxy)
{
	uint8_t out[PROXYPROTO_ENCODED_MAX];
	struct request request = { .protocol = proxy->protocol };

	if (proxy->client.family != proxy->public.family)
		return;
	request.family = (enum request_family)proxy->client.family;
	request.client_port = proxy->client.port;
	request.public_port = proxy->public.port;
	memcpy(request.client_addr, proxy->client.bytes, 16);
	memcpy(request.public_addr, proxy->public.bytes, 16);
	check_again(proxy, out, proxyproto_encode_v2(&request, "name", out));
	if (proxy->protocol == REQUEST_TCP)
		check_again(proxy, out, proxyproto_encode_v1(&request, out));
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct proxyproto proxy, part;
	size_t length, need;
	enum wire_result got = decode(input, size, &proxy, &length);

	for (size_t cut = 0; cut < size; cut += 1 + size / 300) {
		enum wire_result early = decode(input, cut, &part, &need);

		if (got == WIRE_MORE)
			assert(early == WIRE_MORE);
		else if (got == WIRE_OK)
			assert(early == (cut < length ? WIRE_MORE : WIRE_OK));
		if (early == WIRE_MORE && got == WIRE_OK)
			assert(need <= length);
	}
	if (got != WIRE_OK)
		return 0;
	assert((proxy.client.family == 0) == (proxy.public.family == 0));
	check_again(&proxy, input, length);
	check_written(&proxy);
	return 0;
}
