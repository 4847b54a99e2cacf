/*
 * httpd.c - a small HTTP/1.1 server: who comes, and to which route.
 *
 * Owns:    the library's server, its connections, requests under way.
 * Thread:  main.
 * Floor:   ops. HTTP by libevent's evhttp (RFC 9110, 9112). That accepts by
 *          itself, has no bound on connections, and its timeouts begin anew
 *          with each byte: net/guests and listen_lend see to those.
 */
#include "ops/httpd.h"
#include "base/addr.h"
#include "base/clock.h"
#include "base/str.h"
#include "net/guests.h"
#include "net/listen.h"
#include "net/loop.h"
#include "ops/httpd_parts.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	enum evhttp_cmd_type command;
	enum httpd_method method;
	const char *name;
} methods[] = {
	{ EVHTTP_REQ_GET, HTTPD_GET, "GET, HEAD" },
	{ EVHTTP_REQ_HEAD, HTTPD_GET, NULL },
	{ EVHTTP_REQ_POST, HTTPD_POST, "POST" },
	{ EVHTTP_REQ_PUT, HTTPD_PUT, "PUT" },
	{ EVHTTP_REQ_PATCH, HTTPD_PATCH, "PATCH" },
	{ EVHTTP_REQ_DELETE, HTTPD_DELETE, "DELETE" },
};
enum { METHODS = sizeof(methods) / sizeof(methods[0]) };

/* 0: none of them. */
static enum httpd_method
method_of(enum evhttp_cmd_type command)
{
	for (int i = 0; i < METHODS; i++)
		if (methods[i].command == command)
			return methods[i].method;
	return (enum httpd_method)0;
}

static void
list_methods(unsigned of, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (int i = 0; i < METHODS; i++)
		if (methods[i].name != NULL && (of & methods[i].method) != 0)
			str_append(out, size, &used, "%s%s",
			    used > 0 ? ", " : "", methods[i].name);
}

/* One line for those who are turned away; whoever breaks a door has many. */
void
httpd_log_refused(struct httpd *httpd, const struct endpoint *peer, int status,
    const char *why)
{
	char client[ENDPOINT_TEXT_SIZE];
	uint64_t left_out;

	if (!log_allow(&httpd->log_limit, clock_ms(), &left_out))
		return;
	endpoint_text(peer, true, client);
	log_warn("httpd", "request refused", KV_STR("client", client),
	    KV_U64("status", status), KV_STR("why", why),
	    KV_U64("left_out", left_out));
}

static void
plea_of(const struct httpd_request *request, struct httpd_plea *plea)
{
	struct evhttp_request *http = request->http;
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(
	    http);
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(http);

	*plea = (struct httpd_plea){
		.client = &request->client,
		.host = evhttp_find_header(headers, "Host"),
		.uri_host = evhttp_uri_get_host(uri),
		.origin = evhttp_find_header(headers, "Origin"),
		.fetch_site = evhttp_find_header(headers, "Sec-Fetch-Site"),
		.authorization = evhttp_find_header(headers, "Authorization"),
	};
}

/* Whether it may come in at all; else it is answered. */
static bool
enter(struct httpd *httpd, struct httpd_request *request,
    const struct httpd_plea *plea)
{
	const char *why;
	uint32_t retry_s = 0;
	char text[16];
	int status = httpd_guard_enter(&httpd->guard, plea, clock_ms(), &why,
	    &retry_s);

	if (status == 0)
		return true;
	httpd_log_refused(httpd, &request->client, status, why);
	(void)snprintf(text, sizeof(text), "%u", (unsigned)retry_s);
	httpd_refuse(request, status, why, retry_s > 0 ? "Retry-After" : NULL,
	    text);
	return false;
}

