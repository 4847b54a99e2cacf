/*
 * test_httpd_limits.c - what has an end in the HTTP server: lengths, waits,
 * connections, rates; and who leaves before the answer.
 */
#include "tests/unit/suites.h"
#include "tests/unit/talk.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 300, LONG_MS = 10000 };

/* A body of so many bytes, and what becomes of it. */
static void
send_body(size_t len, bool chunked, const char *want)
{
	struct talk *talk = talk_call(0);
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
	talk_say(talk, head);
	talk_say_bytes(talk, body, len + (chunked ? 7 : 0));
	talk_hear(talk);
	talk_expect(talk, want, chunked ? "chunked" : "whole");
	free(body);
}

START_TEST(bodies_have_an_end)
{
	talk_serve(NULL);
	send_body(HTTPD_BODY_MAX, false, "\"length\":65536");
	send_body(HTTPD_BODY_MAX, true, "\"length\":65536");
	ck_assert_uint_eq(served.handled, 2);
	send_body(HTTPD_BODY_MAX + 1, false, "expected at most 65536 bytes");
	send_body(HTTPD_BODY_MAX + 1, true, "expected at most 65536 bytes");
	for (unsigned larger = 3; larger < 10; larger += 3) {
		send_body(larger * HTTPD_BODY_MAX, false, "HTTP/1.1 413 ");
		send_body(larger * HTTPD_BODY_MAX, true,
		    "{\"success\":false,\"message\":\"the body is too large; "
		    "expected at most 65536 bytes\",\"data\":null}\n");
	}
	ck_assert_uint_eq(served.handled, 2);
}
END_TEST

START_TEST(heads_have_an_end)
{
	char *head = malloc(2 * HTTPD_HEAD_MAX);
	struct talk *talk = talk_begin(NULL);

	memset(head, 'a', 2 * HTTPD_HEAD_MAX);
	talk_say(talk, "GET /health HTTP/1.1\r\nX: ");
	talk_say_bytes(talk, head, 2 * HTTPD_HEAD_MAX);
	talk_hear_end(talk);
	talk_expect(talk, "HTTP/1.1 400 ", "long");
	talk_expect(talk, "\"success\":false", "long");
	ck_assert_uint_eq(served.handled, 0);
	free(head);
}
END_TEST

/* Whole, and with nothing behind it. */
static void
expect_alone(const struct talk *talk, const char *status)
{
	talk_expect(talk, status, "alone");
	talk_expect(talk, "Content-Type: application/json\r\n", "alone");
	talk_expect(talk, "Connection: close\r\n", "alone");
	talk_expect(talk, "\"data\":null}\n", "alone");
	ck_assert_uint_eq(talk_whole(talk, false), talk->len);
}

/* Whoever waits to be told to go on is told, and then that it was too long. */
START_TEST(a_body_that_is_waited_for)
{
	struct talk *talk = talk_begin(
	    &(struct httpd_options){ .patience_ms = 4 * PATIENCE_MS });

	talk_say(talk,
	    "POST /echo HTTP/1.1\r\nContent-Length: 9\r\n"
	    "Expect: 100-continue\r\n" ASK);
	while (strstr(talk->in, "\r\n\r\n") == NULL && !talk->ended)
		talk_listen(talk);
	talk_expect(talk, "HTTP/1.1 100 Continue\r\n\r\n", "go on");
	talk->len = 0;
	talk_hear_end(talk);
	expect_alone(talk, "HTTP/1.1 408 Request Timeout\r\n");
}
END_TEST

/* However often it sends a little. Who has asked nothing is told nothing. */
START_TEST(half_a_request_has_a_deadline)
{
	static const char *const halves[] = { "", "GE", "GET /health HT",
		"GET /health HTTP/1.1\r\nHos",
		"POST /echo HTTP/1.1\r\nContent-Length: 900\r\n" ASK "hi" };
	struct talk *talk = talk_begin(
	    &(struct httpd_options){ .patience_ms = PATIENCE_MS });
	uint64_t begin, told;

	begin = told = clock_ms();
	talk_say(talk, halves[_i]);
	while (!talk->ended) {
		talk_listen(talk);
		if (_i > 2 && clock_ms() - told > PATIENCE_MS / 6) {
			told = clock_ms();
			talk_say(talk, "x");
		}
	}
	ck_assert_uint_ge(clock_ms() - begin, PATIENCE_MS);
	ck_assert_uint_lt(clock_ms() - begin, LONG_MS);
	ck_assert_uint_eq(served.handled, 0);
	if (_i == 0)
		ck_assert_uint_eq(talk->len, 0);
	else
		expect_alone(talk, "HTTP/1.1 408 Request Timeout\r\n");
}
END_TEST

