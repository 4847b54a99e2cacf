/*
 * app.c - the life of a daemon.
 *
 * Owns:    the signal events.
 * Thread:  main, with the main loop; hear() on one of the system's.
 * Floor:   ops.
 */
#include "ops/app.h"
#include "base/log.h"
#include "net/inbox.h"
#include "net/loop.h"
#include "sys/service.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNALS_MAX = 3 };

struct app {
	struct loop *loop; /* borrowed */
	struct app_hooks hooks;
	uint32_t drain_ms;
	struct loop_timer *deadline;		  /* owned */
	struct loop_signal *signals[SIGNALS_MAX]; /* owned */
	unsigned signal_count;
	bool draining;

	/* wishes to stop that came on another thread */
	struct inbox_message message;
	atomic_uint wishes; /* not seen yet; the message is posted for the
			     * first */
	_Atomic(const char *) wish_name;
	_Atomic(uint32_t) wish_within_ms;
};

static void
on_deadline(void *arg)
{
	struct app *app = arg;

	log_warn("app", "drain timeout: running sessions are cut",
	    KV_MS("after", app->drain_ms));
	loop_stop(app->loop);
}

/* within_ms: when the system ends the program by itself; 0: never. */
static void
stop(struct app *app, const char *name, uint32_t within_ms)
{
	uint32_t drain_ms = within_ms > 0 && within_ms < app->drain_ms
	    ? within_ms
	    : app->drain_ms;

	if (app->draining) {
		log_warn("app", "second signal: stopping at once");
		loop_stop(app->loop);
		return;
	}
	app->draining = true;
	app->drain_ms = drain_ms;
	log_info("app",
	    "stopping: running sessions may finish, a second signal cuts them",
	    KV_STR("signal", name), KV_MS("drain", drain_ms));
	service_notify("STOPPING=1");
	loop_timer_start(app->deadline, drain_ms);
	app->hooks.on_drain(app->hooks.arg);
}

void
app_reload(struct app *app)
{
	int opened = log_reopen();

	if (opened > 0)
		log_info("app", "log file opened anew");
	else if (opened < 0)
		log_error("app",
		    "cannot open the log file anew: "
		    "the old one stays",
		    KV_STR("why", strerror(errno)));
	app->hooks.on_reload(app->hooks.arg);
}

static void
on_signal(int number, void *arg)
{
	size_t count;
	const struct service_signal *heard = service_signals(&count);

	for (size_t i = 0; i < count; i++) {
		if (heard[i].number != number)
			continue;
		if (heard[i].wish == WISH_STOP)
			stop(arg, heard[i].name, 0);
		else
			app_reload(arg);
	}
}

static void
on_message(struct inbox_message *message)
{
	struct app *app = list_entry(message, struct app, message);

	for (unsigned n = atomic_exchange(&app->wishes, 0); n > 0; n--)
		stop(app, atomic_load(&app->wish_name),
		    atomic_load(&app->wish_within_ms));
}

/* On a thread of the system's. */
static void
hear(const char *name, uint32_t within_ms, void *arg)
{
	struct app *app = arg;

	atomic_store(&app->wish_name, name);
	atomic_store(&app->wish_within_ms, within_ms);
	if (atomic_fetch_add(&app->wishes, 1) == 0)
		inbox_post(loop_inbox(app->loop), &app->message);
}

static bool
add_signal(struct app *app, int number)
{
	struct loop_signal *sig = loop_signal_new(app->loop, number, on_signal,
	    app);

	if (sig == NULL)
		return false;
	app->signals[app->signal_count++] = sig;
	return true;
}

static bool
start_hearing(struct app *app)
{
	size_t count;
	const struct service_signal *heard = service_signals(&count);

	for (size_t i = 0; i < count; i++)
		if (!add_signal(app, heard[i].number))
			return false;
	return service_hear(hear, app);
}

struct app *
app_new(struct loop *loop, uint32_t drain_ms, const struct app_hooks *hooks)
{
	struct app *app = calloc(1, sizeof(*app));

	if (app == NULL)
		return NULL;
	app->loop = loop;
	app->hooks = *hooks;
	app->drain_ms = drain_ms;
	app->message.run = on_message;
	app->deadline = loop_timer_new(loop, on_deadline, app);
	if (app->deadline == NULL || !start_hearing(app)) {
		app_free(app);
		return NULL;
	}
	return app;
}

void
app_free(struct app *app)
{
	if (app == NULL)
		return;
	service_end_hearing();
	if (atomic_load(&app->wishes) > 0)
		inbox_drain(loop_inbox(app->loop)); /* the message is ours */
	for (unsigned i = 0; i < app->signal_count; i++)
		loop_signal_free(app->signals[i]);
	loop_timer_free(app->deadline);
	free(app);
}

int
app_run(struct app *app)
{
	service_notify("READY=1");
	if (loop_run(app->loop) != 0) {
		log_error("app", "the event loop failed");
		return EXIT_FAILURE;
	}
	log_info("app", "stopped");
	return EXIT_SUCCESS;
}

void
app_drained(struct app *app)
{
	if (app->draining)
		loop_stop_when_quiet(app->loop);
}
