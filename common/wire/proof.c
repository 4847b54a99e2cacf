/*
 * proof.c - challenge and proof of the shared key, and random bytes.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   wire. See doc/PROTOCOL, "The handshake of a native link".
 */
#include "wire/proof.h"

#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

static const char *const labels[] = {
	[PROOF_INNER] = "transponder/1 inner",
	[PROOF_OUTER] = "transponder/1 outer",
};
enum { LABEL_SIZE = sizeof("transponder/1 inner") - 1 };

static uint8_t *
put(uint8_t *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

bool
proof_make(enum proof_side side, const struct proof_input *input,
    uint8_t out[PROOF_SIZE])
{
	static const uint8_t no_binding[PROOF_BINDING_SIZE];
	uint8_t text[LABEL_SIZE + 2 * PROOF_NONCE_SIZE + PROOF_SIZE +
	    PROOF_BINDING_SIZE];
	size_t key_len = strlen(input->key);
	uint8_t *at = text;

	at = put(at, labels[side], LABEL_SIZE);
	at = put(at, input->nonce_inner, PROOF_NONCE_SIZE);
	at = put(at, input->nonce_outer, PROOF_NONCE_SIZE);
	at = put(at, input->hello_digest, PROOF_SIZE);
	put(at, input->binding != NULL ? input->binding : no_binding,
	    PROOF_BINDING_SIZE);
	if (key_len <= INT_MAX &&
	    HMAC(EVP_sha256(), input->key, (int)key_len, text, sizeof(text),
		out, NULL) != NULL)
		return true;
	memset(out, 0, PROOF_SIZE);
	return false;
}

bool
proof_check(enum proof_side side, const struct proof_input *input,
    const uint8_t given[PROOF_SIZE])
{
	uint8_t expected[PROOF_SIZE];
	bool right = proof_make(side, input, expected) &&
	    proof_equal(expected, given, PROOF_SIZE);

	proof_forget(expected, sizeof(expected));
	return right;
}

bool
proof_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

bool
proof_digest(const void *bytes, size_t len, uint8_t out[PROOF_SIZE])
{
	return EVP_Digest(bytes, len, out, NULL, EVP_sha256(), NULL) == 1;
}

bool
proof_random(void *out, size_t len)
{
	return len <= INT_MAX && RAND_bytes(out, (int)len) == 1;
}

void
proof_forget(void *secret, size_t len)
{
	OPENSSL_cleanse(secret, len);
}
