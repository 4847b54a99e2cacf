/*
 * api_inners.c - who is connected, and the services that there are.
 *
 * Owns:    nothing.
 * Thread:  main.
 * Floor:   outer.
 */
#include "outer/api_json.h"
#include "outer/api_parts.h"
#include "outer/dispatch.h"
#include "outer/hub.h"
#include "outer/instance.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

/* --- inners --------------------------------------------------------------- */

static json_t *
offered(const struct registration *registration)
{
	json_t *all = json_array();

	for (size_t i = 0; i < registration->service_count; i++) {
		const struct register_service *one = &registration->services[i];

		(void)json_array_append_new(all,
		    json_pack("{s:s, s:s, s:b}", "name", one->name, "target",
			one->target, "healthy", (int)one->healthy));
	}
	return all;
}

static json_t *
allowed(const struct registration *registration)
{
	json_t *all = json_array();

	for (size_t i = 0; i < registration->allow_count; i++)
		(void)json_array_append_new(all,
		    json_string(registration->allow[i]));
	return all;
}

static json_t *
describe_instance(const struct instance *one)
{
	char since[CLOCK_UTC_SIZE];

	clock_utc_text(one->since_s, since);
	return json_pack("{s:s, s:I, s:i, s:b, s:b, s:b, s:s, s:b, s:o, s:o}",
	    "instance", one->id, "links", (json_int_t)atomic_load(&one->links),
	    "idle", instance_idle(one), "suspect",
	    (int)atomic_load(&one->suspect), "replaced",
	    (int)atomic_load(&one->replaced), "draining", (int)one->draining,
	    "since", since, "registered", (int)one->registered, "services",
	    offered(&one->registration), "allow", allowed(&one->registration));
}

/* Whether an instance before this one is of the same inner. */
static bool
is_told(const struct hub *hub, const struct instance *one)
{
	const struct instance *other = registry_next(&hub->registry, NULL);

	for (; other != NULL && other != one;
	     other = registry_next(&hub->registry, other))
		if (strcmp(other->inner, one->inner) == 0)
			return true;
	return false;
}

static json_t *
instances_of(const struct hub *hub, const char *inner)
{
	const struct instance *one = registry_next(&hub->registry, NULL);
	json_t *all = json_array();

	for (; one != NULL; one = registry_next(&hub->registry, one))
		if (strcmp(one->inner, inner) == 0)
			(void)json_array_append_new(all,
			    describe_instance(one));
	return all;
}

void
api_list_inners(struct httpd_request *request, void *arg)
{
	const struct hub *hub = ((struct api *)arg)->hub;
	const struct instance *one = registry_next(&hub->registry, NULL);
	json_t *all = json_array();

	for (; one != NULL; one = registry_next(&hub->registry, one))
		if (!is_told(hub, one))
			(void)json_array_append_new(all,
			    json_pack("{s:s, s:o}", "id", one->inner,
				"instances", instances_of(hub, one->inner)));
	api_reply(request, 200, "",
	    json_pack("{s:I, s:o}", "count", (json_int_t)json_array_size(all),
		"inners", all));
}

void
api_drain_inner(struct httpd_request *request, void *arg)
{
	struct api *api = arg;
	bool on = true;
	const struct api_field fields[] = {
		{ "drain", API_BOOL, &on, 0, 0, false },
	};
	char problem[API_PROBLEM_SIZE];
	const char *id = httpd_name(request), *body;
	unsigned count;
	size_t len;

	body = httpd_body(request, &len);
	if (!api_read(body, len, fields, 1, problem)) {
		httpd_reply(request, 400, problem, NULL);
		return;
	}
	count = registry_drain(&api->hub->registry, id, on);
	if (count == 0)
		httpd_reply(request, 404,
		    "id: no inner and no instance of that name is connected",
		    NULL);
	else
		api_reply(request, 200, "",
		    json_pack("{s:s, s:b, s:I}", "id", id, "draining", (int)on,
			"instances", (json_int_t)count));
}

/* --- services ------------------------------------------------------------- */

static json_t *
describe_service(const struct service *service)
{
	char listen[ADDR_RANGE_TEXT_SIZE], target[ADDR_RANGE_TEXT_SIZE] = "";

	service_address(service, listen);
	if (service->target.first.kind != ADDR_NONE)
		addr_range_format(&service->target, target, sizeof(target));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I}",
	    "name", service->name, "origin",
	    service_origin_name(service->origin), "listen", listen, "inner",
	    service->inner, "target", target, "tunnel", (int)!service->direct,
	    "sessions", (json_int_t)atomic_load(&service->sessions), "waiting",
	    (json_int_t)dispatch_length(&service->dispatch), "max_sessions",
	    (json_int_t)service->max_sessions, "instances",
	    (json_int_t)registry_serving(&service->hub->registry,
		service->slot));
}

void
api_list_services(struct httpd_request *request, void *arg)
{
	const struct services *services = &((struct api *)arg)->hub->services;
	const struct service *service = services_next(services, NULL);
	json_t *all = json_array();

	for (; service != NULL; service = services_next(services, service))
		(void)json_array_append_new(all, describe_service(service));
	api_reply(request, 200, "",
	    json_pack("{s:I, s:o}", "count", (json_int_t)json_array_size(all),
		"services", all));
}
