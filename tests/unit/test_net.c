/*
 * test_net.c - dialing, listening and watching, on real sockets.
 */
#include "tests/unit/pairs.h"
#include "tests/unit/suites.h"
#include "tests/unit/system.h"
#include "net/dial.h"
#include "net/endpoint.h"
#include "net/listen.h"
#include "net/loop.h"
#include "net/resolve.h"
#include "net/watch.h"
#include "sys/inet.h"
#include "sys/sock.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The resolver may ask again: of three servers each, after 5 s. */
enum { PATIENCE_MS = 40000, SHORT_MS = 50 };

static struct loop *loop;
static struct resolver *resolver;
static int calls, turns;
static sock_fd got_fd;
static enum dial_result got;

static void
set_up(void)
{
	loop = loop_new();
	resolver = resolver_new(loop);
	calls = 0;
	got_fd = SOCK_NONE;
}

static void
tear_down(void)
{
	if (got_fd != SOCK_NONE)
		sock_close(got_fd);
	resolver_free(resolver);
	loop_free(loop);
}

static void
turn_until(const int *count, int want)
{
	for (; *count < want; turns++)
		event_base_loop(loop_base(loop), EVLOOP_ONCE);
}

static void
on_dialed(enum dial_result result, sock_fd fd, const char *why, void *arg)
{
	(void)arg;
	ck_assert_ptr_nonnull(why);
	got = result;
	got_fd = fd;
	calls++;
}

static void
dial(const char *host, uint16_t port, uint32_t ms)
{
	struct addr addr = { .kind = ADDR_TCP, .port = port };

	snprintf(addr.host, sizeof(addr.host), "%s", host);
	ck_assert_ptr_nonnull(
	    dial_start(loop, resolver, &addr, ms, on_dialed, NULL));
	ck_assert_int_eq(calls, 0); /* never before it returns */
	turn_until(&calls, 1);
}

/* localhost may have ::1 first, where nobody listens: then it is 127.0.0.1. */
static const char *const hosts[] = { "127.0.0.1", "localhost", "" };

START_TEST(dial_connects)
{
	uint16_t port;
	sock_fd fd = pairs_listener(&port);

	dial(hosts[_i], port, PATIENCE_MS);
	ck_assert_int_eq(got, DIAL_OK);
	ck_assert_int_ne(got_fd, SOCK_NONE);
	sock_close(fd);
}
END_TEST

START_TEST(dial_refused)
{
	uint16_t port;

	sock_close(pairs_listener(&port));
	dial("127.0.0.1", port, PATIENCE_MS);
	ck_assert_int_eq(got, DIAL_REFUSED);
	ck_assert_int_eq(got_fd, SOCK_NONE);
}
END_TEST

START_TEST(dial_no_name)
{
	dial("no-such-name.invalid.", 80, PATIENCE_MS); /* RFC 6761 6.4 */
	ck_assert_int_eq(got, DIAL_NO_NAME);
}
END_TEST

/* On this machine the answer is there at once, and told without a wait. */
static const struct {
	const char *host;
	bool listens;
	enum dial_result result;
} at_once[] = {
	{ "127.0.0.1", true, DIAL_OK },
	{ "127.0.0.1", false, DIAL_REFUSED },
	{ "::1", false, DIAL_REFUSED },
	{ "127.1", true, DIAL_OK },
};

START_TEST(dial_is_over_at_once)
{
	struct addr addr = { .kind = ADDR_TCP };
	sock_fd fd = pairs_listener(&addr.port);
	struct dial *one;

	if (!at_once[_i].listens)
		sock_close(fd);
	snprintf(addr.host, sizeof(addr.host), "%s", at_once[_i].host);
	one = dial_start(loop, resolver, &addr, PATIENCE_MS, on_dialed, NULL);
	ck_assert_ptr_nonnull(one);
	ck_assert(dial_is_over(one));
	ck_assert_int_eq(calls, 0);
	event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(got, at_once[_i].result);
	one = dial_start(loop, resolver, &addr, PATIENCE_MS, on_dialed, NULL);
	dial_cancel(one);
	event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
	ck_assert_int_eq(calls, 1);
	if (at_once[_i].listens)
		sock_close(fd);
}
END_TEST

