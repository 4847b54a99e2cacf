/* api_parts.h - what the files of the API share. Floor: outer; only outer/api*
 * include this. */
#ifndef OUTER_API_PARTS_H
#define OUTER_API_PARTS_H

#include "ops/httpd.h"
#include "outer/api.h"

enum { API_ROUTES_MAX = 16 };

struct api {
	struct hub *hub;	   /* borrowed */
	struct mappings *mappings; /* borrowed */
	struct api_hooks hooks;
	struct httpd *httpd; /* owned */
	struct httpd_route routes[API_ROUTES_MAX];
	bool draining;
};

/* Handlers: arg is the struct api. */
httpd_handler api_create_mapping, api_remove_mapping, api_list_mappings,
    api_list_inners, api_drain_inner, api_list_services, api_list_sessions,
    api_kill_session;

#endif
