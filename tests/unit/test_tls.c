/*
 * test_tls.c - two TLS connections over a socket pair: handshake, bytes,
 * close_notify, truncation, the binding, tickets, checks; certificates made
 * and mended; links over TLS.
 */
#include "tests/unit/suites.h"
#include "base/str.h"
#include "net/link.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/tls.h"
#include "net/tls_certs.h"
#include "net/tls_parts.h"
#include "sys/file.h"
#include "sys/inet.h"
#include "sys/service.h"
#include "sys/sock_unix.h"
#include "tests/unit/pairs.h"
#include "tests/unit/system.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOTS = 1024 * 1024, ROUNDS = 100000 };

static char folder[FILES_PATH_SIZE], certs_folder[FILES_PATH_SIZE + 8];
static struct tls_certs certs;
static struct tls_context *server_context, *client_context;
static sock_fd ends[2]; /* the server's, the client's */
static struct tls *server, *client;
static char problem[TLS_PROBLEM_SIZE];

static struct tls_context *
new_server(void)
{
	const struct tls_server_options options = {
		.cert_file = certs.cert_file,
		.key_file = certs.key_file,
	};

	return tls_context_new_server(&options, problem);
}

static struct tls_context *
new_client(const char *ca_file, const char *name, const uint8_t *fingerprint)
{
	const struct tls_client_options options = {
		.ca_file = ca_file,
		.server_name = name,
		.fingerprint = fingerprint,
	};

	return tls_context_new_client(&options, problem);
}

static void
set_up(void)
{
	ck_assert(service_prepare()); /* as the programs do */
	system_folder(folder);
	snprintf(certs_folder, sizeof(certs_folder), "%s/certs", folder);
	ck_assert_msg(tls_certs_prepare(certs_folder, TLS_CERTS_SERVER_DAYS,
			  &certs, problem),
	    "%s", problem);
	server_context = new_server();
	client_context = new_client(NULL, TLS_SERVER_NAME, NULL);
	ck_assert_ptr_nonnull(server_context);
	ck_assert_ptr_nonnull(client_context);
	server = client = NULL;
	ends[0] = ends[1] = SOCK_NONE;
}

static void
remove_file(const char *name)
{
	char path[FILES_PATH_SIZE + 32];

	snprintf(path, sizeof(path), "%s/%s", certs_folder, name);
	file_remove(path);
}

static void
hang_up(void)
{
	tls_free(server);
	tls_free(client);
	server = client = NULL;
	for (int i = 0; i < 2; i++)
		if (ends[i] != SOCK_NONE)
			sock_close(ends[i]);
	ends[0] = ends[1] = SOCK_NONE;
}

static void
tear_down(void)
{
	static const char *const names[] = { "ca.key", "ca.crt", "server.key",
		"server.crt" };

	hang_up();
	tls_context_release(server_context);
	tls_context_release(client_context);
	for (int i = 0; i < 4; i++)
		remove_file(names[i]);
	file_remove(certs_folder);
	file_remove(folder);
}

static void
make_pair(void)
{
	pairs_local(ends);
}

/* The client's hello reaches the server as bytes that were read already. */
static void
call(const struct tls_ticket *ticket)
{
	char hello[4096];
	ssize_t n;

	make_pair();
	client = tls_connect(client_context, ends[1], ticket);
	ck_assert_ptr_nonnull(client);
	ck_assert_int_eq(tls_handshake(client), TLS_WANT_READ);
	n = sock_recv(ends[0], hello, sizeof(hello));
	ck_assert_int_gt(n, 0);
	server = tls_accept(server_context, ends[0], hello, (size_t)n);
	ck_assert_ptr_nonnull(server);
}

/* The client's result; the server's in *other. */
static enum tls_result
shake(enum tls_result *other)
{
	enum tls_result mine = TLS_WANT_READ;

	*other = TLS_WANT_READ;
	for (int i = 0; i < 4; i++) {
		if (mine != TLS_DONE && mine != TLS_FAILED)
			mine = tls_handshake(client);
		if (*other != TLS_DONE && *other != TLS_FAILED)
			*other = tls_handshake(server);
	}
	return mine;
}

static void
connect_with(const struct tls_ticket *ticket)
{
	enum tls_result other;
	char byte;

	call(ticket);
	ck_assert_int_eq(shake(&other), TLS_DONE);
	ck_assert_int_eq(other, TLS_DONE);
	ck_assert_int_eq(tls_recv(client, &byte, 1), SOCK_AGAIN);
}

