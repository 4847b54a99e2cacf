/* httpd.h - a small HTTP/1.1 server: routes, guards and answers in JSON. Floor:
 * ops.
 *
 * What it refuses by itself is answered in the same envelope as what handlers
 * say: { "success": false, "message": "...", "data": null }; so is what breaks
 * the rules of HTTP, is too long, or stops half-way (408). Who ends his direction
 * (half-close) before the request is complete gets no answer, but a line in the
 * log; who does before the answer has left may miss what does not go out at
 * once. */
#ifndef OPS_HTTPD_H
#define OPS_HTTPD_H

#include "ops/httpd_guard.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addr;
struct httpd;
struct httpd_request;
struct loop;

enum {
	HTTPD_PROBLEM_SIZE = 320,
	HTTPD_BODY_MAX = 64 * 1024,
	HTTPD_HEAD_MAX = 16 * 1024, /* request line and header */
	HTTPD_CONNECTIONS = 64,	    /* at once; more wait to be accepted */
	HTTPD_PATIENCE_MS = 10000,  /* for a whole request, or its answer */
};

/* Bits. HEAD goes where GET does. */
enum httpd_method {
	HTTPD_GET = 1,
	HTTPD_POST = 2,
	HTTPD_PUT = 4,
	HTTPD_PATCH = 8,
	HTTPD_DELETE = 16,
};

/*
 * Answers the request: now, or later, as long as it likes; exactly once, by
 * httpd_reply or httpd_reply_text, which ends the request. A client that leaves
 * meanwhile is no concern of the handler: its answer goes nowhere.
 */
typedef void httpd_handler(struct httpd_request *request, void *arg);

/* A path takes the first route that fits. */
struct httpd_route {
	const char *pattern; /* "/api/inners", "/api/sessions/{id}/kill": at
				most one {name}, which is a whole part */
	unsigned methods;    /* of enum httpd_method */
	bool open;	     /* for everybody who may come: without token */
	httpd_handler *handle;
	void *arg;
};

/* What is 0 or NULL is as above, or left as it is. */
struct httpd_options {
	const struct addr *addr; /* borrowed for the call; tcp or unix */
	const char *what;	 /* for the log: "the API"; a constant */
	uint32_t socket_mode;	 /* Unix: mode, owner, group */
	const char *socket_owner, *socket_group;
	const struct httpd_route *routes; /* borrowed: outlives the server */
	size_t route_count;
	struct httpd_guard_options guard; /* what it points to outlives it;
					     listen_host is of addr */
	unsigned connections;
	uint32_t patience_ms;
};

/* Listens, and serves from the loop. Blocks while a name is resolved: for
 * start-up. NULL with one line in problem. */
struct httpd *httpd_start(struct loop *loop,
    const struct httpd_options *options, char problem[HTTPD_PROBLEM_SIZE]);

/* Closes all connections. Requests that are not yet answered stay with their
 * handlers, whose answers go nowhere. NULL is fine; not from a handler. */
void httpd_stop(struct httpd *httpd);

/* The port that it really has; 0: a Unix socket. */
uint16_t httpd_port(const struct httpd *httpd);

/* In a handler, and until its answer. */

/* The part of the path at {name}, decoded; "" without one. */
const char *httpd_name(const struct httpd_request *request);

/* The body, with a NUL behind it that *len does not count. */
const char *httpd_body(const struct httpd_request *request, size_t *len);

enum httpd_method httpd_method(const struct httpd_request *request);
const struct endpoint *httpd_client(const struct httpd_request *request);

/*
 * Answers in the envelope: success is whether status is below 400; message is
 * any text; data is JSON, or NULL for null.
 */
void httpd_reply(struct httpd_request *request, int status, const char *message,
    const char *data);

/* Answers 200 with those bytes as they are. */
void httpd_reply_text(struct httpd_request *request, const char *content_type,
    const char *bytes, size_t len);

#endif
