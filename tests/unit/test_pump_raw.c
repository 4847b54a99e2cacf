/*
 * test_pump_raw.c - pumps on bare sockets as they start: what a link's buffers
 * held before, and a peer that is gone already.
 */
#include "tests/unit/pump_rig.h"
#include "tests/unit/suites.h"
#include "relay/pump_parts.h"

#include <event2/buffer.h>
#include <string.h>

static void
set_up(void)
{
	rig_set_up(PUMP_AUTO);
}

static const struct link_handler deaf;

/* Early bytes, then those that came with the last frame, then the rest. */
START_TEST(bytes_of_the_link_come_first)
{
	struct pump_options options = rig_plain;
	struct evbuffer *early = evbuffer_new();
	char got[16];
	size_t have = 0;
	sock_fd a;
	struct link *b = rig_ends(&a);

	ck_assert_int_eq(sock_send(rig.right, "raw", 3, NULL, 0), 3);
	link_set_handler(b, &deaf, NULL);
	while (evbuffer_get_length(link_input(b)) < 3)
		rig_turn();
	ck_assert_int_eq(sock_send(rig.right, "more", 4, NULL, 0), 4);
	evbuffer_add(early, "early", 5);
	options.early = early;
	rig.pump = pump_start(rig.kit, a, b, &options);
	ck_assert_uint_eq(evbuffer_get_length(early), 0);
	evbuffer_free(early);
	while (have < 12) {
		ssize_t n = sock_recv(rig.left, got + have, sizeof(got) - have);

		have += n > 0 ? (size_t)n : 0;
		rig_turn();
	}
	ck_assert_mem_eq(got, "earlyrawmore", 12);
	ck_assert_int_eq(rig.pump->a.sent, 12);
}
END_TEST

/* A client that is gone already is no reason to call done too soon. */
START_TEST(reset_before_start)
{
	sock_fd a;
	struct link *b = rig_ends(&a);

	sock_reset(rig.left);
	rig.left = SOCK_NONE;
	rig.pump = pump_start(rig.kit, a, b, &rig_plain);
	ck_assert_ptr_nonnull(rig.pump);
	ck_assert(!rig.done);
	rig_turn_until_done();
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

	tcase_add_checked_fixture(tc, set_up, rig_tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_session_is_small);
	tcase_add_test(tc, bytes_of_the_link_come_first);
	tcase_add_test(tc, reset_before_start);
	suite_add_tcase(suite, tc);
	return suite;
}
