/*
 * test_httpd.c - what the HTTP server answers, to whom.
 */
#include "tests/unit/suites.h"
#include "tests/unit/talk.h"
#include "base/addr.h"

#include <string.h>

/* want: what stands in the answer. */
static const struct {
	const char *name, *request, *want[3];
} plain[] = {
	{ "open", HEALTH,
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
	    { "HTTP/1.1 400 Bad Request", "close", "no proper HTTP" } },
	{ "negative length",
	    "POST /echo HTTP/1.1\r\nContent-Length: -1\r\n" ASK,
	    { "HTTP/1.1 400 Bad Request", "close", "\"success\":false" } },
	{ "no length", "POST /echo HTTP/1.1\r\nContent-Length: abc\r\n" ASK,
	    { "HTTP/1.1 400 Bad Request\r\n", "application/json",
		"no proper HTTP" } },
};

START_TEST(answer)
{
	struct talk *talk = talk_begin(NULL);

	talk_ask(talk, plain[_i].request);
	for (int i = 0; i < 3; i++)
		talk_expect(talk, plain[_i].want[i], plain[_i].name);
	ck_assert_ptr_null(strstr(talk->in, "Access-Control"));
	ck_assert_ptr_null(strstr(talk->in, "secret"));
	ck_assert_ptr_null(strstr(talk->in, "<HTML>"));
}
END_TEST

START_TEST(head_is_get_without_a_body)
{
	struct talk *talk = talk_begin(NULL);

	talk_say(talk, "HEAD /text HTTP/1.1\r\n" ASK);
	while (talk_whole(talk, true) == 0)
		talk_listen(talk);
	talk_expect(talk, "Content-Length: 5\r\n", "HEAD");
	talk->len = 0; /* and nothing comes behind it */
	talk_ask(talk, "GET /text HTTP/1.1\r\n" ASK);
	ck_assert_int_eq(strncmp(talk->in, "HTTP/1.1 200", 12), 0);
}
END_TEST

START_TEST(one_connection_many_requests)
{
	struct talk *talk = talk_begin(NULL);

	for (int i = 0; i < 20; i++) {
		talk_ask(talk, "GET /names/n/x HTTP/1.1\r\n" ASK);
		talk_expect(talk, "\"message\":\"n\"", "again");
		talk_next(talk);
	}
	ck_assert_uint_eq(served.handled, 20);
}
END_TEST

START_TEST(pipelined)
{
	struct talk *talk = talk_begin(NULL);

	talk_say(talk,
	    "GET /names/a/x HTTP/1.1\r\n" ASK "GET /later HTTP/1.1\r\n" ASK
	    "POST /echo HTTP/1.1\r\nContent-Length: 3\r\n" ASK "xyz"
	    "GET /nowhere HTTP/1.1\r\n" ASK);
	talk_hear(talk);
	talk_expect(talk, "\"message\":\"a\"", "first");
	talk_next(talk);
	while (served.kept == NULL)
		talk_listen(talk);
	for (int i = 0; i < 20; i++)
		talk_listen(talk);
	ck_assert_uint_eq(talk->len, 0); /* none overtakes another */
	ck_assert_uint_eq(served.handled, 2);
	httpd_reply(served.kept, 202, "now", NULL);
	talk_hear(talk);
	talk_expect(talk, "HTTP/1.1 202 Accepted", "second");
	talk_expect(talk, "\"success\":true,\"message\":\"now\"", "second");
	talk_next(talk);
	talk_hear(talk);
	talk_expect(talk, "\"message\":\"xyz\"", "third");
	talk_next(talk);
	talk_hear(talk);
	talk_expect(talk, "404 Not Found", "fourth");
}
END_TEST

START_TEST(not_from_here)
{
	struct cidr block;
	struct cidr_list list = { .blocks = &block, .count = 1 };
	struct talk *talk;

	ck_assert_ptr_null(cidr_parse("192.0.2.0/24", &block));
	talk = talk_begin(
	    &(struct httpd_options){ .guard = { .allow_from = &list } });
	talk_ask(talk, HEALTH);
	talk_expect(talk, "403 Forbidden", "not allowed");
	talk_expect(talk, "AdminAllowFrom", "not allowed");
	ck_assert_uint_eq(served.handled, 0);
}
END_TEST

START_TEST(port_is_taken)
{
	struct addr addr;
	char problem[HTTPD_PROBLEM_SIZE];
	struct httpd_options options = { .addr = &addr, .what = "tests" };

	talk_serve(NULL);
	ck_assert_ptr_null(addr_parse("tcp://127.0.0.1:1", &addr));
	addr.port = httpd_port(served.httpd);
	ck_assert_ptr_null(httpd_start(served.loop, &options, problem));
	ck_assert_msg(strstr(problem, "cannot listen for tests on") != NULL,
	    "%s", problem);
}
END_TEST

Suite *
httpd_suite(void)
{
	Suite *suite = suite_create("httpd");
	TCase *tc = tcase_create("server");

	tcase_add_checked_fixture(tc, talk_set_up, talk_tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, answer, 0, (int)COUNT(plain));
	tcase_add_test(tc, head_is_get_without_a_body);
	tcase_add_test(tc, one_connection_many_requests);
	tcase_add_test(tc, pipelined);
	tcase_add_test(tc, not_from_here);
	tcase_add_test(tc, port_is_taken);
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, httpd_limits_case());
	return suite;
}
