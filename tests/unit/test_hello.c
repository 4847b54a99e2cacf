/*
 * test_hello.c - what is a JSON payload of the handshake or of GOAWAY, and what
 * is none.
 *
 * The bytes of `vectors` are those of doc/PROTOCOL, "Test vectors".
 */
#include "base/str.h"
#include "tests/unit/payloads.h"
#include "tests/unit/suites.h"
#include "tests/unit/test_hello.h"
#include "wire/frame.h"

#include <string.h>

static size_t
make_hello(char out[HELLO_PAYLOAD_MAX])
{
	return hello_encode(&hello_sample, out);
}

static size_t
make_hello_join(char out[HELLO_PAYLOAD_MAX])
{
	struct hello h = hello_sample;

	h.join = true;
	h.counter = 7;
	ck_assert(hex_decode(NONCE_JOIN, h.nonce, sizeof(h.nonce)));
	ck_assert(hex_decode(PROOF_JOIN, h.proof, sizeof(h.proof)));
	return hello_encode(&h, out);
}

static size_t
make_challenge(char out[HELLO_PAYLOAD_MAX])
{
	struct challenge c;

	ck_assert(hex_decode(NONCE_OUTER, c.nonce, sizeof(c.nonce)));
	return challenge_encode(&c, out);
}

static size_t
make_auth(char out[HELLO_PAYLOAD_MAX])
{
	struct auth auth;

	ck_assert(hex_decode(PROOF_A, auth.proof, sizeof(auth.proof)));
	return auth_encode(&auth, out);
}

static size_t
make_welcome(char out[HELLO_PAYLOAD_MAX])
{
	struct welcome w = { .link = "42", .ping_ms = 10000 };

	ck_assert(hex_decode(PROOF_B, w.proof, sizeof(w.proof)));
	return welcome_encode(&w, out);
}

static size_t
make_welcome_joined(char out[HELLO_PAYLOAD_MAX])
{
	struct welcome w = { .link = "43", .ping_ms = 10000 };

	ck_assert(hex_decode(PROOF_JOINED, w.proof, sizeof(w.proof)));
	return welcome_encode(&w, out);
}

static size_t
make_goaway(char out[HELLO_PAYLOAD_MAX])
{
	return goaway_encode(GOAWAY_AGE, out);
}

/* Decoders without their result, for tables. */
#define DECODER(name, result) \
	static const char *name(const void *json, size_t len) \
	{ \
		result unused; \
\
		return name##_decode(json, len, &unused); \
	}
DECODER(hello, struct hello)
DECODER(challenge, struct challenge)
DECODER(auth, struct auth)
DECODER(welcome, struct welcome)
DECODER(goaway, enum goaway_reason)

/* doc/PROTOCOL, "Test vectors". */
static const struct {
	size_t (*make)(char out[HELLO_PAYLOAD_MAX]);
	struct payload is;
} vectors[] = {
	{ make_hello,
	    { FRAME_HELLO, hello, "0110000000a9",
		"{\"role\":\"standby\",\"inner\":\"edge-1\","
		"\"instance\":\"0123456789abcdef\","
		"\"nonce\":\"" NONCE_INNER "\","
		"\"software\":\"transponder/1.0\"}" } },
	{ make_hello_join,
	    { FRAME_HELLO, hello, "011000000100",
		"{\"role\":\"standby\",\"inner\":\"edge-1\","
		"\"instance\":\"0123456789abcdef\","
		"\"nonce\":\"" NONCE_JOIN "\","
		"\"software\":\"transponder/1.0\","
		"\"counter\":7,\"proof\":\"" PROOF_JOIN "\"}" } },
	{ make_welcome_joined,
	    { FRAME_WELCOME, welcome, "011300000062",
		"{\"proof\":\"" PROOF_JOINED
		"\",\"link\":\"43\",\"ping\":10}" } },
	{ make_challenge,
	    { FRAME_CHALLENGE, challenge, "01110000004c",
		"{\"nonce\":\"" NONCE_OUTER "\"}" } },
	{ make_auth,
	    { FRAME_AUTH, auth, "01120000004c",
		"{\"proof\":\"" PROOF_A "\"}" } },
	{ make_welcome,
	    { FRAME_WELCOME, welcome, "011300000062",
		"{\"proof\":\"" PROOF_B "\",\"link\":\"42\",\"ping\":10}" } },
	{ make_goaway,
	    { FRAME_GOAWAY, goaway, "011500000010", "{\"reason\":\"age\"}" } },
};

