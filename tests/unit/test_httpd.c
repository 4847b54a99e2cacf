/*
 * test_httpd.c - the HTTP server, with real sockets: its client writes bytes.
 */
#include "tests/unit/pairs.h"
#include "tests/unit/suites.h"
#include "base/addr.h"
#include "base/clock.h"
#include "base/str.h"
#include "net/loop.h"
#include "ops/httpd.h"
#include "sys/inet.h"

#include <event2/event.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { ANSWER = 16384, PATIENCE_MS = 300, LONG_MS = 10000, BIG = 64 << 20 };

#define HOST  "Host: localhost\r\n"
#define TOKEN "Authorization: Bearer secret-1\r\n"
#define ASK   HOST TOKEN "\r\n"

struct talk {
	sock_fd fd;
	char in[ANSWER];
	size_t len;
	bool ended;
};

static struct loop *loop;
static struct httpd *httpd;
static struct httpd_request *kept;
static struct talk talks[8];
static unsigned handled;

static void
on_health(struct httpd_request *request, void *arg)
{
	handled++;
	httpd_reply(request, 200, arg, "{\"status\":\"ok\"}");
}

static void
on_echo(struct httpd_request *request, void *arg)
{
	size_t len;
	const char *body = httpd_body(request, &len);
	char data[64];

	(void)arg;
	handled++;
	ck_assert_uint_eq(strlen(body), len);
	snprintf(data, sizeof(data), "{\"length\":%u,\"method\":%d}",
	    (unsigned)len, (int)httpd_method(request));
	httpd_reply(request, 200, len < 40 ? body : "long", data);
}

static void
on_name(struct httpd_request *request, void *arg)
{
	(void)arg;
	handled++;
	ck_assert_uint_eq(httpd_client(request)->family, 4);
	httpd_reply(request, 200, httpd_name(request), NULL);
}

static void
on_later(struct httpd_request *request, void *arg)
{
	(void)arg;
	handled++;
	ck_assert_ptr_null(kept);
	kept = request;
}

static void
on_text(struct httpd_request *request, void *arg)
{
	(void)arg;
	httpd_reply_text(request, "text/plain; version=0.0.4", "up 1\n", 5);
}

/* More than the system keeps for a client that does not read. */
static void
on_big(struct httpd_request *request, void *arg)
{
	char *bytes = calloc(1, BIG);

	(void)arg;
	ck_assert_ptr_nonnull(bytes);
	handled++;
	httpd_reply_text(request, "application/octet-stream", bytes, BIG);
	free(bytes);
}

static const struct httpd_route routes[] = {
	{ "/health", HTTPD_GET, true, on_health, (char *)"\"fine\"\n\x01\xff" },
	{ "/echo", HTTPD_POST | HTTPD_PUT, false, on_echo, NULL },
	{ "/names/{name}/x", HTTPD_GET, false, on_name, NULL },
	{ "/names/{name}", HTTPD_DELETE, false, on_name, NULL },
	{ "/later", HTTPD_GET, false, on_later, NULL },
	{ "/text", HTTPD_GET, false, on_text, NULL },
	{ "/big", HTTPD_GET, false, on_big, NULL },
};

static void
start(const struct httpd_options *more)
{
	struct addr addr;
	char problem[HTTPD_PROBLEM_SIZE];
	struct httpd_options options = *more;

	ck_assert_ptr_null(addr_parse("tcp://127.0.0.1:0", &addr));
	options.addr = &addr;
	options.what = "tests";
	options.routes = routes;
	options.route_count = COUNT(routes);
	options.guard.token = "secret-1";
	httpd = httpd_start(loop, &options, problem);
	ck_assert_msg(httpd != NULL, "%s", problem);
	ck_assert_uint_ne(httpd_port(httpd), 0);
}

static void
set_up(void)
{
	loop = loop_new();
	httpd = NULL;
	kept = NULL;
	handled = 0;
	for (size_t i = 0; i < COUNT(talks); i++)
		talks[i].fd = SOCK_NONE;
}

static void
tear_down(void)
{
	for (size_t i = 0; i < COUNT(talks); i++)
		if (talks[i].fd != SOCK_NONE)
			sock_close(talks[i].fd);
	httpd_stop(httpd);
	loop_free(loop);
}

