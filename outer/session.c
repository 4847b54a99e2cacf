/*
 * session.c - one client, from accept to its last log line.
 *
 * Owns:    the client's socket until the pump has it; then the pump.
 * Thread:  main while it waits, the shard's loop from then on; a message
 *          carries it from one to the other.
 * Floor:   outer. session_tries.c finds it a standby.
 *
 * Until a standby is ready the client has lost nothing: its bytes wait in the
 * kernel, unread, and the next standby can still serve it.
 */
#include "outer/session_parts.h"
#include "outer/direct.h"
#include "outer/hub.h"
#include "outer/keys.h"
#include "outer/shard.h"
#include "outer/throttle.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "net/link.h"
#include "net/watch.h"
#include "relay/pump.h"
#include "sys/sock.h"

#include <assert.h>
#include <stdlib.h>

static const char *const state_names[] = {
	[SESSION_WAITING] = "waiting",
	[SESSION_STARTING] = "starting",
	[SESSION_RELAYING] = "relaying",
	[SESSION_CLOSED] = "closed",
};
_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == SESSION_NSTATES,
    "every state needs a name");

#define TO(s) (1u << SESSION_##s)
static const unsigned next_ok[SESSION_NSTATES] = {
	[SESSION_WAITING] = TO(STARTING) | TO(CLOSED),
	[SESSION_STARTING] = TO(WAITING) | TO(RELAYING) | TO(CLOSED),
	[SESSION_RELAYING] = TO(CLOSED),
};

struct list_node *
session_node(struct session *session)
{
	return &session->node;
}

struct session *
session_of(struct list_node *node)
{
	return list_entry(node, struct session, node);
}

uint64_t
session_id(const struct session *session)
{
	return session->id;
}

void
session_describe(const struct session *session, struct session_info *info)
{
	info->id = session->id;
	info->age_ms = clock_ms() - session->began_ms;
	info->state = state_names[session->state];
	info->client = session->client;
	str_copy(info->service, sizeof(info->service), session->service->name);
	str_copy(info->inner, sizeof(info->inner), session->inner);
}

bool
session_is_revoked(const struct session *session)
{
	return session->state == SESSION_RELAYING &&
	    !session->service->direct &&
	    !keys_allow(session->shard->keys, session->inner, session->key);
}

const struct pool_history *
session_history(const struct session *session)
{
	return &session->history;
}

/* Gauges go up before down, so that main never misses one. */
void
session_set_state(struct session *session, enum session_state next)
{
	struct shard *shard = session->shard;

	assert(next_ok[session->state] & (1u << next));
	log_debug("session", "state", KV_U64("id", session->id),
	    KV_STR("from", state_names[session->state]),
	    KV_STR("to", state_names[next]));
	if (next == SESSION_RELAYING || next == SESSION_CLOSED)
		list_remove(&session->node);
	if (next == SESSION_RELAYING) {
		list_push_back(&shard->relaying, &session->node);
		atomic_fetch_add(&shard->relaying_count, 1);
		atomic_fetch_sub(&shard->setting_up_count, 1);
	} else if (next == SESSION_CLOSED && shard != NULL) {
		atomic_fetch_sub(session->state == SESSION_RELAYING
			? &shard->relaying_count
			: &shard->setting_up_count,
		    1);
	}
	session->state = next;
}

static void
session_free(void *object)
{
	free(object);
}

static void
log_finished(const struct session *session, const char *service, uint64_t up,
    uint64_t down, const char *why)
{
	uint64_t now = clock_ms();
	uint64_t claimed = session->claimed_ms != 0 ? session->claimed_ms : now;
	uint64_t ready = session->ready_ms != 0 ? session->ready_ms : now;
	char client[ENDPOINT_TEXT_SIZE];

	endpoint_text(&session->client, true, client);
	log_info("session", "finished", KV_U64("id", session->id),
	    KV_STR("client", client), KV_STR("service", service),
	    KV_MS("wait", claimed - session->began_ms),
	    KV_MS("ready", ready > claimed ? ready - claimed : 0),
	    KV_U64("up", up), KV_U64("down", down),
	    KV_U64("early_retries", early_retries(&session->early)),
	    KV_MS("duration", now - session->began_ms), KV_STR("why", why));
}

