/*
 * standby.c - one inner link until it relays: its states and deadlines.
 *
 * Owns:    the link until it is given to a session.
 * Thread:  the shard's loop only.
 * Floor:   outer. standby_join.c lets it in, standby_link.c hears its link,
 *          standby_session.c has what it does for a client. The bytes are read
 *          and written by standby_native.c and standby_classic.c, which report
 *          what they mean. See doc/PROTOCOL, "The life of a standby".
 */
#include "outer/standby_parts.h"
#include "outer/claims.h"
#include "outer/instance.h"
#include "outer/keys.h"
#include "outer/session.h"
#include "outer/shard.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/link.h"
#include "relay/pump_kit.h"

#include <assert.h>
#include <stdlib.h>

enum { SILENT_PINGS = 3, PING_JITTER_PERCENT = 20 };

static const char *const state_names[] = {
	[STANDBY_HANDSHAKE] = "handshake",
	[STANDBY_IDLE] = "idle",
	[STANDBY_STARTING] = "starting",
	[STANDBY_CONTROL] = "control",
	[STANDBY_RELAYING] = "relaying",
	[STANDBY_CLOSED] = "closed",
};
_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == STANDBY_NSTATES,
    "every state needs a name");

#define TO(s) (1u << STANDBY_##s)
static const unsigned next_ok[STANDBY_NSTATES] = {
	[STANDBY_HANDSHAKE] = TO(IDLE) | TO(CONTROL) | TO(CLOSED),
	[STANDBY_IDLE] = TO(STARTING) | TO(CLOSED),
	[STANDBY_STARTING] = TO(RELAYING) | TO(IDLE) | TO(CLOSED),
	[STANDBY_CONTROL] = TO(CLOSED),
	[STANDBY_RELAYING] = TO(CLOSED),
};

struct standby *
standby_of_item(struct pool_item *item)
{
	return list_entry(item, struct standby, item);
}

struct standby *
standby_of(struct list_node *state_node)
{
	return list_entry(state_node, struct standby, state_node);
}

const char *
standby_peer(const struct standby *standby, char out[ENDPOINT_TEXT_SIZE])
{
	endpoint_text(&standby->peer, true, out);
	return out;
}

void
standby_set_state(struct standby *standby, enum standby_state next)
{
	assert(next_ok[standby->state] & (1u << next));
	log_debug("standby", "state", KV_U64("link", standby->id),
	    KV_STR("from", state_names[standby->state]),
	    KV_STR("to", state_names[next]));
	standby->state = next;
	list_remove(&standby->state_node);
	if (next < STANDBY_RELAYING) /* from then on it is the session's */
		list_push_back(&standby->shard->standbys[next],
		    &standby->state_node);
}

static void
standby_free(void *object)
{
	struct standby *standby = object;

	loop_timer_fini(&standby->timer);
	standby_forget_handshake(standby);
	free(standby);
}

static void
leave_instance(struct standby *standby)
{
	struct shard *shard = standby->shard;
	struct instance *instance = standby->item.instance;

	if (instance == NULL)
		return;
	pool_remove(&shard->pool, &standby->item);
	standby->item.instance = NULL;
	atomic_fetch_sub(&shard->hub->links, 1);
	if (instance_leave(instance))
		shard_tell(shard, SHARD_INSTANCES);
}

void
standby_leave(struct standby *standby)
{
	struct shard *shard = standby->shard;

	standby->link = NULL;
	standby->session = NULL;
	loop_timer_stop(&standby->timer);
	if (standby->admission != NULL)
		standby->admission->standby = NULL;
	standby->admission = NULL;
	if (standby->claim != NULL)
		standby->claim->standby = NULL;
	standby->claim = NULL;
	leave_instance(standby);
	atomic_fetch_sub(&shard->link_count, 1);
	pass_end(&shard->hub->armour, &standby->pass, standby->fault,
	    clock_ms());
	loop_reap(shard->loop, &standby->reap, standby_free, standby);
	shard_on_end(shard);
}

