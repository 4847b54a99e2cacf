/*
 * outer.c - builds the outer from its parts and takes it down.
 *
 * Owns:    loop, hub, certificates, listeners, mappings, API, app.
 * Thread:  main.
 * Floor:   outer.
 *
 * Draining: clients are no longer accepted, but links are until the last
 * client that is already here has its own. Then the idle standbys are sent
 * away, and the program ends when the last session has ended and the last
 * words of all links are said.
 */
#include "outer/outer.h"
#include "outer/api.h"
#include "outer/back.h"
#include "outer/catalog.h"
#include "outer/certs.h"
#include "outer/hub.h"
#include "outer/mappings.h"
#include "outer/shard.h"
#include "base/log.h"
#include "net/loop.h"
#include "ops/app.h"
#include "ops/privileges.h"
#include "ops/reload.h"
#include "sys/sys.h"
#include "sys/user.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

_Static_assert((int)CONF_PROBLEM_SIZE >= (int)TLS_PROBLEM_SIZE &&
	(int)CONF_PROBLEM_SIZE >= (int)SERVICE_PROBLEM_SIZE &&
	(int)CONF_PROBLEM_SIZE >= (int)LISTEN_PROBLEM_SIZE,
    "whoever complains has the room that it wants");

/* How far draining has come. */
enum stage { RUNNING, DRAINING, LEAVING, QUIETING };

struct outer {
	struct loop *loop; /* owned, all of them */
	struct back *back;
	struct certs *certs;
	struct app *app;
	struct mappings *mappings;   /* NULL: none, and no API */
	struct api *api;	     /* NULL: none */
	const struct reload *reload; /* borrowed */
	char *reload_says; /* borrowed, for a call of app_reload; or NULL */
	bool reload_good;
	catalog_left_out_fn *left_out; /* likewise, with an argument */
	void *left_out_arg;
	struct hub hub;
	enum stage stage;
	struct reap settle; /* looks again after this wake-up */
};

/* After callbacks: what listens must not be stopped from inside its own. */
static void
settle(void *object)
{
	struct outer *outer = object;
	struct hub *hub = &outer->hub;

	if (outer->stage == RUNNING) {
		intake_look(&hub->services.intake);
		return;
	}
	if (outer->stage == DRAINING && hub->services.queued == 0 &&
	    hub_setting_up(hub) == 0) {
		outer->stage = LEAVING;
		back_stop(outer->back);
		outer->back = NULL;
		hub_order(hub, SHARD_DISMISS_ALL);
	}
	if (outer->stage == LEAVING && hub_sessions(hub) == 0) {
		outer->stage = QUIETING;
		hub_order(hub, SHARD_SAY_WHEN_QUIET);
	}
	if (outer->stage == QUIETING && hub_is_quiet(hub))
		app_drained(outer->app);
}

static void
on_change(void *arg)
{
	struct outer *outer = arg;

	loop_reap(outer->loop, &outer->settle, settle, outer);
}

static void
on_drain(void *arg)
{
	struct outer *outer = arg;

	outer->stage = DRAINING;
	api_drain(outer->api);
	mappings_drain(outer->mappings);
	services_stop_listening(&outer->hub.services);
	atomic_store(&outer->hub.watchful, true);
	on_change(outer);
}

/* All of it or nothing. Files are read anew though no key has changed: what is
 * in them may have. Of what else can change (CONF_RELOAD) main looks up the rest
 * each time it needs it. */
static bool
take(const void *fresh, void *arg, char problem[CONF_PROBLEM_SIZE])
{
	struct outer *outer = arg;

	struct tls_context *context;

	if (!certs_read(outer->certs, fresh, &context, problem))
		return false;
	if (hub_take_keys(&outer->hub, fresh)) {
		tls_slot_put(outer->hub.tls, context);
		if (outer->stage == RUNNING)
			catalog_change(&outer->hub.services, outer->hub.config,
			    fresh, outer->left_out, outer->left_out_arg);
		return true;
	}
	tls_context_release(context);
	snprintf(problem, CONF_PROBLEM_SIZE, "no memory or random bytes");
	return false;
}

static void
on_reload(void *arg)
{
	struct outer *outer = arg;

	outer->reload_good = reload_run(outer->reload, take, outer,
	    outer->reload_says);
}

