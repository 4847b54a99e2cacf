/*
 * talk.c - an HTTP server for each test, and clients that write bytes to it.
 */
#include "tests/unit/talk.h"
#include "base/addr.h"
#include "base/str.h"
#include "sys/inet.h"

#include <event2/event.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct talk_server served;

static void
on_health(struct httpd_request *request, void *arg)
{
	served.handled++;
	httpd_reply(request, 200, arg, "{\"status\":\"ok\"}");
}

static void
on_echo(struct httpd_request *request, void *arg)
{
	size_t len;
	const char *body = httpd_body(request, &len);
	char data[64];

	(void)arg;
	served.handled++;
	ck_assert_uint_eq(strlen(body), len);
	snprintf(data, sizeof(data), "{\"length\":%u,\"method\":%d}",
	    (unsigned)len, (int)httpd_method(request));
	httpd_reply(request, 200, len < 40 ? body : "long", data);
}

static void
on_name(struct httpd_request *request, void *arg)
{
	(void)arg;
	served.handled++;
	ck_assert_uint_eq(httpd_client(request)->family, 4);
	httpd_reply(request, 200, httpd_name(request), NULL);
}

static void
on_later(struct httpd_request *request, void *arg)
{
	(void)arg;
	served.handled++;
	ck_assert_ptr_null(served.kept);
	served.kept = request;
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
	char *bytes = calloc(1, TALK_BIG);

	(void)arg;
	ck_assert_ptr_nonnull(bytes);
	served.handled++;
	httpd_reply_text(request, "application/octet-stream", bytes, TALK_BIG);
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

void
talk_serve(const struct httpd_options *given)
{
	struct addr addr;
	char problem[HTTPD_PROBLEM_SIZE];
	struct httpd_options options = { 0 };

	if (given != NULL)
		options = *given;
	ck_assert_ptr_null(addr_parse("tcp://127.0.0.1:0", &addr));
	options.addr = &addr;
	options.what = "tests";
	options.routes = routes;
	options.route_count = COUNT(routes);
	options.guard.token = "secret-1";
	served.httpd = httpd_start(served.loop, &options, problem);
	ck_assert_msg(served.httpd != NULL, "%s", problem);
	ck_assert_uint_ne(httpd_port(served.httpd), 0);
}

void
talk_set_up(void)
{
	served.loop = loop_new();
	served.httpd = NULL;
	served.kept = NULL;
	served.handled = 0;
	for (size_t i = 0; i < COUNT(served.talks); i++)
		served.talks[i].fd = SOCK_NONE;
}

void
talk_hang_up(struct talk *talk)
{
	if (talk->fd != SOCK_NONE)
		sock_close(talk->fd);
	talk->fd = SOCK_NONE;
}

void
talk_tear_down(void)
{
	for (size_t i = 0; i < COUNT(served.talks); i++)
		talk_hang_up(&served.talks[i]);
	httpd_stop(served.httpd);
	loop_free(served.loop);
}

void
talk_turn(void)
{
	event_base_loop(loop_base(served.loop), EVLOOP_NONBLOCK);
}

struct talk *
talk_call(unsigned i)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(httpd_port(served.httpd)) };
	struct talk *talk = &served.talks[i];

	talk_hang_up(talk);
	memset(talk, 0, sizeof(*talk));
	talk->fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(talk->fd, (struct sockaddr *)&at, sizeof(at)),
	    0);
	evutil_make_socket_nonblocking(talk->fd);
	return talk;
}

struct talk *
talk_begin(const struct httpd_options *options)
{
	talk_serve(options);
	return talk_call(0);
}

void
talk_say_bytes(struct talk *talk, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = sock_send(talk->fd, bytes, len, NULL, 0);

		talk_turn();
		if (n == SOCK_FAILED)
			return; /* the answer tells why */
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
}

void
talk_say(struct talk *talk, const char *text)
{
	talk_say_bytes(talk, text, strlen(text));
}

void
talk_listen(struct talk *talk)
{
	ssize_t n;

	talk_turn();
	n = sock_recv(talk->fd, talk->in + talk->len,
	    sizeof(talk->in) - 1 - talk->len);
	if (n > 0)
		talk->len += (size_t)n;
	else if (n != SOCK_AGAIN)
		talk->ended = true;
	talk->in[talk->len] = '\0';
}

size_t
talk_whole(const struct talk *talk, bool head)
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

void
talk_hear(struct talk *talk)
{
	while (talk_whole(talk, false) == 0 && !talk->ended)
		talk_listen(talk);
}

void
talk_hear_end(struct talk *talk)
{
	while (!talk->ended)
		talk_listen(talk);
}

void
talk_ask(struct talk *talk, const char *text)
{
	talk_say(talk, text);
	talk_hear(talk);
}

void
talk_next(struct talk *talk)
{
	size_t len = talk_whole(talk, false);

	memmove(talk->in, talk->in + len, talk->len - len + 1);
	talk->len -= len;
}

void
talk_expect(const struct talk *talk, const char *want, const char *name)
{
	ck_assert_msg(strstr(talk->in, want) != NULL, "%s: no %s in: %s", name,
	    want, talk->in);
}