static void
log_closed(struct standby *standby, enum log_level level, const char *why)
{
	bool stranger = standby->item.instance == NULL;
	char peer[ENDPOINT_TEXT_SIZE];
	unsigned left_out = 0;

	if (stranger &&
	    (!pass_may_tell(&standby->pass, standby->fault, clock_ms(),
		 &left_out) ||
		!hub_may_log(&standby->shard->strangers)))
		return;
	if (left_out > 0)
		log_at(level, "standby", "lines like the next were left out",
		    KV_STR("peer", standby_peer(standby, peer)),
		    KV_U64("count", left_out));
	log_at(level, "standby", "closed", KV_U64("link", standby->id),
	    KV_STR("peer", standby_peer(standby, peer)),
	    KV_STR("state", state_names[standby->state]), KV_STR("why", why));
}

/* The way out of every state but RELAYING; close_link takes the link. */
static void
end(struct standby *standby, enum log_level level, const char *why,
    void (*close_link)(struct link *))
{
	log_closed(standby, level, why);
	standby_set_state(standby, STANDBY_CLOSED);
	pump_kit_missed(standby->shard->pumps);
	close_link(standby->link); /* first: its last words are waited for */
	standby_leave(standby);
}

void
standby_close(struct standby *standby, const char *why)
{
	bool known = standby->item.instance != NULL;

	if (standby->state != STANDBY_CLOSED)
		end(standby, known ? LOG_INFO : LOG_WARN, why, link_free);
}

/* Closes politely, so that the last message gets there; of strangers only so
 * many at once. */
static void
retire(struct standby *standby, enum log_level level, const char *why)
{
	bool stranger = standby->item.instance == NULL;
	bool polite = !stranger ||
	    armour_may_linger(&standby->shard->hub->armour, clock_ms());

	end(standby, level, why, polite ? link_retire : link_free);
}

/* It has said something, and not proved a key. */
static bool
has_begun_handshake(const struct standby *standby)
{
	return standby->state == STANDBY_HANDSHAKE &&
	    standby->admission == NULL &&
	    (standby->codec != NULL || link_is_tls(standby->link));
}

void
standby_lose(struct standby *standby, enum standby_loss loss, const char *why)
{
	struct session *session = standby->session;
	struct instance *by = standby->item.instance;
	uint64_t serial = by != NULL ? by->serial : 0;

	if (has_begun_handshake(standby) && standby->fault == FAULT_NONE)
		standby->fault = FAULT_LEFT;
	standby_close(standby, why);
	if (session != NULL)
		session_on_lost(session, serial, loss, why);
}

void
standby_fail(struct standby *standby, enum wire_code code, const char *why)
{
	struct session *session = standby->session;
	struct instance *by = standby->item.instance;
	uint64_t serial = by != NULL ? by->serial : 0;

	if (by == NULL && code == CODE_AUTH_FAILED)
		standby->fault = FAULT_PROOF;
	else if (by == NULL && (code == CODE_PROTOCOL || code == CODE_VERSION))
		standby->fault = FAULT_PROTOCOL;
	if (standby->codec != NULL && standby->codec->send_error != NULL)
		(void)standby->codec->send_error(standby, code, why);
	retire(standby, LOG_WARN, why);
	if (session != NULL)
		session_on_lost(session, serial, STANDBY_DIED, why);
}

bool
standby_may_read(const struct standby *standby)
{
	return standby->state != STANDBY_CLOSED &&
	    standby->state != STANDBY_RELAYING && standby->admission == NULL &&
	    standby->claim == NULL;
}

static uint32_t
silence_ms(const struct standby *standby)
{
	uint32_t ping_ms = standby->codec->ping_ms;

	if (ping_ms == 0)
		ping_ms = standby->shard->config->ping_ms;
	return SILENT_PINGS * ping_ms;
}

/* The next thing an idle link has to do: ping, or give up the peer. */
static void
arm_idle(struct standby *standby)
{
	uint64_t now = clock_ms();
	uint64_t silent = standby->heard_ms + silence_ms(standby);
	uint64_t due = silent;

	if (standby->codec->send_keepalive != NULL) {
		uint64_t ping = standby->sent_ms +
		    loop_jitter(standby->shard->config->ping_ms,
			PING_JITTER_PERCENT);

		due = ping < silent ? ping : silent;
	}
	loop_timer_start(&standby->timer, due > now ? due - now : 0);
}

