/*
 * test_register.c - what is a REGISTER or a REGISTERED, and what is none.
 *
 * The bytes of `vectors` are those of doc/PROTOCOL, "Test vectors".
 */
#include "base/str.h"
#include "tests/unit/payloads.h"
#include "tests/unit/suites.h"
#include "wire/frame.h"
#include "wire/register.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static char out[REGISTER_PAYLOAD_MAX];

static struct register_service services_sample[] = {
	{ "web", "tcp://127.0.0.1:3000", "tcp://:8080", 1, true },
	{ "ssh", "tcp://127.0.0.1:22", NULL, 10, false },
};
static const char *allow_sample[] = { "127.0.0.1:3000", "192.168.1.0/24:22" };
static const struct registration registration_sample = { services_sample,
	COUNT(services_sample), allow_sample, COUNT(allow_sample), NULL };
static struct registered_service answers_sample[] = {
	{ "web", NULL, 7, "tcp://0.0.0.0:8080" },
	{ "default", NULL, 0, NULL },
	{ "ssh", "port 22 is outside PortRange", 0, NULL },
};
static const struct registered registered_sample = { answers_sample,
	COUNT(answers_sample), NULL };

static size_t
make_register(void)
{
	return register_encode(&registration_sample, out);
}

static size_t
make_registered(void)
{
	return registered_encode(&registered_sample, out);
}

/* Decoders without their result, for tables. */
static const char *
take_register(const void *json, size_t len)
{
	struct registration r;
	const char *why = register_decode(json, len, &r);

	ck_assert(why == NULL || r.block == NULL);
	register_free(&r);
	return why;
}

static const char *
take_registered(const void *json, size_t len)
{
	struct registered r;
	const char *why = registered_decode(json, len, &r);

	ck_assert(why == NULL || r.block == NULL);
	registered_free(&r);
	return why;
}

/* doc/PROTOCOL, "Test vectors". */
static const struct {
	size_t (*make)(void);
	struct payload is;
} vectors[] = {
	{ make_register,
	    { FRAME_REGISTER, take_register, "0130000000cc",
		"{\"services\":[{\"name\":\"web\","
		"\"target\":\"tcp://127.0.0.1:3000\","
		"\"listen\":\"tcp://:8080\"},"
		"{\"name\":\"ssh\",\"target\":\"tcp://127.0.0.1:22\","
		"\"weight\":10,\"healthy\":false}],"
		"\"allow\":[\"127.0.0.1:3000\",\"192.168.1.0/24:22\"]}" } },
	{ make_registered,
	    { FRAME_REGISTERED, take_registered, "013100000093",
		"{\"services\":[{\"name\":\"web\",\"id\":7,"
		"\"address\":\"tcp://0.0.0.0:8080\"},"
		"{\"name\":\"default\",\"id\":0},"
		"{\"name\":\"ssh\","
		"\"error\":\"port 22 is outside PortRange\"}]}" } },
};

START_TEST(vector_encode)
{
	size_t len = vectors[_i].make();

	assert_payload(&vectors[_i].is, out, len);
}
END_TEST

START_TEST(truncated)
{
	assert_whole(&vectors[_i].is);
}
END_TEST

START_TEST(register_decoded)
{
	struct registration r;

	ck_assert_ptr_null(register_decode(vectors[0].is.json,
	    strlen(vectors[0].is.json), &r));
	ck_assert_uint_eq(r.service_count, 2);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_str_eq(r.services[i].name, services_sample[i].name);
		ck_assert_str_eq(r.services[i].target,
		    services_sample[i].target);
		ck_assert_pstr_eq(r.services[i].listen,
		    services_sample[i].listen);
		ck_assert_uint_eq(r.services[i].weight,
		    services_sample[i].weight);
		ck_assert_int_eq(r.services[i].healthy,
		    services_sample[i].healthy);
	}
	ck_assert_uint_eq(r.allow_count, 2);
	ck_assert_str_eq(r.allow[0], allow_sample[0]);
	ck_assert_str_eq(r.allow[1], allow_sample[1]);
	register_free(&r);
	ck_assert_ptr_null(r.block);
	register_free(&r);
}
END_TEST