/* Finds the route that the request may take; else it is answered. */
static bool
choose_route(struct httpd *httpd, struct httpd_request *request,
    const struct httpd_plea *plea)
{
	const char *path = evhttp_uri_get_path(
	    evhttp_request_get_evhttp_uri(request->http));
	const char *name, *why;
	char allowed[64];
	size_t len = 0;
	unsigned of;
	int status;

	request->route = httpd_route_find(httpd->options.routes,
	    httpd->options.route_count, path != NULL ? path : "",
	    request->method, &of, &name, &len);
	if (request->route == NULL || !request->route->open) {
		status = httpd_guard_authorize(&httpd->guard, plea,
		    clock_wall_s(), &why);
		if (status != 0) {
			httpd_log_refused(httpd, &request->client, status, why);
			httpd_refuse(request, status, why, "WWW-Authenticate",
			    "Bearer");
			return false;
		}
	}
	list_methods(of, allowed, sizeof(allowed));
	if (request->route == NULL && of == 0)
		httpd_reply(request, 404, "there is nothing at this path",
		    NULL);
	else if (request->route == NULL)
		httpd_refuse(request, 405, "this path takes other methods",
		    "Allow", allowed);
	else if (!httpd_route_name(name, len, &request->name))
		httpd_reply(request, 400, "the path is not properly encoded",
		    NULL);
	else
		return true;
	return false;
}

/* Copies the body; else the request is answered. */
static bool
take_body(struct httpd_request *request)
{
	struct evhttp_request *http = request->http;
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(
	    http);
	struct evbuffer *input = evhttp_request_get_input_buffer(http);
	size_t len = evbuffer_get_length(input);

	/* two lengths: somebody in front of us may see another body; libevent
	 * refuses that by itself where it is new */
	if (evhttp_find_header(headers, "Transfer-Encoding") != NULL &&
	    evhttp_find_header(headers, "Content-Length") != NULL) {
		httpd_refuse(request, 400,
		    "found Content-Length beside Transfer-Encoding",
		    "Connection", "close");
		return false;
	}
	if (len > HTTPD_BODY_MAX) {
		httpd_log_refused(request->httpd, &request->client, 413,
		    HTTPD_TOO_LARGE);
		httpd_reply(request, 413, HTTPD_TOO_LARGE, NULL);
		return false;
	}
	request->body = malloc(len + 1);
	if (request->body == NULL ||
	    evbuffer_copyout(input, request->body, len) != (ev_ssize_t)len) {
		httpd_reply(request, 503, "out of memory", NULL);
		return false;
	}
	request->body[len] = '\0';
	request->body_len = len;
	return true;
}

/* All of it is here, and nothing of its answer. */
static void
on_request(struct evhttp_request *http, void *arg)
{
	struct httpd *httpd = arg;
	struct evhttp_connection *connection = evhttp_request_get_connection(
	    http);
	struct httpd_request *request = calloc(1, sizeof(*request));
	enum evhttp_cmd_type command = evhttp_request_get_command(http);
	struct httpd_plea plea;

	if (request == NULL) {
		evhttp_connection_free(connection);
		return;
	}
	request->httpd = httpd;
	request->http = http;
	request->guest = evhttp_connection_get_bufferevent(connection);
	request->method = method_of(command);
	request->head = command == EVHTTP_REQ_HEAD;
	list_push_back(&httpd->held, &request->node);
	guests_hold(httpd->guests, request->guest);
	guests_peer(request->guest, &request->client);
	plea_of(request, &plea);
	if (enter(httpd, request, &plea) &&
	    choose_route(httpd, request, &plea) && take_body(request))
		request->route->handle(request, request->route->arg);
}

static struct bufferevent *
on_guest(struct event_base *base, void *arg)
{
	struct httpd *httpd = arg;

	(void)base;
	return guests_admit(httpd->guests);
}

static void
on_full(bool full, void *arg)
{
	struct httpd *httpd = arg;

	listen_pause(httpd->listen, full);
}

/* Never: the sockets are lent before the loop runs. */
static void
on_accept(sock_fd fd, const struct endpoint *peer, void *arg)
{
	(void)peer;
	(void)arg;
	sock_close(fd);
}

