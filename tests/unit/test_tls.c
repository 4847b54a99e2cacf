/*
 * test_tls.c - two TLS connections over a socket pair: handshake, bytes,
 * close_notify, truncation, the binding, checks; certificates made and mended.
 */
#include "tests/unit/suites.h"
#include "net/tls_parts.h"
#include "tests/unit/test_tls.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { LOTS = 1024 * 1024, ROUNDS = 100000 };

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
	ck_assert_int_ge(strcmp(again.until, certs.until), 0); /* midnight? */
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

	return suite;
}