START_TEST(registered_decoded)
{
	struct registered r;

	ck_assert_ptr_null(registered_decode(vectors[1].is.json,
	    strlen(vectors[1].is.json), &r));
	ck_assert_uint_eq(r.service_count, 3);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_str_eq(r.services[i].name, answers_sample[i].name);
		ck_assert_uint_eq(r.services[i].id, answers_sample[i].id);
		ck_assert_pstr_eq(r.services[i].error, answers_sample[i].error);
		ck_assert_pstr_eq(r.services[i].address,
		    answers_sample[i].address);
	}
	registered_free(&r);
	registered_free(&r);
}
END_TEST

#define NAME	  "\"name\":\"web\""
#define TARGET	  "\"target\":\"tcp://a:1\""
#define ONE(rest) "{\"services\":[{" NAME "," TARGET rest "}]}"
#define BAD_NAME \
	"a service's name is not 1 to 64 letters, digits, '.', '_', '-'"
#define BAD_LIST  "services is not a list of at most 1000"
#define BAD_ALLOW "allow is not a list of at most 1000"
#define BAD_TEXT(x) \
	"a service's " x " is not a text of 1 to 512 printable characters"
#define BAD_WEIGHT "a service's weight is not a whole number, 1 to 100"
#define BAD_HEALTH "a service's healthy is not true or false"
#define BAD_ENTRY \
	"an entry of allow is not a text of 1 to 512 printable characters"
#define BAD_ID	     "a service's id is not a whole number of 32 bits"
#define NOT_ONE	     "a service has not one of id and error"
#define ANSWER(rest) "{\"services\":[{" NAME rest "}]}"
#define TEN	     "aaaaaaaaaa"
#define SIXTY_FOUR   TEN TEN TEN TEN TEN TEN "aaaa"

