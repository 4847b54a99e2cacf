/*
 * session_tries.c - the standbys that a session tries, one after the other,
 * until one is ready.
 *
 * Owns:    nothing; a standby that is claimed stays its shard's until READY.
 * Thread:  the shard's loop; main sends the session there and gets it back.
 * Floor:   outer. See doc/PROTOCOL, "Tries".
 */
#include "outer/session_parts.h"
#include "outer/hub.h"
#include "outer/instance.h"
#include "outer/shard.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "net/watch.h"
#include "wire/request.h"

#include <stdio.h>
#include <string.h>

enum {
	ATTEMPTS_MAX = 100, /* standbys that one client may use up */
	WHY_SIZE = 192,
};

static void
send_ahead(struct session *session)
{
	early_send(&session->early,
	    (enum early_mode)session->hub->config->early_data, session->fd,
	    session->standby);
}

static void
on_more(void *arg)
{
	struct session *session = arg;

	if (session->state == SESSION_STARTING)
		send_ahead(session);
}

static const struct watch_handler starting_handler = {
	.on_gone = session_on_gone,
	.on_more = on_more,
};

static void
fill_request(const struct session *session, const struct instance *instance,
    struct request *request)
{
	memset(request, 0, sizeof(*request));
	request->session = session->id;
	request->service = service_wire_id(session->service, instance);
	service_target(session->service, session->nth, request->target);
	request->waiting = session->waiting;
	request->family = (enum request_family)session->client.family;
	request->protocol = REQUEST_TCP;
	request->client_port = session->client.port;
	request->public_port = session->public.port;
	memcpy(request->client_addr, session->client.bytes,
	    sizeof(request->client_addr));
	if (session->public.family == session->client.family)
		memcpy(request->public_addr, session->public.bytes,
		    sizeof(request->public_addr));
}

static void
claim(struct session *session, struct pool_item *item)
{
	struct request request;

	session_set_state(session, SESSION_STARTING);
	session->standby = standby_of_item(item);
	session->key = item->instance->key;
	str_copy(session->inner, sizeof(session->inner), item->instance->inner);
	session->attempts++;
	if (session->claimed_ms == 0)
		session->claimed_ms = clock_ms();
	fill_request(session, item->instance, &request);
	standby_claim(session->standby, session, &request);
	early_begin(&session->early);
	send_ahead(session);
}

/* After so long no further standby is tried. */
static uint64_t
patience_ms(const struct session *session)
{
	const struct outer_config *config = session->hub->config;

	return (uint64_t)config->queue_ms + POOL_TRIES_MAX * config->forward_ms;
}

static bool
other_instance(const struct session *session, bool suspects)
{
	return pool_other_exists(&session->shard->pool, &session->history,
	    suspects);
}

static void
on_return(struct inbox_message *message)
{
	struct session *session = list_entry(message, struct session, message);
	struct shard *shard = session->shard;

	session->shard = NULL;
	if (session->service->removed)
		session_close(session, "its service was removed");
	else
		dispatch_add(&session->service->dispatch, session, true);
	atomic_fetch_sub(&shard->setting_up_count, 1);
}

/* No standby for it on this shard: back to main, where all are seen. */
static void
give_back(struct session *session)
{
	if (clock_ms() - session->began_ms > patience_ms(session)) {
		session_close(session, "no standby in time");
		return;
	}
	session_stop_waiting(session);
	list_remove(&session->node);
	session->message.run = on_return;
	shard_post_main(session->shard, &session->message);
}

/*
 * The session is WAITING on a shard: it takes a standby, or goes back to main.
 * Who has one that is not suspect may be waited for; only when there is nobody
 * of that kind a suspect is asked.
 */
static void
take_standby(struct session *session)
{
	struct pool *pool = &session->shard->pool;
	struct pool_item *item = pool_take(pool, &session->history);

	if (item == NULL && !other_instance(session, false))
		item = pool_take_suspect(pool, &session->history);
	if (item != NULL)
		claim(session, item);
	else
		give_back(session);
}

static void
on_arrival(struct inbox_message *message)
{
	struct session *session = list_entry(message, struct session, message);
	struct shard *shard = session->shard;
	struct pool_item *item = pool_take_promised(&shard->pool,
	    session->promised);

	list_push_back(&shard->setting_up, &session->node);
	session->watch = watch_start(shard->loop, session->fd,
	    &starting_handler, session);
	if (session->watch == NULL) {
		if (item != NULL) { /* for the next one */
			pool_put(&shard->pool, item);
			shard_on_idle(shard);
		}
		session_close(session, "out of memory");
	} else if (item != NULL) {
		claim(session, item);
	} else {
		take_standby(session);
	}
}

void
session_send(struct session *session, struct shard *shard,
    struct instance *instance, uint16_t waiting)
{
	session_stop_waiting(session);
	session->shard = shard;
	session->promised = instance;
	session->waiting = waiting;
	session->message.run = on_arrival;
	atomic_fetch_add(&shard->setting_up_count, 1);
	shard_post(shard, &session->message);
}

/* One standby is used up. counts: one of its POOL_TRIES_MAX tries. */
static void
try_next(struct session *session, bool counts, const char *why)
{
	if (counts)
		session->counted++;
	if (session->counted >= POOL_TRIES_MAX ||
	    session->attempts >= ATTEMPTS_MAX ||
	    clock_ms() - session->began_ms > patience_ms(session)) {
		session_close(session, why);
		return;
	}
	log_debug("session", "next standby", KV_U64("id", session->id),
	    KV_STR("why", why));
	session_set_state(session, SESSION_WAITING);
	take_standby(session);
}

/* Never again on that instance; on another one if there is one. */
static void
avoid_instance(struct session *session, uint64_t serial, const char *why)
{
	if (session->history.tried_count < POOL_TRIES_MAX)
		session->history.tried[session->history.tried_count++] = serial;
	if (!other_instance(session, true))
		session_close(session, why);
	else
		try_next(session, true, why);
}

void
session_on_refused(struct session *session, uint64_t instance_serial,
    unsigned code, const char *text)
{
	char why[WHY_SIZE];

	session->standby = NULL;
	snprintf(why, sizeof(why), "%s: %s", wire_code_text(code), text);
	avoid_instance(session, instance_serial, why);
}

void
session_on_lost(struct session *session, uint64_t instance_serial,
    enum standby_loss loss, const char *why)
{
	session->standby = NULL;
	switch (loss) {
	case STANDBY_DIED:
		try_next(session, false, why);
		break;
	case STANDBY_CLOSED_IT:
		try_next(session, true, why);
		break;
	case STANDBY_LEFT: /* there is one to go to, so no try is lost */
		session->history.silent = instance_serial;
		try_next(session, false, why);
		break;
	case STANDBY_SILENT:
		session->history.silent = instance_serial;
		try_next(session, other_instance(session, false), why);
		break;
	case STANDBY_REFUSED:
		avoid_instance(session, instance_serial, why);
		break;
	}
}
