/*
 * test_hello.c - the JSON payloads of the handshake and of GOAWAY.
 *
 * The bytes of `vectors` are those of doc/PROTOCOL, "Test vectors".
 */
#include "base/str.h"
#include "tests/unit/suites.h"
#include "wire/frame.h"
#include "wire/hello.h"

#include <stdio.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define NONCE_INNER \
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define NONCE_OUTER \
	"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
#define PROOF_A \
	"f12a47a4ec32080f3d43ab8f7034774991241dedcc90f3019efcdf18384b16c4"
#define PROOF_B \
	"09de5bd2979b382c3b4d816531bb2a8c82e3f94a7cce4e685db33ea483f09975"
#define NONCE_JOIN \
	"404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
#define PROOF_JOIN \
	"f906f799581441f948739df8236ab630bc44c187ed8c56009c78973e08176418"
#define PROOF_JOINED \
	"d554cf94df6a265d268ac0b6ca6a1aec30ef693824314bc463f8f53ff702707b"
#define TEN	   "aaaaaaaaaa"
#define SIXTY_FOUR TEN TEN TEN TEN TEN TEN "aaaa"

static const struct hello a_hello = {
	.role = HELLO_STANDBY,
	.inner = "edge-1",
	.instance = "0123456789abcdef",
	.software = "transponder/1.0",
	.nonce = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
	    18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 },
};

static size_t
make_hello(char out[HELLO_PAYLOAD_MAX])
{
	return hello_encode(&a_hello, out);
}

