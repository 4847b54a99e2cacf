/*
 * pump_rig.c - a pump between two TCP pairs.
 */
#include "tests/unit/pump_rig.h"
#include "tests/unit/pairs.h"
#include "tests/unit/suites.h"
#include "base/clock.h"

#include <event2/event.h>
#include <string.h>

enum { BUFFER = 256 * 1024, LONG_MS = 60000, PATIENCE_MS = 20000 };

struct pump_rig rig;

const struct pump_options rig_plain = { .buffer_bytes = BUFFER,
	.idle_ms = LONG_MS,
	.peer_ms = LONG_MS,
	.done = rig_on_done };

void
rig_on_done(const struct pump_result *result, void *arg)
{
	(void)arg;
	ck_assert(!rig.done);
	rig.result = *result;
	rig.done = true;
}

struct pump_options
rig_small(void)
{
	return (struct pump_options){ .buffer_bytes = RIG_SMALL,
		.idle_ms = RIG_LONG_MS,
		.peer_ms = RIG_LONG_MS,
		.rate = rig.rate,
		.done = rig_on_done };
}

void
rig_set_up(enum pump_choice choice)
{
	rig.loop = loop_new();
	pump_memory_init(&rig.memory, 1 << 30);
	rig.kit = pump_kit_new(rig.loop, choice, 1024, 1, &rig.memory);
	rig.rate = NULL;
	rig.left = rig.right = SOCK_NONE;
	rig.done = false;
	rig.pump = NULL;
}

void
rig_tear_down(void)
{
	if (rig.pump != NULL && !rig.done)
		pump_stop(rig.pump);
	ck_assert_uint_eq(pump_memory_held(&rig.memory), 0);
	if (rig.left != SOCK_NONE)
		sock_close(rig.left);
	if (rig.right != SOCK_NONE)
		sock_close(rig.right);
	pump_kit_free(rig.kit);
	rate_free(rig.rate);
	loop_free(rig.loop);
}

struct link *
rig_take(const sock_fd one[2], const sock_fd other[2], sock_fd *a)
{
	rig.left = one[1];
	rig.right = other[1];
	*a = one[0];
	return link_new(rig.loop, other[0]);
}

struct link *
rig_ends(sock_fd *a)
{
	sock_fd one[2], other[2];

	pairs_tcp(one);
	pairs_tcp(other);
	return rig_take(one, other, a);
}

void
rig_start(const struct pump_options *options)
{
	sock_fd a;
	struct link *b = rig_ends(&a);

	rig.pump = pump_start(rig.kit, a, b, options);
	ck_assert_ptr_nonnull(rig.pump);
}

void
rig_start_small(void)
{
	const struct pump_options options = rig_small();

	rig_start(&options);
}

void
rig_turn(void)
{
	event_base_loop(loop_base(rig.loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

void
rig_turn_until_done(void)
{
	uint64_t limit = clock_ms() + PATIENCE_MS;

	while (!rig.done && clock_ms() < limit)
		rig_turn();
	ck_assert(rig.done);
}

ssize_t
rig_read_some(sock_fd fd, void *out, size_t size)
{
	for (uint64_t limit = clock_ms() + PATIENCE_MS; clock_ms() < limit;) {
		ssize_t n = sock_recv(fd, out, size);

		if (n != SOCK_AGAIN)
			return n;
		rig_turn();
	}
	ck_abort_msg("nothing came");
	return SOCK_AGAIN;
}

void
rig_expect(sock_fd fd, const char *text)
{
	char got[256];
	size_t have = 0, want = strlen(text);

	while (have < want) {
		ssize_t n = rig_read_some(fd, got + have, want - have);

		ck_assert_int_gt(n, 0);
		have += (size_t)n;
	}
	ck_assert_mem_eq(got, text, want);
}

void
rig_expect_fin(sock_fd fd)
{
	char byte;

	ck_assert_int_eq(rig_read_some(fd, &byte, 1), 0);
}

void
rig_expect_reset(sock_fd fd)
{
	char byte;

	ck_assert_int_eq(rig_read_some(fd, &byte, 1), SOCK_FAILED);
}

void
rig_say(sock_fd fd, const char *text)
{
	ck_assert_int_eq(sock_send(fd, text, strlen(text), NULL, 0),
	    (int)strlen(text));
}
