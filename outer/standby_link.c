/*
 * standby_link.c - what comes over a standby's link: what kind of link it is,
 * by its first byte, then bytes for its codec, and its end.
 *
 * Owns:    nothing.
 * Thread:  the shard's loop only.
 * Floor:   outer. See doc/PROTOCOL for what may be the first byte.
 */
#include "outer/standby_parts.h"
#include "outer/instance.h"
#include "outer/keys.h"
#include "outer/shard.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/link.h"
#include "net/tls.h"

#include <event2/buffer.h>

/* It is no link that we can serve. */
static void
reject(struct standby *standby, const char *why)
{
	standby->fault = FAULT_PROTOCOL;
	standby_close(standby, why);
}

/* The link goes on as TLS; what comes next is heard when that is decrypted. */
static void
start_tls(struct standby *standby)
{
	struct tls_context *context = tls_slot_get(standby->shard->hub->tls);

	if (context == NULL)
		reject(standby, "TLS is not switched on");
	else if (!link_accept_tls(standby->link, context))
		standby_close(standby, "out of memory");
	tls_context_release(context);
}

/* A plain link where TLS is required: the inner hears why. */
static void
turn_away(struct standby *standby)
{
	standby->codec = &standby_native;
	standby->fault = FAULT_LEFT; /* it made work for nothing */
	standby_fail(standby, CODE_NOT_ALLOWED,
	    "TLS is required here: RegisterAddress has to begin with tls://");
}

static void
choose_classic(struct standby *standby)
{
	if (link_is_tls(standby->link))
		reject(standby, "a classic link inside TLS");
	else if (standby->shard->config->require_tls)
		reject(standby, "a classic link: RequireTLS is on");
	else if (!standby->shard->config->accept_classic)
		reject(standby, "a classic link: AcceptClassic is off");
	else if (!standby->shard->keys->classic)
		reject(standby, "a classic link: no key fits it");
	else
		standby->codec = &standby_classic;
}

/* Tells the kind of a new link by its first byte. False: there is nothing to
 * be read yet, or it is closed. */
static bool
choose_codec(struct standby *standby, struct evbuffer *input)
{
	bool secure = link_is_tls(standby->link);
	uint8_t first = 0;

	(void)evbuffer_copyout(input, &first, 1);
	if (first == TLS_FIRST_BYTE && !secure)
		start_tls(standby);
	else if (first == FRAME_VERSION && !secure &&
	    standby->shard->config->require_tls)
		turn_away(standby);
	else if (first == FRAME_VERSION)
		standby->codec = &standby_native;
	else if (first == '{')
		choose_classic(standby);
	else
		reject(standby, "its first byte starts no link");
	return standby->state != STANDBY_CLOSED && standby->codec != NULL;
}

/* Any byte of an instance ends it. */
static void
end_suspicion(struct standby *standby)
{
	struct instance *instance = standby->item.instance;

	if (instance == NULL || !atomic_load(&instance->suspect))
		return;
	atomic_store(&instance->suspect, false);
	shard_tell(standby->shard, SHARD_INSTANCES);
}

static void
on_input(void *arg)
{
	struct standby *standby = arg;
	struct evbuffer *input = link_input(standby->link);

	if (evbuffer_get_length(input) == 0)
		return;
	if (standby->codec == NULL && !choose_codec(standby, input))
		return;
	standby->heard_ms = clock_ms();
	end_suspicion(standby);
	standby->codec->read(standby, input);
}

static void
on_secured(void *arg)
{
	struct standby *standby = arg;

	standby->secured = true;
	log_debug("standby", "secured", KV_U64("link", standby->id),
	    KV_STR("version", link_tls_version(standby->link)),
	    KV_STR("resumed",
		link_is_resumed(standby->link) ? "true" : "false"));
}

static void
on_eof(void *arg)
{
	struct standby *standby = arg;
	bool refuses = standby->state == STANDBY_STARTING &&
	    standby->codec->close_refuses;

	standby_lose(standby, refuses ? STANDBY_CLOSED_IT : STANDBY_DIED,
	    "closed by the inner");
}

static void
on_error(void *arg, const char *why)
{
	struct standby *standby = arg;

	if (link_peer_is_at_fault(standby->link))
		standby->fault = FAULT_PROTOCOL;
	standby_lose(standby, STANDBY_DIED, why);
}

static const struct link_handler handler = {
	.on_input = on_input,
	.on_secured = on_secured,
	.on_eof = on_eof,
	.on_error = on_error,
};

void
standby_hear(struct standby *standby)
{
	link_set_handler(standby->link, &handler, standby);
}
