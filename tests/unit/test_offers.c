/*
 * test_offers.c - what an inner offers, what the outer makes of it, and what a
 * FORWARD may have it dial.
 */
#include "inner/offers.h"
#include "inner/target.h"
#include "relay/refusal.h"
#include "tests/unit/suites.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static char web[] = "web", games[] = "games", box[] = "box";

/* ProxyAddress, three services, and two entries of AllowTargets. */
static struct offers *
sample(bool with_proxy)
{
	struct inner_service services[3] = {
		{ .name = web, .weight = 7 },
		{ .name = games, .weight = 1 },
		{ .name = box, .weight = 1 },
	};
	struct targets_entry allowed[2];
	struct inner_config config = {
		.services = { services, 3 },
		.allow = { allowed, 2 },
	};
	struct offers *offers;

	if (with_proxy)
		ck_assert_ptr_null(
		    addr_parse("tcp://127.0.0.1:80", &config.proxy_addr));
	ck_assert_ptr_null(
	    addr_range_parse("tcp://127.0.0.1:3000", &services[0].proxy));
	ck_assert_ptr_null(addr_range_parse("tcp://:0", &services[0].remote));
	ck_assert_ptr_null(
	    addr_range_parse("tcp://Games.lan:7000-7099", &services[1].proxy));
	ck_assert_ptr_null(
	    addr_range_parse("tcp://0.0.0.0:6000-6099", &services[1].remote));
	ck_assert_ptr_null(
	    addr_range_parse("unix:///run/box", &services[2].proxy));
	ck_assert_ptr_null(targets_parse("10.0.0.0/8:22", &allowed[0]));
	ck_assert_ptr_null(targets_parse("*.lan:443", &allowed[1]));
	offers = offers_new(&config);
	ck_assert_ptr_nonnull(offers);
	return offers;
}

static struct registered_service answers[] = {
	{ "box", NULL, 9, NULL },
	{ "web", NULL, 7, "tcp://0.0.0.0:41000" },
	{ "games", NULL, 8, "tcp://0.0.0.0:6000-6099" },
	{ "who", NULL, 10, NULL },
};

static struct offers *
answered(struct registered_service *list, size_t count)
{
	const struct registered registered = { list, count, NULL };
	struct offers *offers = sample(true);
	struct offers *copy = offers_answered(offers, &registered);

	ck_assert_ptr_nonnull(copy);
	offers_release(offers);
	return copy;
}

static const struct {
	const char *name;
	struct request request;
	const char *dials; /* NULL: refused */
	const char *offer; /* NULL: none */
	unsigned code;
} requests[] = {
	{ "the default", { .service = 0 }, "tcp://127.0.0.1:80", "default", 0 },
	{ "the default, by name", { .target = "tcp://127.0.0.1:80" },
	    "tcp://127.0.0.1:80", "default", 0 },
	{ "another port", { .target = "tcp://127.0.0.1:81" }, NULL, NULL,
	    CODE_TARGET_NOT_ALLOWED },
	{ "a longer text", { .target = "tcp://127.0.0.1:800" }, NULL, NULL,
	    CODE_TARGET_NOT_ALLOWED },
	{ "no address", { .target = "127.0.0.1:80" }, NULL, NULL,
	    CODE_TARGET_NOT_ALLOWED },
	{ "its own over TLS", { .target = "tls://127.0.0.1:80" }, NULL, NULL,
	    CODE_TARGET_NOT_ALLOWED },
	{ "a range", { .target = "tcp://games.lan:7000-7001" }, NULL, NULL,
	    CODE_TARGET_NOT_ALLOWED },
	{ "a service", { .service = 7 }, "tcp://127.0.0.1:3000", "web", 0 },
	{ "a service and another's target",
	    { .service = 7, .target = "unix:///run/box" }, "unix:///run/box",
	    "box", 0 },
	{ "no such service", { .service = 10 }, NULL, NULL,
	    CODE_NO_SUCH_SERVICE },
	{ "the first of a range", { .service = 8, .public_port = 6000 },
	    "tcp://Games.lan:7000", "games", 0 },
	{ "the last of a range", { .service = 8, .public_port = 6099 },
	    "tcp://Games.lan:7099", "games", 0 },
	{ "before a range", { .service = 8, .public_port = 5999 }, NULL,
	    "games", CODE_TARGET_NOT_ALLOWED },
	{ "behind a range", { .service = 8, .public_port = 6100 }, NULL,
	    "games", CODE_TARGET_NOT_ALLOWED },
	{ "of a range by name", { .target = "tcp://games.LAN:7050" },
	    "tcp://games.LAN:7050", "games", 0 },
	{ "behind a range by name", { .target = "tcp://games.lan:7100" }, NULL,
	    NULL, CODE_TARGET_NOT_ALLOWED },
	{ "allowed", { .service = 99, .target = "tcp://10.1.2.3:22" },
	    "tcp://10.1.2.3:22", NULL, 0 },
	{ "allowed, another port", { .target = "tcp://10.1.2.3:23" }, NULL,
	    NULL, CODE_TARGET_NOT_ALLOWED },
	{ "allowed by name", { .target = "tcp://a.lan:443" }, "tcp://a.lan:443",
	    NULL, 0 },
	{ "another path", { .target = "unix:///run/boxes" }, NULL, NULL,
	    CODE_TARGET_NOT_ALLOWED },
	{ "UDP", { .protocol = REQUEST_UDP }, NULL, NULL,
	    CODE_TARGET_NOT_ALLOWED },
};

