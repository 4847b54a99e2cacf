/*
 * test_signal48.c - the signals of classic links.
 *
 * The bytes of `vectors` are those of doc/PROTOCOL, "Test vectors".
 */
#include "tests/unit/suites.h"
#include "wire/signal48.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define SP8  "        "
#define SP32 SP8 SP8 SP8 SP8
#define A8   "aaaaaaaa"
#define A32  A8 A8 A8 A8

static const struct {
	const char *name, *bytes;
	enum signal48_type type;
	const char *ext;
} vectors[] = {
	{ "ping", "{\"T\":0,\"Ext\":\"" SP32 "\"}", SIGNAL48_PING, "" },
	{ "auth", "{\"T\":2,\"Ext\":\"correct horse battery staple    \"}",
	    SIGNAL48_AUTH, "correct horse battery staple" },
	{ "start proxy", "{\"T\":6,\"Ext\":\"" SP32 "\"}", SIGNAL48_START, "" },
	{ "auth, one byte", "{\"T\":2,\"Ext\":\"k" SP8 SP8 SP8 "       \"}",
	    SIGNAL48_AUTH, "k" },
	{ "auth, longest key", "{\"T\":2,\"Ext\":\"" A32 "\"}", SIGNAL48_AUTH,
	    A32 },
	{ "auth, spaces inside and before",
	    "{\"T\":2,\"Ext\":\" a b" SP8 SP8 SP8 "    \"}", SIGNAL48_AUTH,
	    " a b" },
};

START_TEST(vector_encode)
{
	char out[SIGNAL48_SIZE + 1];

	out[SIGNAL48_SIZE] = 'z';
	signal48_encode(vectors[_i].type, vectors[_i].ext, out);
	ck_assert_mem_eq(out, vectors[_i].bytes, SIGNAL48_SIZE);
	ck_assert_int_eq(out[SIGNAL48_SIZE], 'z');
}
END_TEST

START_TEST(vector_decode)
{
	struct signal48 signal;
	const char *why;

	ck_assert_uint_eq(strlen(vectors[_i].bytes), SIGNAL48_SIZE);
	ck_assert_int_eq(signal48_decode((const uint8_t *)vectors[_i].bytes,
			     SIGNAL48_SIZE, &signal, &why),
	    WIRE_OK);
	ck_assert_int_eq(signal.type, vectors[_i].type);
	ck_assert_str_eq(signal.ext, vectors[_i].ext);
}
END_TEST

/* Whatever has come so far, the rest is waited for. */
START_TEST(every_split)
{
	struct signal48 signal;
	const char *why;

	for (size_t i = 0; i < COUNT(vectors); i++)
		ck_assert_int_eq(signal48_decode((const uint8_t *)vectors[i]
						     .bytes,
				     (size_t)_i, &signal, &why),
		    WIRE_MORE);
}
END_TEST

/* Raw bytes may follow the answer to START in the same read. */
START_TEST(more_behind)
{
	static const char bytes[] = "{\"T\":6,\"Ext\":\"" SP32 "\"}\0HTTP";
	struct signal48 signal;
	const char *why;

	for (size_t len = SIGNAL48_SIZE; len < sizeof(bytes); len++) {
		ck_assert_int_eq(signal48_decode((const uint8_t *)bytes, len,
				     &signal, &why),
		    WIRE_OK);
		ck_assert_int_eq(signal.type, SIGNAL48_START);
	}
}
END_TEST

