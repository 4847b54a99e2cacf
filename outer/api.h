/* api.h - what an operator asks for over HTTP while the outer runs. Floor:
 * outer. See doc/openapi.json for all of it. */
#ifndef OUTER_API_H
#define OUTER_API_H

#include "conf/conf.h"
#include "outer/catalog.h"

#include <stdbool.h>

struct api;
struct hub;
struct mappings;

enum { API_REQUESTS_A_SECOND = 250, API_REQUESTS_AT_ONCE = 500 };

struct api_hooks {
	/* As SIGHUP does. says: one line, what has come of it. left_out is
	 * called meanwhile, with left_out_arg. False when all stays as it
	 * was. */
	bool (*reload)(void *arg, char says[CONF_PROBLEM_SIZE],
	    catalog_left_out_fn *left_out, void *left_out_arg);
	void *arg;
};

/*
 * Listens at AdminAddress, if there is one; else *api is NULL. All is borrowed
 * and outlives it. Blocks while a name is resolved. False with one line in
 * problem.
 */
bool api_start(struct hub *hub, struct mappings *mappings,
    const struct api_hooks *hooks, struct api **api,
    char problem[CONF_PROBLEM_SIZE]);

/* No client is accepted any more: /health says so. NULL is fine. */
void api_drain(struct api *api);

/* Before the mappings are closed: who still waits for an answer gets none. NULL
 * is fine. */
void api_stop(struct api *api);

#endif