START_TEST(vector_encode)
{
	char payload[HELLO_PAYLOAD_MAX];
	size_t len = vectors[_i].make(payload);

	assert_payload(&vectors[_i].is, payload, len);
}
END_TEST

START_TEST(truncated)
{
	assert_whole(&vectors[_i].is);
}
END_TEST

static const struct {
	const char *name, *text;
} broken[] = {
	{ "empty text", "" },
	{ "white space alone", " \n" },
	{ "not JSON", "hello" },
	{ "an array", "[]" },
	{ "a number", "1" },
	{ "a text", "\"role\"" },
	{ "null", "null" },
	{ "no keys", "{}" },
	{ "two objects", "{}{}" },
	{ "a comma too many", "{\"a\":1,}" },
	{ "single quotes", "{'a':1}" },
	{ "byte order mark", "\xef\xbb\xbf{}" },
	{ "not UTF-8", "{\"a\":\"\xff\"}" },
	{ "overlong UTF-8", "{\"a\":\"\xc0\xaf\"}" },
	{ "half a surrogate pair", "{\"a\":\"\\ud800\"}" },
	{ "escaped NUL", "{\"a\":\"\\u0000\"}" },
	{ "raw control byte", "{\"a\":\"\x01\"}" },
	{ "integer beyond 64 bits", "{\"a\":99999999999999999999}" },
	{ "number beyond a double", "{\"a\":1e999}" },
	{ "not a number", "{\"a\":NaN}" },
};

/* What no decoder takes. */
START_TEST(broken_for_all)
{
	for (size_t i = 0; i < COUNT(vectors); i++)
		ck_assert_msg(vectors[i].is.decode(broken[_i].text,
				  strlen(broken[_i].text)) != NULL,
		    "\"%s\" was taken as %s", broken[_i].name,
		    frame_type_name(vectors[i].is.type));
}
END_TEST

