/*
 * control.c - the link over which services are registered.
 *
 * Owns:    its shard, and the link on it.
 * Thread:  main.
 * Floor:   inner. See doc/PROTOCOL, "The control link".
 *
 * Without it standbys go on as they are: it has a back-off of its own, and is
 * dialed only while there is no outage.
 */
#include "inner/control.h"
#include "inner/health.h"
#include "inner/keeper.h"
#include "inner/offers.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum { REPORT_MS = 100 }; /* so many that turn bad at once are one REGISTER */

/* Whether there is anything to tell that an outer does not take for granted. */
static bool
has_much_to_tell(const struct offers *offers)
{
	return offers->registers || offers->allow.count > 0;
}

static void
look_at_wishes(struct control *control)
{
	struct offers *offers = offers_slot_get(control->keeper->offers);

	control->wanted = control->wanted || has_much_to_tell(offers) ||
	    atomic_load(&control->keeper->identity.asks_control);
	offers_release(offers);
}

void
control_look(struct control *control)
{
	look_at_wishes(control);
	if (!control->wanted || control->link != NULL || control->dialing ||
	    control->retry_waits || control->stopping || control->keeper->down)
		return;
	atomic_fetch_add(&control->shard.gauges[SPARE_CONNECTING], 1);
	control->dialing = spare_start(&control->shard);
	if (!control->dialing) {
		atomic_fetch_sub(&control->shard.gauges[SPARE_CONNECTING], 1);
		control_on_end(control, SPARE_END_FAILED,
		    "out of memory or descriptors");
	}
}

static void
on_retry(void *arg)
{
	struct control *control = arg;

	control->retry_waits = false;
	control_look(control);
}

/* The whole of it, each time: so a report has nothing to add. */
static void
send_register(struct control *control)
{
	struct offers *offers = offers_slot_get(control->keeper->offers);
	char *payload = malloc(REGISTER_PAYLOAD_MAX);
	const bool *bad = control->health != NULL ? health_bad(control->health)
						  : NULL;
	size_t len = payload != NULL ? offers_encode(offers, bad, payload) : 0;
	bool sent = len > 0 && spare_register(control->link, payload, len);

	loop_timer_stop(&control->report);
	control->report_waits = false;
	free(payload);
	offers_release(offers);
	if (!sent)
		spare_close(control->link, SPARE_END_FAILED, "out of memory");
}

/* A port may be free by now, or the outer's file mended. The tries of targets
 * go on meanwhile. */
static void
on_again(void *arg)
{
	struct control *control = arg;

	if (control->link != NULL && !control->stopping)
		send_register(control);
}

static void
on_report(void *arg)
{
	struct control *control = arg;

	control->report_waits = false;
	if (control->link != NULL && !control->stopping)
		send_register(control);
}

static void
on_health(void *arg)
{
	struct control *control = arg;

	if (control->report_waits)
		return;
	control->report_waits = true;
	loop_timer_start(&control->report, REPORT_MS);
}

/* Without memory nothing is tried any more: all count as good. */
static void
check_health(struct control *control)
{
	struct offers *offers = offers_slot_get(control->keeper->offers);

	if (control->health != NULL && !health_take(control->health, offers)) {
		health_free(control->health);
		control->health = NULL;
		log_warn("service", "no memory to try targets");
	}
	offers_release(offers);
}

bool
control_start(struct control *control, struct keeper *keeper, struct loop *loop)
{
	control->keeper = keeper;
	control->config = keeper->config;
	control->shard.control = control;
	loop_timer_init(&control->retry, loop, on_retry, control);
	loop_timer_init(&control->report, loop, on_report, control);
	loop_timer_init(&control->again, loop, on_again, control);
	if (!inner_shard_init(&control->shard, keeper, loop, false))
		return false;
	control->health = health_new(loop, control->shard.resolver,
	    keeper->config->dial_ms, on_health, control);
	if (control->health == NULL)
		return false;
	check_health(control);
	return true;
}