static void
turn(void)
{
	event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
}

static struct talk *
call_up(unsigned i)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(httpd_port(httpd)) };
	struct talk *talk = &talks[i];

	if (talk->fd != SOCK_NONE)
		sock_close(talk->fd);
	memset(talk, 0, sizeof(*talk));
	talk->fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(talk->fd, (struct sockaddr *)&at, sizeof(at)),
	    0);
	evutil_make_socket_nonblocking(talk->fd);
	return talk;
}

static void
say_bytes(struct talk *talk, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = sock_send(talk->fd, bytes, len, NULL, 0);

		turn();
		if (n == SOCK_FAILED)
			return; /* the answer tells why */
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
}

static void
say(struct talk *talk, const char *text)
{
	say_bytes(talk, text, strlen(text));
}

static void
listen_to(struct talk *talk)
{
	ssize_t n;

	turn();
	n = sock_recv(talk->fd, talk->in + talk->len,
	    sizeof(talk->in) - 1 - talk->len);
	if (n > 0)
		talk->len += (size_t)n;
	else if (n != SOCK_AGAIN)
		talk->ended = true;
	talk->in[talk->len] = '\0';
}

/* How long the first answer is; 0: it is not yet whole. */
static size_t
whole(const struct talk *talk, bool head)
{
	const char *end = strstr(talk->in, "\r\n\r\n");
	const char *length = strstr(talk->in, "Content-Length: ");
	size_t len = end != NULL ? (size_t)(end + 4 - talk->in) : 0;

	if (end == NULL || length == NULL || length > end)
		return talk->ended ? talk->len : 0;
	if (!head)
		len += (size_t)atoi(length + 16);
	return talk->len >= len ? len : 0;
}

static void
hear(struct talk *talk)
{
	while (whole(talk, false) == 0 && !talk->ended)
		listen_to(talk);
}

/* Takes the first answer off. */
static void
next(struct talk *talk)
{
	size_t len = whole(talk, false);

	memmove(talk->in, talk->in + len, talk->len - len + 1);
	talk->len -= len;
}

static void
hear_end(struct talk *talk)
{
	while (!talk->ended)
		listen_to(talk);
}

static void
expect(const struct talk *talk, const char *want, const char *name)
{
	ck_assert_msg(strstr(talk->in, want) != NULL, "%s: no %s in: %s", name,
	    want, talk->in);
}