/* Asked for by the API. */
static bool
on_wish_to_reload(void *arg, char says[CONF_PROBLEM_SIZE],
    catalog_left_out_fn *left_out, void *left_out_arg)
{
	struct outer *outer = arg;

	outer->reload_says = says;
	outer->left_out = left_out;
	outer->left_out_arg = left_out_arg;
	app_reload(outer->app);
	outer->reload_says = NULL;
	outer->left_out = NULL;
	return outer->reload_good;
}

static void
outer_free(struct outer *outer)
{
	api_stop(outer->api);
	mappings_close(outer->mappings);
	hub_stop(&outer->hub);
	list_remove(&outer->settle.node);
	back_stop(outer->back);
	certs_stop(outer->certs);
	app_free(outer->app);
	loop_free(outer->loop);
	free(outer);
}

static bool
outer_start(struct outer *outer, const struct outer_config *config,
    uint64_t max_fds, char problem[CONF_PROBLEM_SIZE])
{
	const struct app_hooks hooks = { on_drain, on_reload, outer };
	const struct api_hooks api_hooks = { on_wish_to_reload, outer };

	snprintf(problem, CONF_PROBLEM_SIZE, "out of memory");
	if ((outer->loop = loop_new()) == NULL)
		return false;
	if (!hub_start(&outer->hub, outer->loop, config, max_fds)) {
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "no memory, descriptors or threads for %" PRIu32 " workers",
		    config->workers);
		return false;
	}
	outer->hub.on_change = on_change;
	outer->hub.arg = outer;
	return (outer->app = app_new(outer->loop, config->drain_ms, &hooks)) !=
	    NULL &&
	    (outer->certs = certs_start(&outer->hub, problem)) != NULL &&
	    (outer->back = back_start(&outer->hub, problem)) != NULL &&
	    catalog_start(&outer->hub.services, config, problem) &&
	    mappings_start(outer->mappings, &outer->hub, problem) &&
	    api_start(&outer->hub, outer->mappings, &api_hooks, &outer->api,
		problem);
}

/* As the user that the program will be: while there is one thread. */
static bool
open_mappings(struct outer *outer, const struct outer_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	struct privileges privileges;
	bool good;

	mappings_prepare(config);
	if (!privileges_begin(&privileges, config->user, config->group,
		problem))
		return false;
	good = mappings_open(config, &outer->mappings, problem);
	privileges_end(&privileges);
	return good;
}

/* Root binds any address; the user may not be able to tidy up after it. */
static void
warn_if_it_stays(const struct addr *addr)
{
	char address[ADDR_TEXT_SIZE];

	if (addr->kind != ADDR_UNIX || user_may_write_beside(addr->path))
		return;
	addr_format(addr, address, sizeof(address));
	log_warn("outer",
	    "User may not remove files of that folder: the socket will stay "
	    "behind at the end",
	    KV_STR("address", address));
}

static void
warn_of_services(const struct outer_config *config)
{
	const struct outer_service *own = config->services.items;

	if (outer_config_has_default(config))
		warn_if_it_stays(&config->outer_addr);
	for (size_t i = 0; i < config->services.count; i++)
		for (size_t j = 0; j < own[i].listen.count; j++)
			warn_if_it_stays(&own[i].listen.items[j].first);
}

static bool
become_user(const struct outer_config *config, char problem[CONF_PROBLEM_SIZE])
{
	if (!privileges_drop(config->user, config->group, problem))
		return false;
	if (config->user != NULL) {
		warn_if_it_stays(&config->inner_addr);
		warn_of_services(config);
	}
	return true;
}

int
outer_run(const struct outer_config *config, const struct reload *reload)
{
	uint64_t max_fds = sys_raise_fd_limit();
	char problem[CONF_PROBLEM_SIZE];
	struct outer *outer = calloc(1, sizeof(*outer));
	int code = EXIT_FAILURE;

	if (outer == NULL)
		return code;
	outer->reload = reload;
	if (open_mappings(outer, config, problem) &&
	    outer_start(outer, config, max_fds, problem) &&
	    become_user(config, problem)) {
		log_info("outer", "ready", KV_STR("version", PACKAGE_VERSION),
		    KV_U64("descriptors", max_fds),
		    KV_U64("sessions_max", hub_sessions_max(&outer->hub)));
		code = app_run(outer->app);
	} else {
		fprintf(stderr, "outer_server: %s\n", problem);
	}
	outer_free(outer);
	return code;
}