/* A full backlog answers nothing, as a host that is down does. */
START_TEST(dial_times_out)
{
	uint16_t port;
	sock_fd fd = pairs_listener(&port), filler[4];
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port) };

	ck_assert_int_eq(listen(fd, 0), 0);
	for (int i = 0; i < 4; i++) {
		filler[i] = inet_open(AF_INET);
		(void)connect(filler[i], (struct sockaddr *)&at, sizeof(at));
	}
	dial("127.0.0.1", port, SHORT_MS);
	ck_assert_int_eq(got, DIAL_TIMED_OUT);
	for (int i = 0; i < 4; i++)
		sock_close(filler[i]);
	sock_close(fd);
}
END_TEST

START_TEST(dial_cancelled_is_silent)
{
	struct addr addr = { .kind = ADDR_TCP, .port = 9 };
	const char *name = _i == 0 ? "localhost" : "127.0.0.1";
	struct dial *one;

	snprintf(addr.host, sizeof(addr.host), "%s", name);
	one = dial_start(loop, resolver, &addr, PATIENCE_MS, on_dialed, NULL);
	ck_assert_ptr_nonnull(one);
	/* a name takes a while */
	ck_assert(dial_is_over(one) == (_i == 1 && INET_AT_ONCE));
	dial_cancel(one);
	dial_cancel(NULL);
	dial("127.0.0.1", 9, PATIENCE_MS); /* the other one's only call */
	ck_assert_int_eq(calls, 1);
}
END_TEST

/* Many questions for one name at a time: every one gets its answer. */
START_TEST(lookups_share_a_question)
{
	struct addr addr = { .kind = ADDR_TCP,
		.port = 1,
		.host = "no-such-name.invalid." };

	for (int i = 0; i < 100; i++)
		ck_assert_ptr_nonnull(dial_start(loop, resolver, &addr,
		    PATIENCE_MS, on_dialed, NULL));
	turn_until(&calls, 100);
	ck_assert_int_eq(got, DIAL_NO_NAME);
}
END_TEST

static void
on_gone(void *arg)
{
	(void)arg;
	calls++;
}

static int more;

static void
on_more(void *arg)
{
	(void)arg;
	more++;
}

static void
use_a_loop_without_edges(void)
{
	tear_down();
	system_edges(false);
	set_up();
	system_edges(true);
}

/* With edges, where the system has them, and without: poll(2) has none. */
START_TEST(watch_sees_a_reset_but_no_half_close)
{
	static const struct watch_handler watched = { on_gone, on_more };
	struct watch *watch;
	sock_fd pair[2];

	if (_i == 1)
		use_a_loop_without_edges();
	pairs_tcp(pair);
	watch = watch_start(loop, pair[0], &watched, NULL);
	more = 0;
	ck_assert_int_eq(sock_send(pair[1], "bytes", 5, NULL, 0), 5);
	turn_until(&more, 1);
	ck_assert_int_eq(sock_send(pair[1], "more", 4, NULL, 0), 4);
	turn_until(&more, more + 1);
	sock_finish(pair[1]);
	turn_until(&more, more + 1);
	ck_assert_int_eq(calls, 0);
	sock_reset(pair[1]);
	turn_until(&calls, 1);
	ck_assert_int_eq(calls, 1);
	watch_end(watch);
	sock_close(pair[0]);
}
END_TEST

