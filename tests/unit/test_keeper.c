/*
 * test_keeper.c - how long the inner waits between its attempts.
 */
#include "tests/unit/suites.h"
#include "inner/keeper.h"
#include "inner/target.h"

#include <string.h>

enum { MINUTE = 60000 };

static const struct {
	const char *name;
	uint64_t delay, outage, most, want;
} delays[] = {
	{ "the first", 0, 0, MINUTE, 100 },
	{ "doubles", 100, 100, MINUTE, 200 },
	{ "young: at most 1 s", 800, 1500, MINUTE, 1000 },
	{ "young: stays at 1 s", 1000, 59999, MINUTE, 1000 },
	{ "old: doubles on", 1000, 60000, MINUTE, 2000 },
	{ "old: doubles further", 32000, 100000, 64000, 64000 },
	{ "never over the most", 48000, 200000, MINUTE, MINUTE },
	{ "a small most rules even while young", 400, 500, 500, 500 },
	{ "rejected: doubles while young", 5000, 5000, MINUTE, 10000 },
};

START_TEST(next_delay)
{
	ck_assert_msg(keeper_next_delay(delays[_i].delay, delays[_i].outage,
			  delays[_i].most) == delays[_i].want,
	    "case \"%s\"", delays[_i].name);
}
END_TEST

static const struct {
	const char *name;
	struct request request;
	unsigned want;
} requests[] = {
	{ "its own target", { .target = "" }, 0 },
	{ "its own target by name", { .target = "tcp://127.0.0.1:80" }, 0 },
	{ "another target", { .target = "tcp://127.0.0.1:81" },
	    CODE_TARGET_NOT_ALLOWED },
	{ "a longer text", { .target = "tcp://127.0.0.1:800" },
	    CODE_TARGET_NOT_ALLOWED },
	{ "another service", { .service = 1 }, CODE_NO_SUCH_SERVICE },
	{ "UDP", { .protocol = REQUEST_UDP }, CODE_TARGET_NOT_ALLOWED },
};

START_TEST(target_is_checked)
{
	struct inner_config config = { 0 };
	const char *why = NULL;

	ck_assert_ptr_null(
	    addr_parse("tcp://127.0.0.1:80", &config.proxy_addr));
	ck_assert_msg(target_check(&config, &requests[_i].request, &why) ==
		requests[_i].want,
	    "case \"%s\"", requests[_i].name);
	ck_assert((why != NULL) == (requests[_i].want != 0));
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
	ck_assert_int_eq(target_code(codes[_i].result), codes[_i].code);
}
END_TEST

Suite *
keeper_suite(void)
{
	Suite *suite = suite_create("keeper");
	TCase *tc = tcase_create("keeper");

	tcase_add_loop_test(tc, next_delay, 0,
	    (int)(sizeof(delays) / sizeof(delays[0])));
	tcase_add_loop_test(tc, target_is_checked, 0,
	    (int)(sizeof(requests) / sizeof(requests[0])));
	tcase_add_loop_test(tc, refusal_code, 0,
	    (int)(sizeof(codes) / sizeof(codes[0])));
	suite_add_tcase(suite, tc);
	return suite;
}
