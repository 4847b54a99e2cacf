/*
 * api.c - what an operator asks for over HTTP while the outer runs: routes.
 *
 * Owns:    the HTTP server.
 * Thread:  main.
 * Floor:   outer. A route here is a path in doc/openapi.json too.
 */
#include "outer/api.h"
#include "outer/api_json.h"
#include "outer/api_parts.h"
#include "outer/hub.h"
#include "outer/instance.h"
#include "base/str.h"
#include "ops/httpd_jwt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static httpd_handler health, reload;

static const struct httpd_route routes[] = {
	{ "/health", HTTPD_GET, true, health, NULL },
	{ "/api/mapping/create", HTTPD_POST, false, api_create_mapping, NULL },
	{ "/api/mapping/remove", HTTPD_POST, false, api_remove_mapping, NULL },
	{ "/api/mapping/list", HTTPD_GET, false, api_list_mappings, NULL },
	{ "/api/inners", HTTPD_GET, false, api_list_inners, NULL },
	{ "/api/inners/{id}/drain", HTTPD_POST, false, api_drain_inner, NULL },
	{ "/api/services", HTTPD_GET, false, api_list_services, NULL },
	{ "/api/sessions", HTTPD_GET, false, api_list_sessions, NULL },
	{ "/api/sessions/{id}/kill", HTTPD_POST, false, api_kill_session,
	    NULL },
	{ "/api/reload", HTTPD_POST, false, reload, NULL },
};
enum { ROUTES = sizeof(routes) / sizeof(routes[0]) };
_Static_assert((int)ROUTES <= (int)API_ROUTES_MAX, "each has its place");

static bool
is_connected(const struct hub *hub)
{
	struct instance *one = registry_next(&hub->registry, NULL);

	for (; one != NULL; one = registry_next(&hub->registry, one))
		if (atomic_load(&one->links) > 0)
			return true;
	return false;
}

static void
health(struct httpd_request *request, void *arg)
{
	const struct api *api = arg;
	bool connected = is_connected(api->hub);
	const char *status = api->draining ? "stopping"
	    : connected			   ? "ok"
					   : "no inner";

	api_reply(request, connected && !api->draining ? 200 : 503,
	    api->draining   ? "the outer is stopping"
		: connected ? ""
			    : "no inner is connected",
	    json_pack("{s:s, s:b, s:b}", "status", status, "tunnel_enabled", 1,
		"tunnel_connected", (int)connected));
}

/* What a reload leaves out: for data, and for message. */
struct left_out {
	json_t *list;
	char text[CONF_PROBLEM_SIZE];
	size_t used;
};

static void
on_left_out(const char *name, const char *why, void *arg)
{
	struct left_out *left_out = arg;

	(void)json_array_append_new(left_out->list,
	    json_pack("{s:s, s:s}", "name", name, "why", why));
	str_append(left_out->text, sizeof(left_out->text), &left_out->used,
	    "; left out: %s", why);
}

static void
reload(struct httpd_request *request, void *arg)
{
	struct api *api = arg;
	struct left_out left_out = { .list = json_array() };
	char says[CONF_PROBLEM_SIZE] = "";
	char message[2 * CONF_PROBLEM_SIZE];

	if (!api->hooks.reload(api->hooks.arg, says, on_left_out, &left_out)) {
		json_decref(left_out.list);
		api_reply(request, 409, says, NULL);
		return;
	}
	(void)snprintf(message, sizeof(message), "%s%s", says, left_out.text);
	api_reply(request, 200, message,
	    json_pack("{s:o}", "left_out", left_out.list));
}

static void
fill_options(struct api *api, struct httpd_options *options)
{
	const struct outer_config *config = api->hub->config;

	*options = (struct httpd_options){
		.addr = &config->admin_addr,
		.what = "the API",
		.socket_mode = config->socket_mode,
		.socket_owner = config->socket_owner,
		.socket_group = config->socket_group,
		.routes = api->routes,
		.route_count = ROUTES,
		.guard = {
			.token = config->admin_token,
			.jwt_key = httpd_jwt_known() ? config->admin_token
						     : NULL,
			.allow_from = &config->admin_allow,
			.hosts = (const char *const *)config->admin_hosts.items,
			.host_count = config->admin_hosts.count,
			.rate = API_REQUESTS_A_SECOND,
			.burst = API_REQUESTS_AT_ONCE,
		},
	};
}

bool
api_start(struct hub *hub, struct mappings *mappings,
    const struct api_hooks *hooks, struct api **api,
    char problem[CONF_PROBLEM_SIZE])
{
	struct httpd_options options;
	struct api *one;

	*api = NULL;
	if (!outer_config_has_api(hub->config))
		return true;
	if ((one = calloc(1, sizeof(*one))) == NULL) {
		snprintf(problem, CONF_PROBLEM_SIZE, "out of memory");
		return false;
	}
	one->hub = hub;
	one->mappings = mappings;
	one->hooks = *hooks;
	memcpy(one->routes, routes, sizeof(routes));
	for (size_t i = 0; i < ROUTES; i++)
		one->routes[i].arg = one;
	/* so that inners have said what they allow before they are asked for
	 * a target that they do not */
	atomic_store(&hub->wants_control, true);
	fill_options(one, &options);
	_Static_assert((int)CONF_PROBLEM_SIZE >= (int)HTTPD_PROBLEM_SIZE,
	    "the server may write there");
	one->httpd = httpd_start(hub->loop, &options, problem);
	if (one->httpd != NULL) {
		*api = one;
		return true;
	}
	free(one);
	return false;
}

void
api_drain(struct api *api)
{
	if (api != NULL)
		api->draining = true;
}

void
api_stop(struct api *api)
{
	if (api == NULL)
		return;
	httpd_stop(api->httpd);
	free(api);
}