void
standby_become_idle(struct standby *standby)
{
	standby_set_state(standby, STANDBY_IDLE);
	arm_idle(standby);
	pool_put(&standby->shard->pool, &standby->item);
	shard_on_idle(standby->shard);
}

void
standby_become_idle_again(struct standby *standby)
{
	if (standby->leaving)
		retire(standby, LOG_DEBUG, "it said GOAWAY");
	else if (standby_is_replaced(standby))
		standby_dismiss(standby, true);
	else
		standby_become_idle(standby);
}

void
standby_become_control(struct standby *standby)
{
	standby_set_state(standby, STANDBY_CONTROL);
	arm_idle(standby);
}

void
standby_dismiss(struct standby *standby, bool replaced)
{
	enum goaway_reason reason = replaced ? GOAWAY_REPLACED
					     : GOAWAY_SHUTDOWN;

	if ((standby->state == STANDBY_IDLE ||
		standby->state == STANDBY_CONTROL) &&
	    standby->codec->send_goaway != NULL)
		(void)standby->codec->send_goaway(standby, reason);
	retire(standby, LOG_DEBUG, goaway_reason_name(reason));
}

static void
on_idle_timeout(struct standby *standby)
{
	uint64_t now = clock_ms();

	if (now - standby->heard_ms >= silence_ms(standby)) {
		standby_close(standby, "silent for three ping intervals");
		return;
	}
	if (standby->codec->send_keepalive != NULL) {
		(void)standby->codec->send_keepalive(standby);
		standby->sent_ms = now;
	}
	arm_idle(standby);
}

void
standby_on_timeout(struct standby *standby)
{
	switch (standby->state) {
	case STANDBY_HANDSHAKE:
		if (standby->admission == NULL)
			standby->fault = FAULT_SILENCE;
		standby_close(standby,
		    link_is_tls(standby->link) && !standby->secured
			? "its TLS handshake did not end in time"
			: "not authenticated in time");
		break;
	case STANDBY_IDLE:
	case STANDBY_CONTROL:
		on_idle_timeout(standby);
		break;
	case STANDBY_STARTING:
		standby_on_starting_timeout(standby);
		break;
	case STANDBY_RELAYING:
	case STANDBY_CLOSED:
	case STANDBY_NSTATES:
		break;
	}
}

static void
on_timer(void *arg)
{
	standby_on_timeout(arg);
}

bool
standby_is_replaced(const struct standby *standby)
{
	const struct instance *instance = standby->item.instance;

	return instance != NULL && atomic_load(&instance->replaced);
}

bool
standby_is_barred(const struct standby *standby)
{
	return standby->admission == NULL &&
	    pass_is_barred(&standby->shard->hub->armour, &standby->pass,
		clock_ms());
}

bool
standby_is_slow(const struct standby *standby)
{
	return standby->admission == NULL &&
	    pass_is_slow(&standby->shard->hub->armour, &standby->pass,
		clock_ms());
}

bool
standby_is_revoked(const struct standby *standby)
{
	const struct instance *instance = standby->item.instance;

	return instance != NULL &&
	    !keys_allow(standby->shard->keys, instance->inner, instance->key);
}

void
standby_revoke(struct standby *standby)
{
	standby_fail(standby, CODE_AUTH_FAILED, keys_removed);
}

void
standby_on_goaway(struct standby *standby, const char *reason)
{
	log_debug("standby", "goaway", KV_U64("link", standby->id),
	    KV_STR("reason", reason));
	if (standby->state != STANDBY_STARTING)
		retire(standby, LOG_DEBUG, reason);
	else
		standby->leaving = true;
}

void
standby_begin(struct standby *standby)
{
	struct shard *shard = standby->shard;

	loop_timer_init(&standby->timer, shard->loop, on_timer, standby);
	standby->heard_ms = standby->sent_ms = clock_ms();
	list_push_back(&shard->standbys[STANDBY_HANDSHAKE],
	    &standby->state_node);
	loop_timer_start(&standby->timer, shard->config->handshake_ms);
	standby_hear(standby);
}