/* want: what stands in the answer. */
static const struct {
	const char *name, *request, *want[3];
} plain[] = {
	{ "open", "GET /health HTTP/1.1\r\n" HOST "\r\n",
	    { "HTTP/1.1 200 OK\r\n", "Content-Type: application/json\r\n",
		"{\"success\":true,\"message\":\"\\\"fine\\\"\\u000a\\u0001?\","
		"\"data\":{\"status\":\"ok\"}}\n" } },
	{ "query", "GET /health?a=b HTTP/1.1\r\n" HOST "\r\n",
	    { "HTTP/1.1 200 OK\r\n", "Cache-Control: no-store", "\r\n" } },
	{ "absolute", "GET http://localhost/health HTTP/1.1\r\n" HOST "\r\n",
	    { "HTTP/1.1 200 OK\r\n", "nosniff", "\r\n" } },
	{ "1.0", "GET /health HTTP/1.0\r\n\r\n", { "200 OK", "ok", "\r\n" } },
	{ "token", "POST /echo HTTP/1.1\r\nContent-Length: 2\r\n" ASK "hi",
	    { "200 OK", "\"message\":\"hi\"", "\"length\":2,\"method\":2" } },
	{ "no body", "PUT /echo HTTP/1.1\r\nContent-Length: 0\r\n" ASK,
	    { "200 OK", "\"message\":\"\"", "\"length\":0,\"method\":4" } },
	{ "chunks",
	    "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" ASK
	    "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
	    { "200 OK", "\"message\":\"abcde\"", "\"length\":5" } },
	{ "bad chunk",
	    "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" ASK
	    "zz\r\nabc\r\n",
	    { "HTTP/1.1 4", "Connection: close", "\r\n" } },
	{ "two lengths",
	    "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
	    "Content-Length: 5\r\n" ASK "0\r\n\r\n",
	    { "400 Bad Request", "HTTP/1.1", "Connection: close" } },
	{ "no token",
	    "POST /echo HTTP/1.1\r\nContent-Length: 2\r\n" HOST "\r\nhi",
	    { "401 Unauthorized", "WWW-Authenticate: Bearer\r\n",
		"\"success\":false" } },
	{ "wrong token",
	    "GET /text HTTP/1.1\r\n" HOST
	    "Authorization: Bearer secret-2\r\n\r\n",
	    { "401 Unauthorized", "\"data\":null", "not the one" } },
	{ "a part of it",
	    "GET /text HTTP/1.1\r\n" HOST
	    "Authorization: Bearer secret-\r\n\r\n",
	    { "401 Unauthorized", "\"data\":null", "not the one" } },
	{ "other scheme",
	    "GET /text HTTP/1.1\r\n" HOST "Authorization: Basic YTpi\r\n\r\n",
	    { "401 Unauthorized", "\"data\":null", "expected a header" } },
	{ "nowhere, no token", "GET /nowhere HTTP/1.1\r\n" HOST "\r\n",
	    { "401 Unauthorized", "Bearer", "\"data\":null" } },
	{ "nowhere", "GET /nowhere HTTP/1.1\r\n" ASK,
	    { "404 Not Found", "nothing at this path", "\"data\":null" } },
	{ "above", "GET /health/ HTTP/1.1\r\n" ASK,
	    { "404 Not Found", "nothing at this path", "\"data\":null" } },
	{ "method", "GET /echo HTTP/1.1\r\n" ASK,
	    { "405 Method Not Allowed", "Allow: POST, PUT\r\n", "methods" } },
	{ "method of GET", "POST /health HTTP/1.1\r\nContent-Length: 0\r\n" ASK,
	    { "405 Method Not Allowed", "Allow: GET, HEAD\r\n", "methods" } },
	{ "unknown method", "BREW /health HTTP/1.1\r\n" ASK,
	    { "405 Method Not Allowed", "Allow: GET, HEAD\r\n", "methods" } },
	{ "preflight",
	    "OPTIONS /echo HTTP/1.1\r\nOrigin: http://evil.example\r\n" ASK,
	    { "403 Forbidden", "another server", "\"data\":null" } },
	{ "name", "GET /names/a%20b%2fc/x HTTP/1.1\r\n" ASK,
	    { "200 OK", "\"message\":\"a b/c\"", "\"data\":null" } },
	{ "name at the end", "DELETE /names/7 HTTP/1.1\r\n" ASK,
	    { "200 OK", "\"message\":\"7\"", "\"data\":null" } },
	{ "no name", "GET /names//x HTTP/1.1\r\n" ASK,
	    { "404 Not Found", "\"success\":false", "\"data\":null" } },
	{ "NUL", "GET /names/a%00b/x HTTP/1.1\r\n" ASK,
	    { "400 Bad Request", "not properly encoded", "\"data\":null" } },
	{ "text", "GET /text HTTP/1.1\r\n" ASK,
	    { "200 OK", "Content-Type: text/plain; version=0.0.4\r\n",
		"\r\n\r\nup 1\n" } },
	{ "rebinding", "GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n",
	    { "403 Forbidden", "Host names neither", "\"data\":null" } },
	{ "rebinding by target",
	    "GET http://evil.example/health HTTP/1.1\r\n" HOST "\r\n",
	    { "403 Forbidden", "Host names neither", "\"data\":null" } },
	{ "no HTTP", "hello, who is there?\r\n\r\n",
	    { "HTTP/1.1 400 Bad Request", "close", "\r\n" } },
	{ "negative length",
	    "POST /echo HTTP/1.1\r\nContent-Length: -1\r\n" ASK,
	    { "HTTP/1.1 400 Bad Request", "close", "\r\n" } },
};

START_TEST(answer)
{
	struct talk *talk;

	start(&(struct httpd_options){ 0 });
	talk = call_up(0);
	say(talk, plain[_i].request);
	hear(talk);
	for (int i = 0; i < 3; i++)
		expect(talk, plain[_i].want[i], plain[_i].name);
	ck_assert_ptr_null(strstr(talk->in, "Access-Control"));
	ck_assert_ptr_null(strstr(talk->in, "secret"));
}
END_TEST