static bool
on_socket(struct evconnlistener *socket, void *arg)
{
	struct httpd *httpd = arg;

	return evhttp_bind_listener(httpd->server, socket) != NULL;
}

/* Every method comes to us, known or not: for what we say to it. */
static struct evhttp *
server_new(struct loop *loop, struct httpd *httpd)
{
	struct evhttp *server = evhttp_new(loop_base(loop));

	if (server == NULL)
		return NULL;
	evhttp_set_allowed_methods(server, UINT16_MAX);
	evhttp_set_max_headers_size(server, HTTPD_HEAD_MAX);
	evhttp_set_max_body_size(server, 2 * HTTPD_BODY_MAX);
	(void)evhttp_set_flags(server, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_timeout(server,
	    (int)(httpd->options.patience_ms / 1000) + 1);
	evhttp_set_bevcb(server, on_guest, httpd);
	evhttp_set_gencb(server, on_request, httpd);
	return server;
}

static bool
start_listening(struct httpd *httpd, struct loop *loop,
    char problem[HTTPD_PROBLEM_SIZE])
{
	const struct httpd_options *options = &httpd->options;
	const struct listen_options how = {
		.addr = options->addr,
		.what = options->what,
		.socket_mode = options->socket_mode,
		.socket_owner = options->socket_owner,
		.socket_group = options->socket_group,
	};
	char text[LISTEN_PROBLEM_SIZE];

	httpd->listen = listen_start(loop, &how, on_accept, httpd, text);
	if (httpd->listen == NULL) {
		(void)snprintf(problem, HTTPD_PROBLEM_SIZE, "%s", text);
		return false;
	}
	if (listen_lend(httpd->listen, on_socket, httpd))
		return true;
	(void)snprintf(problem, HTTPD_PROBLEM_SIZE, "out of memory");
	return false;
}

struct httpd *
httpd_start(struct loop *loop, const struct httpd_options *options,
    char problem[HTTPD_PROBLEM_SIZE])
{
	struct httpd *httpd = calloc(1, sizeof(*httpd));
	struct guests_options guests;
	const char *why = "out of memory";

	if (httpd == NULL)
		goto fail;
	list_init(&httpd->held);
	httpd->options = *options;
	if (httpd->options.connections == 0)
		httpd->options.connections = HTTPD_CONNECTIONS;
	if (httpd->options.patience_ms == 0)
		httpd->options.patience_ms = HTTPD_PATIENCE_MS;
	(void)str_copy(httpd->listen_host, sizeof(httpd->listen_host),
	    options->addr->host);
	httpd->options.guard.listen_host = httpd->listen_host;
	if (!httpd_guard_init(&httpd->guard, &httpd->options.guard, &why))
		goto fail;
	guests = (struct guests_options){ .max = httpd->options.connections,
		.patience_ms = httpd->options.patience_ms,
		.on_full = on_full,
		.on_trouble = httpd_on_trouble,
		.arg = httpd };
	if ((httpd->guests = guests_new(loop, &guests)) == NULL ||
	    (httpd->server = server_new(loop, httpd)) == NULL)
		goto fail;
	if (start_listening(httpd, loop, problem)) {
		httpd->options.addr = NULL; /* the caller's again */
		return httpd;
	}
	httpd_stop(httpd);
	return NULL;
fail:
	(void)snprintf(problem, HTTPD_PROBLEM_SIZE, "%s", why);
	httpd_stop(httpd);
	return NULL;
}

void
httpd_stop(struct httpd *httpd)
{
	struct list_node *node;

	if (httpd == NULL)
		return;
	while ((node = list_pop(&httpd->held)) != NULL)
		list_entry(node, struct httpd_request, node)->httpd = NULL;
	listen_stop(httpd->listen);
	if (httpd->server != NULL)
		evhttp_free(httpd->server);
	guests_free(httpd->guests);
	free(httpd);
}

uint16_t
httpd_port(const struct httpd *httpd)
{
	return listen_port(httpd->listen);
}
