/*
 * api_wish.c - what a caller wants a mapping to be.
 *
 * Owns:    nothing.
 * Thread:  main.
 * Floor:   outer.
 */
#include "outer/api_wish.h"
#include "outer/api_json.h"
#include "base/str.h"
#include "base/targets.h"
#include "wire/request.h"

#include <stdio.h>
#include <string.h>

/* The body of create. */
struct create {
	uint32_t port, target_port;
	char listen_ip[CIDR_TEXT_SIZE];
	char target_ip[ADDR_HOST_MAX + 1];
};

static bool
is_number(const char *text)
{
	struct cidr one;

	return strchr(text, '/') == NULL && cidr_parse(text, &one) == NULL;
}

/* Without a name to look up: main cannot wait for it. */
static bool
read_listen(const struct create *create, struct mapping_wish *wish,
    char problem[API_PROBLEM_SIZE])
{
	wish->listen.kind = ADDR_TCP;
	wish->listen.port = (uint16_t)create->port;
	if (create->listen_ip[0] != '\0' && !is_number(create->listen_ip)) {
		snprintf(problem, API_PROBLEM_SIZE,
		    "listen_ip: found \"%s\"; expected an IPv4 or IPv6 address",
		    create->listen_ip);
		return false;
	}
	return str_copy(wish->listen.host, sizeof(wish->listen.host),
	    create->listen_ip);
}

static bool
read_target(const struct create *create, struct mapping_wish *wish,
    char problem[API_PROBLEM_SIZE])
{
	const char *host = create->target_ip[0] != '\0' ? create->target_ip
							: "127.0.0.1";
	bool v6 = strchr(host, ':') != NULL;
	unsigned port = create->target_port != 0 ? create->target_port
						 : create->port;
	char text[ADDR_TEXT_SIZE];
	const char *why;

	snprintf(text, sizeof(text), "tcp://%s%s%s:%u", v6 ? "[" : "", host,
	    v6 ? "]" : "", port);
	why = addr_parse(text, &wish->target);
	if (why == NULL &&
	    (strcmp(wish->target.host, host) != 0 || (v6 && !is_number(host))))
		why = "it is no address";
	if (why == NULL)
		why = targets_host_problem(host);
	if (why == NULL && strlen(text) > REQUEST_TARGET_MAX)
		why = "it is longer than FORWARD can carry";
	if (why == NULL)
		return true;
	snprintf(problem, API_PROBLEM_SIZE,
	    "target_ip: found \"%s\"; expected an address or a name: %s", host,
	    why);
	return false;
}

/* The wish's lists are the caller's either way. */
static bool
read_create(const char *json, size_t len, struct mapping_wish *wish,
    char problem[API_PROBLEM_SIZE])
{
	struct create one = { .port = 0 }, *create = &one;
	const struct api_field fields[] = {
		{ "port", API_COUNT, &create->port, 1, 65535, true },
		{ "target_ip", API_TEXT, create->target_ip, 1, ADDR_HOST_MAX,
		    false },
		{ "target_port", API_COUNT, &create->target_port, 1, 65535,
		    false },
		{ "inner", API_NAME, wish->inner, 1, HELLO_INNER_MAX, false },
		{ "name", API_NAME, wish->name, 1, SERVICE_NAME_MAX, false },
		{ "tunnel", API_BOOL, &wish->tunnel, 0, 0, false },
		{ "listen_ip", API_TEXT, create->listen_ip, 1,
		    CIDR_TEXT_SIZE - 1, false },
		{ "max_sessions", API_COUNT, &wish->max_sessions, 1, 1000000,
		    false },
		{ "allow_from", API_NETS, &wish->allow, 0, API_NETS_MAX,
		    false },
		{ "deny_from", API_NETS, &wish->deny, 0, API_NETS_MAX, false },
	};

	wish->tunnel = true;
	if (!api_read(json, len, fields, sizeof(fields) / sizeof(fields[0]),
		problem))
		return false;
	if (create->port == 0) { /* null */
		snprintf(problem, API_PROBLEM_SIZE, "port: missing");
		return false;
	}
	if (wish->name[0] == '\0')
		snprintf(wish->name, sizeof(wish->name), "port-%u",
		    (unsigned)create->port);
	if (!wish->tunnel && wish->inner[0] != '\0') {
		snprintf(problem, API_PROBLEM_SIZE,
		    "inner: found \"%s\"; expected none where tunnel is false",
		    wish->inner);
		return false;
	}
	return read_listen(create, wish, problem) &&
	    read_target(create, wish, problem);
}

bool
api_wish_read(const char *json, size_t len, struct mapping_wish *wish,
    char problem[API_PROBLEM_SIZE])
{
	memset(wish, 0, sizeof(*wish));
	if (read_create(json, len, wish, problem))
		return true;
	mapping_wish_free(wish);
	return false;
}
