/*
 * test_pump_pipes.c - the traps of pumps that splice: pipes that are full, that
 * run out, that still hold bytes; what leaves in one segment.
 */
#include "tests/unit/pairs.h"
#include "tests/unit/pump_rig.h"
#include "tests/unit/suites.h"
#include "base/clock.h"
#include "relay/pump_parts.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOTS = 8 * 1024 * 1024, PATIENCE_MS = 20000, ANSWER = 60 * 1024 };

static void
set_up(void)
{
	signal(SIGPIPE, SIG_IGN);
	rig_set_up(PUMP_SPLICE);
}

static void
start(void)
{
	rig_start(&rig_plain);
}

/* Little fits between the two. */
static void
make_narrow(sock_fd from, sock_fd to)
{
	int size = 4096;

	ck_assert_int_eq(setsockopt(from, SOL_SOCKET, SO_SNDBUF, &size,
			     sizeof(size)),
	    0);
	ck_assert_int_eq(setsockopt(to, SOL_SOCKET, SO_RCVBUF, &size,
			     sizeof(size)),
	    0);
}

/* A stream whose bytes tell their place. */
static unsigned char
byte_at(size_t i)
{
	return (unsigned char)(i * 31 + i / 251);
}

static size_t
write_more(sock_fd fd, size_t from, size_t most)
{
	static unsigned char block[64 * 1024];
	size_t len = most < sizeof(block) ? most : sizeof(block);
	ssize_t n;

	for (size_t i = 0; i < len; i++)
		block[i] = byte_at(from + i);
	n = write(fd, block, len);
	return n > 0 ? (size_t)n : 0;
}

static size_t
read_more(sock_fd fd, size_t from)
{
	static unsigned char block[64 * 1024];
	ssize_t n = read(fd, block, sizeof(block));

	for (ssize_t i = 0; i < n; i++) /* an assertion a byte is slow */
		if (block[i] != byte_at(from + (size_t)i))
			ck_abort_msg("a wrong byte at %zu", from + (size_t)i);
	return n > 0 ? (size_t)n : 0;
}

/* right writes until nothing moves any more; left does not read. It is spliced,
 * however small the last pieces are that the system moves. */
static size_t
fill(void)
{
	size_t sent = 0;

	for (int quiet = 0; quiet < 300; quiet++) {
		size_t n = write_more(rig.right, sent, 64 * 1024);

		sent += n;
		quiet = n > 0 ? 0 : quiet;
		rig.pump->b.splices = true;
		rig_turn();
	}
	return sent;
}

static void
read_all(size_t got, size_t want)
{
	uint64_t limit = clock_ms() + PATIENCE_MS;

	while (got < want && clock_ms() < limit) {
		got += read_more(rig.left, got);
		rig_turn();
	}
	ck_assert_uint_eq(got, want);
}

/* Whether some of it was spliced. */
static bool
move_lots(void)
{
	uint64_t limit = clock_ms() + PATIENCE_MS;
	size_t sent = 0, got = 0;
	bool spliced = false;

	while (got < LOTS && clock_ms() < limit) {
		sent += write_more(rig.right, sent, LOTS - sent);
		rig_turn();
		got += read_more(rig.left, got);
		spliced = spliced || rig.pump->b.splices;
	}
	ck_assert_uint_eq(got, LOTS);
	return spliced;
}

START_TEST(large_pieces_are_spliced)
{
	start();
	ck_assert(move_lots());
	ck_assert_uint_gt(rig.kit->pipes_made, 0);
	ck_assert_uint_eq(pump_kit_fds(rig.kit), 2 * rig.kit->pipes_made);
}
END_TEST

START_TEST(quiet_sessions_hold_no_pipe)
{
	start();
	move_lots();
	ck_assert_ptr_null(rig.pump->a.pipe);
	ck_assert_ptr_null(rig.pump->a.held);
	ck_assert_uint_eq(rig.kit->pipes.length, rig.kit->pipes_made);
}
END_TEST

START_TEST(small_pieces_are_copied_again)
{
	uint64_t limit;

	start();
	move_lots();
	ck_assert_int_eq(write(rig.right, "x", 1), 1);
	for (limit = clock_ms() + PATIENCE_MS;
	     rig.pump->b.splices && clock_ms() < limit;)
		rig_turn();
	ck_assert(!rig.pump->b.splices);
}
END_TEST