void
control_on_joined(struct control *control, struct spare *link)
{
	control->dialing = false;
	control->link = link;
	control->told_services = false;
	send_register(control);
}

void
control_on_connected(struct control *control)
{
	control->delay_ms = 0;
	control->retry_waits = control->told = false;
	loop_timer_stop(&control->retry);
}

void
control_on_offers(struct control *control)
{
	check_health(control);
	if (control->link != NULL && !control->stopping)
		send_register(control);
	else
		control_look(control);
}

/* Once in an outage: a wrong key is told of by the keeper, again and again. */
static void
tell(struct control *control, enum spare_end end, const char *why)
{
	struct offers *offers = offers_slot_get(control->keeper->offers);
	bool matters = offers->registers;

	offers_release(offers);
	if (control->told || control->keeper->down)
		return;
	control->told = true;
	if (end == SPARE_END_REJECTED && !matters)
		log_debug("control", "the outer takes no services",
		    KV_STR("why", why));
	else
		log_at(end == SPARE_END_REJECTED ? LOG_ERROR : LOG_WARN,
		    "control", "services are not registered: will try again",
		    KV_STR("why", why), KV_MS("next", control->delay_ms));
}

void
control_on_end(struct control *control, enum spare_end end, const char *why)
{
	uint64_t now = clock_ms();

	control->link = NULL;
	control->dialing = false;
	if (control->stopping || control->retry_waits)
		return;
	if (control->delay_ms == 0)
		control->down_since_ms = now;
	control->delay_ms = end == SPARE_END_REJECTED
	    ? control->config->retry_ms
	    : keeper_next_delay(control->delay_ms, now - control->down_since_ms,
		  control->config->retry_ms);
	if (end != SPARE_END_NORMAL)
		tell(control, end, why);
	control->retry_waits = true;
	loop_timer_start(&control->retry, keeper_jittered(control->delay_ms));
}

/* --- what the outer has made of it ---------------------------------------- */

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
is_same(const struct offers *a, const struct offers *b, size_t i)
{
	return a->ids[i] == b->ids[i] &&
	    same_text(a->list[i].address, b->list[i].address) &&
	    same_text(a->list[i].error, b->list[i].error);
}

static void
log_service(const struct offer *offer, uint64_t id)
{
	if (offer->error != NULL)
		log_warn("service", "not registered",
		    KV_STR("name", offer->name), KV_STR("why", offer->error));
	else if (id != OFFER_NO_ID)
		log_info("service", "registered", KV_STR("name", offer->name),
		    KV_U64("id", id),
		    KV_STR("address",
			offer->address != NULL ? offer->address : ""));
}

void
control_on_registered(struct control *control,
    const struct registered *registered)
{
	struct offers *before = offers_slot_get(control->keeper->offers);
	struct offers *now = offers_answered(before, registered);

	if (now == NULL) {
		offers_release(before);
		spare_close(control->link, SPARE_END_FAILED, "out of memory");
		return;
	}
	for (size_t i = 0; i < now->count; i++) {
		if (!control->told_services || !is_same(before, now, i))
			log_service(&now->list[i], now->ids[i]);
		if (now->list[i].error != NULL)
			loop_timer_start(&control->again,
			    keeper_jittered(control->config->retry_ms));
	}
	offers_release(before);
	offers_slot_put(control->keeper->offers, now);
	control->told_services = true;
	control->told = false;
	control->delay_ms = 0;
}

/* --- the end -------------------------------------------------------------- */

void
control_drain(struct control *control)
{
	control->stopping = true;
	loop_timer_stop(&control->retry);
	health_free(control->health);
	control->health = NULL;
	inner_shard_drain(&control->shard);
}

void
control_stop(struct control *control)
{
	if (control->keeper == NULL)
		return;
	control->stopping = true;
	health_free(control->health); /* before its resolver */
	control->health = NULL;
	inner_shard_close(&control->shard);
	loop_timer_fini(&control->retry);
	loop_timer_fini(&control->report);
	loop_timer_fini(&control->again);
	control->keeper = NULL;
}
