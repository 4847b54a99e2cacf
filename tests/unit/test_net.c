/*
 * test_net.c - dialing, listening and watching, on real sockets.
 */
#include "tests/unit/suites.h"
#include "net/dial.h"
#include "net/endpoint.h"
#include "net/listen.h"
#include "net/loop.h"
#include "net/resolve.h"
#include "net/watch.h"

#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000, SHORT_MS = 50 };

static struct loop *loop;
static struct resolver *resolver;
static int calls;
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
		close(got_fd);
	resolver_free(resolver);
	loop_free(loop);
}

static void
turn_until(const int *count, int want)
{
	while (*count < want)
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

/* A listening socket on loopback; *port is its number. */
static sock_fd
listener(uint16_t *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	sock_fd fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, len), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	getsockname(fd, (struct sockaddr *)&at, &len);
	*port = ntohs(at.sin_port);
	return fd;
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
	sock_fd fd = listener(&port);

	dial(hosts[_i], port, PATIENCE_MS);
	ck_assert_int_eq(got, DIAL_OK);
	ck_assert_int_ne(got_fd, SOCK_NONE);
	close(fd);
}
END_TEST

START_TEST(dial_refused)
{
	uint16_t port;

	close(listener(&port));
	dial("127.0.0.1", port, PATIENCE_MS);
	ck_assert_int_eq(got, DIAL_REFUSED);
	ck_assert_int_eq(got_fd, SOCK_NONE);
}
END_TEST

START_TEST(dial_no_name)
{
	dial("no-such-name.invalid", 80, PATIENCE_MS); /* RFC 6761 6.4 */
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
	sock_fd fd = listener(&addr.port);
	struct dial *one;

	if (!at_once[_i].listens)
		close(fd);
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
		close(fd);
}
END_TEST

/* A full backlog answers nothing, as a host that is down does. */
START_TEST(dial_times_out)
{
	uint16_t port;
	sock_fd fd = listener(&port), filler[4];
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port) };

	ck_assert_int_eq(listen(fd, 0), 0);
	for (int i = 0; i < 4; i++) {
		filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(filler[i], (struct sockaddr *)&at, sizeof(at));
	}
	dial("127.0.0.1", port, SHORT_MS);
	ck_assert_int_eq(got, DIAL_TIMED_OUT);
	for (int i = 0; i < 4; i++)
		close(filler[i]);
	close(fd);
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
	ck_assert(dial_is_over(one) == (_i == 1)); /* a name takes a while */
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
		.host = "no-such-name.invalid" };

	for (int i = 0; i < 100; i++)
		ck_assert_ptr_nonnull(dial_start(loop, resolver, &addr,
		    PATIENCE_MS, on_dialed, NULL));
	turn_until(&calls, 100);
	ck_assert_int_eq(got, DIAL_NO_NAME);
}
END_TEST

static void
on_accept(sock_fd fd, const struct endpoint *peer, void *arg)
{
	(void)peer;
	(void)arg;
	close(fd);
	calls++;
}

static char folder[64], path[ADDR_PATH_MAX];

static struct listen *
listen_unix(char problem[LISTEN_PROBLEM_SIZE])
{
	static struct addr addr;
	struct listen_options options = { .addr = &addr,
		.what = "clients",
		.socket_mode = 0640 };

	addr.kind = ADDR_UNIX;
	snprintf(addr.path, sizeof(addr.path), "%s", path);
	return listen_start(loop, &options, on_accept, NULL, problem);
}

static void
make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/transponder-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
}

START_TEST(unix_listener_has_its_mode_and_goes)
{
	char problem[LISTEN_PROBLEM_SIZE];
	struct listen *listen;
	struct stat st;

	make_folder();
	listen = listen_unix(problem);
	ck_assert_ptr_nonnull(listen);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0640);
	listen_stop(listen);
	ck_assert_int_eq(stat(path, &st), -1);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(stale_socket_is_taken_over)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char problem[LISTEN_PROBLEM_SIZE];
	struct listen *listen;
	sock_fd fd = socket(AF_UNIX, SOCK_STREAM, 0);

	make_folder();
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd); /* the file stays, nobody listens */
	listen = listen_unix(problem);
	ck_assert_ptr_nonnull(listen);
	listen_stop(listen);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(live_socket_is_left_alone)
{
	char problem[LISTEN_PROBLEM_SIZE];
	struct listen *first;
	struct stat st;

	make_folder();
	first = listen_unix(problem);
	ck_assert_ptr_null(listen_unix(problem));
	ck_assert_ptr_nonnull(strstr(problem, "another program listens"));
	ck_assert_int_eq(stat(path, &st), 0);
	listen_stop(first);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(other_file_is_left_alone)
{
	char problem[LISTEN_PROBLEM_SIZE];
	FILE *file;

	make_folder();
	file = fopen(path, "w");
	fclose(file);
	ck_assert_ptr_null(listen_unix(problem));
	ck_assert_ptr_nonnull(strstr(problem, "not a socket"));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(folder), 0);
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

START_TEST(watch_sees_only_the_full_hang_up)
{
	static const struct watch_handler watched = { on_gone, on_more };
	struct watch *watch;
	sock_fd pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	watch = watch_start(loop, pair[0], &watched, NULL);
	more = 0;
	ck_assert_int_eq(write(pair[1], "bytes", 5), 5);
	event_base_loop(loop_base(loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
	ck_assert_int_eq(more, 1);
	shutdown(pair[1], SHUT_WR);
	event_base_loop(loop_base(loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
	ck_assert_int_eq(calls, 0);
	close(pair[1]);
	turn_until(&calls, 1);
	watch_end(watch);
	close(pair[0]);
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
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, dial_connects, 0, 3);
	tcase_add_test(tc, dial_refused);
	tcase_add_loop_test(tc, dial_is_over_at_once, 0,
	    (int)(sizeof(at_once) / sizeof(at_once[0])));
	tcase_add_test(tc, dial_no_name);
	tcase_add_test(tc, dial_times_out);
	tcase_add_loop_test(tc, dial_cancelled_is_silent, 0, 2);
	tcase_add_test(tc, lookups_share_a_question);
	tcase_add_test(tc, unix_listener_has_its_mode_and_goes);
	tcase_add_test(tc, stale_socket_is_taken_over);
	tcase_add_test(tc, live_socket_is_left_alone);
	tcase_add_test(tc, other_file_is_left_alone);
	tcase_add_test(tc, watch_sees_only_the_full_hang_up);
	tcase_add_loop_test(tc, endpoint_has_its_text, 0, 3);
	tcase_add_test(tc, mapped_address_is_ipv4);
	suite_add_tcase(suite, tc);
	return suite;
}
