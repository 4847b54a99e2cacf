/*
 * app.c - the life of a daemon.
 *
 * Owns:    the signal events.
 * Thread:  main, with the main loop.
 * Floor:   ops.
 */
#include "ops/app.h"
#include "base/log.h"
#include "net/loop.h"
#include "sys/service.h"

#include <errno.h>
#include <signal.h>
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
};

static void
on_deadline(void *arg)
{
	struct app *app = arg;

	log_warn("app", "drain timeout: running sessions are cut",
	    KV_MS("after", app->drain_ms));
	loop_stop(app->loop);
}

static void
on_stop(int number, void *arg)
{
	struct app *app = arg;

	if (app->draining) {
		log_warn("app", "second signal: stopping at once");
		loop_stop(app->loop);
		return;
	}
	app->draining = true;
	log_info("app",
	    "stopping: running sessions may finish, a second signal cuts them",
	    KV_STR("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"),
	    KV_MS("drain", app->drain_ms));
	service_notify("STOPPING=1");
	loop_timer_start(app->deadline, app->drain_ms);
	app->hooks.on_drain(app->hooks.arg);
}

static void
on_hangup(int number, void *arg)
{
	(void)number;
	(void)arg;
	if (log_reopen() == 0)
		log_info("app", "log file opened anew");
	else
		log_error("app",
		    "cannot open the log file anew: "
		    "the old one stays",
		    KV_STR("why", strerror(errno)));
}

static bool
add_signal(struct app *app, int number, void (*on_signal)(int, void *))
{
	struct loop_signal *sig = loop_signal_new(app->loop, number, on_signal,
	    app);

	if (sig == NULL)
		return false;
	app->signals[app->signal_count++] = sig;
	return true;
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
	app->deadline = loop_timer_new(loop, on_deadline, app);
	if (app->deadline == NULL || !add_signal(app, SIGTERM, on_stop) ||
	    !add_signal(app, SIGINT, on_stop) ||
	    (!service_hangup_ignored() &&
		!add_signal(app, SIGHUP, on_hangup))) {
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
