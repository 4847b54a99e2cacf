/* httpd_guard.h - who may ask the HTTP server for what; for httpd.c and its
 * tests. Floor: ops.
 *
 * Says nothing of secrets: neither to clients nor in the log. */
#ifndef OPS_HTTPD_GUARD_H
#define OPS_HTTPD_GUARD_H

#include "base/cidr.h"
#include "net/endpoint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTPD_CALLERS = 64 }; /* sources whose rate is known at once */

/* All borrowed, and outlives the guard. NULL or 0: not asked for. */
struct httpd_guard_options {
	const char *token;   /* Authorization: Bearer TOKEN */
	const char *jwt_key; /* or a JWT, signed by HS256 with that */
	const struct cidr_list *allow_from; /* empty: everybody; a Unix socket's
					       clients always */
	const char *listen_host;	    /* these names may be in Host, */
	const char *const *hosts;	    /* beside localhost and numbers */
	size_t host_count;
	uint32_t rate, burst; /* requests a second of each source; at once,
				 from 1 on */
};

/* A source: an IPv4 address, an IPv6 /64, or all of the Unix socket. */
struct httpd_caller {
	uint8_t family;
	uint8_t net[8];
	bool known;
	uint64_t tokens_milli; /* a request takes 1000 */
	uint64_t filled_ms;    /* tokens are true up to here */
};

struct httpd_guard {
	struct httpd_guard_options options;
	struct httpd_caller callers[HTTPD_CALLERS];
};

/* What a request says of itself. NULL: nothing. */
struct httpd_plea {
	const struct endpoint *client;
	const char *host;     /* the header */
	const char *uri_host; /* of an absolute request target */
	const char *origin;
	const char *fetch_site; /* Sec-Fetch-Site */
	const char *authorization;
};

/* False with one line in *problem, a constant: JWT without the library. */
bool httpd_guard_init(struct httpd_guard *guard,
    const struct httpd_guard_options *options, const char **problem);

/*
 * Before the request is looked at. 0, or the status to refuse it with, and
 * *why, a constant text; *retry_s: of 429, in how many seconds to come again.
 */
int httpd_guard_enter(struct httpd_guard *guard, const struct httpd_plea *plea,
    uint64_t now_ms, const char **why, uint32_t *retry_s);

/* Whether it brings what is asked for; now_s: seconds since 1970. 0, or 401 and
 * *why. */
int httpd_guard_authorize(const struct httpd_guard *guard,
    const struct httpd_plea *plea, int64_t now_s, const char **why);

#endif
