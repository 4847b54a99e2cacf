/*
 * test_tls_held.c - what TLS keeps for a pump's link is counted, and no longer
 * than it is kept.
 *
 * left <-> pump <-> link <-> wire (that we carry) <-> peer
 */
#include "tests/unit/pairs.h"
#include "tests/unit/suites.h"
#include "tests/unit/system.h"
#include "net/link.h"
#include "net/tls.h"
#include "net/tls_certs.h"
#include "relay/pump_parts.h"
#include "sys/file.h"
#include "sys/service.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

enum { BUFFER = 256 * 1024, ROUNDS = 200000, RECORD = 16 * 1024 };

static char folder[FILES_PATH_SIZE], certs_folder[FILES_PATH_SIZE + 8];
static struct tls_context *server_context, *client_context;
static struct loop *loop;
static struct pump_kit *kit;
static struct pump_memory memory;
static struct pump *pump;
static bool secured, done;
static sock_fd left, far_end, near_end, peer_fd;
static struct tls *peer;
static char bytes[RECORD];

static const enum pump_choice choices[] = { PUMP_COPY, PUMP_BEV };

static void
turn(void)
{
	event_base_loop(loop_base(loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

#define TURN_UNTIL(condition) \
	do { \
		for (int round_ = 0; round_ < ROUNDS && !(condition); \
		     round_++) \
			turn(); \
		ck_assert(condition); \
	} while (0)

/* Carries what there is, up to most bytes. Returns how many. */
static size_t
carry(sock_fd from, sock_fd to, size_t most)
{
	ssize_t n = sock_recv(from, bytes,
	    most < sizeof(bytes) ? most : sizeof(bytes));

	if (n <= 0)
		return 0;
	ck_assert_int_eq(sock_send(to, bytes, (size_t)n, NULL, 0), n);
	return (size_t)n;
}

static void
on_done(const struct pump_result *result, void *arg)
{
	(void)result;
	(void)arg;
	done = true;
}

static struct link *link_b;

static void
on_input(void *arg)
{
	(void)arg;
	if (!link_is_tls(link_b))
		ck_assert(link_accept_tls(link_b, server_context));
}

static void
on_secured(void *arg)
{
	(void)arg;
	secured = true;
}

static const struct link_handler handler = {
	.on_input = on_input,
	.on_secured = on_secured,
};

static void
make_contexts(void)
{
	char problem[TLS_PROBLEM_SIZE];
	struct tls_certs certs;
	struct tls_server_options of_server = { 0 };
	const struct tls_client_options of_client = {
		.server_name = TLS_SERVER_NAME,
	};

	system_folder(folder);
	snprintf(certs_folder, sizeof(certs_folder), "%s/certs", folder);
	ck_assert(tls_certs_prepare(certs_folder, TLS_CERTS_SERVER_DAYS, &certs,
	    problem));
	of_server.cert_file = certs.cert_file;
	of_server.key_file = certs.key_file;
	server_context = tls_context_new_server(&of_server, problem);
	client_context = tls_context_new_client(&of_client, problem);
	ck_assert(server_context != NULL && client_context != NULL);
}

static void
shake_hands(void)
{
	enum tls_result result = TLS_WANT_READ;

	for (int i = 0; i < ROUNDS && (!secured || result != TLS_DONE); i++) {
		if (result != TLS_DONE)
			result = tls_handshake(peer);
		(void)carry(far_end, near_end, sizeof(bytes));
		(void)carry(near_end, far_end, sizeof(bytes));
		turn();
	}
	ck_assert(secured && result == TLS_DONE);
}

static void
set_up(void)
{
	ck_assert(service_prepare());
	make_contexts();
	loop = loop_new();
	pump_memory_init(&memory, 1 << 30);
	secured = done = false;
}

/* The pump over TLS, at rest. */
static void
start(enum pump_choice choice)
{
	static const struct pump_options options = { .buffer_bytes = BUFFER,
		.idle_ms = 60000,
		.peer_ms = 60000,
		.done = on_done };
	sock_fd one[2], wire[2], other[2];

	pairs_tcp(one);
	pairs_tcp(wire);
	pairs_tcp(other);
	left = one[1];
	near_end = wire[1];
	far_end = other[0];
	peer_fd = other[1];
	kit = pump_kit_new(loop, choice, 1024, 1, &memory);
	link_b = link_new(loop, wire[0]);
	link_set_handler(link_b, &handler, NULL);
	peer = tls_connect(client_context, peer_fd, NULL);
	shake_hands();
	pump = pump_start(kit, one[0], link_b, &options);
	ck_assert_ptr_nonnull(pump);
	for (int i = 0; i < 10; i++)
		turn();
	ck_assert_uint_eq(pump_memory_held(&memory), 0);
}

static void
tear_down(void)
{
	static const char *const names[] = { "ca.key", "ca.crt", "server.key",
		"server.crt" };

	if (!done)
		pump_stop(pump);
	ck_assert_uint_eq(pump_memory_held(&memory), 0);
	tls_free(peer);
	sock_close(left);
	sock_close(near_end);
	sock_close(far_end);
	sock_close(peer_fd);
	pump_kit_free(kit);
	loop_free(loop);
	tls_context_release(server_context);
	tls_context_release(client_context);
	for (int i = 0; i < 4; i++) {
		char path[FILES_PATH_SIZE + 32];

		snprintf(path, sizeof(path), "%s/%s", certs_folder, names[i]);
		file_remove(path);
	}
	file_remove(certs_folder);
	file_remove(folder);
}

/* So many bytes of a record come, and then nothing for a while. */
static const size_t cuts[] = { 3, 5, 100, 1000 };

START_TEST(a_record_that_has_come_in_part)
{
	size_t cut = cuts[_i / 2], came = 0;
	char got[1200] = { 0 };

	start(choices[_i % 2]);
	ck_assert_int_eq(tls_send(peer, got, sizeof(got), NULL, 0),
	    sizeof(got));
	for (int i = 0; i < ROUNDS && came < cut; i++)
		came += carry(far_end, near_end, cut - came);
	TURN_UNTIL(pump_memory_held(&memory) > 0);
	ck_assert_uint_ge(pump_memory_held(&memory), RECORD);
	came = 0;
	for (int i = 0; i < ROUNDS && came < sizeof(got); i++) {
		ssize_t n = sock_recv(left, got, sizeof(got));

		came += n > 0 ? (size_t)n : 0;
		(void)carry(far_end, near_end, sizeof(bytes));
		turn();
	}
	ck_assert_uint_eq(came, sizeof(got));
	TURN_UNTIL(pump_memory_held(&memory) == 0);
}
END_TEST

/* Pushes until nothing more goes in. */
static void
fill(void)
{
	static char lots[64 * 1024];

	for (int full = 0; full < 1000; full++) {
		if (sock_send(left, lots, sizeof(lots), NULL, 0) > 0)
			full = 0;
		turn();
	}
}

START_TEST(a_record_that_cannot_leave)
{
	start(choices[_i % 2]);
	fill();
	ck_assert_uint_ge(pump->b.tls_held, RECORD);
	ck_assert_uint_ge(pump_memory_held(&memory),
	    pump->b.tls_held + pump->ops->unsent(&pump->b));
	if (_i < 2)
		return; /* and it ends so */
	for (int quiet = 0; quiet < 1000; quiet++) {
		if (sock_recv(near_end, bytes, sizeof(bytes)) > 0)
			quiet = 0;
		turn();
	}
	ck_assert_uint_eq(pump_memory_held(&memory), 0);
}
END_TEST

Suite *
tls_held_suite(void)
{
	Suite *suite = suite_create("tls_held");
	TCase *tc = tcase_create("tls_held");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_record_that_has_come_in_part, 0,
	    2 * (int)(sizeof(cuts) / sizeof(cuts[0])));
	tcase_add_loop_test(tc, a_record_that_cannot_leave, 0, 4);
	suite_add_tcase(suite, tc);
	return suite;
}