static size_t
make_hello_join(char out[HELLO_PAYLOAD_MAX])
{
	struct hello h = a_hello;

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
static const char *
hello(const void *json, size_t len)
{
	struct hello h;

	return hello_decode(json, len, &h);
}

static const char *
challenge(const void *json, size_t len)
{
	struct challenge c;

	return challenge_decode(json, len, &c);
}

static const char *
auth(const void *json, size_t len)
{
	struct auth a;

	return auth_decode(json, len, &a);
}

static const char *
welcome(const void *json, size_t len)
{
	struct welcome w;

	return welcome_decode(json, len, &w);
}

static const char *
goaway(const void *json, size_t len)
{
	enum goaway_reason reason;

	return goaway_decode(json, len, &reason);
}

typedef const char *payload_fn(const void *json, size_t len);

/* doc/PROTOCOL, "Test vectors". */
static const struct {
	enum frame_type type;
	size_t (*make)(char out[HELLO_PAYLOAD_MAX]);
	payload_fn *decode;
	const char *header, *payload;
} vectors[] = {
	{ FRAME_HELLO, make_hello, hello, "0110000000a9",
	    "{\"role\":\"standby\",\"inner\":\"edge-1\","
	    "\"instance\":\"0123456789abcdef\","
	    "\"nonce\":\"" NONCE_INNER "\","
	    "\"software\":\"transponder/1.0\"}" },
	{ FRAME_HELLO, make_hello_join, hello, "011000000100",
	    "{\"role\":\"standby\",\"inner\":\"edge-1\","
	    "\"instance\":\"0123456789abcdef\","
	    "\"nonce\":\"" NONCE_JOIN "\","
	    "\"software\":\"transponder/1.0\","
	    "\"counter\":7,\"proof\":\"" PROOF_JOIN "\"}" },
	{ FRAME_WELCOME, make_welcome_joined, welcome, "011300000062",
	    "{\"proof\":\"" PROOF_JOINED "\",\"link\":\"43\",\"ping\":10}" },
	{ FRAME_CHALLENGE, make_challenge, challenge, "01110000004c",
	    "{\"nonce\":\"" NONCE_OUTER "\"}" },
	{ FRAME_AUTH, make_auth, auth, "01120000004c",
	    "{\"proof\":\"" PROOF_A "\"}" },
	{ FRAME_WELCOME, make_welcome, welcome, "011300000062",
	    "{\"proof\":\"" PROOF_B "\",\"link\":\"42\",\"ping\":10}" },
	{ FRAME_GOAWAY, make_goaway, goaway, "011500000010",
	    "{\"reason\":\"age\"}" },
};

START_TEST(vector_encode)
{
	char payload[HELLO_PAYLOAD_MAX], hex[2 * FRAME_HEADER_SIZE + 1];
	uint8_t header[FRAME_HEADER_SIZE];
	size_t len = vectors[_i].make(payload);

	ck_assert_uint_eq(len, strlen(vectors[_i].payload));
	ck_assert_mem_eq(payload, vectors[_i].payload, len);
	frame_encode_header(header, vectors[_i].type, (uint32_t)len);
	hex_encode(header, sizeof(header), hex);
	ck_assert_str_eq(hex, vectors[_i].header);
	ck_assert_ptr_null(vectors[_i].decode(payload, len));
}
END_TEST

/* No prefix of a payload is a payload, whatever lies behind its end. */
START_TEST(truncated)
{
	const char *payload = vectors[_i].payload;

	for (size_t len = 0; len < strlen(payload); len++)
		ck_assert_ptr_nonnull(vectors[_i].decode(payload, len));
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
		ck_assert_msg(vectors[i].decode(broken[_i].text,
				  strlen(broken[_i].text)) != NULL,
		    "\"%s\" was taken as %s", broken[_i].name,
		    frame_type_name(vectors[i].type));
}
END_TEST

#define ROLE	     "\"role\":\"standby\""
#define INNER	     "\"inner\":\"edge-1\""
#define INSTANCE     "\"instance\":\"0123456789abcdef\""
#define NONCE	     "\"nonce\":\"" NONCE_INNER "\""
#define SOFTWARE     "\"software\":\"transponder/1.0\""
#define BAD_ROLE     "role is not standby, control or mux"
#define BAD_INNER    "inner is not 1 to 64 letters, digits, '.', '_', '-'"
#define BAD_INSTANCE "instance is not 16 hex digits"
#define BAD_NONCE    "nonce is not 64 hex digits"
#define BAD_PROOF    "proof is not 64 hex digits"
#define BAD_PING     "ping is not a number of seconds, 0.001 to 86400"
#define LINK	     "\"link\":\"42\""
#define PROOF	     "\"proof\":\"" PROOF_A "\""

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
	    "{" ROLE "," INNER "," INSTANCE "," NONCE "," SOFTWARE
	    ",\"count\":7,\"x\":{\"role\":[null,1.5]}}",
	    NULL },
	{ hello, "replace true",
	    "{" ROLE "," INNER "," INSTANCE "," NONCE "," SOFTWARE
	    ",\"replace\":true}",
	    NULL },
	{ hello, "replace false",
	    "{" ROLE "," INNER "," INSTANCE "," NONCE "," SOFTWARE
	    ",\"replace\":false}",
	    NULL },
	{ hello, "replace a number",
	    "{" ROLE "," INNER "," INSTANCE "," NONCE "," SOFTWARE
	    ",\"replace\":1}",
	    "replace is not true or false" },
	{ hello, "replace null",
	    "{" ROLE "," INNER "," INSTANCE "," NONCE "," SOFTWARE
	    ",\"replace\":null}",
	    "replace is not true or false" },
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
	{ welcome, "ping missing", "{" PROOF "," LINK "}", BAD_PING },
	{ welcome, "ping a text", "{" PROOF "," LINK ",\"ping\":\"10\"}",
	    BAD_PING },
	{ welcome, "ping true", "{" PROOF "," LINK ",\"ping\":true}",
	    BAD_PING },
	{ welcome, "ping zero", "{" PROOF "," LINK ",\"ping\":0}", BAD_PING },
	{ welcome, "ping below a millisecond",
	    "{" PROOF "," LINK ",\"ping\":0.0009}", BAD_PING },
	{ welcome, "ping negative", "{" PROOF "," LINK ",\"ping\":-10}",
	    BAD_PING },
	{ welcome, "ping one over", "{" PROOF "," LINK ",\"ping\":86401}",
	    BAD_PING },
	{ welcome, "ping huge", "{" PROOF "," LINK ",\"ping\":1e300}",
	    BAD_PING },
	{ welcome, "unknown key",
	    "{" PROOF "," LINK ",\"ping\":10,\"services\":[]}", NULL },

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
	size_t len = strlen(vectors[_i].payload);

	memcpy(text, vectors[_i].payload, len + 1);
	ck_assert_ptr_nonnull(vectors[_i].decode(text, len + 1));
	text[len / 2] = '\0';
	ck_assert_ptr_nonnull(vectors[_i].decode(text, len));
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