static const struct {
	payload_fn *decode;
	const char *name, *text, *want; /* want NULL: it is well */
} cases[] = {
	{ hello, "control",
	    "{\"role\":\"control\"," INNER "," INSTANCE "," NONCE "," SOFTWARE
	    "}",
	    NULL },
	{ hello, "mux",
	    "{\"role\":\"mux\"," INNER "," INSTANCE "," NONCE "," SOFTWARE "}",
	    NULL },
	{ hello, "other order and white space",
	    "\r\n{ " SOFTWARE " ,\t" NONCE "," INSTANCE "," INNER "," ROLE
	    "}\n",
	    NULL },
	{ hello, "unknown keys",
	    HELLO_AND(",\"count\":7,\"x\":{\"role\":[null,1.5]}"), NULL },
	{ hello, "replace true", HELLO_AND(",\"replace\":true"), NULL },
	{ hello, "replace false", HELLO_AND(",\"replace\":false"), NULL },
	{ hello, "replace a number", HELLO_AND(",\"replace\":1"),
	    "replace is not true or false" },
	{ hello, "replace null", HELLO_AND(",\"replace\":null"),
	    "replace is not true or false" },
	{ hello, "registers true", HELLO_AND(",\"registers\":true"), NULL },
	{ hello, "registers a text", HELLO_AND(",\"registers\":\"true\""),
	    "registers is not true or false" },
	{ hello, "role missing",
	    "{" INNER "," INSTANCE "," NONCE "," SOFTWARE "}", BAD_ROLE },
	{ hello, "role unknown",
	    "{\"role\":\"king\"," INNER "," INSTANCE "," NONCE "," SOFTWARE "}",
	    BAD_ROLE },
	{ hello, "role empty",
	    "{\"role\":\"\"," INNER "," INSTANCE "," NONCE "," SOFTWARE "}",
	    BAD_ROLE },
	{ hello, "role a number",
	    "{\"role\":0," INNER "," INSTANCE "," NONCE "," SOFTWARE "}",
	    BAD_ROLE },
	{ hello, "role twice",
	    "{" ROLE "," ROLE "," INNER "," INSTANCE "," NONCE "," SOFTWARE "}",
	    "the payload is not JSON" },
	{ hello, "inner missing",
	    "{" ROLE "," INSTANCE "," NONCE "," SOFTWARE "}", BAD_INNER },
	{ hello, "inner empty",
	    "{" ROLE ",\"inner\":\"\"," INSTANCE "," NONCE "," SOFTWARE "}",
	    BAD_INNER },
	{ hello, "inner at its most",
	    "{" ROLE ",\"inner\":\"" SIXTY_FOUR "\"," INSTANCE "," NONCE
	    "," SOFTWARE "}",
	    NULL },
	{ hello, "inner one over",
	    "{" ROLE ",\"inner\":\"" SIXTY_FOUR "a\"," INSTANCE "," NONCE
	    "," SOFTWARE "}",
	    BAD_INNER },
	{ hello, "inner with a new line",
	    "{" ROLE ",\"inner\":\"a\\nb\"," INSTANCE "," NONCE "," SOFTWARE
	    "}",
	    BAD_INNER },
	{ hello, "inner an array",
	    "{" ROLE ",\"inner\":[\"a\"]," INSTANCE "," NONCE "," SOFTWARE "}",
	    BAD_INNER },
	{ hello, "instance missing",
	    "{" ROLE "," INNER "," NONCE "," SOFTWARE "}", BAD_INSTANCE },
	{ hello, "instance one short",
	    "{" ROLE "," INNER ",\"instance\":\"0123456789abcde\"," NONCE
	    "," SOFTWARE "}",
	    BAD_INSTANCE },
	{ hello, "instance one over",
	    "{" ROLE "," INNER ",\"instance\":\"0123456789abcdef0\"," NONCE
	    "," SOFTWARE "}",
	    BAD_INSTANCE },
	{ hello, "instance not hex",
	    "{" ROLE "," INNER ",\"instance\":\"0123456789abcdeg\"," NONCE
	    "," SOFTWARE "}",
	    BAD_INSTANCE },
	{ hello, "nonce missing",
	    "{" ROLE "," INNER "," INSTANCE "," SOFTWARE "}", BAD_NONCE },
	{ hello, "nonce empty",
	    "{" ROLE "," INNER "," INSTANCE ",\"nonce\":\"\"," SOFTWARE "}",
	    BAD_NONCE },
	{ hello, "nonce one over",
	    "{" ROLE "," INNER "," INSTANCE ",\"nonce\":\"" NONCE_INNER
	    "0\"," SOFTWARE "}",
	    BAD_NONCE },
	{ hello, "software missing",
	    "{" ROLE "," INNER "," INSTANCE "," NONCE "}",
	    "software is not a text" },
	{ hello, "software a number",
	    "{" ROLE "," INNER "," INSTANCE "," NONCE ",\"software\":1}",
	    "software is not a text" },
	{ hello, "keys in other case",
	    "{\"Role\":\"standby\"," INNER "," INSTANCE "," NONCE "," SOFTWARE
	    "}",
	    BAD_ROLE },

	{ challenge, "unknown key", "{" NONCE ",\"x\":[]}", NULL },
	{ challenge, "nonce not hex", "{\"nonce\":\"z" NONCE_INNER "\"}",
	    BAD_NONCE },
	{ challenge, "nonce null", "{\"nonce\":null}", BAD_NONCE },
	{ challenge, "nonce twice", "{" NONCE "," NONCE "}",
	    "the payload is not JSON" },

	{ auth, "capital hex",
	    "{\"proof\":\"ABCDEF00000000000000000000000000"
	    "0000000000000000000000000000000F\"}",
	    NULL },
	{ auth, "unknown key", "{" PROOF ",\"x\":null}", NULL },
	{ auth, "proof short", "{\"proof\":\"00\"}", BAD_PROOF },
	{ auth, "proof a number", "{\"proof\":1}", BAD_PROOF },
	{ auth, "proof missing", "{\"nonce\":\"" NONCE_INNER "\"}", BAD_PROOF },

	{ welcome, "proof missing", "{" LINK ",\"ping\":10}", BAD_PROOF },
	{ welcome, "link missing", "{" PROOF ",\"ping\":10}",
	    "link is not a text" },
	{ welcome, "link a number", "{" PROOF ",\"link\":42,\"ping\":10}",
	    "link is not a text" },
	{ welcome, "ping missing", WELCOME_AND(""), BAD_PING },
	{ welcome, "ping a text", WELCOME_AND(",\"ping\":\"10\""), BAD_PING },
	{ welcome, "ping true", WELCOME_AND(",\"ping\":true"), BAD_PING },
	{ welcome, "ping zero", WELCOME_AND(",\"ping\":0"), BAD_PING },
	{ welcome, "ping below a millisecond", WELCOME_AND(",\"ping\":0.0009"),
	    BAD_PING },
	{ welcome, "ping negative", WELCOME_AND(",\"ping\":-10"), BAD_PING },
	{ welcome, "ping one over", WELCOME_AND(",\"ping\":86401"), BAD_PING },
	{ welcome, "ping huge", WELCOME_AND(",\"ping\":1e300"), BAD_PING },
	{ welcome, "control true", WELCOME_AND(",\"ping\":10,\"control\":true"),
	    NULL },
	{ welcome, "control a number",
	    WELCOME_AND(",\"ping\":10,\"control\":1"),
	    "control is not true or false" },
	{ welcome, "control null", WELCOME_AND(",\"ping\":10,\"control\":null"),
	    "control is not true or false" },
	{ welcome, "unknown key", WELCOME_AND(",\"ping\":10,\"services\":[]"),
	    NULL },

	{ goaway, "unknown key", "{\"reason\":\"age\",\"until\":5}", NULL },
	{ goaway, "reason missing", "{\"x\":\"age\"}", "reason is not a text" },
	{ goaway, "reason a number", "{\"reason\":0}", "reason is not a text" },
	{ goaway, "reason null", "{\"reason\":null}", "reason is not a text" },
};