static const struct {
	payload_fn *take;
	const char *name, *text, *want; /* want NULL: it is well */
} cases[] = {
	{ take_register, "none", "{\"services\":[]}", NULL },
	{ take_register, "no JSON", "services", "the payload is not JSON" },
	{ take_register, "no object", "[]",
	    "the payload is not a JSON object" },
	{ take_register, "empty", "{}", BAD_LIST },
	{ take_register, "services an object", "{\"services\":{}}", BAD_LIST },
	{ take_register, "services null", "{\"services\":null}", BAD_LIST },
	{ take_register, "a service is a text", "{\"services\":[\"web\"]}",
	    "a service is not a JSON object" },
	{ take_register, "least", ONE(""), NULL },
	{ take_register, "unknown keys",
	    "{\"x\":1,\"services\":[{" NAME "," TARGET ",\"tls\":{}}]}", NULL },
	{ take_register, "key twice", ONE("," TARGET),
	    "the payload is not JSON" },
	{ take_register, "no name", "{\"services\":[{" TARGET "}]}", BAD_NAME },
	{ take_register, "empty name",
	    "{\"services\":[{\"name\":\"\"," TARGET "}]}", BAD_NAME },
	{ take_register, "name with a blank",
	    "{\"services\":[{\"name\":\"a b\"," TARGET "}]}", BAD_NAME },
	{ take_register, "name a number",
	    "{\"services\":[{\"name\":1," TARGET "}]}", BAD_NAME },
	{ take_register, "longest name",
	    "{\"services\":[{\"name\":\"" SIXTY_FOUR "\"," TARGET "}]}", NULL },
	{ take_register, "name one over",
	    "{\"services\":[{\"name\":\"" SIXTY_FOUR "a\"," TARGET "}]}",
	    BAD_NAME },
	{ take_register, "no target", "{\"services\":[{" NAME "}]}",
	    BAD_TEXT("target") },
	{ take_register, "empty target",
	    "{\"services\":[{" NAME ",\"target\":\"\"}]}", BAD_TEXT("target") },
	{ take_register, "target not ASCII",
	    "{\"services\":[{" NAME ",\"target\":\"tcp://\xc3\xa9:1\"}]}",
	    BAD_TEXT("target") },
	{ take_register, "target with an escaped new line",
	    "{\"services\":[{" NAME ",\"target\":\"a\\nb\"}]}",
	    BAD_TEXT("target") },
	{ take_register, "listen", ONE(",\"listen\":\"tcp://:1\""), NULL },
	{ take_register, "listen null", ONE(",\"listen\":null"),
	    BAD_TEXT("listen") },
	{ take_register, "listen empty", ONE(",\"listen\":\"\""),
	    BAD_TEXT("listen") },
	{ take_register, "weight at its least", ONE(",\"weight\":1"), NULL },
	{ take_register, "weight at its most", ONE(",\"weight\":100"), NULL },
	{ take_register, "weight zero", ONE(",\"weight\":0"), BAD_WEIGHT },
	{ take_register, "weight one over", ONE(",\"weight\":101"),
	    BAD_WEIGHT },
	{ take_register, "weight negative", ONE(",\"weight\":-1"), BAD_WEIGHT },
	{ take_register, "weight a fraction", ONE(",\"weight\":1.0"),
	    BAD_WEIGHT },
	{ take_register, "weight a text", ONE(",\"weight\":\"1\""),
	    BAD_WEIGHT },
	{ take_register, "healthy", ONE(",\"healthy\":true"), NULL },
	{ take_register, "healthy a number", ONE(",\"healthy\":1"),
	    BAD_HEALTH },
	{ take_register, "healthy null", ONE(",\"healthy\":null"), BAD_HEALTH },
	{ take_register, "twins",
	    "{\"services\":[{" NAME "," TARGET "},{\"name\":\"b\"," TARGET
	    "},{" NAME "," TARGET "}]}",
	    "two services have one name" },
	{ take_register, "names in two cases",
	    "{\"services\":[{" NAME "," TARGET "},{\"name\":\"Web\"," TARGET
	    "}]}",
	    NULL },
	{ take_register, "allow empty", "{\"services\":[],\"allow\":[]}",
	    NULL },
	{ take_register, "allow null", "{\"services\":[],\"allow\":null}",
	    BAD_ALLOW },
	{ take_register, "allow a text", "{\"services\":[],\"allow\":\"a\"}",
	    BAD_ALLOW },
	{ take_register, "allow a number", "{\"services\":[],\"allow\":[1]}",
	    BAD_ENTRY },
	{ take_register, "allow an empty text",
	    "{\"services\":[],\"allow\":[\"a:1\",\"\"]}", BAD_ENTRY },

	{ take_registered, "none", "{\"services\":[]}", NULL },
	{ take_registered, "empty", "{}", BAD_LIST },
	{ take_registered, "a service is a list", "{\"services\":[[]]}",
	    "a service is not a JSON object" },
	{ take_registered, "no name", "{\"services\":[{\"id\":1}]}", BAD_NAME },
	{ take_registered, "id", ANSWER(",\"id\":1"), NULL },
	{ take_registered, "unknown key", ANSWER(",\"id\":1,\"x\":[]"), NULL },
	{ take_registered, "last id", ANSWER(",\"id\":4294967295"), NULL },
	{ take_registered, "id one over", ANSWER(",\"id\":4294967296"),
	    BAD_ID },
	{ take_registered, "id negative", ANSWER(",\"id\":-1"), BAD_ID },
	{ take_registered, "id a fraction", ANSWER(",\"id\":1.0"), BAD_ID },
	{ take_registered, "id a text", ANSWER(",\"id\":\"1\""), BAD_ID },
	{ take_registered, "address", ANSWER(",\"id\":1,\"address\":\"a\""),
	    NULL },
	{ take_registered, "address a number",
	    ANSWER(",\"id\":1,\"address\":1"), BAD_TEXT("address") },
	{ take_registered, "error", ANSWER(",\"error\":\"no\""), NULL },
	{ take_registered, "error empty", ANSWER(",\"error\":\"\""), NULL },
	{ take_registered, "error a number", ANSWER(",\"error\":1"),
	    "a service's error is not a text" },
	{ take_registered, "neither", ANSWER(""), NOT_ONE },
	{ take_registered, "both", ANSWER(",\"id\":1,\"error\":\"no\""),
	    NOT_ONE },
	{ take_registered, "twins",
	    "{\"services\":[{" NAME ",\"id\":1},{" NAME ",\"id\":2}]}",
	    "two services have one name" },
};