START_TEST(head_is_get_without_a_body)
{
	struct talk *talk;

	start(&(struct httpd_options){ 0 });
	talk = call_up(0);
	say(talk, "HEAD /text HTTP/1.1\r\n" ASK);
	while (whole(talk, true) == 0)
		listen_to(talk);
	expect(talk, "Content-Length: 5\r\n", "HEAD");
	say(talk, "GET /text HTTP/1.1\r\n" ASK); /* nothing came behind it */
	talk->len = 0;
	hear(talk);
	ck_assert_int_eq(strncmp(talk->in, "HTTP/1.1 200", 12), 0);
}
END_TEST

START_TEST(one_connection_many_requests)
{
	struct talk *talk;

	start(&(struct httpd_options){ 0 });
	talk = call_up(0);
	for (int i = 0; i < 20; i++) {
		say(talk, "GET /names/n/x HTTP/1.1\r\n" ASK);
		hear(talk);
		expect(talk, "\"message\":\"n\"", "again");
		next(talk);
	}
	ck_assert_uint_eq(handled, 20);
}
END_TEST

START_TEST(pipelined)
{
	struct talk *talk;

	start(&(struct httpd_options){ 0 });
	talk = call_up(0);
	say(talk,
	    "GET /names/a/x HTTP/1.1\r\n" ASK "GET /later HTTP/1.1\r\n" ASK
	    "POST /echo HTTP/1.1\r\nContent-Length: 3\r\n" ASK "xyz"
	    "GET /nowhere HTTP/1.1\r\n" ASK);
	hear(talk);
	expect(talk, "\"message\":\"a\"", "first");
	next(talk);
	while (kept == NULL)
		listen_to(talk);
	for (int i = 0; i < 20; i++)
		listen_to(talk);
	ck_assert_uint_eq(talk->len, 0); /* none overtakes another */
	ck_assert_uint_eq(handled, 2);
	httpd_reply(kept, 202, "now", NULL);
	hear(talk);
	expect(talk, "HTTP/1.1 202 Accepted", "second");
	expect(talk, "\"success\":true,\"message\":\"now\"", "second");
	next(talk);
	hear(talk);
	expect(talk, "\"message\":\"xyz\"", "third");
	next(talk);
	hear(talk);
	expect(talk, "404 Not Found", "fourth");
}
END_TEST

/* A body of so many bytes, and what becomes of it. */
static void
send_body(size_t len, bool chunked, const char *want)
{
	struct talk *talk = call_up(0);
	char head[256], *body = malloc(len + 16);

	memset(body, 'x', len);
	if (chunked) {
		snprintf(head, sizeof(head),
		    "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" ASK
		    "%x\r\n",
		    (unsigned)len);
		memcpy(body + len, "\r\n0\r\n\r\n", 7);
	} else {
		snprintf(head, sizeof(head),
		    "POST /echo HTTP/1.1\r\nContent-Length: %u\r\n" ASK,
		    (unsigned)len);
	}
	say(talk, head);
	say_bytes(talk, body, len + (chunked ? 7 : 0));
	hear(talk);
	expect(talk, want, chunked ? "chunked" : "whole");
	free(body);
}

START_TEST(bodies_have_an_end)
{
	start(&(struct httpd_options){ 0 });
	send_body(HTTPD_BODY_MAX, false, "\"length\":65536");
	send_body(HTTPD_BODY_MAX, true, "\"length\":65536");
	ck_assert_uint_eq(handled, 2);
	send_body(HTTPD_BODY_MAX + 1, false, "expected at most 65536 bytes");
	send_body(HTTPD_BODY_MAX + 1, true, "expected at most 65536 bytes");
	send_body(4 * HTTPD_BODY_MAX, false, "HTTP/1.1 413 ");
	ck_assert_uint_eq(handled, 2);
}
END_TEST