START_TEST(target_is_chosen)
{
	struct offers *offers = answered(answers, COUNT(answers));
	char text[ADDR_TEXT_SIZE];
	const char *why = NULL;
	struct target target;

	ck_assert_msg(target_choose(offers, &requests[_i].request, &target,
			  &why) == requests[_i].code,
	    "case \"%s\"", requests[_i].name);
	ck_assert((why != NULL) == (requests[_i].code != 0));
	ck_assert_pstr_eq(target.offer != NULL ? target.offer->name : NULL,
	    requests[_i].offer);
	if (requests[_i].dials != NULL) {
		addr_format(&target.addr, text, sizeof(text));
		ck_assert_str_eq(text, requests[_i].dials);
	}
	offers_release(offers);
}
END_TEST

/* Before the outer has said anything nothing but the default has an id. */
START_TEST(unanswered)
{
	struct offers *offers = sample(false);
	const struct request named = { .target = "tcp://127.0.0.1:3000" };
	const struct request first = { 0 }, other = { .service = 7 };
	struct target target;
	const char *why;

	ck_assert_uint_eq(target_choose(offers, &first, &target, &why),
	    CODE_NO_SUCH_SERVICE);
	ck_assert_uint_eq(target_choose(offers, &other, &target, &why),
	    CODE_NO_SUCH_SERVICE);
	ck_assert_uint_eq(target_choose(offers, &named, &target, &why), 0);
	ck_assert_uint_eq(offers_find_id(offers, UINT32_MAX), offers->count);
	offers_release(offers);
}
END_TEST

START_TEST(a_refused_one_has_no_id)
{
	struct registered_service refused[] = { { "default", NULL, 0, NULL },
		{ "web", "taken", 0, NULL } };
	struct offers *offers = answered(refused, COUNT(refused));
	size_t i = offers_find(offers, "web");

	ck_assert_uint_eq(offers->ids[i], OFFER_NO_ID);
	ck_assert_str_eq(offers->list[i].error, "taken");
	ck_assert_uint_eq(offers_find_id(offers, 0),
	    offers_find(offers, "default"));
	offers_release(offers);
}
END_TEST

/* A file read anew: those of the same name go on under their ids. */
START_TEST(ids_are_inherited)
{
	struct offers *old = answered(answers, COUNT(answers));
	struct offers *fresh = sample(false);

	ck_assert(offers_inherit(fresh, old));
	offers_release(old);
	ck_assert_uint_eq(fresh->ids[offers_find(fresh, "web")], 7);
	ck_assert_uint_eq(fresh->ports[offers_find(fresh, "games")], 6000);
	ck_assert_str_eq(fresh->list[offers_find(fresh, "web")].address,
	    "tcp://0.0.0.0:41000");
	ck_assert_uint_eq(offers_find(fresh, "default"), fresh->count);
	offers_release(fresh);
}
END_TEST

START_TEST(encoded)
{
	static const char want[] =
	    "{\"services\":["
	    "{\"name\":\"default\",\"target\":\"tcp://127.0.0.1:80\"},"
	    "{\"name\":\"web\",\"target\":\"tcp://127.0.0.1:3000\","
	    "\"listen\":\"tcp://:0\",\"weight\":7},"
	    "{\"name\":\"games\",\"target\":\"tcp://Games.lan:7000-7099\","
	    "\"listen\":\"tcp://0.0.0.0:6000-6099\"},"
	    "{\"name\":\"box\",\"target\":\"unix:///run/box\"}],"
	    "\"allow\":[\"10.0.0.0/8:22\",\"*.lan:443\"]}";
	static char out[REGISTER_PAYLOAD_MAX];
	struct offers *offers = sample(true);
	size_t len = offers_encode(offers, NULL, out);

	ck_assert_uint_eq(len, strlen(want));
	ck_assert_mem_eq(out, want, len);
	ck_assert(offers->registers);
	offers_release(offers);
}
END_TEST

START_TEST(slot_gives_the_newest)
{
	struct offers_slot *slot = offers_slot_new();
	struct offers *first = sample(true), *second = sample(false), *got;

	ck_assert_ptr_nonnull(slot);
	offers_slot_put(slot, first);
	got = offers_slot_get(slot);
	ck_assert_ptr_eq(got, first);
	offers_slot_put(slot, second);
	ck_assert_uint_eq(got->count, 4); /* still there */
	offers_release(got);
	got = offers_slot_get(slot);
	ck_assert_ptr_eq(got, second);
	offers_release(got);
	offers_slot_free(slot);
	offers_release(NULL);
}
END_TEST

static const struct {
	enum dial_result result;
	enum wire_code code;
} codes[] = {
	{ DIAL_NO_NAME, CODE_NAME_NOT_RESOLVED },
	{ DIAL_REFUSED, CODE_TARGET_REFUSED },
	{ DIAL_TIMED_OUT, CODE_TARGET_TIMED_OUT },
	{ DIAL_NO_RESOURCES, CODE_LIMIT },
};

START_TEST(refusal_code)
{
	ck_assert_int_eq(refusal_of(codes[_i].result), codes[_i].code);
}
END_TEST

Suite *
offers_suite(void)
{
	Suite *suite = suite_create("offers");
	TCase *tc = tcase_create("offers");

	tcase_add_loop_test(tc, target_is_chosen, 0, COUNT(requests));
	tcase_add_test(tc, unanswered);
	tcase_add_test(tc, a_refused_one_has_no_id);
	tcase_add_test(tc, ids_are_inherited);
	tcase_add_test(tc, encoded);
	tcase_add_test(tc, slot_gives_the_newest);
	tcase_add_loop_test(tc, refusal_code, 0, COUNT(codes));
	suite_add_tcase(suite, tc);
	return suite;
}
