/*
 * api_mapping.c - mappings are made, removed and listed.
 *
 * Owns:    nothing.
 * Thread:  main.
 * Floor:   outer.
 */
#include "outer/api_json.h"
#include "outer/api_parts.h"
#include "outer/api_wish.h"
#include "outer/hub.h"
#include "outer/mappings.h"
#include "base/clock.h"

/* By enum mapping_outcome. */
static const int statuses[] = {
	[MAPPING_DONE] = 200,
	[MAPPING_WRONG] = 400,
	[MAPPING_FORBIDDEN] = 403,
	[MAPPING_TAKEN] = 409,
	[MAPPING_UNKNOWN] = 404,
	[MAPPING_NO_ROOM] = 503,
	[MAPPING_UNWRITTEN] = 500,
};

static json_t *
describe(const struct mapping *mapping)
{
	const struct mapping_wish *wish = &mapping->wish;
	const struct service *service = mapping->service;
	char created[CLOCK_UTC_SIZE], problem[SERVICE_PROBLEM_SIZE];

	mapping_problem(mapping, problem);
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
	    "active", service != NULL, "problem", problem, "sessions",
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
	struct mapping_wish wish;
	size_t len;
	const char *body = httpd_body(request, &len);

	if (!api_wish_read(body, len, &wish, problem)) {
		httpd_reply(request, 400, problem, NULL);
		return;
	}
	mappings_create(api->mappings, &wish, on_done, request);
	mapping_wish_free(&wish);
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