START_TEST(bytes_both_ways)
{
	char got[16];

	connect_with(NULL);
	ck_assert_str_eq(tls_version(client), "TLSv1.3");
	ck_assert(!tls_is_resumed(client));
	ck_assert_int_eq(tls_send(client, "one", 3, "two", 3), 6);
	ck_assert_int_eq(tls_recv(server, got, sizeof(got)), 6);
	ck_assert_mem_eq(got, "onetwo", 6);
	ck_assert(!tls_has_more(server));
	ck_assert_int_eq(tls_send(server, NULL, 0, "three", 5), 5);
	ck_assert_int_eq(tls_recv(client, got, 2), 2);
	ck_assert(tls_has_more(client));
	ck_assert_int_eq(tls_recv(client, got + 2, sizeof(got) - 2), 3);
	ck_assert_mem_eq(got, "three", 5);
	ck_assert_int_eq(tls_recv(client, got, 1), SOCK_AGAIN);
}
END_TEST

/* More than the socket takes, in two pieces, with the reader behind: nothing
 * is lost or doubled, with and without large reads. */
START_TEST(a_full_socket)
{
	unsigned char *data = malloc(LOTS), *got = malloc(LOTS);
	size_t sent = 0, came = 0;

	for (size_t i = 0; i < LOTS; i++)
		data[i] = (unsigned char)(i * 7 + i / 251);
	connect_with(NULL);
	if (_i == 1)
		tls_read_ahead(server);
	for (int i = 0; i < ROUNDS && came < LOTS; i++) {
		size_t first = (size_t)i * 37 % (LOTS - sent + 1);
		ssize_t n = sent == LOTS
		    ? SOCK_AGAIN
		    : tls_send(client, data + sent, first, data + sent + first,
			  LOTS - sent - first);

		ck_assert_int_ne(n, SOCK_FAILED);
		sent += n > 0 ? (size_t)n : 0;
		if (n > 0 && i % 3 != 0)
			continue;
		n = tls_recv(server, got + came,
		    LOTS - came < 9999 ? LOTS - came : 9999);
		ck_assert_int_ne(n, SOCK_FAILED);
		came += n > 0 ? (size_t)n : 0;
	}
	ck_assert_uint_eq(came, LOTS);
	ck_assert_mem_eq(data, got, LOTS);
	free(data);
	free(got);
}
END_TEST

START_TEST(close_notify_is_one_way)
{
	char got[8];

	connect_with(NULL);
	ck_assert_int_eq(tls_send(client, "last", 4, NULL, 0), 4);
	ck_assert_int_eq(tls_finish(client), TLS_DONE);
	ck_assert_int_eq(tls_recv(server, got, sizeof(got)), 4);
	ck_assert(tls_has_more(server)); /* the end is yet to be told */
	ck_assert_int_eq(tls_recv(server, got, sizeof(got)), 0);
	ck_assert_int_eq(tls_send(server, "reply", 5, NULL, 0), 5);
	ck_assert_int_eq(tls_recv(client, got, sizeof(got)), 5);
	ck_assert_int_eq(tls_finish(server), TLS_DONE);
	ck_assert_int_eq(tls_recv(client, got, sizeof(got)), 0);
}
END_TEST

START_TEST(a_cut_is_no_end)
{
	char got[8], why[TLS_WHY_SIZE];

	connect_with(NULL);
	ck_assert_int_eq(tls_send(client, "half", 4, NULL, 0), 4);
	sock_finish(ends[1]);
	ck_assert_int_eq(tls_recv(server, got, sizeof(got)), 4);
	ck_assert_int_eq(tls_recv(server, got, sizeof(got)), SOCK_FAILED);
	ck_assert_str_eq(tls_problem(server, why),
	    "TLS: the connection ended without a close_notify");
}
END_TEST