START_TEST(decode)
{
	const char *got = cases[_i].take(cases[_i].text,
	    strlen(cases[_i].text));

	ck_assert_msg(cases[_i].want != NULL || got == NULL, "%s: %s",
	    cases[_i].name, got);
	ck_assert_pstr_eq(got, cases[_i].want);
}
END_TEST

START_TEST(what_is_left_out)
{
	struct registration r;

	ck_assert_ptr_null(register_decode(ONE(""), strlen(ONE("")), &r));
	ck_assert_ptr_null(r.services[0].listen);
	ck_assert_uint_eq(r.services[0].weight, 1);
	ck_assert(r.services[0].healthy);
	ck_assert_uint_eq(r.allow_count, 0);
	register_free(&r);
}
END_TEST

START_TEST(error_is_made_printable)
{
	static const char text[] = ANSWER(",\"error\":\"a\\n\\u00e9\\\"b\"");
	struct registered r;

	ck_assert_ptr_null(registered_decode(text, strlen(text), &r));
	ck_assert_str_eq(r.services[0].error, "a???\"b");
	registered_free(&r);
}
END_TEST

/* A list of count times one, which has a place for the number. */
static char *
repeat(const char *head, const char *one, size_t count, const char *tail)
{
	size_t size = strlen(head) + count * (strlen(one) + 8) + strlen(tail);
	char *text = malloc(size + 1);
	size_t used = 0;

	ck_assert_ptr_nonnull(text);
	str_append(text, size + 1, &used, "%s", head);
	for (size_t i = 0; i < count; i++)
		str_append(text, size + 1, &used, "%s%.*s%zu%s",
		    i > 0 ? "," : "", (int)strcspn(one, "#"), one, i,
		    strchr(one, '#') + 1);
	str_append(text, size + 1, &used, "%s", tail);
	return text;
}

static const struct {
	payload_fn *take;
	const char *head, *one, *tail, *want;
} bounds[] = {
	{ take_register, "{\"services\":[",
	    "{\"name\":\"a#\",\"target\":\"b\"}", "]}", BAD_LIST },
	{ take_register, "{\"services\":[],\"allow\":[", "\"a:#\"", "]}",
	    BAD_ALLOW },
	{ take_registered, "{\"services\":[", "{\"name\":\"a#\",\"id\":1}",
	    "]}", BAD_LIST },
};

START_TEST(at_most_a_thousand)
{
	for (size_t over = 0; over < 2; over++) {
		char *text = repeat(bounds[_i].head, bounds[_i].one,
		    1000 + over, bounds[_i].tail);
		const char *why = bounds[_i].take(text, strlen(text));

		ck_assert_pstr_eq(why, over == 0 ? NULL : bounds[_i].want);
		free(text);
	}
}
END_TEST

static const size_t text_lengths[] = { 1, REGISTER_TEXT_MAX,
	REGISTER_TEXT_MAX + 1 };

