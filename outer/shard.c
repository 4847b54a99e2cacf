/*
 * shard.c - all that one event loop of the outer owns.
 *
 * Owns:    its standbys and its sessions.
 * Thread:  the shard's loop only, but for what the header says of main.
 * Floor:   outer.
 */
#include "outer/shard.h"
#include "outer/instance.h"
#include "outer/keys.h"
#include "outer/session.h"
#include "net/resolve.h"
#include "net/worker.h"
#include "relay/pump_kit.h"

#include <stdlib.h>
#include <string.h>

static void on_note(struct inbox_message *message);
static void on_order(struct inbox_message *message);

bool
shard_init(struct shard *shard, struct hub *hub, unsigned index)
{
	memset(shard, 0, sizeof(*shard));
	shard->hub = hub;
	shard->config = hub->config;
	shard->keys = keys_hold(hub->keys);
	shard->note.run = on_note;
	shard->order.run = on_order;
	pool_init(&shard->pool, index);
	for (int i = 0; i < STANDBY_RELAYING; i++)
		list_init(&shard->standbys[i]);
	list_init(&shard->setting_up);
	list_init(&shard->relaying);
	list_init(&shard->throttles);
	if (index > 0 && (shard->worker = worker_new()) == NULL)
		return false;
	shard->loop = index > 0 ? worker_loop(shard->worker) : hub->loop;
	shard->pumps = pump_kit_new(shard->loop, hub->config->pump,
	    hub->max_fds, hub->shard_count, &hub->memory);
	if (hub->rates.all == 0 && hub->rates.each == 0)
		return true;
	shard->rate = rate_new(shard->loop, &hub->rates);
	return shard->rate != NULL;
}

/* Whether main is another thread. */
static bool
runs_apart(const struct shard *shard)
{
	return shard->worker != NULL && shard->hub->threaded;
}

static void
dismiss(struct list *standbys, bool replaced_only)
{
	struct list_node *node = list_first(standbys), *next;

	for (; node != NULL; node = next) {
		struct standby *standby = standby_of(node);

		next = list_next(standbys, node);
		if (!replaced_only || standby_is_replaced(standby))
			standby_dismiss(standby, replaced_only);
	}
}

/* Those that start no session. */
static void
dismiss_idle(struct shard *shard, bool replaced_only)
{
	dismiss(&shard->standbys[STANDBY_IDLE], replaced_only);
	dismiss(&shard->standbys[STANDBY_CONTROL], replaced_only);
}

static void
sweep(struct list *handshakes, bool slow)
{
	struct list_node *node = list_first(handshakes), *next;

	for (; node != NULL; node = next) {
		struct standby *standby = standby_of(node);

		next = list_next(handshakes, node);
		if (standby_is_barred(standby))
			standby_close(standby,
			    "links from there have failed too often of late");
		else if (slow && standby_is_slow(standby))
			standby_on_timeout(standby);
	}
}

static void
on_quiet(void *arg)
{
	struct shard *shard = arg;

	atomic_store(&shard->quiet, true);
	shard_tell(shard, SHARD_ENDED);
}

static void
on_order(struct inbox_message *message)
{
	struct shard *shard = list_entry(message, struct shard, order);
	unsigned orders = atomic_exchange(&shard->orders, 0);

	if ((orders & SHARD_DISMISS_REPLACED) != 0)
		dismiss_idle(shard, true);
	if ((orders & SHARD_DISMISS_ALL) != 0) {
		dismiss_idle(shard, false);
		dismiss(&shard->standbys[STANDBY_HANDSHAKE], false);
	}
	if ((orders & (SHARD_END_BARRED | SHARD_END_SLOW)) != 0)
		sweep(&shard->standbys[STANDBY_HANDSHAKE],
		    (orders & SHARD_END_SLOW) != 0);
	if ((orders & SHARD_SAY_WHEN_QUIET) != 0)
		loop_when_quiet(shard->loop, on_quiet, shard);
}

void
shard_order(struct shard *shard, unsigned order)
{
	if (atomic_fetch_or(&shard->orders, order) == 0)
		shard_post(shard, &shard->order);
}