START_TEST(heads_have_an_end)
{
	char *head = malloc(2 * HTTPD_HEAD_MAX);
	struct talk *talk;

	start(&(struct httpd_options){ 0 });
	talk = call_up(0);
	memset(head, 'a', 2 * HTTPD_HEAD_MAX);
	say(talk, "GET /health HTTP/1.1\r\nX: ");
	say_bytes(talk, head, 2 * HTTPD_HEAD_MAX);
	hear_end(talk);
	ck_assert_uint_eq(handled, 0);
	free(head);
}
END_TEST

/* However often it sends a little. */
START_TEST(half_a_request_has_a_deadline)
{
	static const char *const halves[] = { "", "GE", "GET /health HT",
		"GET /health HTTP/1.1\r\nHos",
		"POST /echo HTTP/1.1\r\nContent-Length: 900\r\n" ASK "hi" };
	struct talk *talk;
	uint64_t begin, told;

	start(&(struct httpd_options){ .patience_ms = PATIENCE_MS });
	talk = call_up(0);
	begin = told = clock_ms();
	say(talk, halves[_i]);
	while (!talk->ended) {
		listen_to(talk);
		if (_i > 2 && clock_ms() - told > PATIENCE_MS / 6) {
			told = clock_ms();
			say(talk, "x");
		}
	}
	ck_assert_uint_ge(clock_ms() - begin, PATIENCE_MS);
	ck_assert_uint_lt(clock_ms() - begin, LONG_MS);
	ck_assert_uint_eq(handled, 0);
}
END_TEST

START_TEST(a_handler_has_no_deadline)
{
	struct talk *talk;
	uint64_t begin;

	start(&(struct httpd_options){ .patience_ms = PATIENCE_MS });
	talk = call_up(0);
	say(talk, "GET /later HTTP/1.1\r\n" ASK);
	begin = clock_ms();
	while (clock_ms() - begin < 3 * PATIENCE_MS)
		listen_to(talk);
	ck_assert(!talk->ended);
	httpd_reply(kept, 200, "late", NULL);
	hear(talk);
	expect(talk, "\"message\":\"late\"", "late");
	hear_end(talk); /* and then it has to say more, or leave */
	ck_assert_uint_lt(clock_ms() - begin, LONG_MS);
}
END_TEST

START_TEST(an_answer_has_a_deadline)
{
	struct talk *talk;
	uint64_t begin, heard = 0;

	start(&(struct httpd_options){ .patience_ms = PATIENCE_MS });
	talk = call_up(0);
	say(talk, "GET /big HTTP/1.1\r\n" ASK);
	while (handled == 0)
		turn();
	for (begin = clock_ms(); clock_ms() - begin < 3 * PATIENCE_MS;)
		turn();
	while (!talk->ended) {
		listen_to(talk);
		heard += talk->len;
		talk->len = 0;
	}
	ck_assert_uint_lt(heard, BIG);
}
END_TEST

/* Closed, reset, half-closed: and then there is an answer. */
START_TEST(client_left)
{
	struct talk *talk;

	start(&(struct httpd_options){ .patience_ms = PATIENCE_MS });
	talk = call_up(0);
	say(talk, "GET /later HTTP/1.1\r\n" ASK);
	while (kept == NULL)
		turn();
	if (_i == 2)
		sock_finish(talk->fd);
	else if (_i == 1)
		sock_reset(talk->fd);
	else
		sock_close(talk->fd);
	if (_i < 2)
		talk->fd = SOCK_NONE;
	for (int i = 0; i < 50; i++)
		turn();
	httpd_reply(kept, 200, "too late", NULL);
	kept = NULL;
	if (_i == 2) {
		hear(talk);
		expect(talk, "too late", "half-closed");
	}
	talk = call_up(1); /* nothing is broken */
	say(talk, "GET /health HTTP/1.1\r\n" HOST "\r\n");
	hear(talk);
	expect(talk, "200 OK", "next");
}
END_TEST

START_TEST(answer_after_the_end)
{
	struct talk *talk;

	start(&(struct httpd_options){ 0 });
	talk = call_up(0);
	say(talk, "GET /later HTTP/1.1\r\n" ASK);
	while (kept == NULL)
		turn();
	httpd_stop(httpd);
	httpd = NULL;
	hear_end(talk);
	ck_assert_uint_eq(talk->len, 0);
	httpd_reply(kept, 200, "to nobody", NULL);
}
END_TEST

