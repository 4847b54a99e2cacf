/*
 * test_proof.c - proofs of the key, held against fixed vectors.
 *
 * The values stand in doc/PROTOCOL, "Test vectors", and were computed with
 * another implementation of HMAC and SHA-256.
 */
#include "base/str.h"
#include "tests/unit/suites.h"
#include "wire/proof.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define KEY "correct horse battery staple"
#define HELLO \
	"{\"role\":\"standby\",\"inner\":\"edge-1\"," \
	"\"instance\":\"0123456789abcdef\",\"nonce\":\"00010203040506070809" \
	"0a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"," \
	"\"software\":\"transponder/1.0\"}"
#define HELLO_SHA256 \
	"bb0172327f9f3f1498906b9816fe1496513d9ad3af61c05a13c885509f0634b1"
#define TEN_KS "kkkkkkkkkk"
#define HUNDRED_KS \
	TEN_KS TEN_KS TEN_KS TEN_KS TEN_KS TEN_KS TEN_KS TEN_KS TEN_KS TEN_KS

/* One handshake's knowledge, each part with a copy that a test may change. */
struct known {
	char key[256];
	uint8_t nonce_inner[32], nonce_outer[32], digest[32], binding[32];
	struct proof_input input;
};

static void
know(struct known *k)
{
	str_copy(k->key, sizeof(k->key), KEY);
	for (int i = 0; i < 32; i++) {
		k->nonce_inner[i] = (uint8_t)i;
		k->nonce_outer[i] = (uint8_t)(32 + i);
		k->binding[i] = (uint8_t)(0xa0 + i);
	}
	ck_assert(proof_digest(HELLO, strlen(HELLO), k->digest));
	k->input = (struct proof_input){ k->key, k->nonce_inner, k->nonce_outer,
		k->digest, NULL };
}

static const struct {
	const char *name;
	enum proof_side side;
	const char *key;
	bool tls;
	const char *want;
} vectors[] = {
	{ "inner", PROOF_INNER, KEY, false,
	    "f12a47a4ec32080f3d43ab8f7034774991241dedcc90f3019efcdf18384b16c4" },
	{ "outer", PROOF_OUTER, KEY, false,
	    "09de5bd2979b382c3b4d816531bb2a8c82e3f94a7cce4e685db33ea483f09975" },
	{ "inner over TLS", PROOF_INNER, KEY, true,
	    "defa69c9c923c1a71254abb8833ca062e44f42f82ffdf2b053f8d3b21e128f55" },
	{ "outer over TLS", PROOF_OUTER, KEY, true,
	    "c27435f696197e179d9e2de620dd551f11756d4a26a277c557b3a876be0adc21" },
	{ "a key of one byte", PROOF_OUTER, "k", false,
	    "24816efd6e9df2f8bf3cd1c862148dc7a80c6671f620538a2aa86c3d3fa37397" },
	{ "a key longer than SHA-256's block", PROOF_INNER,
	    HUNDRED_KS HUNDRED_KS, false,
	    "0663b2a248f242d1623bb09a69db3b0e1e21702cd02d7a90d2b59f94a905d03e" },
};

START_TEST(vector)
{
	struct known k;
	uint8_t proof[PROOF_SIZE];
	char hex[2 * PROOF_SIZE + 1];

	know(&k);
	str_copy(k.key, sizeof(k.key), vectors[_i].key);
	k.input.binding = vectors[_i].tls ? k.binding : NULL;
	ck_assert(proof_make(vectors[_i].side, &k.input, proof));
	hex_encode(proof, sizeof(proof), hex);
	ck_assert_str_eq(hex, vectors[_i].want);
	ck_assert(proof_check(vectors[_i].side, &k.input, proof));
	ck_assert(!proof_check(!vectors[_i].side, &k.input, proof));
}
END_TEST

/* No TLS is 32 zero bytes, not none. */
START_TEST(binding_of_zeros)
{
	static const uint8_t zeros[PROOF_BINDING_SIZE];
	struct known k;
	uint8_t proof[PROOF_SIZE];

	know(&k);
	ck_assert(proof_make(PROOF_INNER, &k.input, proof));
	k.input.binding = zeros;
	ck_assert(proof_check(PROOF_INNER, &k.input, proof));
}
END_TEST

/* An empty key is a key as any other here: the configuration refuses it. */
START_TEST(empty_key)
{
	struct known k;
	uint8_t proof[PROOF_SIZE];

	know(&k);
	k.key[0] = '\0';
	ck_assert(proof_make(PROOF_INNER, &k.input, proof));
	ck_assert(proof_check(PROOF_INNER, &k.input, proof));
	k.key[0] = 'k';
	k.key[1] = '\0';
	ck_assert(!proof_check(PROOF_INNER, &k.input, proof));
}
END_TEST

