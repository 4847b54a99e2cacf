/*
 * outer.c - builds the outer from its parts and takes it down.
 *
 * Owns:    loop, shard, listeners, app.
 * Thread:  main.
 * Floor:   outer.
 *
 * Draining: clients are no longer accepted, but links are until the last
 * client that is already here has its own. Then the idle standbys are sent
 * away, and the program ends with the last session.
 */
#include "outer/outer.h"
#include "outer/back.h"
#include "outer/front.h"
#include "outer/session.h"
#include "outer/shard.h"
#include "base/log.h"
#include "net/loop.h"
#include "ops/app.h"
#include "sys/sys.h"

#include <stdio.h>
#include <stdlib.h>

struct outer {
	struct loop *loop; /* owned, all of them */
	struct front *front;
	struct listen *back;
	struct app *app;
	struct shard shard;
	bool draining, leaving;
	struct reap settle; /* looks again after this wake-up */
};

static void
dismiss_standbys(struct outer *outer)
{
	struct list *idle = &outer->shard.standbys[STANDBY_IDLE];
	struct list *hello = &outer->shard.standbys[STANDBY_HANDSHAKE];
	struct list_node *node;

	outer->leaving = true; /* each of these changes something */
	listen_stop(outer->back);
	outer->back = NULL;
	while ((node = list_first(idle)) != NULL)
		standby_dismiss(standby_of(node), false);
	while ((node = list_first(hello)) != NULL)
		standby_dismiss(standby_of(node), false);
}

/* After callbacks: what listens must not be stopped from inside its own. */
static void
settle(void *object)
{
	struct outer *outer = object;

	if (!outer->draining) {
		front_look(outer->front);
		return;
	}
	if (outer->shard.setting_up.length > 0)
		return;
	if (!outer->leaving)
		dismiss_standbys(outer);
	if (outer->shard.relaying.length == 0)
		app_drained(outer->app);
}

static void
on_change(void *arg)
{
	struct outer *outer = arg;

	loop_reap(outer->loop, &outer->settle, settle, outer);
}

static void
on_drain(void *arg)
{
	struct outer *outer = arg;

	outer->draining = true;
	front_stop(outer->front);
	outer->front = NULL;
	on_change(outer);
}

static void
outer_free(struct outer *outer)
{
	if (outer->loop != NULL)
		shard_close(&outer->shard);
	list_remove(&outer->settle.node);
	front_stop(outer->front);
	listen_stop(outer->back);
	app_free(outer->app);
	loop_free(outer->loop);
	free(outer);
}

static bool
outer_start(struct outer *outer, const struct outer_config *config,
    uint64_t max_fds, char problem[LISTEN_PROBLEM_SIZE])
{
	const struct app_hooks hooks = { on_drain, outer };

	snprintf(problem, LISTEN_PROBLEM_SIZE, "out of memory");
	if ((outer->loop = loop_new()) == NULL)
		return false;
	shard_init(&outer->shard, outer->loop, config, max_fds);
	outer->shard.on_change = on_change;
	outer->shard.on_change_arg = outer;
	return (outer->app = app_new(outer->loop, config->drain_ms, &hooks)) !=
	    NULL &&
	    (outer->back = back_start(&outer->shard, problem)) != NULL &&
	    (outer->front = front_start(&outer->shard, problem)) != NULL;
}

int
outer_run(const struct outer_config *config)
{
	uint64_t max_fds = sys_raise_fd_limit();
	char problem[LISTEN_PROBLEM_SIZE];
	struct outer *outer = calloc(1, sizeof(*outer));
	int code = EXIT_FAILURE;

	if (outer == NULL)
		return code;
	if (outer_start(outer, config, max_fds, problem)) {
		log_info("outer", "ready", KV_STR("version", PACKAGE_VERSION),
		    KV_U64("descriptors", max_fds),
		    KV_U64("sessions_max", shard_sessions_max(max_fds)));
		code = app_run(outer->app);
	} else {
		fprintf(stderr, "outer_server: %s\n", problem);
	}
	outer_free(outer);
	return code;
}
