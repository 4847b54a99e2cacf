/*
 * back.c - listens for inners.
 *
 * Owns:    the listener for links; each link is a standby from its first
 *          moment.
 * Thread:  main.
 * Floor:   outer.
 *
 * Who may not even begin a handshake (armour.h) is reset at once, before
 * anything is made for him.
 */
#include "outer/back.h"
#include "outer/hub.h"
#include "outer/refusals.h"
#include "outer/shard.h"
#include "outer/standby.h"
#include "base/clock.h"
#include "wire/proof.h"

#include <stdlib.h>

enum { SWEEP_MS = 250 };

struct back {
	struct hub *hub;       /* borrowed */
	struct listen *listen; /* owned */
	struct refusals refusals;
	unsigned orders; /* that shards get at the next sweep */
	uint64_t swept_ms;
};

/* 0 to 99; without random bytes the one that is turned away first. */
static unsigned
roll(void)
{
	uint16_t number;

	return proof_random(&number, sizeof(number)) ? number % 100 : 0;
}

static enum denial
judge(struct hub *hub, const struct endpoint *peer, struct pass *pass)
{
	armour_set_tight(&hub->armour, !hub_has_room_for_strangers(hub));
	switch (armour_admit(&hub->armour, peer, clock_ms(), roll(), pass)) {
	case VERDICT_WELCOME:
		break;
	case VERDICT_MAX_STARTUPS:
		return DENIAL_STARTUPS;
	case VERDICT_SOURCE_IS_FULL:
		return DENIAL_SOURCE;
	case VERDICT_BARRED:
		return DENIAL_BARRED;
	}
	return DENIAL_NONE;
}

/* Who is barred still has links from before, which keep others out; so do those
 * that say nothing, while others are turned away. */
static void
sweep(struct back *back, enum denial denial)
{
	uint64_t now_ms = clock_ms();

	if (denial == DENIAL_BARRED)
		back->orders |= SHARD_END_BARRED;
	else if (denial == DENIAL_STARTUPS)
		back->orders |= SHARD_END_SLOW;
	if (back->orders == 0 || now_ms - back->swept_ms < SWEEP_MS)
		return;
	back->swept_ms = now_ms;
	hub_order(back->hub, back->orders);
	back->orders = 0;
}

static void
on_accept(sock_fd fd, const struct endpoint *peer, void *arg)
{
	struct back *back = arg;
	enum denial denial;
	struct pass pass;

	denial = judge(back->hub, peer, &pass);
	if (denial == DENIAL_NONE) {
		standby_accept(back->hub, fd, peer, &pass);
		return;
	}
	sock_reset(fd);
	refusals_note(&back->refusals, peer, denial);
	sweep(back, denial);
}

struct back *
back_start(struct hub *hub, char problem[LISTEN_PROBLEM_SIZE])
{
	const struct outer_config *config = hub->config;
	const struct listen_options options = {
		.addr = &config->inner_addr,
		.what = "links",
		.keepalive_ms = config->peer_ms,
		.user_timeout_ms = config->peer_ms,
		.socket_mode = config->socket_mode,
		.socket_owner = config->socket_owner,
		.socket_group = config->socket_group,
	};
	struct back *back = calloc(1, sizeof(*back));

	if (back == NULL)
		return NULL;
	back->hub = hub;
	refusals_init(&back->refusals, hub->loop, "standby", "peer", LOG_WARN);
	back->listen = listen_start(hub->loop, &options, on_accept, back,
	    problem);
	if (back->listen == NULL) {
		back_stop(back);
		return NULL;
	}
	return back;
}

void
back_stop(struct back *back)
{
	if (back == NULL)
		return;
	listen_stop(back->listen);
	refusals_fini(&back->refusals);
	free(back);
}
