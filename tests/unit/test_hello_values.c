/*
 * test_hello_values.c - what the JSON payloads say: the keys of a quick join,
 * identifiers, labels, intervals and reasons, there and back.
 */
#include "base/str.h"
#include "tests/unit/suites.h"
#include "tests/unit/test_hello.h"

#include <stdio.h>
#include <string.h>

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

	snprintf(text, sizeof(text), HELLO_AND("%s"), join_keys[_i].keys);
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

#define BAD_DIALING "dialing is not a whole number, 1 to 1000"

static const struct {
	const char *keys, *want;
	uint32_t dialing;
} dialings[] = {
	{ "", NULL, 64 },
	{ ",\"dialing\":1", NULL, 1 },
	{ ",\"dialing\":64", NULL, 64 },
	{ ",\"dialing\":1000", NULL, 1000 },
	{ ",\"dialing\":0", BAD_DIALING, 0 },
	{ ",\"dialing\":-1", BAD_DIALING, 0 },
	{ ",\"dialing\":1001", BAD_DIALING, 0 },
	{ ",\"dialing\":4294967297", BAD_DIALING, 0 },
	{ ",\"dialing\":9223372036854775807", BAD_DIALING, 0 },
	{ ",\"dialing\":2.0", BAD_DIALING, 0 },
	{ ",\"dialing\":1e2", BAD_DIALING, 0 },
	{ ",\"dialing\":\"2\"", BAD_DIALING, 0 },
	{ ",\"dialing\":true", BAD_DIALING, 0 },
	{ ",\"dialing\":null", BAD_DIALING, 0 },
	{ ",\"dialing\":[2]", BAD_DIALING, 0 },
};

START_TEST(dialing)
{
	char text[HELLO_PAYLOAD_MAX];
	const char *why;
	struct hello h;

	snprintf(text, sizeof(text), HELLO_AND("%s"), dialings[_i].keys);
	why = hello_decode(text, strlen(text), &h);
	if (dialings[_i].want != NULL) {
		ck_assert_msg(why != NULL, "%s was taken", dialings[_i].keys);
		ck_assert_str_eq(why, dialings[_i].want);
		return;
	}
	ck_assert_msg(why == NULL, "%s: %s", dialings[_i].keys, why);
	ck_assert_uint_eq(h.dialing, dialings[_i].dialing);
}
END_TEST

/* Those who never heard of the key are not told what they take for granted. */
START_TEST(default_dialing_is_not_said)
{
	char text[HELLO_PAYLOAD_MAX];
	size_t len = hello_encode(&hello_sample, text);

	ck_assert_uint_gt(len, 0);
	ck_assert_uint_lt(len, sizeof(text));
	text[len] = '\0';
	ck_assert_ptr_null(strstr(text, "dialing"));
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
	ck_assert_int_eq(a->registers, b->registers);
	ck_assert_uint_eq(a->dialing, b->dialing);
	ck_assert_int_eq(a->join, b->join);
	ck_assert_uint_eq(a->counter, b->counter);
	if (a->join)
		ck_assert_mem_eq(a->proof, b->proof, sizeof(a->proof));
}

/* Each role, with and without each option, comes back as it went. */
START_TEST(hello_there_and_back)
{
	char text[HELLO_PAYLOAD_MAX];
	struct hello in = hello_sample, out;
	size_t len;

	in.role = (enum hello_role)(_i % 3);
	in.replace = _i / 3 % 2 == 1;
	if (in.replace)
		in.dialing = _i / 6 % 2 == 0 ? 1 : HELLO_DIALING_MAX;
	in.join = _i / 6 % 2 == 1;
	in.registers = _i >= 12;
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
	struct hello in = hello_sample, out;
	size_t len;

	memset(in.inner, 'z', HELLO_INNER_MAX);
	memset(in.software, '"', HELLO_SOFTWARE_MAX);
	in.replace = in.registers = in.join = true;
	in.dialing = HELLO_DIALING_MAX;
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

	snprintf(text, sizeof(text), WELCOME_AND(",\"ping\":%s"),
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

START_TEST(welcome_asks_for_control)
{
	static const char *const texts[] = {
		WELCOME_AND(",\"ping\":10"),
		WELCOME_AND(",\"ping\":10,\"control\":true"),
	};
	char again[HELLO_PAYLOAD_MAX];
	struct welcome w;

	memset(&w, 0xff, sizeof(w));
	ck_assert_ptr_null(welcome_decode(texts[_i], strlen(texts[_i]), &w));
	ck_assert_int_eq(w.control, _i);
	ck_assert_uint_eq(welcome_encode(&w, again), strlen(texts[_i]));
	ck_assert_mem_eq(again, texts[_i], strlen(texts[_i]));
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
hello_values_suite(void)
{
	Suite *suite = suite_create("hello_values");
	TCase *tc = tcase_create("hello_values");

	tcase_add_loop_test(tc, hello_there_and_back, 0, 24);
	tcase_add_loop_test(tc, quick_join, 0, COUNT(join_keys));
	tcase_add_loop_test(tc, dialing, 0, COUNT(dialings));
	tcase_add_test(tc, default_dialing_is_not_said);
	tcase_add_test(tc, hello_maximum);
	tcase_add_test(tc, instance_in_one_spelling);
	tcase_add_loop_test(tc, label, 0, COUNT(labels));
	tcase_add_loop_test(tc, ping, 0, COUNT(pings));
	tcase_add_loop_test(tc, welcome_asks_for_control, 0, 2);
	tcase_add_loop_test(tc, goaway_reasons, 0, COUNT(reasons));
	tcase_add_loop_test(tc, inner_ids, 0, COUNT(ids));
	suite_add_tcase(suite, tc);
	return suite;
}
