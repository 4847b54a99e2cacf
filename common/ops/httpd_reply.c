/*
 * httpd_reply.c - what a handler knows of its request, and its answer.
 *
 * Owns:    the request, which ends with its answer.
 * Thread:  main.
 * Floor:   ops.
 */
#include "ops/httpd_parts.h"
#include "base/str.h"
#include "net/guests.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
httpd_name(const struct httpd_request *request)
{
	return request->name != NULL ? request->name : "";
}

const char *
httpd_body(const struct httpd_request *request, size_t *len)
{
	*len = request->body_len;
	return request->body != NULL ? request->body : "";
}

enum httpd_method
httpd_method(const struct httpd_request *request)
{
	return request->method;
}

const struct endpoint *
httpd_client(const struct httpd_request *request)
{
	return &request->client;
}

/* A text as JSON has it, RFC 8259 7; what is no UTF-8 becomes "?". */
static bool
add_quoted(struct evbuffer *out, const char *text)
{
	bool good = evbuffer_add(out, "\"", 1) == 0;

	while (good && *text != '\0') {
		size_t len = str_utf8_length(text);

		if (len == 0)
			good = evbuffer_add(out, "?", 1) == 0;
		else if (*text == '"' || *text == '\\')
			good = evbuffer_add_printf(out, "\\%c", *text) > 0;
		else if ((unsigned char)*text < 0x20 || *text == 0x7f)
			good = evbuffer_add_printf(out, "\\u%04x",
				   (unsigned)*text) > 0;
		else
			good = evbuffer_add(out, text, len) == 0;
		text += len > 0 ? len : 1;
	}
	return good && evbuffer_add(out, "\"", 1) == 0;
}

bool
httpd_add_envelope(struct evbuffer *out, int status, const char *message,
    const char *data)
{
	return evbuffer_add_printf(out, "{\"success\":%s,\"message\":",
		   status < 400 ? "true" : "false") > 0 &&
	    add_quoted(out, message) &&
	    evbuffer_add_printf(out, ",\"data\":%s}\n",
		data != NULL ? data : "null") > 0;
}

static bool
add_headers(struct evhttp_request *http, const char *content_type, size_t len)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(http);
	char text[32];

	(void)snprintf(text, sizeof(text), "%zu", len);
	return evhttp_add_header(headers, "Content-Type", content_type) == 0 &&
	    evhttp_add_header(headers, "Content-Length", text) == 0 &&
	    evhttp_add_header(headers, "Cache-Control", "no-store") == 0 &&
	    evhttp_add_header(headers, "X-Content-Type-Options", "nosniff") ==
	    0;
}

static void
request_free(struct httpd_request *request)
{
	list_remove(&request->node);
	free(request->name);
	free(request->body);
	free(request);
}

/* It has left, to the last byte: the next one may come. */
static void
on_sent(struct evhttp_request *http, void *arg)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(
	    http);

	if (connection != NULL)
		guests_go_on(arg,
		    evhttp_connection_get_bufferevent(connection));
}

/* What the library has no words for, RFC 6585. NULL: it has. */
static const char *
phrase_of(int status)
{
	return status == 429 ? "Too Many Requests" : NULL;
}

/* Takes the request; body: its answer, NULL without memory. */
static void
send_off(struct httpd_request *request, int status, const char *content_type,
    struct evbuffer *body)
{
	struct evhttp_request *http = request->http;
	struct guests *guests = request->httpd->guests;
	struct bufferevent *guest = request->guest;
	bool good = body != NULL &&
	    add_headers(http, content_type, evbuffer_get_length(body));

	if (good && request->head) /* but its length is told */
		good = evbuffer_drain(body, evbuffer_get_length(body)) == 0;
	request_free(request);
	if (good) {
		evhttp_request_set_on_complete_cb(http, on_sent, guests);
		evhttp_send_reply(http, status, phrase_of(status), body);
	} else {
		evhttp_connection_free(evhttp_request_get_connection(http));
	}
	guests_go_on(guests, guest); /* what it was told is ours */
}

void
httpd_reply(struct httpd_request *request, int status, const char *message,
    const char *data)
{
	struct evbuffer *body;

	if (request->httpd == NULL) {
		request_free(request);
		return;
	}
	body = evbuffer_new();
	if (body != NULL && !httpd_add_envelope(body, status, message, data)) {
		evbuffer_free(body);
		body = NULL;
	}
	send_off(request, status, "application/json", body);
	if (body != NULL)
		evbuffer_free(body);
}

void
httpd_reply_text(struct httpd_request *request, const char *content_type,
    const char *bytes, size_t len)
{
	struct evbuffer *body;

	if (request->httpd == NULL) {
		request_free(request);
		return;
	}
	body = evbuffer_new();
	if (body != NULL && evbuffer_add(body, bytes, len) != 0) {
		evbuffer_free(body);
		body = NULL;
	}
	send_off(request, 200, content_type, body);
	if (body != NULL)
		evbuffer_free(body);
}

void
httpd_refuse(struct httpd_request *request, int status, const char *message,
    const char *name, const char *value)
{
	if (name != NULL)
		(void)evhttp_add_header(evhttp_request_get_output_headers(
					    request->http),
		    name, value);
	httpd_reply(request, status, message, NULL);
}
