/*
 * proof.c - challenge and proof of the shared key, and random bytes.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   wire. See doc/PROTOCOL, "The handshake of a native link".
 */
#include "wire/proof.h"
#include "wire/frame.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

static const char *const labels[] = {
	[PROOF_INNER] = "transponder/1 inner",
	[PROOF_OUTER] = "transponder/1 outer",
};
static const char *const join_labels[] = {
	[PROOF_INNER] = "transponder/1 join",
	[PROOF_OUTER] = "transponder/1 joined",
};
static const char resume_label[] = "transponder/1 resume";

static const uint8_t no_binding[PROOF_BINDING_SIZE];

/* What a proof is made of, one part behind the other. */
struct text {
	uint8_t bytes[192];
	size_t len;
};

static void
put(struct text *text, const void *bytes, size_t len)
{
	memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
}

static void
put_label(struct text *text, const char *label)
{
	put(text, label, strlen(label));
}

static EVP_MAC_CTX *
new_hmac(void)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
		    0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *hmac = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;

	EVP_MAC_free(mac);
	if (hmac == NULL || EVP_MAC_CTX_set_params(hmac, params) == 1)
		return hmac;
	EVP_MAC_CTX_free(hmac);
	return NULL;
}

/* HMAC-SHA256 without a key, made once, as a pattern: to copy it costs half of
 * what it costs to look the algorithms up each time. Nobody writes to it, so
 * that any thread may copy it. NULL: no memory, now. */
static const EVP_MAC_CTX *
hmac_pattern(void)
{
	static _Atomic(EVP_MAC_CTX *) shared;
	EVP_MAC_CTX *pattern = atomic_load(&shared), *first = NULL;

	if (pattern != NULL)
		return pattern;
	pattern = new_hmac();
	if (pattern == NULL ||
	    atomic_compare_exchange_strong(&shared, &first, pattern))
		return pattern;
	EVP_MAC_CTX_free(pattern); /* another thread was first */
	return first;
}

/* HMAC-SHA256 of text. False: no memory; then out is zeroed. */
static bool
hmac(const void *key, size_t key_len, const struct text *text,
    uint8_t out[PROOF_SIZE])
{
	const EVP_MAC_CTX *pattern = hmac_pattern();
	EVP_MAC_CTX *own = pattern != NULL ? EVP_MAC_CTX_dup(pattern) : NULL;
	size_t len = 0;
	bool done = own != NULL && EVP_MAC_init(own, key, key_len, NULL) == 1 &&
	    EVP_MAC_update(own, text->bytes, text->len) == 1 &&
	    EVP_MAC_final(own, out, &len, PROOF_SIZE) == 1 && len == PROOF_SIZE;

	EVP_MAC_CTX_free(own); /* and wipes the key in it */
	if (!done)
		memset(out, 0, PROOF_SIZE);
	return done;
}

bool
proof_make(enum proof_side side, const struct proof_input *input,
    uint8_t out[PROOF_SIZE])
{
	struct text text = { .len = 0 };

	put_label(&text, labels[side]);
	put(&text, input->nonce_inner, PROOF_NONCE_SIZE);
	put(&text, input->nonce_outer, PROOF_NONCE_SIZE);
	put(&text, input->hello_digest, PROOF_SIZE);
	put(&text, input->binding != NULL ? input->binding : no_binding,
	    PROOF_BINDING_SIZE);
	return hmac(input->key, strlen(input->key), &text, out);
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
proof_resume_secret(const char *key,
    const uint8_t nonce_inner[PROOF_NONCE_SIZE],
    const uint8_t nonce_outer[PROOF_NONCE_SIZE], uint8_t secret[PROOF_SIZE])
{
	struct text text = { .len = 0 };

	put_label(&text, resume_label);
	put(&text, nonce_inner, PROOF_NONCE_SIZE);
	put(&text, nonce_outer, PROOF_NONCE_SIZE);
	return hmac(key, strlen(key), &text, secret);
}

bool
join_make(enum proof_side side, const struct join_input *input,
    uint8_t out[PROOF_SIZE])
{
	struct text text = { .len = 0 };
	uint8_t counter[8];

	wire_put_u64(counter, input->counter);
	put_label(&text, join_labels[side]);
	put(&text, counter, sizeof(counter));
	put(&text, input->nonce_inner, PROOF_NONCE_SIZE);
	put(&text, input->binding != NULL ? input->binding : no_binding,
	    PROOF_BINDING_SIZE);
	return hmac(input->secret, PROOF_SIZE, &text, out);
}

bool
join_check(enum proof_side side, const struct join_input *input,
    const uint8_t given[PROOF_SIZE])
{
	uint8_t expected[PROOF_SIZE];
	bool right = join_make(side, input, expected) &&
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
