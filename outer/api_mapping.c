/*
 * api_mapping.c - mappings are made, removed and listed.
 *
 * Owns:    nothing.
 * Thread:  main.
 * Floor:   outer.
 */
#include "outer/api_json.h"
#include "outer/api_parts.h"
#include "outer/hub.h"
#include "outer/mappings.h"
#include "base/clock.h"
#include "base/str.h"
#include "wire/request.h"

#include <stdio.h>
#include <string.h>

/* By enum mapping_outcome. */
static const int statuses[] = {
	[MAPPING_DONE] = 200,
	[MAPPING_FORBIDDEN] = 403,
	[MAPPING_TAKEN] = 409,
	[MAPPING_UNKNOWN] = 404,
	[MAPPING_NO_ROOM] = 503,
	[MAPPING_UNWRITTEN] = 500,
};

/* The body of create. */
struct create {
	uint32_t port, target_port;
	char listen_ip[CIDR_TEXT_SIZE];
	char target_ip[ADDR_HOST_MAX + 1];
	struct mapping_wish wish;
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
	if (why == NULL && strlen(text) > REQUEST_TARGET_MAX)
		why = "it is longer than FORWARD can carry";
	if (why == NULL)
		return true;
	snprintf(problem, API_PROBLEM_SIZE,
	    "target_ip: found \"%s\"; expected an address or a name: %s", host,
	    why);
	return false;
}

/* create->wish's lists are the caller's either way. */
static bool
read_create(struct httpd_request *request, struct create *create,
    char problem[API_PROBLEM_SIZE])
{
	struct mapping_wish *wish = &create->wish;
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
	size_t len;
	const char *body = httpd_body(request, &len);

	memset(create, 0, sizeof(*create));
	wish->tunnel = true;
	if (!api_read(body, len, fields, sizeof(fields) / sizeof(fields[0]),
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

static json_t *
describe(const struct mapping *mapping)
{
	const struct mapping_wish *wish = &mapping->wish;
	const struct service *service = mapping->service;
	char created[CLOCK_UTC_SIZE];

	clock_utc_text(mapping->created_at, created);
	return json_pack(
	    "{s:I, s:s, s:i, s:s, s:s, s:i, s:s, s:b, s:s, s:I, s:o, s:o, s:b, "
	    "s:s, s:I}",
	    "id", (json_int_t)mapping->id, "name", wish->name, "source_port",
	    (int)wish->listen.port, "listen_ip", wish->listen.host, "target_ip",
	    wish->target.host, "target_port", (int)wish->target.port, "inner",
	    wish->inner, "tunnel", (int)wish->tunnel, "created_at", created,
	    "max_sessions", (json_int_t)wish->max_sessions, "allow_from",
	    api_nets(&wish->allow), "deny_from", api_nets(&wish->deny),
	    "active", service != NULL, "problem", mapping->problem, "sessions",
	    (json_int_t)(service != NULL ? atomic_load(&service->sessions)
					 : 0));
}

static void
on_done(enum mapping_outcome outcome, const struct mapping *mapping,
    const char *problem, void *arg)
{
	struct httpd_request *request = arg;

	api_reply(request, statuses[outcome], problem,
	    outcome == MAPPING_DONE ? describe(mapping) : NULL);
}

void
api_create_mapping(struct httpd_request *request, void *arg)
{
	struct api *api = arg;
	char problem[API_PROBLEM_SIZE];
	struct create create;

	if (!read_create(request, &create, problem))
		httpd_reply(request, 400, problem, NULL);
	else
		mappings_create(api->mappings, &create.wish, on_done, request);
	mapping_wish_free(&create.wish);
}

void
api_remove_mapping(struct httpd_request *request, void *arg)
{
	struct api *api = arg;
	uint32_t port = 0;
	const struct api_field fields[] = {
		{ "port", API_COUNT, &port, 1, 65535, true },
	};
	char problem[API_PROBLEM_SIZE] = "port: missing";
	size_t len;
	const char *body = httpd_body(request, &len);

	if (!api_read(body, len, fields, 1, problem) || port == 0)
		httpd_reply(request, 400, problem, NULL);
	else
		mappings_remove(api->mappings, (uint16_t)port, on_done,
		    request);
}

void
api_list_mappings(struct httpd_request *request, void *arg)
{
	const struct mappings *mappings = ((struct api *)arg)->mappings;
	const struct mapping *mapping = mappings_next(mappings, NULL);
	json_t *all = json_array();
	json_int_t count = 0;

	for (; mapping != NULL; mapping = mappings_next(mappings, mapping)) {
		if (mapping->id == 0)
			continue; /* not on disk yet */
		(void)json_array_append_new(all, describe(mapping));
		count++;
	}
	api_reply(request, 200, "",
	    json_pack("{s:o, s:I, s:b}", "mappings", all, "count", count,
		"use_tunnel", 1));
}