START_TEST(longest_text)
{
	char text[REGISTER_TEXT_MAX + 2] = "";
	struct register_service service = { "a", text, text, 1, true };
	const char *allow[] = { text };
	struct registration in = { &service, 1, allow, 1, NULL };
	size_t len;

	memset(text, '"', text_lengths[_i]); /* each is two in JSON */
	len = register_encode(&in, out);
	ck_assert_uint_gt(len, 0);
	ck_assert_int_eq(take_register(out, len) == NULL,
	    text_lengths[_i] <= REGISTER_TEXT_MAX);
}
END_TEST

START_TEST(what_does_not_fit_is_not_written)
{
	char text[REGISTER_TEXT_MAX + 1] = "";
	const char *allow[REGISTER_ALLOW_MAX];
	struct registration in = { NULL, 0, allow, 0, NULL };

	memset(text, 'a', REGISTER_TEXT_MAX);
	for (size_t i = 0; i < COUNT(allow); i++)
		allow[i] = text;
	/* {"services":[],"allow":[]} and 515 for each but the last comma */
	in.allow_count = (REGISTER_PAYLOAD_MAX - 26 + 1) / 515;
	ck_assert_uint_eq(register_encode(&in, out),
	    26 + in.allow_count * 515 - 1);
	in.allow_count++;
	ck_assert_uint_eq(register_encode(&in, out), 0);
}
END_TEST

/* As many services as a REGISTER can have; each gets an answer that is as long
 * as can be, and yet they fit. */
static void
fill_answers(struct registered_service *answers, size_t count, char name[][65],
    const char *error)
{
	for (size_t i = 0; i < count; i++) {
		memset(name[i], 'a', 64);
		snprintf(name[i] + 60, 5, "%04zu", i);
		answers[i] = (struct registered_service){
			.name = name[i],
			.error = error,
			.id = error == NULL ? UINT32_MAX : 0,
			.address = error == NULL ? "tcp://[2001:db8::1]:65535"
						 : NULL,
		};
	}
}

START_TEST(a_long_answer_is_cut_short)
{
	/* {"services":[]} and 24 + 64 + 9 each with the shortest address */
	enum { MOST = (REGISTER_PAYLOAD_MAX - 15) / 97 };
	static char name[MOST][65];
	static struct registered_service answers[MOST];
	struct registered in = { answers, MOST, NULL }, back;
	size_t len;

	fill_answers(answers, MOST, name,
	    _i == 0 ? NULL : "port 22 is outside PortRange");
	len = registered_encode(&in, out);
	ck_assert_uint_gt(len, 0);
	ck_assert_ptr_null(registered_decode(out, len, &back));
	ck_assert_uint_eq(back.service_count, MOST);
	ck_assert_uint_eq(back.services[MOST - 1].id, answers[0].id);
	ck_assert_ptr_null(back.services[0].address);
	ck_assert_pstr_eq(back.services[0].error, _i == 0 ? NULL : "refused");
	registered_free(&back);
}
END_TEST

Suite *
register_suite(void)
{
	Suite *suite = suite_create("register");
	TCase *tc = tcase_create("register");

	tcase_add_loop_test(tc, vector_encode, 0, COUNT(vectors));
	tcase_add_loop_test(tc, truncated, 0, COUNT(vectors));
	tcase_add_test(tc, register_decoded);
	tcase_add_test(tc, registered_decoded);
	tcase_add_loop_test(tc, decode, 0, COUNT(cases));
	tcase_add_test(tc, what_is_left_out);
	tcase_add_test(tc, error_is_made_printable);
	tcase_add_loop_test(tc, at_most_a_thousand, 0, COUNT(bounds));
	tcase_add_loop_test(tc, longest_text, 0, COUNT(text_lengths));
	tcase_add_test(tc, what_does_not_fit_is_not_written);
	tcase_add_loop_test(tc, a_long_answer_is_cut_short, 0, 2);
	suite_add_tcase(suite, tc);
	return suite;
}