void
session_stop_waiting(struct session *session)
{
	direct_cancel(session->direct);
	session->direct = NULL;
	loop_timer_free(session->timer);
	session->timer = NULL;
	watch_end(session->watch);
	session->watch = NULL;
}

/* What every way out has in common. Who reads that it has finished finds free
 * what it took of limits. */
static void
leave(struct session *session, uint64_t up, uint64_t down, const char *why)
{
	struct hub *hub = session->hub;
	struct shard *shard = session->shard;
	char service[SERVICE_NAME_MAX + 1];

	session_stop_waiting(session);
	if (shard == NULL)
		dispatch_remove(&session->service->dispatch, session);
	session_set_state(session, SESSION_CLOSED);
	source_leave(session->source);
	throttle_drop(session->throttle);
	session->throttle = NULL;
	(void)str_copy(service, sizeof(service), session->service->name);
	service_release(session->service);
	log_finished(session, service, up, down, why);
	loop_reap(shard != NULL ? shard->loop : hub->loop, &session->reap,
	    session_free, session);
	if (shard != NULL)
		shard_on_end(shard);
	else if (hub->on_change != NULL)
		hub->on_change(hub->arg);
}

void
session_close(struct session *session, const char *why)
{
	struct standby *standby = session->standby;

	if (session->state == SESSION_CLOSED)
		return;
	if (session->pump != NULL) {
		session->stop_why = why;
		pump_stop(session->pump); /* comes back by on_pump_done */
		return;
	}
	session->standby = NULL;
	session_stop_waiting(session); /* before the socket goes */
	if (session->fd != SOCK_NONE) {
		sock_reset(session->fd);
		session->fd = SOCK_NONE;
	}
	leave(session, 0, 0, why);
	if (standby != NULL)
		standby_close(standby, "the client is gone");
}

void
session_on_gone(void *arg)
{
	session_close(arg, "the client left before it was served");
}

static const struct watch_handler queued_handler = {
	.on_gone = session_on_gone,
};

/* The wait is over: whoever is there, a suspect too, or nobody. */
static void
on_timer(void *arg)
{
	struct session *session = arg;

	if (!dispatch_last_try(&session->service->dispatch, session))
		session_close(session, "no standby in time");
}

void
session_wait(struct session *session)
{
	struct hub *hub = session->hub;

	session->timer = loop_timer_new(hub->loop, on_timer, session);
	session->watch = watch_start(hub->loop, session->fd, &queued_handler,
	    session);
	if (session->timer == NULL || session->watch == NULL)
		session_close(session, "out of memory");
	else
		loop_timer_start(session->timer, hub->config->queue_ms);
}

static void
on_pump_done(const struct pump_result *result, void *arg)
{
	struct session *session = arg;
	char why[PUMP_END_SIZE];

	session->pump = NULL;
	leave(session, result->a_to_b + early_on_link(&session->early),
	    result->b_to_a,
	    result->end == PUMP_STOPPED
		? session->stop_why
		: pump_end_text(result->end, "client",
		      session->service->direct ? "target" : "inner", why));
}

/* False without memory. */
static bool
take_throttle(struct session *session)
{
	const struct rate_limits *own = &session->service->rates;

	if (own->all == 0 && own->each == 0)
		return true;
	session->throttle = throttle_take(session->shard, session->service);
	return session->throttle != NULL;
}