/* The end of input comes while the pipe holds bytes: none is lost. */
START_TEST(end_with_bytes_in_the_pipe)
{
	uint64_t limit;
	size_t sent;
	char byte;
	ssize_t n = -1;

	start();
	sent = fill();
	ck_assert_ptr_nonnull(rig.pump->a.pipe);
	shutdown(rig.right, SHUT_WR);
	read_all(0, sent);
	for (limit = clock_ms() + PATIENCE_MS; n < 0 && clock_ms() < limit;) {
		n = read(rig.left, &byte, 1);
		rig_turn();
	}
	ck_assert_int_eq(n, 0);
}
END_TEST

START_TEST(full_pipe_is_never_used_again)
{
	start();
	fill();
	ck_assert_ptr_nonnull(rig.pump->a.pipe);
	ck_assert_uint_gt(rig.pump->a.pipe->splice.held, 0);
	pump_stop(rig.pump);
	for (struct list_node *node = list_first(&rig.kit->pipes); node != NULL;
	     node = list_next(&rig.kit->pipes, node))
		ck_assert_uint_eq(list_entry(node, struct pump_pipe, node)
				      ->splice.held,
		    0);
	ck_assert_uint_eq(rig.kit->pipes_made, rig.kit->pipes.length);
}
END_TEST

/* One byte a segment: each takes a slot of the pipe, which is soon full. */
START_TEST(tiny_segments)
{
	size_t sent, all;

	start();
	move_lots();
	sent = fill();
	for (int i = 0; i < 3000; i++) {
		sent += write_more(rig.right, sent, 1);
		rig_turn();
	}
	all = sent;
	read_all(0, all);
}
END_TEST

/* As many pipes as there may be are in use, or the system has none. */
START_TEST(without_pipes_it_copies)
{
	struct rlimit limit, low;

	start();
	getrlimit(RLIMIT_NOFILE, &limit);
	low = limit;
	low.rlim_cur = 0;
	if (_i == 0)
		rig.kit->pipes_max = 0;
	else
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	move_lots();
	setrlimit(RLIMIT_NOFILE, &limit);
	ck_assert_uint_eq(rig.kit->pipes_made, 0);
}
END_TEST

START_TEST(pipes_come_back)
{
	start();
	rig.kit->no_pipes_ms = 1; /* long ago */
	move_lots();
	ck_assert_uint_gt(rig.kit->pipes_made, 0);
}
END_TEST

/* The pump's ends, of which right's tells the segments. */
static struct link *
packet_ends(sock_fd *a)
{
	sock_fd one[2], other[2];

	pairs_tcp(one);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, other), 0);
	for (int i = 0; i < 2; i++)
		fcntl(other[i], F_SETFL, O_NONBLOCK);
	return rig_take(one, other, a);
}

/* What was to be sent before leaves with the first bytes, in one piece. */
START_TEST(first_bytes_share_a_segment)
{
	char got[16];
	sock_fd a;
	struct link *b = packet_ends(&a);

	ck_assert(link_write(b, "READY", 5));
	if (_i == 1)
		ck_assert_int_eq(write(rig.left, "abc", 3), 3);
	rig.pump = pump_start(rig.kit, a, b, &rig_plain);
	ck_assert_int_eq(read(rig.right, got, sizeof(got)), _i == 1 ? 8 : 5);
	ck_assert_mem_eq(got, "READYabc", _i == 1 ? 8 : 5);
	ck_assert_int_eq(rig.pump->b.sent, _i == 1 ? 3 : 0);
}
END_TEST

static const enum pump_choice choices[] = { PUMP_SPLICE, PUMP_COPY, PUMP_BEV };

/* A classic peer has answered, ended, and left bytes unread, so that its
 * system has sent a reset behind; the client is slow, and has most of the
 * answer still to come when the pump looks after the peer, every 2 s. */