START_TEST(decode)
{
	const char *got = cases[_i].decode(cases[_i].text,
	    strlen(cases[_i].text));

	ck_assert_pstr_eq(got, cases[_i].want);
}
END_TEST

/* A raw NUL ends nothing: neither inside nor at the end. */
START_TEST(raw_nul)
{
	char text[HELLO_PAYLOAD_MAX];
	size_t len = strlen(vectors[_i].is.json);

	memcpy(text, vectors[_i].is.json, len + 1);
	ck_assert_ptr_nonnull(vectors[_i].is.decode(text, len + 1));
	text[len / 2] = '\0';
	ck_assert_ptr_nonnull(vectors[_i].is.decode(text, len));
}
END_TEST

static const struct {
	const char *name, *open, *close;
	size_t depth;
	bool want;
} depths[] = {
	{ "an unknown key 1000 deep", "[", "]", 1000, true },
	{ "a whole payload of [", "[", "", 3900, false },
	{ "a whole payload of {", "{\"a\":", "", 780, false },
	{ "as deep as fits", "[", "]", 1950, true },
};

/* JSON bombs of one payload's size: an answer, and no overflow. */
START_TEST(depth)
{
	char text[4097];
	size_t used = 0;

	str_append(text, sizeof(text), &used,
	    "{\"nonce\":\"%s\",\"x\":", NONCE_INNER);
	for (size_t i = 0; i < depths[_i].depth; i++)
		str_append(text, sizeof(text), &used, "%s", depths[_i].open);
	if (depths[_i].close[0] == '\0')
		str_append(text, sizeof(text), &used, "1");
	for (size_t i = 0; i < depths[_i].depth; i++)
		str_append(text, sizeof(text), &used, "%s", depths[_i].close);
	str_append(text, sizeof(text), &used, "}");
	ck_assert_uint_lt(used, sizeof(text) - 1);
	ck_assert_msg((challenge(text, used) == NULL) == depths[_i].want, "%s",
	    depths[_i].name);
}
END_TEST

Suite *
hello_suite(void)
{
	Suite *suite = suite_create("hello");
	TCase *tc = tcase_create("hello");

	tcase_add_loop_test(tc, vector_encode, 0, COUNT(vectors));
	tcase_add_loop_test(tc, truncated, 0, COUNT(vectors));
	tcase_add_loop_test(tc, broken_for_all, 0, COUNT(broken));
	tcase_add_loop_test(tc, decode, 0, COUNT(cases));
	tcase_add_loop_test(tc, raw_nul, 0, COUNT(vectors));
	tcase_add_loop_test(tc, depth, 0, COUNT(depths));
	suite_add_tcase(suite, tc);
	return suite;
}