/* Joins client and link. False without memory: the link is reset. */
static bool
relay(struct session *session, struct link *link, bool whole_close)
{
	struct shard *shard = session->shard;
	struct pump_options options = {
		.buffer_bytes = (size_t)shard->config->buffer_bytes,
		.idle_ms = shard->config->idle_ms,
		.peer_ms = shard->config->peer_ms,
		.whole_close_b = whole_close,
		.hold_fin_ms = whole_close ? shard->config->peer_ms : 0,
		.hold_for_answer = true,
		.rate = shard->rate,
		.done = on_pump_done,
		.arg = session,
	};
	bool ready = take_throttle(session);

	if (session->throttle != NULL)
		options.rate = session->throttle->rate;
	if (ready)
		session->pump = pump_start(shard->pumps, session->fd, link,
		    &options);
	if (session->pump == NULL) {
		link_reset(link);
		return false;
	}
	session->fd = SOCK_NONE;
	return true;
}

void
session_on_ready(struct session *session, struct link *link, bool whole_close)
{
	session->standby = NULL;
	session->ready_ms = clock_ms();
	watch_end(session->watch); /* the pump reads it now */
	session->watch = NULL;
	if (!early_take(&session->early, session->fd)) {
		link_reset(link);
		session_close(session, "reset by the client");
		return;
	}
	if (!relay(session, link, whole_close)) {
		session_close(session, "out of memory");
		return;
	}
	session_set_state(session, SESSION_RELAYING);
}

/* --- without an inner ------------------------------------------------------ */

void
session_on_target(struct session *session, struct link *link, const char *why)
{
	session->direct = NULL;
	if (link == NULL) {
		session_close(session, why);
		return;
	}
	session->ready_ms = clock_ms();
	session_stop_waiting(session); /* the pump reads it now */
	if (!relay(session, link, false)) {
		session_close(session, "out of memory");
		return;
	}
	session_set_state(session, SESSION_RELAYING);
}

static void
on_direct_arrival(struct inbox_message *message)
{
	struct session *session = list_entry(message, struct session, message);
	struct shard *shard = session->shard;
	struct addr target;

	list_push_back(&shard->setting_up, &session->node);
	session_set_state(session, SESSION_STARTING);
	session->claimed_ms = clock_ms();
	service_target_addr(session->service, session->nth, &target);
	session->watch = watch_start(shard->loop, session->fd, &queued_handler,
	    session);
	if (session->watch != NULL && sock_gone(session->fd)) {
		session_on_gone(session);
		return;
	}
	if (!direct_may_start(shard, &target)) {
		session_close(session, direct_goes_round);
		return;
	}
	if (session->watch != NULL)
		session->direct = direct_start(shard, &target, session);
	if (session->direct == NULL)
		session_close(session, "out of memory");
}

/* --------------------------------------------------------------------------- */

static struct session *
session_new(struct service *service, const struct session_arrival *arrival)
{
	struct session *session = calloc(1, sizeof(*session));
	struct hub *hub = service->hub;

	if (session == NULL)
		return NULL;
	session->hub = hub;
	session->service = service;
	session->history.slot = service->slot;
	service_hold(service);
	session->fd = arrival->fd;
	session->nth = (uint16_t)arrival->nth;
	session->source = arrival->source;
	session->id = hub->next_session++;
	session->began_ms = clock_ms();
	session->client = arrival->client;
	session->public = arrival->public;
	return session;
}

void
session_start(struct service *service, const struct session_arrival *arrival)
{
	struct session *session = session_new(service, arrival);

	if (session == NULL) {
		if (hub_may_log(&service->hub->strangers))
			log_warn("session", "refused",
			    KV_STR("why", "out of memory"));
		sock_reset(arrival->fd);
		source_leave(arrival->source);
		return;
	}
	if (!service->direct) {
		dispatch_add(&service->dispatch, session, false);
		return;
	}
	session->shard = hub_shard_for_session(service->hub);
	session->message.run = on_direct_arrival;
	atomic_fetch_add(&session->shard->setting_up_count, 1);
	shard_post(session->shard, &session->message);
}
