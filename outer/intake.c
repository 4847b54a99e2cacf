/*
 * intake.c - whether clients are accepted at all: one answer for all
 * listeners.
 *
 * Owns:    nothing: ears are their services'.
 * Thread:  main.
 * Floor:   outer.
 */
#include "outer/intake.h"
#include "outer/ear.h"
#include "outer/front.h"
#include "outer/hub.h"
#include "base/log.h"

#include <string.h>

enum { CALM_MS = 1000, FRONTS_LEAST = 16 };

static void
tell_full(struct intake *intake, const char *why)
{
	const struct hub *hub = intake->hub;

	loop_timer_stop(&intake->calm);
	if (intake->told)
		return;
	intake->told = true;
	log_warn("front", why, KV_U64("sessions", hub_sessions(hub)),
	    KV_U64("descriptors", hub->max_fds),
	    KV_U64("held", pump_memory_held(&hub->memory)));
}

static void
on_calm(void *arg)
{
	struct intake *intake = arg;

	intake->told = false;
	log_info("front", "room for sessions again: accepting goes on");
}

static void
on_again(void *arg)
{
	struct intake *intake = arg;

	intake_look(intake);
	if (intake->full)
		loop_timer_start(&intake->again, CALM_MS);
}

size_t
intake_ears_max(const struct intake *intake)
{
	uint64_t most = intake->hub->max_fds / 4 / FDS_PER_FRONT;

	return most > FRONTS_LEAST ? (size_t)most : FRONTS_LEAST;
}

bool
intake_init(struct intake *intake, struct hub *hub)
{
	memset(intake, 0, sizeof(*intake));
	intake->hub = hub;
	list_init(&intake->ears);
	loop_timer_init(&intake->calm, hub->loop, on_calm, intake);
	loop_timer_init(&intake->again, hub->loop, on_again, intake);
	refusals_init(&intake->refusals, hub->loop, "front", "client",
	    LOG_INFO);
	return true;
}

void
intake_fini(struct intake *intake)
{
	if (intake->hub == NULL)
		return;
	refusals_fini(&intake->refusals);
	loop_timer_fini(&intake->calm);
	loop_timer_fini(&intake->again);
}

/* Whether main has to hear of each end. While the outer drains it always has:
 * then nothing listens any more. */
static void
watch(struct intake *intake)
{
	if (intake->ears.length > 0)
		atomic_store(&intake->hub->watchful,
		    intake->full || intake->full_services > 0);
}

static void
pause_ears(struct intake *intake)
{
	struct list_node *node = list_first(&intake->ears);

	for (; node != NULL; node = list_next(&intake->ears, node))
		ear_update(ear_of(node));
	watch(intake);
}

static void
pause_service(struct intake *intake, struct service *service, bool full)
{
	struct list_node *node = list_first(&service->fronts);

	if (service->full == full)
		return;
	service->full = full;
	intake->full_services += full ? 1 : -1;
	for (; node != NULL; node = list_next(&service->fronts, node))
		ear_update(front_of(node)->ear);
	watch(intake);
	log_debug("front",
	    full ? "MaxSessions of a service reached"
		 : "room for sessions of a service again",
	    KV_STR("service", service->name));
}

void
intake_on_client(struct intake *intake, struct service *service)
{
	struct hub *hub = intake->hub;
	const char *why = intake->full ? NULL : hub_why_full(hub, false);

	if (why != NULL) {
		intake->full = true;
		pause_ears(intake);
		tell_full(intake, why);
		loop_timer_start(&intake->again, CALM_MS);
	}
	if (service != NULL && service_is_full(service))
		pause_service(intake, service, true);
	if (why != NULL || (service != NULL && service->full))
		hub->on_change(hub->arg); /* what ended before we watched */
}

void
intake_look(struct intake *intake)
{
	struct services *services = &intake->hub->services;
	struct service *service = NULL;

	if (intake->full && hub_why_full(intake->hub, true) == NULL) {
		intake->full = false;
		pause_ears(intake);
		loop_timer_start(&intake->calm, CALM_MS);
	}
	while (intake->full_services > 0 &&
	    (service = services_next(services, service)) != NULL)
		if (service->full && !service_is_full(service))
			pause_service(intake, service, false);
}
