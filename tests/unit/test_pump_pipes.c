/*
 * test_pump_pipes.c - the traps of pumps that splice: pipes that are full, that
 * run out, that still hold bytes; what leaves in one segment.
 *
 * left <-> pump <-> right, as in test_pump.c.
 */
#include "tests/unit/suites.h"
#include "net/link.h"
#include "base/clock.h"
#include "relay/pump_parts.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BUFFER = 256 * 1024,
	LOTS = 8 * 1024 * 1024,
	ROUNDS = 200000,
	ANSWER = 60 * 1024
};

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
	signal(SIGPIPE, SIG_IGN);
	loop = loop_new();
	pump_memory_init(&memory, 1 << 30);
	kit = pump_kit_new(loop, PUMP_SPLICE, 1024, 1, &memory);
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
	close(left);
	close(right);
	pump_kit_free(kit);
	loop_free(loop);
}

static void
turn(void)
{
	event_base_loop(loop_base(loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* A connected pair: TCP on loopback, or Unix where type is not a stream. */
static void
pair_of(int type, sock_fd pair[2])
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	sock_fd listener;

	if (type != SOCK_STREAM) {
		ck_assert_int_eq(socketpair(AF_UNIX, type, 0, pair), 0);
	} else {
		listener = socket(AF_INET, SOCK_STREAM, 0);
		ck_assert_int_eq(bind(listener, (void *)&at, len), 0);
		ck_assert_int_eq(listen(listener, 1), 0);
		getsockname(listener, (void *)&at, &len);
		pair[0] = socket(AF_INET, SOCK_STREAM, 0);
		ck_assert_int_eq(connect(pair[0], (void *)&at, len), 0);
		pair[1] = accept(listener, NULL, NULL);
		close(listener);
	}
	for (int i = 0; i < 2; i++)
		fcntl(pair[i], F_SETFL, O_NONBLOCK);
}

/* The pump's ends: a descriptor and a link. */
static struct link *
ends(int right_type, sock_fd *a)
{
	sock_fd one[2], other[2];

	pair_of(SOCK_STREAM, one);
	pair_of(right_type, other);
	left = one[1];
	right = other[1];
	*a = one[0];
	return link_new(loop, other[0]);
}

static void
start(void)
{
	sock_fd a;
	struct link *b = ends(SOCK_STREAM, &a);

	pump = pump_start(kit, a, b, &plain);
	ck_assert_ptr_nonnull(pump);
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

/* right writes until nothing moves any more; left does not read. */
static size_t
fill(void)
{
	size_t sent = 0;

	for (int quiet = 0; quiet < 300; quiet++) {
		size_t n = write_more(right, sent, 64 * 1024);

		sent += n;
		quiet = n > 0 ? 0 : quiet;
		turn();
	}
	return sent;
}

static void
read_all(size_t got, size_t want)
{
	for (int i = 0; i < ROUNDS && got < want; i++) {
		got += read_more(left, got);
		turn();
	}
	ck_assert_uint_eq(got, want);
}

static void
move_lots(void)
{
	size_t sent = 0, got = 0;

	for (int i = 0; i < ROUNDS && got < LOTS; i++) {
		sent += write_more(right, sent, LOTS - sent);
		turn();
		got += read_more(left, got);
	}
	ck_assert_uint_eq(got, LOTS);
}

START_TEST(large_pieces_are_spliced)
{
	start();
	move_lots();
	ck_assert(pump->b.splices);
	ck_assert_uint_gt(kit->pipes_made, 0);
	ck_assert_uint_eq(pump_kit_fds(kit), 2 * kit->pipes_made);
}
END_TEST

START_TEST(quiet_sessions_hold_no_pipe)
{
	start();
	move_lots();
	ck_assert_ptr_null(pump->a.pipe);
	ck_assert_ptr_null(pump->a.held);
	ck_assert_uint_eq(kit->pipes.length, kit->pipes_made);
}
END_TEST

START_TEST(small_pieces_are_copied_again)
{
	start();
	move_lots();
	ck_assert_int_eq(write(right, "x", 1), 1);
	for (int i = 0; i < ROUNDS && pump->b.splices; i++)
		turn();
	ck_assert(!pump->b.splices);
}
END_TEST

/* The end of input comes while the pipe holds bytes: none is lost. */
START_TEST(end_with_bytes_in_the_pipe)
{
	size_t sent;
	char byte;
	ssize_t n = -1;

	start();
	sent = fill();
	ck_assert_ptr_nonnull(pump->a.pipe);
	shutdown(right, SHUT_WR);
	read_all(0, sent);
	for (int i = 0; i < ROUNDS && n < 0; i++) {
		n = read(left, &byte, 1);
		turn();
	}
	ck_assert_int_eq(n, 0);
}
END_TEST

START_TEST(full_pipe_is_never_used_again)
{
	start();
	fill();
	ck_assert_ptr_nonnull(pump->a.pipe);
	ck_assert_uint_gt(pump->a.pipe->splice.held, 0);
	pump_stop(pump);
	for (struct list_node *node = list_first(&kit->pipes); node != NULL;
	     node = list_next(&kit->pipes, node))
		ck_assert_uint_eq(list_entry(node, struct pump_pipe, node)
				      ->splice.held,
		    0);
	ck_assert_uint_eq(kit->pipes_made, kit->pipes.length);
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
		sent += write_more(right, sent, 1);
		turn();
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
		kit->pipes_max = 0;
	else
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	move_lots();
	setrlimit(RLIMIT_NOFILE, &limit);
	ck_assert_uint_eq(kit->pipes_made, 0);
}
END_TEST

START_TEST(pipes_come_back)
{
	start();
	kit->no_pipes_ms = 1; /* long ago */
	move_lots();
	ck_assert_uint_gt(kit->pipes_made, 0);
}
END_TEST

/* What was to be sent before leaves with the first bytes, in one piece. */
START_TEST(first_bytes_share_a_segment)
{
	char got[16];
	sock_fd a;
	struct link *b = ends(SOCK_SEQPACKET, &a);

	ck_assert(link_write(b, "READY", 5));
	if (_i == 1)
		ck_assert_int_eq(write(left, "abc", 3), 3);
	pump = pump_start(kit, a, b, &plain);
	ck_assert_int_eq(read(right, got, sizeof(got)), _i == 1 ? 8 : 5);
	ck_assert_mem_eq(got, "READYabc", _i == 1 ? 8 : 5);
	ck_assert_int_eq(pump->b.sent, _i == 1 ? 3 : 0);
}
END_TEST

static const enum pump_choice choices[] = { PUMP_SPLICE, PUMP_COPY, PUMP_BEV };

/* A classic peer has answered, ended, and left bytes unread, so that its
 * system has sent a reset behind; the client is slow, and has most of the
 * answer still to come when the pump looks after the peer, every 2 s. */
START_TEST(reset_behind_an_end_that_is_not_read_yet)
{
	struct pump_options options = plain;
	static unsigned char got[ANSWER];
	size_t came = 0;
	uint64_t began;
	sock_fd a;
	struct link *b;

	pump_kit_free(kit);
	kit = pump_kit_new(loop, choices[_i], 1024, 1, &memory);
	b = ends(SOCK_STREAM, &a);
	make_narrow(a, left);
	options.buffer_bytes = 16 * 1024;
	options.whole_close_b = true;
	options.hold_fin_ms = 60000;
	pump = pump_start(kit, a, b, &options);
	ck_assert_int_eq(write(left, "not read", 8), 8);
	while (pump->b.sent < 8)
		turn();
	ck_assert_uint_eq(write_more(right, 0, ANSWER), ANSWER);
	for (int i = 0; i < 1000; i++) /* all that goes now */
		turn();
	ck_assert(pump->b.paused);
	ck_assert_int_eq(shutdown(right, SHUT_WR), 0);
	close(right);
	right = -1;
	for (began = clock_ms(); clock_ms() < began + 2500 && !done;)
		turn();
	ck_assert(!done);
	while (came < ANSWER && clock_ms() < began + 30000) {
		ssize_t n = read(left, got + came, ANSWER - came);

		came += n > 0 ? (size_t)n : 0;
		turn();
	}
	ck_assert_uint_eq(came, ANSWER);
	for (size_t i = 0; i < ANSWER; i++)
		ck_assert_uint_eq(got[i], byte_at(i));
	for (int i = 0; i < ROUNDS && !done; i++)
		turn();
	ck_assert(done);
}
END_TEST

/* Clients of a classic peer that neither read nor leave: what they hold behind
 * their sessions is bounded, and it is the newest that stay. */
START_TEST(lingering_is_bounded)
{
	enum { CLIENTS = 24, MOST = 8 };
	struct pump_options options = plain;
	sock_fd clients[CLIENTS], a;
	struct link *b;

	pump_kit_free(kit);
	kit = pump_kit_new(loop, choices[_i], 8 * 16, 1, &memory);
	options.whole_close_b = true;
	for (int i = 0; i < CLIENTS; i++) {
		b = ends(SOCK_STREAM, &a);
		clients[i] = left;
		done = false;
		pump = pump_start(kit, a, b, &options);
		ck_assert_int_eq(write(right, "answer", 6), 6);
		close(right);
		for (int n = 0; n < ROUNDS && !done; n++)
			turn();
		ck_assert(done);
		ck_assert_uint_le(loop_ending(loop), MOST + 1);
	}
	ck_assert_uint_ge(loop_ending(loop), MOST / 2);
	/* what is closed answers by a reset */
	for (int i = 0; i < CLIENTS; i++)
		ck_assert_int_eq(write(clients[i], "on", 2), 2);
	ck_assert_int_eq(write(clients[0], "on", 2), -1);
	ck_assert_int_eq(write(clients[CLIENTS - 1], "on", 2), 2);
	for (int i = 0; i < CLIENTS - 1; i++)
		close(clients[i]);
	right = -1;
}
END_TEST

Suite *
pump_pipes_suite(void)
{
	Suite *suite = suite_create("pump_pipes");
	TCase *tc = tcase_create("pump_pipes");

	tcase_add_checked_fixture(tc, set_up, tear_down);
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
