/* proof.h - challenge and proof of the shared key, and random bytes. The only
 * place that knows OpenSSL's digests. Floor: wire. Source: doc/PROTOCOL, "The
 * handshake of a native link"; HMAC: RFC 2104, SHA-256: FIPS 180-4. */
#ifndef WIRE_PROOF_H
#define WIRE_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROOF_SIZE = 32, PROOF_NONCE_SIZE = 32, PROOF_BINDING_SIZE = 32 };

enum proof_side { PROOF_INNER, PROOF_OUTER };

/* What both sides know when a proof is made. All borrowed for the call. */
struct proof_input {
	const char *key;
	const uint8_t *nonce_inner;  /* PROOF_NONCE_SIZE bytes */
	const uint8_t *nonce_outer;  /* PROOF_NONCE_SIZE bytes */
	const uint8_t *hello_digest; /* SHA-256 of the HELLO payload */
	const uint8_t *binding;	     /* NULL: not TLS, 32 zero bytes */
};

/* Writes the proof that side gives. Returns false when OpenSSL has no memory;
 * then out is zeroed and must not be used. */
bool proof_make(enum proof_side side, const struct proof_input *input,
    uint8_t out[PROOF_SIZE]);

/* Whether given is the proof of side, compared in constant time. */
bool proof_check(enum proof_side side, const struct proof_input *input,
    const uint8_t given[PROOF_SIZE]);

/*
 * Quick join: the secret that both sides keep of an instance's first full
 * handshake, from its key and the two nonces of that handshake. Returns false
 * when OpenSSL has no memory; then secret is zeroed and must not be used.
 */
bool proof_resume_secret(const char *key,
    const uint8_t nonce_inner[PROOF_NONCE_SIZE],
    const uint8_t nonce_outer[PROOF_NONCE_SIZE], uint8_t secret[PROOF_SIZE]);

/* What both sides know when a link joins by a counter. Borrowed likewise. */
struct join_input {
	const uint8_t *secret; /* PROOF_SIZE bytes */
	uint64_t counter;
	const uint8_t *nonce_inner; /* of this link: PROOF_NONCE_SIZE bytes */
	const uint8_t *binding;	    /* NULL: not TLS, 32 zero bytes */
};

/* The proof of the inner stands in HELLO, that of the outer in WELCOME.
 * Returns as proof_make does. */
bool join_make(enum proof_side side, const struct join_input *input,
    uint8_t out[PROOF_SIZE]);

/* Whether given is the proof of side, compared in constant time. */
bool join_check(enum proof_side side, const struct join_input *input,
    const uint8_t given[PROOF_SIZE]);

/* Whether two secrets of len bytes are the same, in constant time. */
bool proof_equal(const void *a, const void *b, size_t len);

/* SHA-256 of len bytes. Returns false when OpenSSL has no memory. */
bool proof_digest(const void *bytes, size_t len, uint8_t out[PROOF_SIZE]);

/* Fills len bytes from the system's cryptographic generator. Returns false
 * when that has none to give: then the caller gives up what it was doing. */
bool proof_random(void *out, size_t len);

/* Overwrites a secret so that the compiler cannot leave that out. */
void proof_forget(void *secret, size_t len);

#endif