/* Each single bit of a proof counts. */
START_TEST(any_bit_wrong)
{
	struct known k;
	uint8_t proof[PROOF_SIZE];

	know(&k);
	ck_assert(proof_make(PROOF_INNER, &k.input, proof));
	proof[_i / 8] ^= (uint8_t)(1 << _i % 8);
	ck_assert(!proof_check(PROOF_INNER, &k.input, proof));
}
END_TEST

/* Each thing that went into a proof counts, to its last byte. */
START_TEST(any_input_changed)
{
	struct known k;
	uint8_t proof[PROOF_SIZE];
	uint8_t *parts[] = { k.nonce_inner, k.nonce_outer, k.digest,
		k.binding };

	know(&k);
	k.input.binding = k.binding;
	ck_assert(proof_make(PROOF_OUTER, &k.input, proof));
	for (size_t i = 0; i < COUNT(parts); i++)
		for (size_t at = 0; at < 32; at += 31) {
			parts[i][at] ^= 1;
			ck_assert(!proof_check(PROOF_OUTER, &k.input, proof));
			parts[i][at] ^= 1;
		}
	k.input.binding = NULL;
	ck_assert(!proof_check(PROOF_OUTER, &k.input, proof));
	k.input.binding = k.binding;
	k.key[strlen(KEY) - 1] ^= 1;
	ck_assert(!proof_check(PROOF_OUTER, &k.input, proof));
	k.key[strlen(KEY) - 1] ^= 1;
	ck_assert(proof_check(PROOF_OUTER, &k.input, proof));
}
END_TEST

static const struct {
	const char *text, *want;
} digests[] = {
	{ "",
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "abc", /* FIPS 180-4 */
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ HELLO, HELLO_SHA256 },
};

START_TEST(digest)
{
	uint8_t out[PROOF_SIZE];
	char hex[2 * PROOF_SIZE + 1];

	ck_assert(
	    proof_digest(digests[_i].text, strlen(digests[_i].text), out));
	hex_encode(out, sizeof(out), hex);
	ck_assert_str_eq(hex, digests[_i].want);
}
END_TEST

static const struct {
	const char *name, *a, *b;
	size_t len;
	bool want;
} pairs[] = {
	{ "nothing", "a", "b", 0, true },
	{ "same", "secret", "secret", 6, true },
	{ "first byte", "Secret", "secret", 6, false },
	{ "last byte", "secreT", "secret", 6, false },
	{ "behind a NUL", "a\0b", "a\0c", 3, false },
	{ "behind the length", "secreT", "secret", 5, true },
};

START_TEST(equal)
{
	ck_assert_msg(proof_equal(pairs[_i].a, pairs[_i].b, pairs[_i].len) ==
		pairs[_i].want,
	    "%s", pairs[_i].name);
}
END_TEST

/* Every byte is drawn, none beyond the length, and no two draws agree. */
START_TEST(random_bytes)
{
	uint8_t drawn[34] = { 0 }, ever[34] = { 0 }, before[34] = { 0 };

	for (int round = 0; round < 32; round++) {
		ck_assert(proof_random(drawn + 1, 32));
		ck_assert_mem_ne(drawn, before, sizeof(drawn));
		memcpy(before, drawn, sizeof(drawn));
		for (size_t i = 0; i < sizeof(drawn); i++)
			ever[i] |= drawn[i];
	}
	for (size_t i = 1; i <= 32; i++)
		ck_assert_uint_ne(ever[i], 0);
	ck_assert_uint_eq(ever[0] | ever[33], 0);
	ck_assert(proof_random(drawn, 0));
}
END_TEST

/* --- quick join ---------------------------------------------------------- */

static const struct {
	const char *name;
	enum proof_side side;
	uint64_t counter;
	bool tls;
	const char *want;
} joins[] = {
	{ "join", PROOF_INNER, 7, false,
	    "f906f799581441f948739df8236ab630bc44c187ed8c56009c78973e08176418" },
	{ "join over TLS", PROOF_INNER, 7, true,
	    "13e7b41d708dca939122b19b6d72693f6cd632630c3a825732c61df611042806" },
	{ "join, the last counter", PROOF_INNER, (UINT64_C(1) << 53) - 1, false,
	    "272aa588081f0d6d64553dcd539b35cd6007f7ee62daf658f94b1a5424c5bfd2" },
	{ "joined", PROOF_OUTER, 7, false,
	    "d554cf94df6a265d268ac0b6ca6a1aec30ef693824314bc463f8f53ff702707b" },
	{ "joined over TLS", PROOF_OUTER, 7, true,
	    "94d1020ef06bdc48692b51c8c96ab7f9a185e7eb21698f4100a39e5a96285f76" },
	{ "joined, the last counter", PROOF_OUTER, (UINT64_C(1) << 53) - 1,
	    false,
	    "17085ea4f0c4ddc82ec8d08ef6ab8db0b6482ebb9fb231ada005ef38da79bcc7" },
};

