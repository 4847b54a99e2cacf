/*
 * certs.c - what links over TLS are met with.
 *
 * Owns:    the timer of the daily look.
 * Thread:  main. Shards take the context of the day from hub->tls.
 * Floor:   outer.
 *
 * Each look makes a new context, which knows no tickets: one is good for as
 * long as nothing has changed, and for a day at most.
 */
#include "outer/certs.h"
#include "outer/hub.h"
#include "base/log.h"
#include "net/loop.h"
#include "net/tls_certs.h"
#include "sys/file.h"
#include "sys/sys.h"
#include "sys/user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 24 * 3600 * 1000 };

struct certs {
	struct hub *hub;			 /* borrowed */
	struct loop_timer *look;		 /* owned */
	struct tls_certs made;			 /* the last ones, if ours */
	char told[2 * TLS_FINGERPRINT_SIZE + 1]; /* of the CA, in the log */
};

static const char old_stay[] = "certificates cannot be renewed: the old stay";

/* "tls://203.0.113.5:9090": where inners find us, as far as we know. */
static void
public_address(const struct addr *inner_addr, char out[ADDR_TEXT_SIZE])
{
	struct addr addr = *inner_addr;
	bool any = addr.host[0] == '\0' || strcmp(addr.host, "0.0.0.0") == 0 ||
	    strcmp(addr.host, "::") == 0;

	addr.tls = addr.kind == ADDR_TCP;
	if (any && !sys_host_name(addr.host, sizeof(addr.host)))
		snprintf(addr.host, sizeof(addr.host), "this-machine");
	addr_format(&addr, out, ADDR_TEXT_SIZE);
}

/* What an operator has to know of our own certificates. */
static void
tell(struct certs *certs, const struct outer_config *config)
{
	const struct tls_certs *made = &certs->made;
	char address[ADDR_TEXT_SIZE];

	if (made->renewed)
		log_info("tls", "certificate renewed",
		    KV_STR("file", made->cert_file),
		    KV_STR("until", made->until));
	if (made->stays[0] != '\0')
		log_error("tls", old_stay, KV_STR("why", made->stays));
	if (made->ca_ends)
		log_warn("tls",
		    "the CA has ended, or will soon, or is not good yet: "
		    "inners that check it need a new one. Without the folder "
		    "all is made anew",
		    KV_STR("file", made->ca_file));
	if (strcmp(certs->told, made->fingerprint) == 0)
		return;
	memcpy(certs->told, made->fingerprint, sizeof(certs->told));
	log_info("tls", made->made ? "certificates made" : "certificates",
	    KV_STR("ca", made->ca_file), KV_STR("sha256", made->fingerprint),
	    KV_STR("until", made->until));
	public_address(&config->inner_addr, address);
	log_info("tls", "for inner.config.json",
	    KV_STR("RegisterAddress", address));
	log_info("tls", "for inner.config.json",
	    KV_STR("ServerFingerprint", made->fingerprint));
}

/* Root has made them; User has to read and renew them later. */
static void
hand_over(const struct outer_config *config)
{
	static const char *const names[] = { "ca.key", "ca.crt", "server.key",
		"server.crt" };
	char path[TLS_CERTS_PATH_SIZE];
	struct user_id id;
	bool given;

	if (config->user == NULL || !user_may_change() ||
	    user_find(config->user, config->group, &id) != NULL)
		return;
	given = file_give(config->certs_folder, &id);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s",
		    config->certs_folder, names[i]);
		given &= file_give(path, &id) || !file_exists(path);
	}
	if (!given)
		log_warn("tls", "User cannot be given the certificates",
		    KV_STR("folder", config->certs_folder));
}

static void
warn_of_open_key(const char *path)
{
	if (file_is_open_to_others(path))
		log_warn("tls",
		    "other users of this machine can read or change the key: "
		    "chmod 600",
		    KV_STR("file", path));
}

/* Who has the key of our own CA can be any outer to those that trust it. */
static void
warn_of_open_keys(const struct outer_config *config, const char *key_file,
    bool own)
{
	char ca_key[TLS_CERTS_PATH_SIZE];

	warn_of_open_key(key_file);
	if (!own)
		return;
	(void)snprintf(ca_key, sizeof(ca_key), "%s/ca.key",
	    config->certs_folder);
	warn_of_open_key(ca_key);
	if (file_is_written_by_others(config->certs_folder))
		log_warn("tls",
		    "other users of this machine can put keys of theirs in the "
		    "place of ours: chmod 700",
		    KV_STR("folder", config->certs_folder));
}