#define BAD_COUNTER "counter is not a whole number, 0 to 2^53 - 1"
#define WITH_PROOF  ",\"proof\":\"" PROOF_JOIN "\""

static const struct {
	const char *name, *keys, *want;
	uint64_t counter; /* if want is NULL */
} join_keys[] = {
	{ "neither", "", NULL, 0 },
	{ "first", ",\"counter\":1" WITH_PROOF, NULL, 1 },
	{ "proof before counter", WITH_PROOF ",\"counter\":2", NULL, 2 },
	{ "last", ",\"counter\":9007199254740991" WITH_PROOF, NULL,
	    HELLO_COUNTER_MAX },
	{ "one over", ",\"counter\":9007199254740992" WITH_PROOF, BAD_COUNTER,
	    0 },
	{ "most of 64 bits", ",\"counter\":9223372036854775807" WITH_PROOF,
	    BAD_COUNTER, 0 },
	{ "over 64 bits", ",\"counter\":18446744073709551617" WITH_PROOF,
	    "the payload is not JSON", 0 },
	{ "zero: well-formed, but never accepted", ",\"counter\":0" WITH_PROOF,
	    NULL, 0 },
	{ "minus one", ",\"counter\":-1" WITH_PROOF, BAD_COUNTER, 0 },
	{ "fraction", ",\"counter\":1.5" WITH_PROOF, BAD_COUNTER, 0 },
	{ "written as a fraction", ",\"counter\":1.0" WITH_PROOF, BAD_COUNTER,
	    0 },
	{ "exponent", ",\"counter\":1e3" WITH_PROOF, BAD_COUNTER, 0 },
	{ "text", ",\"counter\":\"1\"" WITH_PROOF, BAD_COUNTER, 0 },
	{ "true", ",\"counter\":true" WITH_PROOF, BAD_COUNTER, 0 },
	{ "null", ",\"counter\":null" WITH_PROOF, BAD_COUNTER, 0 },
	{ "twice", ",\"counter\":1,\"counter\":1" WITH_PROOF,
	    "the payload is not JSON", 0 },
	{ "counter alone", ",\"counter\":1", BAD_PROOF, 0 },
	{ "proof alone", WITH_PROOF, "proof without counter", 0 },
	{ "proof of null alone", ",\"proof\":null", "proof without counter",
	    0 },
	{ "proof short", ",\"counter\":1,\"proof\":\"00\"", BAD_PROOF, 0 },
	{ "proof a number", ",\"counter\":1,\"proof\":1", BAD_PROOF, 0 },
	{ "proof null", ",\"counter\":1,\"proof\":null", BAD_PROOF, 0 },
};

START_TEST(quick_join)
{
	char text[HELLO_PAYLOAD_MAX], proof[2 * PROOF_SIZE + 1];
	struct hello h;
	const char *why;

	snprintf(text, sizeof(text),
	    "{" ROLE "," INNER "," INSTANCE "," NONCE "," SOFTWARE "%s}",
	    join_keys[_i].keys);
	memset(&h, 0xff, sizeof(h));
	why = hello_decode(text, strlen(text), &h);
	if (join_keys[_i].want != NULL) {
		ck_assert_msg(why != NULL, "%s was taken", join_keys[_i].name);
		ck_assert_str_eq(why, join_keys[_i].want);
		return;
	}
	ck_assert_msg(why == NULL, "%s: %s", join_keys[_i].name, why);
	ck_assert_int_eq(h.join, join_keys[_i].keys[0] != '\0');
	ck_assert_uint_eq(h.counter, join_keys[_i].counter);
	if (!h.join)
		return;
	hex_encode(h.proof, sizeof(h.proof), proof);
	ck_assert_str_eq(proof, PROOF_JOIN);
}
END_TEST

