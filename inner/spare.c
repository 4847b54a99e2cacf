/*
 * spare.c - one link to the outer until it relays: its states and deadlines.
 *
 * Owns:    the link, and the dial of it.
 * Thread:  the loop's.
 * Floor:   inner. The bytes are read and written by spare_native.c and
 *          spare_classic.c, which report here what they mean; a session, from
 *          FORWARD on, is spare_session.c's. See
 *          doc/PROTOCOL, "The life of a standby".
 */
#include "inner/spare_codec.h"
#include "inner/shard.h"
#include "inner/keeper.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/dial.h"
#include "net/link.h"
#include "net/tls.h"
#include "sys/sock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SILENT_PINGS = 3,
	PING_JITTER_PERCENT = 20,
	AGE_JITTER_PERCENT = 20,
	TOO_SHORT_MS = 1000, /* idle for less is a failure */
	CLASSIC_PING_MS = 10000,
};

static const char *const state_names[] = {
	[SPARE_CONNECTING] = "connecting",
	[SPARE_HANDSHAKE] = "handshake",
	[SPARE_IDLE] = "idle",
	[SPARE_RETIRING] = "retiring",
	[SPARE_DIALING] = "dialing",
	[SPARE_STARTED] = "started",
	[SPARE_RELAYING] = "relaying",
	[SPARE_CONTROL] = "control",
	[SPARE_CLOSED] = "closed",
};
_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == SPARE_NSTATES,
    "every state needs a name");

#define TO(s) (1u << SPARE_##s)
static const unsigned next_ok[SPARE_NSTATES] = {
	[SPARE_CONNECTING] = TO(HANDSHAKE) | TO(CLOSED),
	[SPARE_HANDSHAKE] = TO(IDLE) | TO(CONTROL) | TO(CLOSED),
	[SPARE_IDLE] = TO(RETIRING) | TO(DIALING) | TO(CLOSED),
	[SPARE_RETIRING] = TO(DIALING) | TO(CLOSED),
	[SPARE_DIALING] = TO(IDLE) | TO(STARTED) | TO(CLOSED),
	[SPARE_STARTED] = TO(RELAYING) | TO(CLOSED),
	[SPARE_RELAYING] = TO(CLOSED),
	[SPARE_CONTROL] = TO(CLOSED),
};

struct spare *
spare_of(struct list_node *state_node)
{
	return list_entry(state_node, struct spare, state_node);
}

/* The only writer of the state; also moves lists and gauges. */
void
spare_set_state(struct spare *spare, enum spare_state next)
{
	struct inner_shard *shard = spare->shard;

	assert(next_ok[spare->state] & (1u << next));
	log_debug("spare", "state", KV_U64("link", spare->id),
	    KV_STR("from", state_names[spare->state]),
	    KV_STR("to", state_names[next]));
	list_remove(&spare->state_node);
	if (next != SPARE_CLOSED) {
		list_push_back(&shard->spares[next], &spare->state_node);
		atomic_fetch_add(&shard->gauges[next], 1);
	}
	atomic_fetch_sub(&shard->gauges[spare->state], 1);
	spare->state = next;
}

static void
forget_handshake(struct spare *spare)
{
	if (spare->handshake == NULL)
		return;
	proof_forget(spare->handshake, sizeof(*spare->handshake));
	free(spare->handshake);
	spare->handshake = NULL;
}

static void
spare_free(void *object)
{
	struct spare *spare = object;

	loop_timer_fini(&spare->timer);
	forget_handshake(spare);
	free(spare);
}

/* What every way out has in common. */
void
spare_leave(struct spare *spare, enum spare_end end, const char *why)
{
	enum spare_state from = spare->state;

	spare_set_state(spare, SPARE_CLOSED);
	loop_timer_stop(&spare->timer);
	dial_cancel(spare->dial);
	spare->dial = NULL;
	spare_forget_session(spare);
	spare->link = NULL;
	loop_reap(spare->shard->loop, &spare->reap, spare_free, spare);
	inner_shard_on_end(spare->shard, from, end, why);
}

static void
log_closed(const struct spare *spare, enum log_level level, const char *why)
{
	log_at(level, "spare", "closed", KV_U64("link", spare->id),
	    KV_STR("state", state_names[spare->state]), KV_STR("why", why));
}

void
spare_close(struct spare *spare, enum spare_end end, const char *why)
{
	struct link *link = spare->link;

	if (spare->state == SPARE_CLOSED)
		return;
	if (spare->session != NULL && spare->session->pump != NULL) {
		spare->session->stop_why = why;
		pump_stop(
		    spare->session->pump); /* comes back by on_pump_done */
		return;
	}
	if (spare->state == SPARE_DIALING)
		spare_log_finished(spare, 0, 0, why);
	else /* the keeper tells of failures */
		log_closed(spare,
		    end == SPARE_END_NORMAL && !spare->leaving ? LOG_INFO
							       : LOG_DEBUG,
		    why);
	spare_leave(spare, end, why);
	link_free(link);
}

/* The link first: a shard that drains waits for last words, once they are
 * under way. */