START_TEST(reset_behind_an_end_that_is_not_read_yet)
{
	struct pump_options options = rig_plain;
	static unsigned char got[ANSWER];
	size_t came = 0;
	uint64_t began;
	sock_fd a;
	struct link *b;

	pump_kit_free(rig.kit);
	rig.kit = pump_kit_new(rig.loop, choices[_i], 1024, 1, &rig.memory);
	b = rig_ends(&a);
	make_narrow(a, rig.left);
	options.buffer_bytes = 16 * 1024;
	options.whole_close_b = true;
	options.hold_fin_ms = 60000;
	rig.pump = pump_start(rig.kit, a, b, &options);
	ck_assert_int_eq(write(rig.left, "not read", 8), 8);
	while (rig.pump->b.sent < 8)
		rig_turn();
	ck_assert_uint_eq(write_more(rig.right, 0, ANSWER), ANSWER);
	for (int i = 0; i < 1000; i++) /* all that goes now */
		rig_turn();
	ck_assert(rig.pump->b.paused);
	ck_assert_int_eq(shutdown(rig.right, SHUT_WR), 0);
	close(rig.right);
	rig.right = -1;
	for (began = clock_ms(); clock_ms() < began + 2500 && !rig.done;)
		rig_turn();
	ck_assert(!rig.done);
	while (came < ANSWER && clock_ms() < began + 30000) {
		ssize_t n = read(rig.left, got + came, ANSWER - came);

		came += n > 0 ? (size_t)n : 0;
		rig_turn();
	}
	ck_assert_uint_eq(came, ANSWER);
	for (size_t i = 0; i < ANSWER; i++)
		ck_assert_uint_eq(got[i], byte_at(i));
	rig_turn_until_done();
}
END_TEST

/* Clients of a classic peer that neither read nor leave: what they hold behind
 * their sessions is bounded, and it is the newest that stay. */
START_TEST(lingering_is_bounded)
{
	enum { CLIENTS = 24, MOST = 8 };
	struct pump_options options = rig_plain;
	sock_fd clients[CLIENTS], a;
	struct link *b;

	pump_kit_free(rig.kit);
	rig.kit = pump_kit_new(rig.loop, choices[_i], 8 * 16, 1, &rig.memory);
	options.whole_close_b = true;
	for (int i = 0; i < CLIENTS; i++) {
		b = rig_ends(&a);
		clients[i] = rig.left;
		rig.done = false;
		rig.pump = pump_start(rig.kit, a, b, &options);
		ck_assert_int_eq(write(rig.right, "answer", 6), 6);
		close(rig.right);
		rig_turn_until_done();
		ck_assert_uint_le(loop_ending(rig.loop), MOST + 1);
	}
	ck_assert_uint_ge(loop_ending(rig.loop), MOST / 2);
	/* what is closed answers by a reset */
	for (int i = 0; i < CLIENTS; i++)
		ck_assert_int_eq(write(clients[i], "on", 2), 2);
	ck_assert_int_eq(write(clients[0], "on", 2), -1);
	ck_assert_int_eq(write(clients[CLIENTS - 1], "on", 2), 2);
	for (int i = 0; i < CLIENTS - 1; i++)
		close(clients[i]);
	rig.right = -1;
}
END_TEST

Suite *
pump_pipes_suite(void)
{
	Suite *suite = suite_create("pump_pipes");
	TCase *tc = tcase_create("pump_pipes");

	tcase_add_checked_fixture(tc, set_up, rig_tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, first_bytes_share_a_segment, 0, 2);
	tcase_add_loop_test(tc, reset_behind_an_end_that_is_not_read_yet, 0, 3);
	tcase_add_loop_test(tc, lingering_is_bounded, 0, 3);
	if (splice_possible()) {
		tcase_add_test(tc, large_pieces_are_spliced);
		tcase_add_test(tc, quiet_sessions_hold_no_pipe);
		tcase_add_test(tc, small_pieces_are_copied_again);
		tcase_add_test(tc, end_with_bytes_in_the_pipe);
		tcase_add_test(tc, full_pipe_is_never_used_again);
		tcase_add_test(tc, tiny_segments);
		tcase_add_loop_test(tc, without_pipes_it_copies, 0, 2);
		tcase_add_test(tc, pipes_come_back);
	}
	suite_add_tcase(suite, tc);
	return suite;
}