static void
assert_same(const struct hello *a, const struct hello *b)
{
	ck_assert_int_eq(a->role, b->role);
	ck_assert_str_eq(a->inner, b->inner);
	ck_assert_str_eq(a->instance, b->instance);
	ck_assert_mem_eq(a->nonce, b->nonce, sizeof(a->nonce));
	ck_assert_str_eq(a->software, b->software);
	ck_assert_int_eq(a->replace, b->replace);
	ck_assert_int_eq(a->join, b->join);
	ck_assert_uint_eq(a->counter, b->counter);
	if (a->join)
		ck_assert_mem_eq(a->proof, b->proof, sizeof(a->proof));
}

/* Each role, with and without replace and quick join, comes back as it went. */
START_TEST(hello_there_and_back)
{
	char text[HELLO_PAYLOAD_MAX];
	struct hello in = a_hello, out;
	size_t len;

	in.role = (enum hello_role)(_i % 3);
	in.replace = _i / 3 % 2 == 1;
	in.join = _i >= 6;
	if (in.join)
		in.counter = HELLO_COUNTER_MAX - (uint64_t)_i;
	memset(in.proof, 0xa5, sizeof(in.proof));
	len = hello_encode(&in, text);
	ck_assert_uint_gt(len, 0);
	memset(&out, 0xff, sizeof(out));
	ck_assert_ptr_null(hello_decode(text, len, &out));
	assert_same(&in, &out);
}
END_TEST

/* The longest HELLO fits, also with every byte of software escaped. */
START_TEST(hello_maximum)
{
	char text[HELLO_PAYLOAD_MAX];
	struct hello in = a_hello, out;
	size_t len;

	memset(in.inner, 'z', HELLO_INNER_MAX);
	memset(in.software, '"', HELLO_SOFTWARE_MAX);
	in.replace = in.join = true;
	in.counter = HELLO_COUNTER_MAX;
	len = hello_encode(&in, text);
	ck_assert_uint_gt(len, 0);
	ck_assert_ptr_null(hello_decode(text, len, &out));
	assert_same(&in, &out);
}
END_TEST

START_TEST(instance_in_one_spelling)
{
	static const char text[] = "{" ROLE "," INNER ",\"instance\":"
				   "\"0123456789ABCDEF\"," NONCE "," SOFTWARE
				   "}";
	struct hello h;

	ck_assert_ptr_null(hello_decode(text, strlen(text), &h));
	ck_assert_str_eq(h.instance, "0123456789abcdef");
}
END_TEST

static const struct {
	const char *name, *in, *want;
} labels[] = {
	{ "empty", "", "" },
	{ "printable", "v1 (~)", "v1 (~)" },
	{ "new line", "a\\nb", "a?b" },
	{ "escape", "\\u001b[2J", "?[2J" },
	{ "UTF-8, a ? per byte", "\xc3\xa9", "??" },
	{ "maximum", SIXTY_FOUR, SIXTY_FOUR },
	{ "one over", SIXTY_FOUR "b", SIXTY_FOUR },
};

START_TEST(label)
{
	char text[HELLO_PAYLOAD_MAX];
	struct hello h;
	struct welcome w;

	snprintf(text, sizeof(text),
	    "{" ROLE "," INNER "," INSTANCE "," NONCE ",\"software\":\"%s\"}",
	    labels[_i].in);
	ck_assert_ptr_null(hello_decode(text, strlen(text), &h));
	ck_assert_str_eq(h.software, labels[_i].want);

	snprintf(text, sizeof(text), "{" PROOF ",\"link\":\"%s\",\"ping\":1}",
	    labels[_i].in);
	ck_assert_ptr_null(welcome_decode(text, strlen(text), &w));
	ck_assert_int_eq(strncmp(w.link, labels[_i].want, HELLO_LINK_MAX), 0);
	ck_assert_uint_le(strlen(w.link), HELLO_LINK_MAX);
}
END_TEST

