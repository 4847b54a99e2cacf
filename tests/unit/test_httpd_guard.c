/*
 * test_httpd_guard.c - who may ask the HTTP server for what.
 */
#include "tests/unit/suites.h"
#include "tests/unit/test_httpd_jwt.h"
#include "ops/httpd_guard.h"
#include "ops/httpd_jwt.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { NOW = 1700000000 };

static const struct endpoint here = { .family = 4, .bytes = { 127, 0, 0, 1 } };

static struct httpd_guard
guard_of(struct httpd_guard_options options)
{
	struct httpd_guard guard;
	const char *problem = NULL;

	ck_assert_msg(httpd_guard_init(&guard, &options, &problem), "%s",
	    problem);
	return guard;
}

static int
enter(struct httpd_guard *guard, const struct httpd_plea *plea, uint64_t now)
{
	const char *why;
	uint32_t retry_s;

	return httpd_guard_enter(guard, plea, now, &why, &retry_s);
}

static const struct {
	const char *host;
	bool good;
} hosts[] = {
	{ "localhost", true },
	{ "LocalHost:7500", true },
	{ "localhost.", true },
	{ "127.0.0.1", true },
	{ "127.0.0.1:7500", true },
	{ "192.0.2.7:1", true },
	{ "[::1]", true },
	{ "[2001:db8::1]:7500", true },
	{ "listen.example:7500", true },
	{ "admin.example", true },
	{ "ADMIN.example.:80", true },
	{ "", false },
	{ ".", false },
	{ ":7500", false },
	{ "::1", false },
	{ "[::1", false },
	{ "[::1]x", false },
	{ "[127.0.0.1]", false },
	{ "[localhost]", false },
	{ "localhost:", true },
	{ "localhost:x", false },
	{ "localhost:7500x", false },
	{ "localhost:750000", false },
	{ "localhost.evil.example", false },
	{ "127.0.0.1.evil.example", false },
	{ "127.0.0.1/8", false },
	{ "evil.example", false },
	{ "admin.example.evil.example", false },
	{ "xadmin.example", false },
};

START_TEST(host)
{
	static const char *const names[] = { "other.example", "admin.example" };
	struct httpd_guard guard = guard_of(
	    (struct httpd_guard_options){ .hosts = names,
		.host_count = 2,
		.listen_host = "listen.example" });
	struct httpd_plea plea = { .client = &here, .host = hosts[_i].host };

	ck_assert_msg(enter(&guard, &plea, 0) == (hosts[_i].good ? 0 : 403),
	    "%s", hosts[_i].host);
	plea.host = NULL;
	plea.uri_host = hosts[_i].host;
	if (strchr(hosts[_i].host, ':') == NULL)
		ck_assert_int_eq(enter(&guard, &plea, 0),
		    hosts[_i].good ? 0 : 403);
}
END_TEST

START_TEST(long_host)
{
	struct httpd_guard guard = guard_of((struct httpd_guard_options){ 0 });
	char text[1000];
	struct httpd_plea plea = { .client = &here, .host = text };

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(enter(&guard, &plea, 0), 403);
}
END_TEST

START_TEST(pages_of_others)
{
	static const struct {
		const char *host, *origin, *site;
		bool good;
	} rows[] = {
		{ "localhost:7500", "http://localhost:7500", NULL, true },
		{ "localhost:7500", "https://localhost:7500", "same-origin",
		    true },
		{ "localhost:7500", NULL, "none", true },
		{ "localhost:7500", "http://localhost:7501", NULL, false },
		{ "localhost:7500", "http://evil.example", NULL, false },
		{ "localhost:7500", "null", NULL, false },
		{ "localhost:7500", "", NULL, false },
		{ "localhost:7500", NULL, "cross-site", false },
		{ "localhost:7500", NULL, "same-site", false },
		{ NULL, "http://localhost", NULL, false },
	};
	struct httpd_guard guard = guard_of((struct httpd_guard_options){ 0 });

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct httpd_plea plea = { .client = &here,
			.host = rows[i].host,
			.origin = rows[i].origin,
			.fetch_site = rows[i].site };

		ck_assert_msg(enter(&guard, &plea, 0) ==
			(rows[i].good ? 0 : 403),
		    "row %u", (unsigned)i);
	}
}
END_TEST

START_TEST(allowed_addresses)
{
	struct cidr blocks[2];
	struct cidr_list list = { blocks, 2 };
	struct httpd_guard guard = guard_of(
	    (struct httpd_guard_options){ .allow_from = &list });
	struct endpoint client = { .family = 4, .bytes = { 192, 0, 2, 9 } };
	struct httpd_plea plea = { .client = &client };

	ck_assert_ptr_null(cidr_parse("192.0.2.0/24", &blocks[0]));
	ck_assert_ptr_null(cidr_parse("2001:db8::/32", &blocks[1]));
	ck_assert_int_eq(enter(&guard, &plea, 0), 0);
	client.bytes[2] = 3;
	ck_assert_int_eq(enter(&guard, &plea, 0), 403);
	client = (struct endpoint){ .family = 6,
		.bytes = { 0x20, 0x01, 0x0d, 0xb8 } };
	ck_assert_int_eq(enter(&guard, &plea, 0), 0);
	client.bytes[3] = 0;
	ck_assert_int_eq(enter(&guard, &plea, 0), 403);
	client.family = 0; /* who may use the socket file says its mode */
	ck_assert_int_eq(enter(&guard, &plea, 0), 0);
	list.count = 0;
	client.family = 6;
	ck_assert_int_eq(enter(&guard, &plea, 0), 0);
}
END_TEST