START_TEST(a_handler_has_no_deadline)
{
	struct talk *talk = talk_begin(
	    &(struct httpd_options){ .patience_ms = PATIENCE_MS });
	uint64_t begin;

	talk_say(talk, "GET /later HTTP/1.1\r\n" ASK);
	begin = clock_ms();
	while (clock_ms() - begin < 3 * PATIENCE_MS)
		talk_listen(talk);
	ck_assert(!talk->ended);
	httpd_reply(served.kept, 200, "late", NULL);
	talk_hear(talk);
	talk_expect(talk, "\"message\":\"late\"", "late");
	talk_next(talk);
	talk_hear_end(talk); /* and then it has to say more, or leave */
	ck_assert_uint_eq(talk->len, 0);
	ck_assert_uint_lt(clock_ms() - begin, LONG_MS);
}
END_TEST

START_TEST(an_answer_has_a_deadline)
{
	struct talk *talk = talk_begin(
	    &(struct httpd_options){ .patience_ms = PATIENCE_MS });
	uint64_t begin, heard = 0;

	talk_say(talk, "GET /big HTTP/1.1\r\n" ASK);
	while (served.handled == 0)
		talk_turn();
	for (begin = clock_ms(); clock_ms() - begin < 3 * PATIENCE_MS;)
		talk_turn();
	while (!talk->ended) {
		talk_listen(talk);
		heard += talk->len;
		talk->len = 0;
	}
	ck_assert_uint_lt(heard, TALK_BIG);
}
END_TEST

/* Closed, reset, half-closed: and then there is an answer. */
START_TEST(client_left)
{
	struct talk *talk = talk_begin(
	    &(struct httpd_options){ .patience_ms = PATIENCE_MS });

	talk_say(talk, "GET /later HTTP/1.1\r\n" ASK);
	while (served.kept == NULL)
		talk_turn();
	if (_i == 2) {
		sock_finish(talk->fd);
	} else if (_i == 1) {
		sock_reset(talk->fd);
		talk->fd = SOCK_NONE;
	} else {
		talk_hang_up(talk);
	}
	for (int i = 0; i < 50; i++)
		talk_turn();
	httpd_reply(served.kept, 200, "too late", NULL);
	served.kept = NULL;
	if (_i == 2) {
		talk_hear(talk);
		talk_expect(talk, "too late", "half-closed");
	}
	talk = talk_call(1); /* nothing is broken */
	talk_ask(talk, HEALTH);
	talk_expect(talk, "200 OK", "next");
}
END_TEST

START_TEST(answer_after_the_end)
{
	struct talk *talk = talk_begin(NULL);

	talk_say(talk, "GET /later HTTP/1.1\r\n" ASK);
	while (served.kept == NULL)
		talk_turn();
	httpd_stop(served.httpd);
	served.httpd = NULL;
	talk_hear_end(talk);
	ck_assert_uint_eq(talk->len, 0);
	httpd_reply(served.kept, 200, "to nobody", NULL);
}
END_TEST

START_TEST(connections_have_an_end)
{
	struct talk *talk;

	talk_serve(&(struct httpd_options){ .connections = 3,
	    .patience_ms = 10 * PATIENCE_MS });
	for (unsigned i = 0; i < 3; i++) {
		talk = talk_call(i);
		talk_ask(talk, HEALTH);
		talk_next(talk);
	}
	talk = talk_call(3); /* it waits to be accepted */
	talk_say(talk, HEALTH);
	for (int i = 0; i < 200; i++)
		talk_listen(talk);
	ck_assert_uint_eq(talk->len, 0);
	ck_assert_uint_eq(served.handled, 3);
	talk_hang_up(&served.talks[1]);
	talk_hear(talk);
	talk_expect(talk, "200 OK", "fourth");
}
END_TEST

START_TEST(requests_have_a_rate)
{
	struct talk *talk = talk_begin(
	    &(struct httpd_options){ .guard = { .rate = 1, .burst = 3 } });

	for (int i = 0; i < 3; i++) {
		talk_ask(talk, HEALTH);
		talk_expect(talk, "200 OK", "in time");
		talk_next(talk);
	}
	talk_ask(talk, HEALTH);
	for (int i = 0; i < 5 && strstr(talk->in, "200 OK") != NULL; i++) {
		talk_next(talk); /* a second had passed */
		talk_ask(talk, HEALTH);
	}
	talk_expect(talk, "429 Too Many Requests", "too fast");
	talk_expect(talk, "Retry-After: 1\r\n", "too fast");
	talk_expect(talk, "\"message\":\"too many requests\"", "too fast");
}
END_TEST

TCase *
httpd_limits_case(void)
{
	TCase *tc = tcase_create("limits");

	tcase_add_checked_fixture(tc, talk_set_up, talk_tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, bodies_have_an_end);
	tcase_add_test(tc, heads_have_an_end);
	tcase_add_loop_test(tc, half_a_request_has_a_deadline, 0, 5);
	tcase_add_test(tc, a_body_that_is_waited_for);
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
	return tc;
}