static void
retire_and_leave(struct spare *spare, enum spare_end end, const char *why)
{
	link_retire(spare->link);
	spare_leave(spare, end, why);
}

void
spare_end_politely(struct spare *spare, const char *why)
{
	retire_and_leave(spare, SPARE_END_NORMAL, why);
}

void
spare_fail(struct spare *spare, enum wire_code code, const char *why)
{
	log_closed(spare, LOG_WARN, why);
	if (spare->codec->send_error != NULL)
		(void)spare->codec->send_error(spare, code, why);
	retire_and_leave(spare, SPARE_END_FAILED, why);
}

static uint32_t
silence_ms(const struct spare *spare)
{
	return SILENT_PINGS * spare->ping_ms;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The next thing an idle link has to do: ping, retire, or give up. */
void
spare_arm_idle(struct spare *spare)
{
	uint64_t now = clock_ms();
	uint64_t due = spare->sent_ms +
	    loop_jitter(spare->ping_ms, PING_JITTER_PERCENT);

	if (!spare->codec->quiet_peer)
		due = least(due, spare->heard_ms + silence_ms(spare));
	due = least(due, spare->retire_ms);
	loop_timer_start(&spare->timer, due > now ? due - now : 0);
}

static bool
is_control(const struct spare *spare)
{
	return spare->shard->control != NULL;
}

void
spare_authenticated(struct spare *spare)
{
	uint64_t now = clock_ms();

	forget_handshake(spare);
	if (spare->ping_ms == 0)
		spare->ping_ms = CLASSIC_PING_MS;
	spare->joined_ms = now;
	spare->key_serial = spare->shard->key_serial;
	spare->retire_ms = spare->codec->quiet_peer || is_control(spare)
	    ? UINT64_MAX
	    : now +
		loop_jitter(spare->shard->config->link_age_ms,
		    AGE_JITTER_PERCENT);
	spare_set_state(spare, is_control(spare) ? SPARE_CONTROL : SPARE_IDLE);
	spare_arm_idle(spare);
	inner_shard_on_joined(spare->shard, spare,
	    clock_us() - spare->dialed_us);
}

void
spare_retire(struct spare *spare, int reason)
{
	assert(spare->state == SPARE_IDLE || spare->state == SPARE_CONTROL);
	spare->leaving = true;
	if (spare->codec->send_goaway == NULL) {
		spare_close(spare, SPARE_END_NORMAL, "retired");
		return;
	}
	(void)spare->codec->send_goaway(spare, (enum goaway_reason)reason);
	if (spare->state == SPARE_CONTROL) {
		spare_end_politely(spare, "retired");
		return;
	}
	spare_set_state(spare, SPARE_RETIRING);
	loop_timer_start(&spare->timer, SPARE_RETIRE_MS);
}

void
spare_replace_stale(struct spare *spare, uint64_t in_ms)
{
	assert(spare->state == SPARE_IDLE);
	if (spare->key_serial == spare->shard->key_serial)
		return;
	spare->retire_ms = least(spare->retire_ms, clock_ms() + in_ms);
	spare_arm_idle(spare);
}

void
spare_will_leave(struct spare *spare)
{
	assert(spare->state == SPARE_DIALING);
	if (!spare->leaving && spare->codec->send_goaway != NULL)
		(void)spare->codec->send_goaway(spare, GOAWAY_SHUTDOWN);
	spare->leaving = true;
}

static void
on_idle_timeout(struct spare *spare)
{
	uint64_t now = clock_ms();

	if (!spare->codec->quiet_peer &&
	    now - spare->heard_ms >= silence_ms(spare)) {
		spare_close(spare, SPARE_END_NORMAL,
		    "silent for three ping intervals");
		return;
	}
	if (now >= spare->retire_ms) {
		spare_retire(spare, GOAWAY_AGE);
		return;
	}
	/* not before: most links are taken sooner than that */
	link_guard(spare->link, spare->shard->config->peer_ms);
	if (!spare->codec->send_keepalive(spare)) {
		spare_close(spare, SPARE_END_FAILED, "out of memory");
		return;
	}
	spare->sent_ms = now;
	spare_arm_idle(spare);
}

void
spare_on_timeout(struct spare *spare)
{
	switch (spare->state) {
	case SPARE_CONNECTING: /* the dial has its own deadline */
		break;
	case SPARE_HANDSHAKE:
		if (spare->codec->quiet_peer)
			spare_authenticated(spare); /* it survived */
		else
			spare_close(spare, SPARE_END_FAILED,
			    link_is_tls(spare->link) && !spare->secured
				? "no TLS in time: is there an outer?"
				: "not authenticated in time");
		break;
	case SPARE_IDLE:
	case SPARE_CONTROL:
		on_idle_timeout(spare);
		break;
	case SPARE_RETIRING:
		spare_close(spare, SPARE_END_NORMAL,
		    "the outer did not answer GOAWAY");
		break;
	case SPARE_DIALING: /* or the link is never read dry */
		if (spare->session->puzzled)
			spare_look_again(spare);
		else
			spare_close(spare, SPARE_END_NORMAL,
			    "not started in time");
		break;
	case SPARE_STARTED:
		spare_close(spare, SPARE_END_NORMAL, "no START in time");
		break;
	case SPARE_RELAYING:
	case SPARE_CLOSED:
	case SPARE_NSTATES:
		break;
	}
}

static void
on_timer(void *arg)
{
	spare_on_timeout(arg);
}

void
spare_on_goaway(struct spare *spare, enum goaway_reason reason)
{
	bool replaced = reason == GOAWAY_REPLACED;

	spare_close(spare, replaced ? SPARE_END_REJECTED : SPARE_END_SENT_AWAY,
	    replaced ? "a younger run has the same InnerId"
		     : "the outer said GOAWAY");
}

static void
on_input(void *arg)
{
	struct spare *spare = arg;

	spare->heard_ms = clock_ms();
	spare->codec->read(spare, link_input(spare->link));
	if (spare->state == SPARE_DIALING &&
	    spare->session->target_fd != SOCK_NONE)
		spare_go_if_dry(spare);
}

/* The link ended, by FIN or by reset. */
static void
on_lost(struct spare *spare, const char *why)
{
	bool failed = spare->state == SPARE_HANDSHAKE ||
	    (spare->state == SPARE_IDLE &&
		clock_ms() - spare->joined_ms < TOO_SHORT_MS);

	spare_close(spare, failed ? SPARE_END_FAILED : SPARE_END_NORMAL, why);
}

static void
on_eof(void *arg)
{
	struct spare *spare = arg;

	on_lost(spare,
	    spare->state == SPARE_HANDSHAKE && spare->codec->quiet_peer
		? "the outer closed the link: another AuthKey, or "
		  "AcceptClassic is off?"
		: "closed by the outer");
}

static void
on_error(void *arg, const char *why)
{
	struct spare *spare = arg;

	if (spare->state == SPARE_HANDSHAKE && link_was_refused(spare->link))
		spare_close(spare, SPARE_END_REJECTED, why);
	else
		on_lost(spare, why);
}

static void
open_link(struct spare *spare)
{
	if (!spare->codec->send_opening(spare))
		spare_close(spare, SPARE_END_FAILED,
		    "out of memory or random bytes");
}

static void
on_secured(void *arg)
{
	struct spare *spare = arg;

	spare->secured = true;
	log_debug("spare", "secured", KV_U64("link", spare->id),
	    KV_STR("version", link_tls_version(spare->link)),
	    KV_STR("resumed", link_is_resumed(spare->link) ? "true" : "false"));
	open_link(spare);
}

/* False without memory. */
static bool
start_tls(struct spare *spare)
{
	struct inner_shard *shard = spare->shard;
	struct tls_context *context = tls_slot_get(shard->keeper->tls);
	bool started;

	if (shard->ticket != NULL && !tls_ticket_fits(shard->ticket, context)) {
		tls_ticket_free(shard->ticket);
		shard->ticket = NULL;
	}
	started = link_connect_tls(spare->link, context, shard->ticket);
	tls_context_release(context);
	return started;
}

static const struct link_handler handler = {
	.on_input = on_input,
	.on_secured = on_secured,
	.on_eof = on_eof,
	.on_error = on_error,
};

static void
on_connected(enum dial_result result, sock_fd fd, const char *why, void *arg)
{
	struct spare *spare = arg;
	struct inner_shard *shard = spare->shard;

	spare->dial = NULL;
	if (result != DIAL_OK) {
		spare_close(spare,
		    result == DIAL_NO_RESOURCES ? SPARE_END_FAILED
						: SPARE_END_UNREACHABLE,
		    why);
		return;
	}
	spare->link = link_new(shard->loop, fd);
	if (spare->link == NULL) {
		sock_close(fd);
		spare_close(spare, SPARE_END_FAILED, "out of memory");
		return;
	}
	spare_set_state(spare, SPARE_HANDSHAKE);
	spare->heard_ms = spare->sent_ms = clock_ms();

	loop_timer_start(&spare->timer,
	    spare->codec->quiet_peer ? SPARE_SURVIVED_MS
				     : shard->config->handshake_ms);
	if (shard->config->register_addr.tls && !start_tls(spare)) {
		spare_close(spare, SPARE_END_FAILED, "out of memory");
		return;
	}
	link_set_handler(spare->link, &handler, spare);
	if (!link_is_tls(spare->link))
		open_link(spare);
}

bool
spare_start(struct inner_shard *shard)
{
	const struct inner_config *config = shard->config;
	struct spare *spare = calloc(1, sizeof(*spare));

	if (spare == NULL)
		return false;
	spare->shard = shard;
	spare->codec = config->protocol == INNER_CLASSIC ? &spare_classic
							 : &spare_native;
	loop_timer_init(&spare->timer, shard->loop, on_timer, spare);
	spare->dialed_us = clock_us();
	spare->dial = dial_start(shard->loop, shard->resolver,
	    &config->register_addr, config->handshake_ms, on_connected, spare);
	if (spare->dial == NULL) {
		spare_free(spare);
		return false;
	}
	spare->id = atomic_fetch_add(&shard->identity->next_link, 1);
	list_push_back(&shard->spares[SPARE_CONNECTING], &spare->state_node);
	return true;
}