/* One quick join's knowledge, each part with a copy that a test may change. */
struct joining {
	uint8_t secret[32], nonce[32], binding[32];
	struct join_input input;
};

static void
know_join(struct joining *j)
{
	struct known k;

	know(&k);
	ck_assert(
	    proof_resume_secret(KEY, k.nonce_inner, k.nonce_outer, j->secret));
	for (int i = 0; i < 32; i++)
		j->nonce[i] = (uint8_t)(0x40 + i);
	memcpy(j->binding, k.binding, 32);
	j->input = (struct join_input){ j->secret, 7, j->nonce, NULL };
}

START_TEST(resume_secret)
{
	struct known k;
	uint8_t secret[PROOF_SIZE], other[PROOF_SIZE];
	char hex[2 * PROOF_SIZE + 1];

	know(&k);
	ck_assert(
	    proof_resume_secret(KEY, k.nonce_inner, k.nonce_outer, secret));
	hex_encode(secret, sizeof(secret), hex);
	ck_assert_str_eq(hex,
	    "c3ed36d709134832822bccd805e5b08b"
	    "f00cccae4f1e4e1b0ccf0399aca3b85c");
	ck_assert(
	    proof_resume_secret("other", k.nonce_inner, k.nonce_outer, other));
	ck_assert_mem_ne(secret, other, sizeof(secret));
	k.nonce_inner[31] ^= 1;
	ck_assert(
	    proof_resume_secret(KEY, k.nonce_inner, k.nonce_outer, other));
	ck_assert_mem_ne(secret, other, sizeof(secret));
	k.nonce_inner[31] ^= 1;
	k.nonce_outer[31] ^= 1;
	ck_assert(
	    proof_resume_secret(KEY, k.nonce_inner, k.nonce_outer, other));
	ck_assert_mem_ne(secret, other, sizeof(secret));
}
END_TEST

START_TEST(join_vector)
{
	struct joining j;
	uint8_t proof[PROOF_SIZE];
	char hex[2 * PROOF_SIZE + 1];

	know_join(&j);
	j.input.counter = joins[_i].counter;
	j.input.binding = joins[_i].tls ? j.binding : NULL;
	ck_assert(join_make(joins[_i].side, &j.input, proof));
	hex_encode(proof, sizeof(proof), hex);
	ck_assert_str_eq(hex, joins[_i].want);
	ck_assert(join_check(joins[_i].side, &j.input, proof));
	ck_assert(!join_check(!joins[_i].side, &j.input, proof));
}
END_TEST

/* Each thing that went into it counts, to its last byte, and each bit of it. */
START_TEST(join_any_change)
{
	struct joining j;
	uint8_t proof[PROOF_SIZE];
	uint8_t *parts[] = { j.secret, j.nonce, j.binding, proof };

	know_join(&j);
	j.input.binding = j.binding;
	ck_assert(join_make(PROOF_INNER, &j.input, proof));
	for (size_t i = 0; i < COUNT(parts); i++)
		for (size_t at = 0; at < 32; at++) {
			parts[i][at] ^= 1;
			ck_assert(!join_check(PROOF_INNER, &j.input, proof));
			parts[i][at] ^= 1;
		}
	for (int bit = 0; bit < 64; bit++) {
		j.input.counter ^= UINT64_C(1) << bit;
		ck_assert(!join_check(PROOF_INNER, &j.input, proof));
		j.input.counter ^= UINT64_C(1) << bit;
	}
	j.input.binding = NULL;
	ck_assert(!join_check(PROOF_INNER, &j.input, proof));
	j.input.binding = j.binding;
	ck_assert(join_check(PROOF_INNER, &j.input, proof));
}
END_TEST

START_TEST(forget)
{
	static const uint8_t zeros[8];
	uint8_t secret[10] = "0123456789";

	proof_forget(secret + 1, 8);
	ck_assert_mem_eq(secret + 1, zeros, 8);
	ck_assert_int_eq(secret[0], '0');
	ck_assert_int_eq(secret[9], '9');
}
END_TEST

Suite *
proof_suite(void)
{
	Suite *suite = suite_create("proof");
	TCase *tc = tcase_create("proof");

	tcase_add_loop_test(tc, vector, 0, COUNT(vectors));
	tcase_add_test(tc, binding_of_zeros);
	tcase_add_test(tc, empty_key);
	tcase_add_loop_test(tc, any_bit_wrong, 0, 8 * PROOF_SIZE);
	tcase_add_test(tc, any_input_changed);
	tcase_add_loop_test(tc, digest, 0, COUNT(digests));
	tcase_add_loop_test(tc, equal, 0, COUNT(pairs));
	tcase_add_test(tc, random_bytes);
	tcase_add_test(tc, resume_secret);
	tcase_add_loop_test(tc, join_vector, 0, COUNT(joins));
	tcase_add_test(tc, join_any_change);
	tcase_add_test(tc, forget);
	suite_add_tcase(suite, tc);
	return suite;
}
