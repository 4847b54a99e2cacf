/*
 * test_tls_hello.c - what a client may say before the handshake is over: long
 * hellos, hellos in crumbs, hellos said twice.
 */
#include "tests/unit/suites.h"
#include "net/tls_parts.h"
#include "tests/unit/test_tls.h"

#include <stdlib.h>
#include <string.h>

enum { PADDING_TYPE = 65280, ROUNDS = 8 };

static const char too_long[] = "TLS handshake: a hello of more than 8 KiB";
static unsigned char padding[2 * TLS_HELLO_MAX];

static int
add_padding(SSL *ssl, unsigned type, unsigned context,
    const unsigned char **out, size_t *len, X509 *cert, size_t chain,
    int *alert, void *arg)
{
	(void)ssl;
	(void)type;
	(void)context;
	(void)cert;
	(void)chain;
	(void)alert;
	*out = padding;
	*len = *(size_t *)arg;
	return 1;
}

/* A client of the bare library whose hello is so much longer. */
static SSL *
client_of(const char *groups, size_t *longer)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *bare;

	ck_assert_int_eq(SSL_CTX_set1_groups_list(ctx, groups), 1);
	if (*longer > 0)
		ck_assert_int_eq(SSL_CTX_add_custom_ext(ctx, PADDING_TYPE,
				     SSL_EXT_CLIENT_HELLO, add_padding, NULL,
				     longer, NULL, NULL),
		    1);
	bare = bare_new(ctx);
	SSL_CTX_free(ctx);
	return bare;
}

/* What it has written, to the server; the answer back. */
static enum tls_result
exchange(SSL *bare)
{
	unsigned char bytes[8192];
	enum tls_result result;
	ssize_t n;

	if (BIO_pending(SSL_get_wbio(bare)) > 0)
		send_on(bare);
	if (server == NULL) {
		n = sock_recv(ends[0], bytes, 4096); /* as libevent does */
		ck_assert_int_gt(n, 0);
		server = tls_accept(server_context, ends[0], bytes, (size_t)n);
		ck_assert_ptr_nonnull(server);
	}
	result = tls_handshake(server);
	while ((n = sock_recv(ends[1], bytes, sizeof(bytes))) > 0)
		BIO_write(SSL_get_rbio(bare), bytes, (int)n);
	(void)SSL_do_handshake(bare);
	return result;
}

static enum tls_result
exchange_all(SSL *bare)
{
	enum tls_result result = TLS_WANT_READ;

	for (int i = 0; i < ROUNDS && result != TLS_DONE; i++)
		if ((result = exchange(bare)) == TLS_FAILED)
			break;
	return result;
}

static void
ck_assert_too_long(void)
{
	char why[TLS_WHY_SIZE];

	ck_assert_int_eq(tls_handshake(server), TLS_FAILED);
	ck_assert_str_eq(tls_problem(server, why), too_long);
}

START_TEST(long_hellos)
{
	static const struct {
		const char *groups;
		size_t longer;
		bool good;
	} rows[] = {
		{ "X25519", 0, true },
		{ "X25519", 7000, true },
		{ "X25519", 8100, false },
		{ "X25519", 16000, false },
		{ "P-521:X25519", 0, true }, /* is asked to say it again */
		{ "P-521:X25519", 7000, true },
	};
	size_t longer = rows[_i].longer;
	SSL *bare = client_of(rows[_i].groups, &longer);

	ck_assert_int_eq(exchange_all(bare),
	    rows[_i].good ? TLS_DONE : TLS_FAILED);
	if (!rows[_i].good)
		ck_assert_too_long();
	SSL_free(bare);
}
END_TEST

static void
send_bytes(const void *bytes, size_t len)
{
	ck_assert_int_eq(sock_send(ends[1], bytes, len, NULL, 0), len);
}

/* Refused by what it says of itself, before its bytes are there. */
START_TEST(a_second_hello_that_says_it_is_long)
{
	static const uint8_t second[] = "\x14\x03\x03\0\1\1"
					"\x16\x03\x03\0\x04\x01\x01\xff\xff";
	size_t none = 0;
	SSL *bare = client_of("P-521:X25519", &none);

	ck_assert_int_eq(exchange(bare), TLS_WANT_READ);
	send_bytes(second, sizeof(second) - 1);
	ck_assert_too_long();
	SSL_free(bare);
}
END_TEST

START_TEST(a_hello_that_says_it_is_long)
{
	static const uint8_t hello[] = "\x16\x03\x01\x40\x00\x01\x00\x20\x01";

	make_pair();
	server = tls_accept(server_context, ends[0], hello, (size_t)_i);
	ck_assert_ptr_nonnull(server);
	for (size_t i = (size_t)_i; i < sizeof(hello) - 1; i++) {
		ck_assert_int_eq(tls_handshake(server), TLS_WANT_READ);
		send_bytes(hello + i, 1);
	}
	ck_assert_too_long();
}
END_TEST

/* A record for each byte. */
START_TEST(a_hello_in_crumbs)
{
	static const uint8_t head[] = { 1, 0, 0x1f, 0 };
	uint8_t crumb[] = { 0x16, 3, 1, 0, 1, 1 };
	size_t sent = sizeof(crumb);

	make_pair();
	server = tls_accept(server_context, ends[0], crumb, sizeof(crumb));
	ck_assert_ptr_nonnull(server);
	for (size_t i = 1; sent + sizeof(crumb) <= TLS_HELLO_MAX; i++) {
		crumb[5] = i < sizeof(head) ? head[i] : 3;
		send_bytes(crumb, sizeof(crumb));
		sent += sizeof(crumb);
		ck_assert_int_eq(tls_handshake(server), TLS_WANT_READ);
	}
	send_bytes(crumb, sizeof(crumb));
	ck_assert_too_long();
}
END_TEST

Suite *
tls_hello_suite(void)
{
	Suite *suite = suite_create("tls_hello");
	TCase *tc = tcase_create("hello");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, long_hellos, 0, 6);
	tcase_add_test(tc, a_second_hello_that_says_it_is_long);
	tcase_add_loop_test(tc, a_hello_that_says_it_is_long, 1, 10);
	tcase_add_test(tc, a_hello_in_crumbs);
	suite_add_tcase(suite, tc);
	return suite;
}