/* A session that loses its link here may claim another one at once, which goes
 * to the end of the list, or back to main: what comes next stays. */
static void
end_revoked_standbys(struct list *standbys)
{
	struct list_node *node = list_first(standbys), *next;

	for (; node != NULL; node = next) {
		struct standby *standby = standby_of(node);

		next = list_next(standbys, node);
		if (standby_is_revoked(standby))
			standby_revoke(standby);
	}
}

static void
end_revoked_sessions(struct shard *shard)
{
	struct list_node *node = list_first(&shard->relaying), *next;

	for (; node != NULL; node = next) {
		struct session *session = session_of(node);

		next = list_next(&shard->relaying, node);
		if (session_is_revoked(session))
			session_close(session, keys_removed);
	}
}

/* Those that stand by go first, so that no session that loses its link takes
 * one of them. */
static void
on_keys(struct inbox_message *message)
{
	struct shard_keys *change = list_entry(message, struct shard_keys,
	    message);
	struct shard *shard = change->shard;

	keys_drop(shard->keys);
	shard->keys = change->keys;
	free(change);
	end_revoked_standbys(&shard->standbys[STANDBY_IDLE]);
	end_revoked_standbys(&shard->standbys[STANDBY_CONTROL]);
	end_revoked_standbys(&shard->standbys[STANDBY_STARTING]);
	end_revoked_sessions(shard);
}

void
shard_take_keys(struct shard *shard, struct shard_keys *change)
{
	change->shard = shard;
	change->message.run = on_keys;
	shard_post(shard, &change->message);
}

/* Runs on main. */
static void
hear(void *object)
{
	struct shard *shard = object;
	struct hub *hub = shard->hub;
	unsigned notes = atomic_exchange(&shard->notes, 0);

	if ((notes & SHARD_INSTANCES) != 0)
		hub_on_instances(hub);
	if ((notes & SHARD_IDLE) != 0)
		services_look(&hub->services);
	if ((notes & SHARD_ENDED) != 0 && hub->on_change != NULL)
		hub->on_change(hub->arg);
}

static void
on_note(struct inbox_message *message)
{
	hear(list_entry(message, struct shard, note));
}

void
shard_tell(struct shard *shard, unsigned note)
{
	if (atomic_fetch_or(&shard->notes, note) != 0)
		return; /* under way already */
	if (runs_apart(shard))
		shard_post_main(shard, &shard->note);
	else
		loop_reap(shard->hub->loop, &shard->note_later, hear, shard);
}

void
shard_on_idle(struct shard *shard)
{
	if (atomic_load(&shard->hub->waiting) > 0)
		shard_tell(shard, SHARD_IDLE);
}

void
shard_on_end(struct shard *shard)
{
	if (atomic_load(&shard->hub->watchful))
		shard_tell(shard, SHARD_ENDED);
}

void
shard_post(struct shard *shard, struct inbox_message *message)
{
	if (runs_apart(shard))
		inbox_post(loop_inbox(shard->loop), message);
	else
		message->run(message);
}

void
shard_post_main(struct shard *shard, struct inbox_message *message)
{
	if (runs_apart(shard))
		inbox_post(loop_inbox(shard->hub->loop), message);
	else
		message->run(message);
}

void
shard_close(struct shard *shard)
{
	struct list_node *node;

	while ((node = list_first(&shard->setting_up)) != NULL)
		session_close(session_of(node), "the outer stops");
	while ((node = list_first(&shard->relaying)) != NULL)
		session_close(session_of(node), "the outer stops");
	for (int i = 0; i < STANDBY_RELAYING; i++)
		while ((node = list_first(&shard->standbys[i])) != NULL)
			standby_close(standby_of(node), "the outer stops");
}

void
shard_fini(struct shard *shard)
{
	list_remove(&shard->note_later.node);
	resolver_free(shard->resolver);
	pump_kit_free(shard->pumps);
	rate_free(shard->rate);
	keys_drop(shard->keys);
	worker_free(shard->worker);
}
