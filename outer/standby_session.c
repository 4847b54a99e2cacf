/*
 * standby_session.c - what a standby does for a client: FORWARD, and what the
 * inner answers to it.
 *
 * Owns:    nothing; at READY the link goes to the session.
 * Thread:  the shard's loop only.
 * Floor:   outer. See doc/PROTOCOL, "The life of a standby".
 */
#include "outer/standby_parts.h"
#include "outer/instance.h"
#include "outer/session.h"
#include "outer/shard.h"
#include "base/clock.h"
#include "net/link.h"

#include <assert.h>

enum {
	ANSWER_MIN_MS = 500, /* silence deadline, at the least */
	ANSWER_ROUND_TRIPS = 4,
	RTT_GOOD_MS = 500,
};

uint64_t
standby_session_id(const struct standby *standby)
{
	return session_id(standby->session);
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

/* How long a link may take to answer FORWARD; when it is looked after, if its
 * instance was suspect. The time to AUTH counts the peer's own delays as well,
 * so it serves only where nothing better is. */
static uint64_t
answer_ms(const struct standby *standby)
{
	uint64_t most = standby->shard->config->forward_ms;
	uint32_t rtt_us = measured_rtt(standby);
	uint64_t ms;

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
	standby_set_state(standby, STANDBY_STARTING);
	standby->session = session;
	standby->answered = false;
	standby->doubted = atomic_load(&standby->item.instance->suspect);
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

/* A suspect may be silent for the whole ForwardTimeout: what is left of it. */
static uint64_t
time_left_ms(const struct standby *standby)
{
	uint64_t waited = clock_ms() - standby->sent_ms;
	uint64_t most = standby->shard->config->forward_ms;

	return standby->doubted && waited < most ? most - waited : 0;
}

/* Not heard of in time. */
static void
give_up_or_look_again(struct standby *standby)
{
	struct shard *shard = standby->shard;
	struct instance *instance = standby->item.instance;
	const struct pool_history *history = session_history(standby->session);
	uint64_t left_ms = time_left_ms(standby), ms;

	if (left_ms > 0 && !pool_other_idle(&shard->pool, history, instance)) {
		ms = answer_ms(standby);
		loop_timer_start(&standby->timer, ms < left_ms ? ms : left_ms);
		return;
	}
	atomic_store(&instance->suspect, true);
	standby_lose(standby, left_ms > 0 ? STANDBY_LEFT : STANDBY_SILENT,
	    "no answer to FORWARD");
	shard_tell(shard, SHARD_INSTANCES);
}

void
standby_on_starting_timeout(struct standby *standby)
{
	if (standby->unsent) /* FORWARD, or EARLY */
		standby_lose(standby, STANDBY_DIED, "out of memory");
	else if (standby->answered)
		standby_lose(standby, STANDBY_REFUSED, "no READY in time");
	else
		give_up_or_look_again(standby);
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
		standby_lose(standby, STANDBY_DIED, "out of memory");
		return;
	}
	standby_set_state(standby, STANDBY_RELAYING);
	standby_leave(standby);
	session_on_ready(session, link, standby->codec->whole_close);
}

void
standby_on_refused(struct standby *standby, unsigned code, const char *text)
{
	struct session *session = standby->session;
	uint64_t serial = standby->item.instance->serial;

	standby->session = NULL;
	session_on_refused(session, serial, code, text);
	standby_become_idle_again(standby);
}
