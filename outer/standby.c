/*
 * standby.c - one inner link until it relays: its states and deadlines.
 *
 * Owns:    the link until it is given to a session.
 * Thread:  the shard's loop only.
 * Floor:   outer. standby_join.c lets it in. The bytes are read and written
 *          by standby_native.c and standby_classic.c, which report here what
 *          they mean. See doc/PROTOCOL, "The life of a standby".
 */
#include "outer/standby_join.h"
#include "outer/instance.h"
#include "outer/keys.h"
#include "outer/claims.h"
#include "outer/session.h"
#include "outer/shard.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/link.h"
#include "net/tls.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdlib.h>

enum {
	ANSWER_MIN_MS = 500, /* silence deadline, at the least */
	ANSWER_ROUND_TRIPS = 4,
	RTT_GOOD_MS = 500,
	SILENT_PINGS = 3,
	PING_JITTER_PERCENT = 20,
};

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

/* The only writer of the state; also moves lists. */
static void
set_state(struct standby *standby, enum standby_state next)
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

/* What every way out has in common. The link has its new owner by now. */
static void
leave(struct standby *standby)
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
	struct link *link = standby->link;

	log_closed(standby, level, why);
	set_state(standby, STANDBY_CLOSED);
	leave(standby);
	close_link(link);
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

/* Tells the session that its standby is lost. Last thing that a caller does:
 * the session may take the next standby at once. */
static void
lose(struct standby *standby, enum standby_loss loss, const char *why)
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

void
standby_lose(struct standby *standby, const char *why)
{
	lose(standby, STANDBY_DIED, why);
}

bool
standby_may_read(const struct standby *standby)
{
	return standby->state != STANDBY_CLOSED &&
	    standby->state != STANDBY_RELAYING && standby->admission == NULL &&
	    standby->claim == NULL;
}

uint64_t
standby_session_id(const struct standby *standby)
{
	return session_id(standby->session);
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
	set_state(standby, STANDBY_IDLE);
	arm_idle(standby);
	pool_put(&standby->shard->pool, &standby->item);
	shard_on_idle(standby->shard);
}

void
standby_become_control(struct standby *standby)
{
	set_state(standby, STANDBY_CONTROL);
	arm_idle(standby);
}

/* What the system has measured on one of the instance's links, not long ago. */
static uint32_t
measured_rtt(const struct standby *standby)
{
	struct instance *instance = standby->item.instance;
	uint64_t now = clock_ms();

	if (now -
		atomic_load_explicit(&instance->rtt_ms, memory_order_relaxed) >
	    RTT_GOOD_MS) {
		atomic_store_explicit(&instance->rtt_us,
		    link_rtt_us(standby->link), memory_order_relaxed);
		atomic_store_explicit(&instance->rtt_ms, now,
		    memory_order_relaxed);
	}
	return atomic_load_explicit(&instance->rtt_us, memory_order_relaxed);
}

/* How long a link may take to answer FORWARD. The time to AUTH counts the
 * peer's own delays as well, so it serves only where nothing better is. */
static uint64_t
answer_ms(const struct standby *standby)
{
	uint64_t most = standby->shard->config->forward_ms;
	uint32_t rtt_us = measured_rtt(standby);
	uint64_t ms;

	if (atomic_load(&standby->item.instance->suspect))
		return most;
	if (rtt_us == 0)
		rtt_us = standby->rtt_us;
	ms = (uint64_t)ANSWER_ROUND_TRIPS * rtt_us / 1000;
	if (ms < ANSWER_MIN_MS)
		ms = ANSWER_MIN_MS;
	return ms < most ? ms : most;
}

void
standby_claim(struct standby *standby, struct session *session,
    const struct request *request)
{
	assert(standby->state == STANDBY_IDLE);
	set_state(standby, STANDBY_STARTING);
	standby->session = session;
	standby->answered = false;
	standby->unsent = !standby->codec->send_forward(standby, request);
	standby->sent_ms = clock_ms();
	loop_timer_start(&standby->timer,
	    standby->unsent ? 0 : answer_ms(standby));
}

bool
standby_takes_early(const struct standby *standby)
{
	return standby->state == STANDBY_STARTING && !standby->unsent &&
	    standby->codec->send_early != NULL;
}

void
standby_send_early(struct standby *standby, const void *bytes, size_t len)
{
	standby->unsent = !standby->codec->send_early(standby, bytes, len);
	if (standby->unsent)
		loop_timer_start(&standby->timer, 0);
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
	struct shard *shard = standby->shard;

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
		if (standby->unsent) { /* FORWARD, or EARLY */
			lose(standby, STANDBY_DIED, "out of memory");
			break;
		}
		if (standby->answered) {
			lose(standby, STANDBY_REFUSED, "no READY in time");
			break;
		}
		atomic_store(&standby->item.instance->suspect, true);
		lose(standby, STANDBY_SILENT, "no answer to FORWARD");
		shard_tell(shard, SHARD_INSTANCES);
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
standby_on_answer(struct standby *standby)
{
	if (standby->answered)
		return;
	standby->answered = true;
	loop_timer_start(&standby->timer, standby->shard->config->forward_ms);
}

void
standby_on_ready(struct standby *standby)
{
	struct session *session = standby->session;
	struct link *link = standby->link;

	if (standby->codec->send_start != NULL &&
	    !standby->codec->send_start(standby)) {
		lose(standby, STANDBY_DIED, "out of memory");
		return;
	}
	set_state(standby, STANDBY_RELAYING);
	leave(standby);
	session_on_ready(session, link, standby->codec->whole_close);
}

void
standby_on_refused(struct standby *standby, unsigned code, const char *text)
{
	struct session *session = standby->session;
	uint64_t serial = standby->item.instance->serial;

	standby->session = NULL;
	session_on_refused(session, serial, code, text);
	if (standby->leaving)
		retire(standby, LOG_DEBUG, "it said GOAWAY");
	else if (standby_is_replaced(standby))
		standby_dismiss(standby, true);
	else
		standby_become_idle(standby);
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

	lose(standby, refuses ? STANDBY_CLOSED_IT : STANDBY_DIED,
	    "closed by the inner");
}

static void
on_error(void *arg, const char *why)
{
	struct standby *standby = arg;

	if (link_peer_is_at_fault(standby->link))
		standby->fault = FAULT_PROTOCOL;
	lose(standby, STANDBY_DIED, why);
}

static const struct link_handler handler = {
	.on_input = on_input,
	.on_secured = on_secured,
	.on_eof = on_eof,
	.on_error = on_error,
};

void
standby_begin(struct standby *standby)
{
	struct shard *shard = standby->shard;

	loop_timer_init(&standby->timer, shard->loop, on_timer, standby);
	standby->heard_ms = standby->sent_ms = clock_ms();
	list_push_back(&shard->standbys[STANDBY_HANDSHAKE],
	    &standby->state_node);
	loop_timer_start(&standby->timer, shard->config->handshake_ms);
	link_set_handler(standby->link, &handler, standby);
}