static const struct {
	const char *number;
	uint32_t want_ms;
	bool same; /* the encoder writes it so as well */
} pings[] = {
	{ "10", 10000, true },
	{ "10.0", 10000, false },
	{ "1", 1000, true },
	{ "0.001", 1, true },
	{ "0.1", 100, true },
	{ "1.5", 1500, true },
	{ "2.0004", 2000, false },
	{ "2.0006", 2001, false },
	{ "1e1", 10000, false },
	{ "86400", 86400000, true },
};

START_TEST(ping)
{
	char text[HELLO_PAYLOAD_MAX], again[HELLO_PAYLOAD_MAX];
	struct welcome w;

	snprintf(text, sizeof(text), "{" PROOF "," LINK ",\"ping\":%s}",
	    pings[_i].number);
	ck_assert_ptr_null(welcome_decode(text, strlen(text), &w));
	ck_assert_uint_eq(w.ping_ms, pings[_i].want_ms);
	ck_assert_str_eq(w.link, "42");
	if (!pings[_i].same)
		return;
	ck_assert_uint_eq(welcome_encode(&w, again), strlen(text));
	ck_assert_mem_eq(again, text, strlen(text));
}
END_TEST

static const struct {
	const char *text;
	enum goaway_reason want;
} reasons[] = {
	{ "age", GOAWAY_AGE },
	{ "shrink", GOAWAY_SHRINK },
	{ "shutdown", GOAWAY_SHUTDOWN },
	{ "replaced", GOAWAY_REPLACED },
	{ "other", GOAWAY_OTHER },
	{ "", GOAWAY_OTHER },
	{ "AGE", GOAWAY_OTHER },
	{ "a newer peer's", GOAWAY_OTHER },
};

START_TEST(goaway_reasons)
{
	char text[HELLO_PAYLOAD_MAX], again[HELLO_PAYLOAD_MAX];
	enum goaway_reason reason;

	snprintf(text, sizeof(text), "{\"reason\":\"%s\"}", reasons[_i].text);
	ck_assert_ptr_null(goaway_decode(text, strlen(text), &reason));
	ck_assert_int_eq(reason, reasons[_i].want);
	if (strcmp(goaway_reason_name(reason), reasons[_i].text) != 0) {
		ck_assert_str_eq(goaway_reason_name(reason), "other");
		return;
	}
	ck_assert_uint_eq(goaway_encode(reason, again), strlen(text));
	ck_assert_mem_eq(again, text, strlen(text));
}
END_TEST

static const struct {
	const char *id;
	bool want;
} ids[] = {
	{ "", false },
	{ "a", true },
	{ "Edge-1.example_org", true },
	{ "..", true },
	{ SIXTY_FOUR, true },
	{ SIXTY_FOUR "a", false },
	{ "a b", false },
	{ "a/b", false },
	{ "a:b", false },
	{ "a\nb", false },
	{ "a\"b", false },
	{ "a%b", false },
	{ "caf\xc3\xa9", false },
	{ "\x7f", false },
	{ "@", false },
	{ "[", false },
	{ "`", false },
	{ "{", false },
};

START_TEST(inner_ids)
{
	ck_assert_msg(hello_inner_ok(ids[_i].id) == ids[_i].want, "\"%s\"",
	    ids[_i].id);
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
	tcase_add_loop_test(tc, hello_there_and_back, 0, 12);
	tcase_add_loop_test(tc, quick_join, 0, COUNT(join_keys));
	tcase_add_test(tc, hello_maximum);
	tcase_add_test(tc, instance_in_one_spelling);
	tcase_add_loop_test(tc, label, 0, COUNT(labels));
	tcase_add_loop_test(tc, ping, 0, COUNT(pings));
	tcase_add_loop_test(tc, goaway_reasons, 0, COUNT(reasons));
	tcase_add_loop_test(tc, inner_ids, 0, COUNT(ids));
	suite_add_tcase(suite, tc);
	return suite;
}