START_TEST(rate)
{
	struct httpd_guard guard = guard_of(
	    (struct httpd_guard_options){ .rate = 2, .burst = 4 });
	struct endpoint other = { .family = 4, .bytes = { 10 } };
	struct httpd_plea plea = { .client = &here };
	uint32_t retry_s;
	const char *why;

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(enter(&guard, &plea, 1000), 0);
	ck_assert_int_eq(httpd_guard_enter(&guard, &plea, 1000, &why, &retry_s),
	    429);
	ck_assert_uint_eq(retry_s, 1);
	ck_assert_int_eq(enter(&guard, &plea, 1499), 429);
	ck_assert_int_eq(enter(&guard, &plea, 1500), 0);
	ck_assert_int_eq(enter(&guard, &plea, 1501), 429);
	plea.client = &other;
	ck_assert_int_eq(enter(&guard, &plea, 1501), 0);
	plea.client = &here;
	for (int i = 0; i < 4; i++) /* never more than the burst */
		ck_assert_int_eq(enter(&guard, &plea, UINT64_C(1) << 40), 0);
	ck_assert_int_eq(enter(&guard, &plea, UINT64_C(1) << 40), 429);
}
END_TEST

START_TEST(more_sources_than_places)
{
	struct httpd_guard guard = guard_of(
	    (struct httpd_guard_options){ .rate = 1, .burst = 1 });
	struct endpoint client = { .family = 6 };
	struct httpd_plea plea = { .client = &client };

	for (unsigned i = 0; i < 3 * HTTPD_CALLERS; i++) {
		client.bytes[7] = (uint8_t)i;
		client.bytes[15] = 1;
		ck_assert_int_eq(enter(&guard, &plea, 1000 + i), 0);
		client.bytes[15] = 2; /* one /64: one source */
		ck_assert_int_eq(enter(&guard, &plea, 1000 + i), 429);
	}
}
END_TEST

START_TEST(token)
{
	static const struct {
		const char *given;
		bool good;
	} rows[] = {
		{ "Bearer s3cret", true },
		{ "bearer   s3cret", true },
		{ "Bearer s3cre", false },
		{ "Bearer s3crett", false },
		{ "Bearer s3cret ", false },
		{ "Bearer ", false },
		{ "Bearer", false },
		{ "s3cret", false },
		{ "", false },
		{ NULL, false },
	};
	struct httpd_guard guard = guard_of(
	    (struct httpd_guard_options){ .token = "s3cret" });
	struct httpd_guard open = guard_of((struct httpd_guard_options){ 0 });
	char text[3000] = "Bearer ";
	const char *why;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct httpd_plea plea = { .client = &here,
			.authorization = rows[i].given };

		ck_assert_int_eq(httpd_guard_authorize(&guard, &plea, NOW,
				     &why),
		    rows[i].good ? 0 : 401);
		if (!rows[i].good)
			ck_assert_ptr_null(strstr(why, "s3cre"));
		ck_assert_int_eq(httpd_guard_authorize(&open, &plea, NOW, &why),
		    0);
	}
	memset(text + 7, 'x', sizeof(text) - 8);
	ck_assert_int_eq(httpd_guard_authorize(&guard,
			     &(struct httpd_plea){ .authorization = text }, NOW,
			     &why),
	    401);
	guard = guard_of((struct httpd_guard_options){ .token = "" });
	ck_assert_int_eq(httpd_guard_authorize(&guard,
			     &(struct httpd_plea){ .authorization = "Bearer " },
			     NOW, &why),
	    401); /* nothing is no secret */
}
END_TEST

START_TEST(jwt)
{
	struct httpd_guard guard = guard_of(
	    (struct httpd_guard_options){ .token = "s3cret",
		.jwt_key = JWT_KEY });
	char text[1024];
	struct httpd_plea plea = { .client = &here, .authorization = text };
	const char *why;
	int status;

	snprintf(text, sizeof(text), "Bearer %s", jwts[_i].token);
	status = httpd_guard_authorize(&guard, &plea, NOW, &why);
	ck_assert_msg(status == (jwts[_i].want == NULL ? 0 : 401), "%s: %d",
	    jwts[_i].name, status);
	if (jwts[_i].want != NULL)
		ck_assert_msg(strstr(why, jwts[_i].want) != NULL, "%s: %s",
		    jwts[_i].name, why);
	snprintf(text, sizeof(text), "Bearer s3cret");
	ck_assert_int_eq(httpd_guard_authorize(&guard, &plea, NOW, &why), 0);
}
END_TEST

START_TEST(no_jwt_here)
{
	struct httpd_guard guard;
	struct httpd_guard_options options = { .jwt_key = "k" };
	const char *problem = "";

	ck_assert(!httpd_guard_init(&guard, &options, &problem));
	ck_assert_ptr_nonnull(strstr(problem, "built without libjwt"));
	ck_assert(!httpd_jwt_good("a.b.c", "k", NOW, &problem));
}
END_TEST

Suite *
httpd_guard_suite(void)
{
	Suite *suite = suite_create("httpd_guard");
	TCase *tc = tcase_create("guard");

	tcase_add_loop_test(tc, host, 0, (int)COUNT(hosts));
	tcase_add_test(tc, long_host);
	tcase_add_test(tc, pages_of_others);
	tcase_add_test(tc, allowed_addresses);
	tcase_add_test(tc, rate);
	tcase_add_test(tc, more_sources_than_places);
	tcase_add_test(tc, token);
	if (httpd_jwt_known()) {
		tcase_add_loop_test(tc, jwt, 0, (int)COUNT(jwts));
		skip_test("httpd_guard", "no_jwt_here",
		    "this program knows JWT");
	} else {
		tcase_add_test(tc, no_jwt_here);
		skip_test("httpd_guard", "jwt", "this program knows no JWT");
	}
	suite_add_tcase(suite, tc);
	return suite;
}