START_TEST(watch_is_quiet_about_bytes_that_wait)
{
	static const struct watch_handler watched = { on_gone, NULL };
	struct watch *watch;
	struct loop_timer timer;
	sock_fd pair[2];

	if (_i == 1)
		use_a_loop_without_edges();
	pairs_tcp(pair);
	watch = watch_start(loop, pair[0], &watched, NULL);
	ck_assert_int_eq(sock_send(pair[1], "bytes", 5, NULL, 0), 5);
	more = 0;
	loop_timer_init(&timer, loop, on_more, NULL);
	loop_timer_start(&timer, 2 * SHORT_MS);
	turns = 0;
	turn_until(&more, 1);
	ck_assert_int_lt(turns, 10); /* it does not spin */
	ck_assert_int_eq(calls, 0);
	sock_reset(pair[1]);
	turn_until(&calls, 1);
	watch_end(watch);
	loop_timer_fini(&timer);
	sock_close(pair[0]);
}
END_TEST

/* On Windows only behind the bytes that wait. */
START_TEST(an_end_is_seen_behind_bytes_and_without)
{
	sock_fd pair[2];
	char bytes[8];

	pairs_tcp(pair);
	ck_assert(!sock_ended(pair[0]));
	ck_assert_int_eq(sock_send(pair[1], "bytes", 5, NULL, 0), 5);
	while (sock_peek(pair[0]) != SOCK_BYTES)
		continue;
	ck_assert(!sock_ended(pair[0]));
	sock_finish(pair[1]);
	if (SOCK_IS_FILE)
		while (!sock_ended(pair[0]))
			continue;
	ck_assert(!sock_gone(pair[0]));
	ck_assert_int_eq(sock_recv(pair[0], bytes, sizeof(bytes)), 5);
	while (!sock_ended(pair[0]))
		continue;
	ck_assert(!sock_gone(pair[0]));
	for (int i = 0; i < 2; i++)
		sock_close(pair[i]);
}
END_TEST

static const struct {
	const char *text;
	uint8_t family;
	uint8_t bytes[16];
} endpoints[] = {
	{ "192.0.2.7:80", 4, { 192, 0, 2, 7 } },
	{ "[2001:db8::1]:80", 6, { 0x20, 1, 0xd, 0xb8, [15] = 1 } },
	{ "unix", 0, { 0 } },
};

START_TEST(endpoint_has_its_text)
{
	struct endpoint endpoint = { .family = endpoints[_i].family,
		.port = 80 };
	char text[ENDPOINT_TEXT_SIZE];

	memcpy(endpoint.bytes, endpoints[_i].bytes, sizeof(endpoint.bytes));
	endpoint_text(&endpoint, true, text);
	ck_assert_str_eq(text, endpoints[_i].text);
}
END_TEST

START_TEST(mapped_address_is_ipv4)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(80) };
	const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 7 };
	char text[ENDPOINT_TEXT_SIZE];
	struct endpoint endpoint;

	memcpy(&in6.sin6_addr, mapped, sizeof(mapped));
	endpoint_from((struct sockaddr *)&in6, &endpoint);
	endpoint_text(&endpoint, true, text);
	ck_assert_str_eq(text, "192.0.2.7:80");
}
END_TEST

Suite *
net_suite(void)
{
	Suite *suite = suite_create("net");
	TCase *tc = tcase_create("net");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, dial_connects, 0, 3);
	tcase_add_test(tc, dial_refused);
	if (INET_AT_ONCE)
		tcase_add_loop_test(tc, dial_is_over_at_once, 0,
		    (int)(sizeof(at_once) / sizeof(at_once[0])));
	else
		skip_test("net", "dial_is_over_at_once",
		    "this system says later that it is connected");
	tcase_add_test(tc, dial_no_name);
	tcase_add_test(tc, dial_times_out);
	tcase_add_loop_test(tc, dial_cancelled_is_silent, 0, 2);
	tcase_add_test(tc, lookups_share_a_question);
	tcase_add_loop_test(tc, watch_sees_a_reset_but_no_half_close, 0, 2);
	tcase_add_loop_test(tc, watch_is_quiet_about_bytes_that_wait, 0, 2);
	tcase_add_loop_test(tc, endpoint_has_its_text, 0, 3);
	tcase_add_test(tc, an_end_is_seen_behind_bytes_and_without);
	tcase_add_test(tc, mapped_address_is_ipv4);
	suite_add_tcase(suite, tc);
	return suite;
}
