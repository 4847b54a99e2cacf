/*
 * test_pump_raw.c - pumps on bare sockets as they start: what a link's buffers
 * held before, and a peer that is gone already.
 *
 * left <-> pump <-> right, as in test_pump.c.
 */
#include "tests/unit/pairs.h"
#include "tests/unit/suites.h"
#include "net/link.h"
#include "relay/pump_parts.h"
#include "sys/sock.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <string.h>

enum { BUFFER = 256 * 1024, ROUNDS = 200000 };

static struct loop *loop;
static struct pump_kit *kit;
static struct pump_memory memory;
static sock_fd left, right;
static struct pump *pump;
static bool done;

static void
on_done(const struct pump_result *result, void *arg)
{
	(void)result;
	(void)arg;
	done = true;
}

static const struct pump_options plain = { .buffer_bytes = BUFFER,
	.idle_ms = 60000,
	.peer_ms = 60000,
	.done = on_done };

static void
set_up(void)
{
	loop = loop_new();
	pump_memory_init(&memory, 1 << 30);
	kit = pump_kit_new(loop, PUMP_AUTO, 1024, 1, &memory);
	left = right = SOCK_NONE;
	done = false;
	pump = NULL;
}

static void
tear_down(void)
{
	if (pump != NULL && !done)
		pump_stop(pump);
	ck_assert_uint_eq(pump_memory_held(&memory), 0);
	if (left != SOCK_NONE)
		sock_close(left);
	if (right != SOCK_NONE)
		sock_close(right);
	pump_kit_free(kit);
	loop_free(loop);
}

static void
turn(void)
{
	event_base_loop(loop_base(loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* The pump's ends: a socket and a link. */
static struct link *
ends(sock_fd *a)
{
	sock_fd one[2], other[2];

	pairs_tcp(one);
	pairs_tcp(other);
	left = one[1];
	right = other[1];
	*a = one[0];
	return link_new(loop, other[0]);
}

static const struct link_handler deaf;

/* Early bytes, then those that came with the last frame, then the rest. */
START_TEST(bytes_of_the_link_come_first)
{
	struct pump_options options = plain;
	struct evbuffer *early = evbuffer_new();
	char got[16];
	size_t have = 0;
	sock_fd a;
	struct link *b = ends(&a);

	ck_assert_int_eq(sock_send(right, "raw", 3, NULL, 0), 3);
	link_set_handler(b, &deaf, NULL);
	while (evbuffer_get_length(link_input(b)) < 3)
		turn();
	ck_assert_int_eq(sock_send(right, "more", 4, NULL, 0), 4);
	evbuffer_add(early, "early", 5);
	options.early = early;
	pump = pump_start(kit, a, b, &options);
	ck_assert_uint_eq(evbuffer_get_length(early), 0);
	evbuffer_free(early);
	while (have < 12) {
		ssize_t n = sock_recv(left, got + have, sizeof(got) - have);

		have += n > 0 ? (size_t)n : 0;
		turn();
	}
	ck_assert_mem_eq(got, "earlyrawmore", 12);
	ck_assert_int_eq(pump->a.sent, 12);
}
END_TEST

/* A client that is gone already is no reason to call done too soon. */
START_TEST(reset_before_start)
{
	sock_fd a;
	struct link *b = ends(&a);

	sock_reset(left);
	left = SOCK_NONE;
	pump = pump_start(kit, a, b, &plain);
	ck_assert_ptr_nonnull(pump);
	ck_assert(!done);
	for (int i = 0; i < ROUNDS && !done; i++)
		turn();
	ck_assert(done);
}
END_TEST

START_TEST(a_session_is_small)
{
	ck_assert_uint_le(sizeof(struct pump), 576);
}
END_TEST

Suite *
pump_raw_suite(void)
{
	Suite *suite = suite_create("pump_raw");
	TCase *tc = tcase_create("pump_raw");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_session_is_small);
	tcase_add_test(tc, bytes_of_the_link_come_first);
	tcase_add_test(tc, reset_before_start);
	suite_add_tcase(suite, tc);
	return suite;
}
