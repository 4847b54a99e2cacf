/* httpd_parts.h - what the files of the HTTP server share. Floor: ops. */
#ifndef OPS_HTTPD_PARTS_H
#define OPS_HTTPD_PARTS_H

#include "base/list.h"
#include "base/log.h"
#include "net/endpoint.h"
#include "net/guests.h"
#include "ops/httpd.h"

struct bufferevent;
struct evbuffer;
struct evhttp;
struct evhttp_request;
struct listen;

#define HTTPD_TOO_LARGE "the body is too large; expected at most 65536 bytes"
_Static_assert(HTTPD_BODY_MAX == 65536, "the text says so");

struct httpd {
	struct httpd_options options;
	char listen_host[256];
	struct httpd_guard guard;
	struct evhttp *server; /* owned */
	struct guests *guests; /* owned */
	struct listen *listen; /* owned */
	struct list held;      /* struct httpd_request.node */
	struct log_limit log_limit;
};

/* From the last byte of a request to its answer. */
struct httpd_request {
	struct list_node node;
	struct httpd *httpd;	     /* borrowed; NULL: it has stopped */
	struct evhttp_request *http; /* borrowed: the connection's */
	struct bufferevent *guest;   /* borrowed likewise */
	const struct httpd_route *route;
	enum httpd_method method;
	bool head;
	struct endpoint client;
	char *name, *body; /* owned; NULL: none */
	size_t body_len;
};

/* Answers with a header more: "Allow". name NULL: none. Ends the request. */
void httpd_refuse(struct httpd_request *request, int status,
    const char *message, const char *name, const char *value);

/* One line, with a limit of rate. */
void httpd_log_refused(struct httpd *httpd, const struct endpoint *peer,
    int status, const char *why);

/* Adds the envelope; data is JSON, or NULL for null. False without memory. */
bool httpd_add_envelope(struct evbuffer *out, int status, const char *message,
    const char *data);

/* For guests_options; arg: struct httpd. */
bool httpd_on_trouble(enum guests_trouble trouble, struct bufferevent *guest,
    const struct endpoint *peer, void *arg);

/* The first route that the path fits and that takes the method, or NULL; *of:
 * methods of all that fit; of the one that is found *name, *len: what stands at
 * its {name} in path, 0 without one. */
const struct httpd_route *httpd_route_find(const struct httpd_route *routes,
    size_t count, const char *path, unsigned method, unsigned *of,
    const char **name, size_t *len);

/* Decodes that to *out, the caller's to free; NULL without one. False: it is no
 * text, or there is no memory. */
bool httpd_route_name(const char *at, size_t len, char **out);

#endif
