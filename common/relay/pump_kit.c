/*
 * pump_kit.c - what the pumps of one loop share.
 *
 * Owns:    the scratch memory, the wheel of looks, pipes that nobody uses.
 * Thread:  the loop's.
 * Floor:   relay.
 */
#include "relay/pump_parts.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "sys/sys.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	PIPE_SIZE = 256 * 1024,
	PIPES_SHARE = 32,  /* of the descriptors; two each */
	LINGER_SHARE = 16, /* of the descriptors; at the least so many: */
	LINGER_LEAST = 8,
	PIPES_MOST = 96, /* 24 MiB; all of a user's, mostly, may have 64 */
	PIPES_KEPT = 8,	 /* that wait for the next one to need one */
	NO_PIPES_MS = 1000,
	CALM_MS = 3000,
	PUMPS_FEW = 64, /* that are not worth a tidying up; or links */
};

const char *const pump_choices[] = {
	[PUMP_AUTO] = "auto",
	[PUMP_SPLICE] = "splice",
	[PUMP_COPY] = "copy",
	[PUMP_BEV] = "bev",
	NULL,
};

bool
pump_choice_check(const char *path, int choice, char problem[CONF_PROBLEM_SIZE])
{
	if (choice != PUMP_SPLICE || splice_possible())
		return true;
	snprintf(problem, CONF_PROBLEM_SIZE,
	    "%.400s: Pump: found \"%s\", but this system cannot splice; "
	    "expected auto, copy or bev",
	    path, pump_choices[choice]);
	return false;
}

static void
close_pipes(struct pump_kit *kit, size_t kept)
{
	while (kit->pipes.length > kept) {
		struct pump_pipe *pipe = list_entry(list_pop(&kit->pipes),
		    struct pump_pipe, node);

		splice_close(&pipe->splice);
		free(pipe);
		kit->pipes_made--;
	}
}

/* Many have ended, or many links before there was one for them; or many have
 * come and stayed, whose handshakes over TLS took far more memory than they
 * hold. */
static bool
has_much_to_give_back(const struct pump_kit *kit)
{
	return (kit->pumps_peak - kit->pumps > PUMPS_FEW &&
		   kit->pumps <= kit->pumps_peak / 2) ||
	    kit->missed > PUMPS_FEW ||
	    kit->pumps > kit->pumps_then + kit->pumps_then / 2 + PUMPS_FEW;
}

/* Once in a while, when there is something to tidy up. */
static void
on_calm(void *arg)
{
	struct pump_kit *kit = arg;

	kit->calm_waits = false;
	close_pipes(kit, 0);
	if (has_much_to_give_back(kit)) {
		sys_give_back_memory();
		kit->pumps_peak = kit->pumps_then = kit->pumps;
		kit->missed = 0;
	}
}

static void
calm_later(struct pump_kit *kit)
{
	if (kit->calm_waits)
		return;
	kit->calm_waits = true;
	loop_timer_start(&kit->calm, CALM_MS);
}

static void
no_memory(void)
{
	fputs("out of memory\n", stderr);
	exit(EXIT_FAILURE);
}

struct pump_kit *
pump_kit_new(struct loop *loop, int choice, uint64_t max_fds, unsigned loops,
    struct pump_memory *memory)
{
	struct pump_kit *kit = xcalloc(1, sizeof(*kit));
	uint64_t pipes = max_fds / PIPES_SHARE;

	kit->loop = loop;
	kit->memory = memory;
	kit->share = pump_memory_join(memory);
	kit->choice = (enum pump_choice)choice;
	kit->scratch = xcalloc(1, PUMP_SCRATCH);
	kit->pipes_max = (pipes < PIPES_MOST ? (size_t)pipes : PIPES_MOST) /
	    loops;
	kit->linger_max = (size_t)(max_fds / LINGER_SHARE / loops);
	if (kit->linger_max < LINGER_LEAST)
		kit->linger_max = LINGER_LEAST;
	list_init(&kit->pipes);
	kit->looks = wheel_new(loop, pump_look);
	if (kit->looks == NULL)
		no_memory();
	loop_timer_init(&kit->calm, loop, on_calm, kit);
	return kit;
}

void
pump_kit_free(struct pump_kit *kit)
{
	if (kit == NULL)
		return;
	close_pipes(kit, 0);
	wheel_free(kit->looks);
	loop_timer_fini(&kit->calm);
	free(kit->scratch);
	free(kit);
}

void
pump_kit_make_room(struct pump_kit *kit)
{
	if (loop_ending(kit->loop) >= kit->linger_max)
		loop_free_oldest(kit->loop);
}

size_t
pump_kit_fds(const struct pump_kit *kit)
{
	return atomic_load(&kit->pipes_made) * 2;
}

static struct pump_pipe *
make_pipe(struct pump_kit *kit)
{
	struct pump_pipe *pipe;

	if (kit->pipes_made >= kit->pipes_max ||
	    (kit->no_pipes_ms != 0 &&
		clock_ms() - kit->no_pipes_ms < NO_PIPES_MS))
		return NULL;
	pipe = calloc(1, sizeof(*pipe));
	if (pipe == NULL || !splice_open(&pipe->splice, PIPE_SIZE)) {
		kit->no_pipes_ms = clock_ms();
		free(pipe);
		return NULL;
	}
	kit->pipes_made++;
	return pipe;
}

struct pump_pipe *
pump_kit_take_pipe(struct pump_kit *kit)
{
	struct list_node *node = list_pop(&kit->pipes);

	return node != NULL ? list_entry(node, struct pump_pipe, node)
			    : make_pipe(kit);
}

void
pump_kit_give_pipe(struct pump_kit *kit, struct pump_pipe *pipe)
{
	if (pipe == NULL)
		return;
	if (pipe->splice.held == 0 && kit->pipes.length < PIPES_KEPT) {
		list_push_front(&kit->pipes, &pipe->node);
		calm_later(kit);
		return;
	}
	splice_close(&pipe->splice);
	free(pipe);
	kit->pipes_made--;
}

void
pump_kit_enter(struct pump_kit *kit)
{
	if (++kit->pumps > kit->pumps_peak)
		kit->pumps_peak = kit->pumps;
	calm_later(kit);
}

void
pump_kit_leave(struct pump_kit *kit)
{
	if (--kit->pumps < kit->pumps_then)
		kit->pumps_then = kit->pumps;
	calm_later(kit);
}

void
pump_kit_missed(struct pump_kit *kit)
{
	kit->missed++;
	calm_later(kit);
}
