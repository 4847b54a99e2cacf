/*
 * inner.c - builds the inner from its parts and takes it down.
 *
 * Owns:    loop, keeper, app, what links over TLS check.
 * Thread:  main.
 * Floor:   inner.
 */
#include "inner/inner.h"
#include "inner/keeper.h"
#include "inner/offers.h"
#include "base/log.h"
#include "net/loop.h"
#include "net/tls.h"
#include "ops/app.h"
#include "ops/privileges.h"
#include "ops/reload.h"
#include "sys/file.h"
#include "sys/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Descriptors for all else: epoll, signals, log, spares on their way. */
enum { FDS_ASIDE = 32, FDS_PER_SESSION = 2 };

struct inner {
	struct loop *loop; /* owned, all of them */
	struct app *app;
	const struct reload *reload;	   /* borrowed */
	const struct inner_config *config; /* borrowed */
	struct tls_slot *tls;		   /* owned */
	struct keeper keeper;
};

static void
on_idle_end(void *arg)
{
	struct inner *inner = arg;

	app_drained(inner->app);
}

static void
on_drain(void *arg)
{
	struct inner *inner = arg;

	keeper_drain(&inner->keeper, on_idle_end, inner);
}

/*
 * Reads what links need that are over TLS; NULL where they are not, which
 * RegisterAddress says for as long as the program runs. False with one line in
 * problem: then all stays as it was.
 */
static bool
read_tls_files(const struct inner_config *config, bool tls,
    struct tls_context **context, char problem[TLS_PROBLEM_SIZE])
{
	uint8_t fingerprint[TLS_FINGERPRINT_SIZE];
	struct tls_client_options options = {
		.ca_file = config->ca_file,
		.server_name = config->server_name,
		.cert_file = config->cert_file,
		.key_file = config->key_file,
	};

	*context = NULL;
	if (!tls)
		return true;
	if (config->server_fingerprint != NULL &&
	    tls_fingerprint_parse(config->server_fingerprint, fingerprint))
		options.fingerprint = fingerprint;
	*context = tls_context_new_client(&options, problem);
	if (*context == NULL)
		return false;
	if (config->key_file != NULL &&
	    file_is_open_to_others(config->key_file))
		log_warn("tls",
		    "other users of this machine can read or change the key: "
		    "chmod 600",
		    KV_STR("file", config->key_file));
	return true;
}

/* False without memory. */
static bool
take_key(struct inner *inner, const char *key)
{
	return strcmp(inner->config->auth_key, key) == 0 ||
	    keeper_take_key(&inner->keeper, key);
}

/* Of the keys with CONF_RELOAD, all or none. Files are read anew though no key
 * has changed: what is in them may have. */
static bool
take(const void *fresh, void *arg, char problem[CONF_PROBLEM_SIZE])
{
	const struct inner_config *to = fresh;
	struct inner *inner = arg;
	struct tls_context *context;
	struct offers *offers;

	if (!read_tls_files(to, inner->config->register_addr.tls, &context,
		problem))
		return false;
	offers = keeper_read_offers(&inner->keeper, to);
	if (offers != NULL && take_key(inner, to->auth_key)) {
		keeper_take_offers(&inner->keeper, offers);
		tls_slot_put(inner->tls, context);
		return true;
	}
	offers_release(offers);
	tls_context_release(context);
	snprintf(problem, CONF_PROBLEM_SIZE, "out of memory");
	return false;
}

static void
on_reload(void *arg)
{
	struct inner *inner = arg;

	reload_run(inner->reload, take, inner, NULL);
}

static void
inner_free(struct inner *inner)
{
	keeper_stop(&inner->keeper);
	app_free(inner->app);
	loop_free(inner->loop);
	keeper_free(&inner->keeper);
	tls_slot_free(inner->tls);
	free(inner);
}

static bool
inner_start(struct inner *inner, const struct inner_config *config,
    char problem[TLS_PROBLEM_SIZE])
{
	const struct app_hooks hooks = { on_drain, on_reload, inner };
	struct tls_context *context;

	if ((inner->tls = tls_slot_new()) != NULL) {
		if (!read_tls_files(config, config->register_addr.tls, &context,
			problem))
			return false;
		tls_slot_put(inner->tls, context);
	}
	snprintf(problem, TLS_PROBLEM_SIZE,
	    "out of memory, threads, descriptors or random bytes");
	return inner->tls != NULL && (inner->loop = loop_new()) != NULL &&
	    (inner->app = app_new(inner->loop, config->drain_ms, &hooks)) !=
	    NULL &&
	    keeper_start(&inner->keeper, inner->loop, config, inner->tls);
}

static void
log_ready(const struct inner_config *config, uint64_t max_fds)
{
	char outer[ADDR_TEXT_SIZE], target[ADDR_TEXT_SIZE];

	addr_format(&config->register_addr, outer, sizeof(outer));
	addr_format(&config->proxy_addr, target, sizeof(target));
	log_info("inner", "ready", KV_STR("version", PACKAGE_VERSION),
	    KV_STR("id", config->inner_id), KV_STR("outer", outer),
	    KV_STR("target", target),
	    KV_U64("services", config->services.count),
	    KV_U64("descriptors", max_fds),
	    KV_U64("sessions_max",
		max_fds <= FDS_ASIDE
		    ? 0
		    : (max_fds - FDS_ASIDE) / FDS_PER_SESSION));
}

int
inner_run(const struct inner_config *config, const struct reload *reload)
{
	uint64_t max_fds = sys_raise_fd_limit();
	char problem[CONF_PROBLEM_SIZE];
	struct inner *inner;
	int code = EXIT_FAILURE;

	/* it binds nothing */
	if (!privileges_drop(config->user, config->group, problem)) {
		fprintf(stderr, "inner_server: %s\n", problem);
		return code;
	}
	if ((inner = calloc(1, sizeof(*inner))) == NULL)
		return code;
	inner->reload = reload;
	inner->config = config;
	if (inner_start(inner, config, problem)) {
		log_ready(config, max_fds);
		code = app_run(inner->app);
	} else {
		fprintf(stderr, "inner_server: %s\n", problem);
	}
	inner_free(inner);
	return code;
}
