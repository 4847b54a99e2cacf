/*
 * fuzz_jwt.c - a JSON Web Token, as a caller of the API may send it.
 *
 * Two lines are a header and claims, signed here, so that what is behind the
 * signature is seen too; anything else is a token as it is. What holds: one
 * that is good is signed with the key by HS256, by our own HMAC, is good by its
 * times, and is not with another key; one that is not says why.
 */
#undef NDEBUG
#include "ops/httpd_jwt.h"

#include <assert.h>
#include <jansson.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

enum { NOW = 1700000000, DIGEST = 32 };

static const char key[] = "jwt-key-of-the-tests-0123456789ab";
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789-_";

/* Adds it to text in base64url. */
static void
encode(char *text, const uint8_t *bytes, size_t len)
{
	uint32_t held = 0;
	unsigned bits = 0;

	text += strlen(text);
	for (size_t i = 0; i < len; i++) {
		held = (held << 8) | bytes[i];
		for (bits += 8; bits >= 6; bits -= 6)
			*text++ = digits[(held >> (bits - 6)) & 63];
	}
	if (bits > 0)
		*text++ = digits[(held << (6 - bits)) & 63];
	*text = '\0';
}

/* As text; in a block of its own. */
static char *
decode(const char *text, size_t len, size_t *out_len)
{
	char *out = malloc(len + 1), *at = out;
	uint32_t held = 0;
	unsigned bits = 0;

	assert(out != NULL);
	for (size_t i = 0; i < len; i++) {
		const char *digit = memchr(digits, text[i], 64);

		assert(digit != NULL);
		held = (held << 6) | (uint32_t)(digit - digits);
		if ((bits += 6) >= 8)
			*at++ = (char)(held >> (bits -= 8));
	}
	*at = '\0';
	*out_len = (size_t)(at - out);
	return out;
}

static void
sign(const char *text, size_t len, uint8_t out[DIGEST])
{
	assert(HMAC(EVP_sha256(), key, (int)strlen(key),
		   (const unsigned char *)text, len, out, NULL) != NULL);
}

static char *
signed_token(const uint8_t *header, size_t len, const uint8_t *claims,
    size_t claims_len)
{
	char *token = calloc(1, 2 * (len + claims_len) + 100);
	uint8_t digest[DIGEST];

	assert(token != NULL);
	encode(token, header, len);
	strcat(token, ".");
	encode(token, claims, claims_len);
	sign(token, strlen(token), digest);
	strcat(token, ".");
	encode(token, digest, sizeof(digest));
	return token;
}

static json_t *
object_of(const char *text, size_t len)
{
	char *decoded = decode(text, len, &len);
	json_t *object = json_loads(decoded, 0, NULL);

	free(decoded);
	assert(json_is_object(object));
	return object;
}

static void
check_times(const json_t *claims)
{
	const json_t *until = json_object_get(claims, "exp");
	const json_t *from = json_object_get(claims, "nbf");

	assert(until == NULL ||
	    (json_is_integer(until) && json_integer_value(until) > NOW));
	assert(from == NULL ||
	    (json_is_integer(from) && json_integer_value(from) > 0 &&
		json_integer_value(from) <= NOW));
}

static void
check_good(const char *token)
{
	const char *claims = strchr(token, '.') + 1;
	const char *signature = strchr(claims, '.') + 1;
	json_t *header = object_of(token, (size_t)(claims - 1 - token));
	json_t *body = object_of(claims, (size_t)(signature - 1 - claims));
	uint8_t digest[DIGEST];
	const char *why;
	size_t len;
	char *given = decode(signature, strlen(signature), &len);

	sign(token, (size_t)(signature - 1 - token), digest);
	assert(len == DIGEST && memcmp(given, digest, DIGEST) == 0);
	assert(strcasecmp(json_string_value(json_object_get(header, "alg")),
		   "HS256") == 0);
	check_times(body);
	assert(!httpd_jwt_good(token, "another key", NOW, &why));
	free(given);
	json_decref(header);
	json_decref(body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	const uint8_t *end = size > 0 ? memchr(input, '\n', size) : NULL;
	const char *why = NULL;
	char *token;

	if (end != NULL) {
		size_t len = (size_t)(end - input);

		token = signed_token(input, len, end + 1, size - len - 1);
	} else {
		token = calloc(1, size + 1);
		assert(token != NULL);
		if (size > 0)
			memcpy(token, input, size);
	}
	if (httpd_jwt_good(token, key, NOW, &why))
		check_good(token);
	else
		assert(why != NULL && why[0] != '\0');
	free(token);
	return 0;
}