/* With the files that the operator names, or with our own. *own: it failed for
 * our own, and so is nobody's mistake. */
static struct tls_context *
make_context(struct certs *certs, const struct outer_config *config, bool *own,
    char problem[TLS_PROBLEM_SIZE])
{
	struct tls_server_options options = {
		.cert_file = config->cert_file,
		.key_file = config->key_file,
		.client_ca_file = config->client_ca_file,
	};
	struct tls_context *context;

	*own = options.cert_file == NULL;
	certs->made.stays[0] = '\0';
	if (*own &&
	    !tls_certs_prepare(config->certs_folder, TLS_CERTS_SERVER_DAYS,
		&certs->made, problem))
		return NULL;
	if (*own) {
		hand_over(config);
		options.cert_file = certs->made.cert_file;
		options.key_file = certs->made.key_file;
	}
	context = tls_context_new_server(&options, problem);
	if (context == NULL) {
		*own = *own && config->client_ca_file == NULL;
		return NULL;
	}
	warn_of_open_keys(config, options.key_file, *own);
	if (*own)
		tell(certs, config);
	return context;
}

static bool
has_context(const struct certs *certs)
{
	struct tls_context *context = tls_slot_get(certs->hub->tls);

	tls_context_release(context);
	return context != NULL;
}

/* Where there is no TLS because our own certificates could not be made, all
 * else, such as the keys, can be changed nevertheless. */
bool
certs_read(struct certs *certs, const struct outer_config *fresh,
    struct tls_context **context, char problem[TLS_PROBLEM_SIZE])
{
	bool required = certs->hub->config->require_tls || fresh->require_tls;
	bool own;

	*context = NULL;
	if (!fresh->tls && required) {
		snprintf(problem, TLS_PROBLEM_SIZE,
		    "TLS: found false; expected true, for TLS is required "
		    "until a restart");
		return false;
	}
	if (!fresh->tls ||
	    (*context = make_context(certs, fresh, &own, problem)) != NULL)
		return true;
	if (!own || required || has_context(certs))
		return false;
	log_warn("tls", "no certificates: links without TLS only",
	    KV_STR("why", problem));
	return true;
}

static void
on_look(void *arg)
{
	struct certs *certs = arg;
	char problem[TLS_PROBLEM_SIZE];
	struct tls_context *context;

	loop_timer_start(certs->look, LOOK_MS);
	if (!certs_read(certs, certs->hub->config, &context, problem))
		log_error("tls", old_stay, KV_STR("why", problem));
	else if (certs->made.stays[0] != '\0')
		tls_context_release(context); /* it knows no sessions */
	else
		tls_slot_put(certs->hub->tls, context);
}

static void
warn_of_plain_links(const struct outer_config *config)
{
	char address[ADDR_TEXT_SIZE];

	if (config->require_tls || addr_is_local(&config->inner_addr))
		return;
	addr_format(&config->inner_addr, address, sizeof(address));
	log_warn("tls",
	    "links without TLS are let in: RequireTLS turns them away",
	    KV_STR("address", address));
}

struct certs *
certs_start(struct hub *hub, char problem[TLS_PROBLEM_SIZE])
{
	const struct outer_config *config = hub->config;
	struct certs *certs = calloc(1, sizeof(*certs));
	struct tls_context *context;

	snprintf(problem, TLS_PROBLEM_SIZE, "out of memory");
	if (certs == NULL)
		return NULL;
	certs->hub = hub;
	certs->look = loop_timer_new(hub->loop, on_look, certs);
	if (certs->look == NULL ||
	    !certs_read(certs, config, &context, problem)) {
		certs_stop(certs);
		return NULL;
	}
	tls_slot_put(hub->tls, context);
	warn_of_plain_links(config);
	loop_timer_start(certs->look, LOOK_MS);
	return certs;
}

void
certs_stop(struct certs *certs)
{
	if (certs == NULL)
		return;
	loop_timer_free(certs->look);
	free(certs);
}