static const struct {
	const char *name, *bytes;
	enum wire_result want;
	const char *ext; /* WIRE_OK */
} cases[] = {
	/* JSON that the Go programs do not write, but would read. */
	{ "keys the other way round", "{\"Ext\":\"" A32 "\",\"T\":2}", WIRE_OK,
	    A32 },
	{ "white space", "{ \"T\" : 2 ,\n\"Ext\":\t\"" A8 A8 A8 " \" }",
	    WIRE_OK, A8 A8 A8 },
	{ "escaped quote", "{\"T\":2,\"Ext\":\"\\\"" SP8 SP8 SP8 "      \"}",
	    WIRE_OK, "\"" },
	{ "escaped as Go has it",
	    "{\"T\":2,\"Ext\":\"\\u003c" SP8 SP8 SP8 "  \"}", WIRE_OK, "<" },
	{ "UTF-8 in Ext", "{\"T\":2,\"Ext\":\"\xc3\xa9" SP8 SP8 SP8 "      \"}",
	    WIRE_OK, "\xc3\xa9" },
	{ "Ext shorter, object still 48",
	    "{\"T\":2,                               \"Ext\":\"k\"}", WIRE_OK,
	    "k" },

	{ "first byte wrong", "x", WIRE_BAD, NULL },
	{ "first byte is a native frame's", "\x01", WIRE_BAD, NULL },
	{ "first byte white space", " {\"T\":2", WIRE_BAD, NULL },
	{ "garbage behind {", "{" A32 "aaaaaaaaaaaaaa}", WIRE_BAD, NULL },
	{ "not closed", "{\"T\":0,\"Ext\":\"" SP32 "\" ", WIRE_BAD, NULL },
	{ "closed early", "{\"T\":0,\"Ext\":\"" SP8 SP8 SP8 "      \"}  ",
	    WIRE_BAD, NULL },
	{ "two objects", "{\"T\":0,\"Ext\":\"" SP8 SP8 SP8 "      \"}{}",
	    WIRE_BAD, NULL },
	{ "type 1", "{\"T\":1,\"Ext\":\"" SP32 "\"}", WIRE_BAD, NULL },
	{ "type 3", "{\"T\":3,\"Ext\":\"" SP32 "\"}", WIRE_BAD, NULL },
	{ "type 9", "{\"T\":9,\"Ext\":\"" SP32 "\"}", WIRE_BAD, NULL },
	{ "type -2", "{\"T\":-2,\"Ext\":\"" SP8 SP8 SP8 "       \"}", WIRE_BAD,
	    NULL },
	{ "type 2^32, which wraps to 0",
	    "{\"T\":4294967296,\"Ext\":\"" SP8 SP8 "       \"}", WIRE_BAD,
	    NULL },
	{ "type 2^64 + 2, no number of ours",
	    "{\"T\":18446744073709551618,\"Ext\":\"" SP8 "     \"}", WIRE_BAD,
	    NULL },
	{ "type 02", "{\"T\":02,\"Ext\":\"" SP8 SP8 SP8 "       \"}", WIRE_BAD,
	    NULL },
	{ "type 2.0", "{\"T\":2.0,\"Ext\":\"" SP8 SP8 SP8 "      \"}", WIRE_BAD,
	    NULL },
	{ "type a text", "{\"T\":\"2\",\"Ext\":\"" SP8 SP8 SP8 "      \"}",
	    WIRE_BAD, NULL },
	{ "type null", "{\"T\":null,\"Ext\":\"" SP8 SP8 SP8 "     \"}",
	    WIRE_BAD, NULL },
	{ "Ext a number",
	    "{\"T\":2,\"Ext\":1234567890123456789             "
	    "  }",
	    WIRE_BAD, NULL },
	{ "Ext missing", "{\"T\":2" SP32 SP8 " }", WIRE_BAD, NULL },
	{ "T missing", "{\"Ext\":\"" SP32 "    \"  }", WIRE_BAD, NULL },
	{ "T twice", "{\"T\":0,\"T\":2,\"Ext\":\"" SP8 SP8 SP8 "  \"}",
	    WIRE_BAD, NULL },
	{ "an extra key", "{\"T\":0,\"Ext\":\"" SP8 SP8 SP8 "  \",\"x\":1}",
	    WIRE_BAD, NULL },
	{ "keys in other case", "{\"t\":0,\"ext\":\"" SP32 "\"}", WIRE_BAD,
	    NULL },
	{ "empty object", "{" SP32 SP8 "      }", WIRE_BAD, NULL },
	{ "nested as deep as fits",
	    "{\"T\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]"
	    "]]]]]]]]]  }",
	    WIRE_BAD, NULL },
	{ "not UTF-8", "{\"T\":2,\"Ext\":\"\xff" SP8 SP8 SP8 "       \"}",
	    WIRE_BAD, NULL },
	{ "escaped NUL in Ext",
	    "{\"T\":2,\"Ext\":\"\\u0000" SP8 SP8 SP8 "  \"}", WIRE_BAD, NULL },
	{ "raw new line in Ext",
	    "{\"T\":2,\"Ext\":\"\n" SP8 SP8 SP8 "       \"}", WIRE_BAD, NULL },
};

