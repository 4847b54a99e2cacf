/* app.h - the life of a daemon: ready, reload, drain, end. Floor: ops. */
#ifndef OPS_APP_H
#define OPS_APP_H

#include <stdint.h>

struct app;
struct loop;

struct app_hooks {
	/*
	 * Asked to stop: take no new work; call app_drained when the last
	 * running work has ended, now or later.
	 */
	void (*on_drain)(void *arg);
	/* SIGHUP, behind the log: see reload_run. */
	void (*on_reload)(void *arg);
	void *arg;
};

/*
 * Takes what the system may want (sys/service.h) into the loop. To be asked to
 * stop, as by SIGTERM, SIGINT or Ctrl-C, drains for at most drain_ms; a second
 * time ends the program at once. SIGHUP reopens the log file, then on_reload is
 * called. NULL without memory.
 */
struct app *
app_new(struct loop *loop, uint32_t drain_ms, const struct app_hooks *hooks);
void app_free(struct app *app); /* NULL is fine */

/* Tells the service manager READY=1 and runs the loop until the end. Returns
 * the exit code. */
int app_run(struct app *app);

/* What SIGHUP does. */
void app_reload(struct app *app);

/* All running work has ended: the loop stops when the last words of its links
 * are out. */
void app_drained(struct app *app);

#endif