/* A client of the bare library, which reads and writes memory. */
static SSL *
bare_new(SSL_CTX *ctx)
{
	static const unsigned char alpn[] = "\x0dtransponder/1";
	SSL *bare = SSL_new(ctx);

	make_pair();
	ck_assert_int_eq(SSL_set_alpn_protos(bare, alpn, sizeof(alpn) - 1), 0);
	SSL_set_connect_state(bare);
	SSL_set_bio(bare, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	ck_assert_int_eq(SSL_do_handshake(bare), -1);
	return bare;
}

static SSL *
bare_client(SSL_CTX *ctx)
{
	unsigned char bytes[8192];
	SSL *bare = bare_new(ctx);
	ssize_t n;

	n = BIO_read(SSL_get_wbio(bare), bytes, sizeof(bytes));
	ck_assert_int_gt(n, 0);
	server = tls_accept(server_context, ends[0], bytes, (size_t)n);
	n = sock_recv(ends[1], bytes, sizeof(bytes));
	ck_assert_int_gt(n, 0);
	BIO_write(SSL_get_rbio(bare), bytes, (int)n);
	ck_assert_int_eq(SSL_do_handshake(bare), 1);
	return bare;
}

/* What it has written, to the server's socket. */
static void
send_on(SSL *bare)
{
	char *bytes;
	long len = BIO_get_mem_data(SSL_get_wbio(bare), &bytes);

	ck_assert_int_eq(sock_send(ends[1], bytes, (size_t)len, NULL, 0), len);
	(void)BIO_reset(SSL_get_wbio(bare));
}

/* Some new keys are nothing; those without end would keep the thread for as
 * long as they come. Their sender may ask for one in reply each time. */
START_TEST(keys_that_change_without_end)
{
	static const int kinds[] = { SSL_KEY_UPDATE_NOT_REQUESTED,
		SSL_KEY_UPDATE_REQUESTED };
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *bare = bare_client(ctx);
	char why[TLS_WHY_SIZE], byte;

	send_on(bare);
	ck_assert_int_eq(tls_handshake(server), TLS_DONE);
	for (int count = 10; count <= 1000; count += 990) {
		for (int i = 0; i < count; i++) {
			ck_assert_int_eq(SSL_key_update(bare, kinds[_i]), 1);
			ck_assert_int_eq(SSL_do_handshake(bare), 1);
		}
		ck_assert_int_eq(SSL_write(bare, "x", 1), 1);
		send_on(bare);
		ck_assert_int_eq(tls_recv(server, &byte, 1),
		    count == 10 ? 1 : SOCK_FAILED);
	}
	ck_assert_str_eq(tls_problem(server, why),
	    "TLS: the peer changes keys without end");
	ck_assert(tls_peer_is_at_fault(server));
	SSL_free(bare);
	SSL_CTX_free(ctx);
}
END_TEST

START_TEST(both_sides_have_the_same_binding)
{
	uint8_t a[TLS_BINDING_SIZE], b[TLS_BINDING_SIZE], c[TLS_BINDING_SIZE];

	connect_with(NULL);
	ck_assert(tls_binding(server, a));
	ck_assert(tls_binding(client, b));
	ck_assert_mem_eq(a, b, sizeof(a));
	hang_up();
	connect_with(NULL);
	ck_assert(tls_binding(server, c));
	ck_assert_mem_ne(a, c, sizeof(a));
}
END_TEST

/* Memory of a session that lasts for days shall not give it away. */
START_TEST(keys_of_the_exchange_are_forgotten)
{
	struct tls *sides[2];

	connect_with(NULL);
	sides[0] = server;
	sides[1] = client;
	for (int i = 0; i < 2; i++) {
		EVP_PKEY *own, *peer;
		unsigned char raw[64];
		size_t len = sizeof(raw);

		ck_assert_int_eq(SSL_get_tmp_key(sides[i]->ssl, &own), 1);
		ck_assert_int_eq(SSL_get_peer_tmp_key(sides[i]->ssl, &peer), 1);
		ck_assert_int_eq(EVP_PKEY_get_raw_private_key(own, raw, &len),
		    0);
		ck_assert_int_eq(EVP_PKEY_get_raw_public_key(own, raw, &len),
		    0);
		ck_assert_int_eq(EVP_PKEY_get_raw_public_key(peer, raw, &len),
		    0);
		EVP_PKEY_free(own);
		EVP_PKEY_free(peer);
	}
}
END_TEST

START_TEST(a_ticket_serves_often_and_for_its_context)
{
	struct tls_ticket *ticket;
	struct tls_context *old;

	connect_with(NULL);
	ticket = tls_take_ticket(client);
	ck_assert_ptr_nonnull(ticket);
	hang_up();
	connect_with(ticket); /* that client has not been let in */
	ck_assert(!tls_is_resumed(server));
	tls_ticket_free(ticket);
	ticket = tls_take_ticket(client);
	ck_assert_ptr_nonnull(ticket);
	tls_let_resume(server);
	for (int i = 0; i < 5; i++) {
		hang_up();
		connect_with(ticket);
		ck_assert(tls_is_resumed(client));
		ck_assert(tls_is_resumed(server));
	}
	hang_up();
	old = server_context; /* a new one knows no tickets */
	server_context = new_server();
	tls_context_release(old);
	connect_with(ticket);
	ck_assert(!tls_is_resumed(client));
	hang_up();
	ck_assert(tls_ticket_fits(ticket, client_context));
	tls_context_release(client_context);
	client_context = new_client(certs.ca_file, TLS_SERVER_NAME, NULL);
	ck_assert(!tls_ticket_fits(ticket, client_context));
	tls_ticket_free(ticket);
}
END_TEST

/* What the client asks of the server, and what it says. */
static const struct {
	const char *name;
	bool ca;
	const char *server_name;
	char fingerprint; /* 'c': of the CA, 'x': of neither, 0: none */
	const char *says; /* NULL: good */
} checks[] = {
	{ "nothing", false, TLS_SERVER_NAME, 0, NULL },
	{ "CA and name", true, TLS_SERVER_NAME, 0, NULL },
	{ "another name", true, "example.org", 0, "is for another name" },
	{ "an address", true, "192.0.2.1", 0, "IP address mismatch" },
	{ "the CA's fingerprint", false, TLS_SERVER_NAME, 'c', NULL },
	{ "the CA's fingerprint, another name", false, "example.org", 'c',
	    "is for another name" },
	{ "another fingerprint", false, TLS_SERVER_NAME, 'x',
	    "another fingerprint" },
	{ "CA, its fingerprint", true, TLS_SERVER_NAME, 'c', NULL },
	{ "CA, another fingerprint", true, TLS_SERVER_NAME, 'x',
	    "another fingerprint" },
};

START_TEST(the_client_checks)
{
	uint8_t fingerprint[TLS_FINGERPRINT_SIZE];
	char why[TLS_WHY_SIZE];
	enum tls_result result, other;

	ck_assert(tls_fingerprint_parse(certs.fingerprint, fingerprint));
	fingerprint[5] ^= checks[_i].fingerprint == 'x';
	tls_context_release(client_context);
	client_context = new_client(checks[_i].ca ? certs.ca_file : NULL,
	    checks[_i].server_name,
	    checks[_i].fingerprint != 0 ? fingerprint : NULL);
	ck_assert_msg(client_context != NULL, "%s", problem);
	call(NULL);
	result = shake(&other);
	if (checks[_i].says == NULL) {
		ck_assert_msg(result == TLS_DONE && other == TLS_DONE, "%s: %s",
		    checks[_i].name, tls_problem(client, why));
		return;
	}
	ck_assert_int_eq(result, TLS_FAILED);
	ck_assert_int_eq(other, TLS_FAILED);
	ck_assert(tls_was_refused(client));
	ck_assert_msg(strstr(tls_problem(client, why), checks[_i].says) != NULL,
	    "%s: %s", checks[_i].name, why);
}
END_TEST

static const struct {
	const char *text;
	bool good;
} fingerprints[] = {
	{ "00112233445566778899aabbccddeeff"
	  "00112233445566778899AABBCCDDEEFF",
	    true },
	{ "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:"
	  "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF",
	    true },
	{ "", false },
	{ ":", false },
	{ "0011", false },
	{ "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEF",
	    false },
	{ "00112233445566778899aabbccddeeff"
	  "00112233445566778899AABBCCDDEEFF0",
	    false },
	{ "00:112233445566778899aabbccddeeff"
	  "00112233445566778899AABBCCDDEEFF",
	    false },
	{ "zz112233445566778899aabbccddeeff"
	  "00112233445566778899AABBCCDDEEFF",
	    false },
};

START_TEST(text_of_fingerprints)
{
	uint8_t bytes[TLS_FINGERPRINT_SIZE];

	ck_assert_msg(tls_fingerprint_parse(fingerprints[_i].text, bytes) ==
		fingerprints[_i].good,
	    "%s", fingerprints[_i].text);
	if (fingerprints[_i].good) {
		ck_assert_uint_eq(bytes[1], 0x11);
		ck_assert_uint_eq(bytes[31], 0xff);
	}
}
END_TEST

/* --- certificates --- */

static void
prepare_again(struct tls_certs *again)
{
	ck_assert_msg(tls_certs_prepare(certs_folder, TLS_CERTS_SERVER_DAYS,
			  again, problem),
	    "%s", problem);
}

START_TEST(made_once)
{
	struct tls_certs again;

	ck_assert(certs.made);
	ck_assert(!certs.renewed);
	prepare_again(&again);
	ck_assert(!again.made);
	ck_assert(!again.renewed);
	ck_assert_str_eq(again.fingerprint, certs.fingerprint);
	ck_assert_str_eq(again.until, certs.until);
	ck_assert(!file_is_open_to_others(certs.key_file));
	ck_assert(!file_is_open_to_others(certs_folder));
}
END_TEST

START_TEST(renewed_when_it_ends_soon)
{
	struct tls_certs again;

	remove_file("server.crt");
	ck_assert(tls_certs_prepare(certs_folder, TLS_CERTS_RENEW_DAYS - 1,
	    &again, problem));
	ck_assert(again.renewed); /* short, as we asked */
	prepare_again(&again);
	ck_assert(again.renewed);
	ck_assert_str_eq(again.until, certs.until);
	prepare_again(&again);
	ck_assert(!again.renewed);
}
END_TEST

static const char *const lost[] = { "server.crt", "server.key" };

START_TEST(made_anew_when_lost)
{
	struct tls_certs again;

	remove_file(lost[_i]);
	prepare_again(&again);
	ck_assert(again.renewed);
	ck_assert_str_eq(again.fingerprint, certs.fingerprint);
	tls_context_release(client_context);
	tls_context_release(server_context);
	server_context = new_server();
	client_context = new_client(certs.ca_file, TLS_SERVER_NAME, NULL);
	connect_with(NULL);
}
END_TEST

START_TEST(a_lost_ca_is_not_replaced)
{
	struct tls_certs again;

	remove_file("ca.crt");
	ck_assert(!tls_certs_prepare(certs_folder, TLS_CERTS_SERVER_DAYS,
	    &again, problem));
	ck_assert_ptr_nonnull(strstr(problem, "ca.crt"));
}
END_TEST

/* --- links --- */

static struct loop *loop;
static struct link *links[2];
static struct {
	bool secured, ended, failed, drained;
	char got[64];
	size_t len;
} seen[2];

static void
on_secured(void *arg)
{
	seen[(intptr_t)arg].secured = true;
}

static void
on_input(void *arg)
{
	intptr_t i = (intptr_t)arg;

	if (!link_is_tls(links[i])) {
		ck_assert(link_accept_tls(links[i], server_context));
		return;
	}
	seen[i].len += (size_t)evbuffer_remove(link_input(links[i]),
	    seen[i].got + seen[i].len, sizeof(seen[i].got) - seen[i].len);
}

static void
on_drained(void *arg)
{
	seen[(intptr_t)arg].drained = true;
}

static void
on_eof(void *arg)
{
	seen[(intptr_t)arg].ended = true;
}

static void
on_error(void *arg, const char *why)
{
	(void)why;
	seen[(intptr_t)arg].failed = true;
}

static const struct link_handler handler = {
	.on_input = on_input,
	.on_secured = on_secured,
	.on_drained = on_drained,
	.on_eof = on_eof,
	.on_error = on_error,
};

#define TURN_UNTIL(condition) \
	do { \
		for (int round_ = 0; round_ < ROUNDS && !(condition); \
		     round_++) \
			event_base_loop(loop_base(loop), \
			    EVLOOP_ONCE | EVLOOP_NONBLOCK); \
		ck_assert(condition); \
	} while (0)

static bool short_of_memory;

static void *
scarce_malloc(size_t size)
{
	return short_of_memory ? NULL : malloc(size);
}

static void
set_up_links(void)
{
	event_set_mem_functions(scarce_malloc, realloc, free);
	set_up();
	memset(seen, 0, sizeof(seen));
	make_pair();
	loop = loop_new();
	for (int i = 0; i < 2; i++)
		links[i] = link_new(loop, ends[i]);
	ends[0] = ends[1] = SOCK_NONE; /* the links' */
	link_set_handler(links[0], &handler, (void *)0);
	ck_assert(link_connect_tls(links[1], client_context, NULL));
	link_set_handler(links[1], &handler, (void *)1);
}

static void
tear_down_links(void)
{
	for (int i = 0; i < 2; i++)
		link_free(links[i]);
	loop_free(loop);
	tear_down();
}

START_TEST(a_link_becomes_tls)
{
	uint8_t a[LINK_BINDING_SIZE], b[LINK_BINDING_SIZE];

	/* written before the handshake is over, it waits */
	ck_assert(link_write(links[1], "hello", 5));
	TURN_UNTIL(seen[0].secured && seen[1].secured);
	TURN_UNTIL(seen[0].len == 5);
	ck_assert_mem_eq(seen[0].got, "hello", 5);
	ck_assert(link_write(links[0], "wel", 3));
	ck_assert(link_write(links[0], "come", 4));
	TURN_UNTIL(seen[1].len == 7);
	ck_assert_mem_eq(seen[1].got, "welcome", 7);
	ck_assert(link_binding(links[0], a));
	ck_assert(link_binding(links[1], b));
	ck_assert_mem_eq(a, b, sizeof(a));
	ck_assert(link_is_quiet(links[0]));
	ck_assert(link_is_quiet(links[1]));
}
END_TEST

START_TEST(a_link_that_is_not_quiet)
{
	TURN_UNTIL(seen[0].secured && seen[1].secured);
	ck_assert(link_write(links[1], "x", 1));
	TURN_UNTIL(
	    sock_peek(link_fd(links[0])) == SOCK_BYTES || seen[0].len == 1);
	if (seen[0].len == 0) {
		ck_assert(!link_is_quiet(links[0]));
		TURN_UNTIL(seen[0].len == 1); /* it is heard all the same */
	}
	ck_assert(link_is_quiet(links[0]));
}
END_TEST

/* Bytes that were read and found no room are not just left out. */
START_TEST(a_link_without_memory_ends)
{
	TURN_UNTIL(seen[0].secured && seen[1].secured);
	link_read(links[0], false);
	ck_assert(link_write(links[1], "lost", 4));
	TURN_UNTIL(sock_peek(link_fd(links[0])) == SOCK_BYTES);
	short_of_memory = true;
	if (_i == 0) {
		ck_assert(!link_is_quiet(links[0]));
	} else {
		link_kick(links[0]);
		link_read(links[0], true);
		event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
	}
	short_of_memory = false;
	link_read(links[0], true);
	ck_assert(link_write(links[1], "later", 5));
	TURN_UNTIL(seen[0].failed || seen[0].len > 0);
	ck_assert_uint_eq(seen[0].len, 0);
}
END_TEST

START_TEST(a_link_ends_in_order_or_not)
{
	struct stream stream;

	TURN_UNTIL(seen[0].secured && seen[1].secured);
	if (_i == 0) {
		link_free(links[1]);
	} else {
		stream = link_detach(links[1]);
		stream_close(&stream);
	}
	links[1] = NULL;
	TURN_UNTIL(seen[0].ended || seen[0].failed);
	ck_assert(seen[0].ended == (_i == 0));
}
END_TEST

START_TEST(half_closed_and_still_writing)
{
	TURN_UNTIL(seen[0].secured && seen[1].secured);
	ck_assert(link_finish(links[1]));
	TURN_UNTIL(seen[0].ended);
	ck_assert(link_write(links[0], "still", 5));
	TURN_UNTIL(seen[1].len == 5);
	ck_assert(link_finish(links[0]));
	TURN_UNTIL(seen[1].ended);
	ck_assert(!seen[0].failed);
	ck_assert(!seen[1].failed);
}
END_TEST

static void
set_up_stranger(void)
{
	set_up();
	memset(seen, 0, sizeof(seen));
	loop = loop_new();
	links[0] = links[1] = NULL;
}

/* The rest of its handshake with links[0]. */
static void
shake_hands(SSL *bare)
{
	unsigned char bytes[8192];
	ssize_t n;

	links[0] = link_new(loop, ends[0]);
	ends[0] = SOCK_NONE;
	link_set_handler(links[0], &handler, (void *)0);
	send_on(bare);
	TURN_UNTIL(sock_peek(ends[1]) == SOCK_BYTES);
	n = sock_recv(ends[1], bytes, sizeof(bytes));
	ck_assert_int_gt(n, 0);
	BIO_write(SSL_get_rbio(bare), bytes, (int)n);
	ck_assert_int_eq(SSL_do_handshake(bare), 1);
	send_on(bare);
	TURN_UNTIL(seen[0].secured);
}

static void
on_time(void *arg)
{
	*(bool *)arg = true;
}

/* It asks for new keys all the time and takes none: its link waits until it
 * does, and not in circles. */
START_TEST(who_takes_no_reply_is_waited_for)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *bare = bare_new(ctx);
	struct loop_timer *timer;
	bool over = false;
	int rounds = 0, small = 1;

	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, (const void *)&small,
	    sizeof(small));
	shake_hands(bare);
	for (int i = 0; i < 40; i++) {
		SSL_key_update(bare, SSL_KEY_UPDATE_REQUESTED);
		ck_assert_int_eq(SSL_do_handshake(bare), 1);
		send_on(bare);
		event_base_loop(loop_base(loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
	}
	ck_assert_int_eq(sock_peek(link_fd(links[0])), SOCK_BYTES); /* full */
	timer = loop_timer_new(loop, on_time, &over);
	loop_timer_start(timer, 50);
	while (!over) {
		event_base_loop(loop_base(loop), EVLOOP_ONCE);
		rounds++;
	}
	ck_assert_int_lt(rounds, 10);
	ck_assert(!seen[0].failed);
	loop_timer_free(timer);
	SSL_free(bare);
	SSL_CTX_free(ctx);
}
END_TEST

START_TEST(what_is_not_read_waits)
{
	TURN_UNTIL(seen[0].secured && seen[1].secured);
	link_read(links[0], false);
	ck_assert(link_write(links[1], "later", 5));
	TURN_UNTIL(sock_peek(link_fd(links[0])) == SOCK_BYTES);
	for (int i = 0; i < 10; i++)
		event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
	ck_assert_uint_eq(seen[0].len, 0);
	link_read(links[0], true);
	TURN_UNTIL(seen[0].len == 5);
}
END_TEST

Suite *
tls_suite(void)
{
	Suite *suite = suite_create("tls");
	TCase *tc = tcase_create("connections");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, bytes_both_ways);
	tcase_add_loop_test(tc, a_full_socket, 0, 2);
	tcase_add_test(tc, close_notify_is_one_way);
	tcase_add_test(tc, a_cut_is_no_end);
	tcase_add_loop_test(tc, keys_that_change_without_end, 0, 2);
	tcase_add_test(tc, both_sides_have_the_same_binding);
	tcase_add_test(tc, keys_of_the_exchange_are_forgotten);
	tcase_add_test(tc, a_ticket_serves_often_and_for_its_context);
	tcase_add_loop_test(tc, the_client_checks, 0,
	    (int)(sizeof(checks) / sizeof(checks[0])));
	tcase_add_test(tc, made_once);
	tcase_add_test(tc, renewed_when_it_ends_soon);
	tcase_add_loop_test(tc, made_anew_when_lost, 0, 2);
	tcase_add_test(tc, a_lost_ca_is_not_replaced);
	suite_add_tcase(suite, tc);

	tc = tcase_create("text");
	tcase_add_loop_test(tc, text_of_fingerprints, 0,
	    (int)(sizeof(fingerprints) / sizeof(fingerprints[0])));
	suite_add_tcase(suite, tc);

	tc = tcase_create("links");
	tcase_add_checked_fixture(tc, set_up_links, tear_down_links);
	tcase_add_test(tc, a_link_becomes_tls);
	tcase_add_test(tc, a_link_that_is_not_quiet);
	tcase_add_loop_test(tc, a_link_ends_in_order_or_not, 0, 2);
	tcase_add_loop_test(tc, a_link_without_memory_ends, 0, 2);
	tcase_add_test(tc, half_closed_and_still_writing);
	tcase_add_test(tc, what_is_not_read_waits);
	suite_add_tcase(suite, tc);

	tc = tcase_create("strangers");
	tcase_add_checked_fixture(tc, set_up_stranger, tear_down_links);
	if (sock_unix_possible())
		tcase_add_test(tc, who_takes_no_reply_is_waited_for);
	else
		skip_test("tls", "who_takes_no_reply_is_waited_for",
		    "this system has no Unix sockets");
	suite_add_tcase(suite, tc);
	return suite;
}