START_TEST(decode)
{
	const char *bytes = cases[_i].bytes, *why = NULL;
	size_t len = strlen(bytes);
	struct signal48 signal;
	enum wire_result got;

	/* Either a whole signal, or what is bad before it is whole. */
	if (len > 10)
		ck_assert_msg(len == SIGNAL48_SIZE, "\"%s\" is of %zu bytes",
		    cases[_i].name, len);
	got = signal48_decode((const uint8_t *)bytes, len, &signal, &why);
	ck_assert_msg(got == cases[_i].want, "\"%s\": %d", cases[_i].name, got);
	if (got == WIRE_OK)
		ck_assert_str_eq(signal.ext, cases[_i].ext);
	else
		ck_assert_ptr_nonnull(why);
}
END_TEST

START_TEST(raw_nul)
{
	uint8_t bytes[SIGNAL48_SIZE];
	struct signal48 signal;
	const char *why;

	for (size_t at = 0; at < sizeof(bytes); at++) {
		memcpy(bytes, vectors[1].bytes, sizeof(bytes));
		bytes[at] = 0;
		ck_assert_int_eq(signal48_decode(bytes, sizeof(bytes), &signal,
				     &why),
		    WIRE_BAD);
	}
}
END_TEST

static const struct {
	const char *name, *key;
	bool want;
} keys[] = {
	{ "empty", "", false },
	{ "one byte", "k", true },
	{ "maximum", A32, true },
	{ "one over", A32 "a", false },
	{ "far over", A32 A32 A32, false },
	{ "every other sign", "!#$%'()*+,-./:;=?@[]^_`{|}~", true },
	{ "space inside", "a b", true },
	{ "space before", " ab", true },
	{ "space behind", "ab ", false },
	{ "a space alone", " ", false },
	{ "quote", "a\"b", false },
	{ "backslash", "a\\b", false },
	{ "less than", "a<b", false },
	{ "greater than", "a>b", false },
	{ "ampersand", "a&b", false },
	{ "tab", "a\tb", false },
	{ "0x1f", "a\x1f", false },
	{ "DEL", "a\x7f", false },
	{ "UTF-8", "caf\xc3\xa9", false },
	{ "0xff", "\xff", false },
};

/* A key that may travel comes out as it went in. */
START_TEST(key)
{
	struct signal48 signal;
	char bytes[SIGNAL48_SIZE];
	const char *why;

	ck_assert_msg((signal48_key_problem(keys[_i].key) == NULL) ==
		keys[_i].want,
	    "%s", keys[_i].name);
	if (!keys[_i].want)
		return;
	signal48_encode(SIGNAL48_AUTH, keys[_i].key, bytes);
	ck_assert_int_eq(signal48_decode((const uint8_t *)bytes, sizeof(bytes),
			     &signal, &why),
	    WIRE_OK);
	ck_assert_str_eq(signal.ext, keys[_i].key);
}
END_TEST

Suite *
signal48_suite(void)
{
	Suite *suite = suite_create("signal48");
	TCase *tc = tcase_create("signal48");

	tcase_add_loop_test(tc, vector_encode, 0, COUNT(vectors));
	tcase_add_loop_test(tc, vector_decode, 0, COUNT(vectors));
	tcase_add_loop_test(tc, every_split, 0, SIGNAL48_SIZE);
	tcase_add_test(tc, more_behind);
	tcase_add_loop_test(tc, decode, 0, COUNT(cases));
	tcase_add_test(tc, raw_nul);
	tcase_add_loop_test(tc, key, 0, COUNT(keys));
	suite_add_tcase(suite, tc);
	return suite;
}