START_TEST(connections_have_an_end)
{
	struct talk *talk;

	start(&(struct httpd_options){ .connections = 3,
	    .patience_ms = 10 * PATIENCE_MS });
	for (unsigned i = 0; i < 3; i++) {
		talk = call_up(i);
		say(talk, "GET /health HTTP/1.1\r\n" HOST "\r\n");
		hear(talk);
		next(talk);
	}
	talk = call_up(3); /* it waits to be accepted */
	say(talk, "GET /health HTTP/1.1\r\n" HOST "\r\n");
	for (int i = 0; i < 200; i++)
		listen_to(talk);
	ck_assert_uint_eq(talk->len, 0);
	ck_assert_uint_eq(handled, 3);
	sock_close(talks[1].fd);
	talks[1].fd = SOCK_NONE;
	hear(talk);
	expect(talk, "200 OK", "fourth");
}
END_TEST

START_TEST(requests_have_a_rate)
{
	struct talk *talk;

	start(&(struct httpd_options){ .guard = { .rate = 1, .burst = 3 } });
	talk = call_up(0);
	for (int i = 0; i < 3; i++) {
		say(talk, "GET /health HTTP/1.1\r\n" HOST "\r\n");
		hear(talk);
		expect(talk, "200 OK", "in time");
		next(talk);
	}
	say(talk, "GET /health HTTP/1.1\r\n" HOST "\r\n");
	hear(talk);
	expect(talk, "429 Too Many Requests", "too fast");
	expect(talk, "Retry-After: 1\r\n", "too fast");
	expect(talk, "\"message\":\"too many requests\"", "too fast");
}
END_TEST

START_TEST(not_from_here)
{
	struct cidr block;
	struct cidr_list list = { .blocks = &block, .count = 1 };
	struct talk *talk;

	ck_assert_ptr_null(cidr_parse("192.0.2.0/24", &block));
	start(&(struct httpd_options){ .guard = { .allow_from = &list } });
	talk = call_up(0);
	say(talk, "GET /health HTTP/1.1\r\n" HOST "\r\n");
	hear(talk);
	expect(talk, "403 Forbidden", "not allowed");
	expect(talk, "AdminAllowFrom", "not allowed");
	ck_assert_uint_eq(handled, 0);
}
END_TEST

START_TEST(port_is_taken)
{
	struct addr addr;
	char problem[HTTPD_PROBLEM_SIZE];
	struct httpd_options options = { .addr = &addr, .what = "tests" };

	start(&(struct httpd_options){ 0 });
	ck_assert_ptr_null(addr_parse("tcp://127.0.0.1:1", &addr));
	addr.port = httpd_port(httpd);
	ck_assert_ptr_null(httpd_start(loop, &options, problem));
	ck_assert_msg(strstr(problem, "cannot listen for tests on") != NULL,
	    "%s", problem);
}
END_TEST

Suite *
httpd_suite(void)
{
	Suite *suite = suite_create("httpd");
	TCase *tc = tcase_create("server");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, answer, 0, (int)COUNT(plain));
	tcase_add_test(tc, head_is_get_without_a_body);
	tcase_add_test(tc, one_connection_many_requests);
	tcase_add_test(tc, pipelined);
	tcase_add_test(tc, bodies_have_an_end);
	tcase_add_test(tc, heads_have_an_end);
	tcase_add_loop_test(tc, half_a_request_has_a_deadline, 0, 5);
	tcase_add_test(tc, a_handler_has_no_deadline);
	tcase_add_test(tc, an_answer_has_a_deadline);
	tcase_add_loop_test(tc, client_left, 0, SOCK_IS_FILE ? 3 : 2);
	if (!SOCK_IS_FILE)
		skip_test("httpd", "client_left: half-closed",
		    "select() tells of the end first, and libevent then "
		    "does not write");
	tcase_add_test(tc, answer_after_the_end);
	tcase_add_test(tc, connections_have_an_end);
	tcase_add_test(tc, requests_have_a_rate);
	tcase_add_test(tc, not_from_here);
	tcase_add_test(tc, port_is_taken);
	suite_add_tcase(suite, tc);
	return suite;
}
