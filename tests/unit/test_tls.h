/* test_tls.h - contexts of TLS with certificates made for them, a socket pair,
 * and handshakes over it. Each file that includes this has its own. */
#ifndef TESTS_TEST_TLS_H
#define TESTS_TEST_TLS_H

#include "net/tls.h"
#include "net/tls_certs.h"
#include "sys/file.h"
#include "sys/service.h"
#include "tests/unit/pairs.h"
#include "tests/unit/system.h"

#include <openssl/ssl.h>
#include <stdio.h>

static char folder[FILES_PATH_SIZE], certs_folder[FILES_PATH_SIZE + 8];
static struct tls_certs certs;
static struct tls_context *server_context, *client_context;
static sock_fd ends[2]; /* the server's, the client's */
static struct tls *server, *client;
static char problem[TLS_PROBLEM_SIZE];

static inline struct tls_context *
new_server(void)
{
	const struct tls_server_options options = {
		.cert_file = certs.cert_file,
		.key_file = certs.key_file,
	};

	return tls_context_new_server(&options, problem);
}

static inline struct tls_context *
new_client(const char *ca_file, const char *name, const uint8_t *fingerprint)
{
	const struct tls_client_options options = {
		.ca_file = ca_file,
		.server_name = name,
		.fingerprint = fingerprint,
	};

	return tls_context_new_client(&options, problem);
}

static inline void
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

static inline void
remove_file(const char *name)
{
	char path[FILES_PATH_SIZE + 32];

	snprintf(path, sizeof(path), "%s/%s", certs_folder, name);
	file_remove(path);
}

static inline void
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

static inline void
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

static inline void
make_pair(void)
{
	pairs_local(ends);
}

/* A client of the bare library, which reads and writes memory. session: to be
 * resumed; or NULL. */
static inline SSL *
bare_resume(SSL_CTX *ctx, SSL_SESSION *session)
{
	static const unsigned char alpn[] = "\x0dtransponder/1";
	SSL *bare = SSL_new(ctx);

	make_pair();
	ck_assert_int_eq(SSL_set_session(bare, session), 1);
	ck_assert_int_eq(SSL_set_alpn_protos(bare, alpn, sizeof(alpn) - 1), 0);
	SSL_set_connect_state(bare);
	SSL_set_bio(bare, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	ck_assert_int_eq(SSL_do_handshake(bare), -1);
	return bare;
}

static inline SSL *
bare_new(SSL_CTX *ctx)
{
	return bare_resume(ctx, NULL);
}

/* What it has written, to the server's socket. */
static inline void
send_on(SSL *bare)
{
	char *bytes;
	long len = BIO_get_mem_data(SSL_get_wbio(bare), &bytes);

	ck_assert_int_eq(sock_send(ends[1], bytes, (size_t)len, NULL, 0), len);
	(void)BIO_reset(SSL_get_wbio(bare));
}

/* The client's hello reaches the server as bytes that were read already. */
static inline void
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
static inline enum tls_result
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

static inline void
connect_with(const struct tls_ticket *ticket)
{
	enum tls_result other;
	char byte;

	call(ticket);
	ck_assert_int_eq(shake(&other), TLS_DONE);
	ck_assert_int_eq(other, TLS_DONE);
	ck_assert_int_eq(tls_recv(client, &byte, 1), SOCK_AGAIN);
}

/* What has come from the server. */
static inline void
take_in(SSL *bare)
{
	unsigned char bytes[8192];
	ssize_t n = sock_recv(ends[1], bytes, sizeof(bytes));

	ck_assert_int_gt(n, 0);
	BIO_write(SSL_get_rbio(bare), bytes, (int)n);
}

/* Its hello reaches the server. */
static inline void
bare_call(SSL *bare)
{
	unsigned char bytes[8192];
	int n = BIO_read(SSL_get_wbio(bare), bytes, sizeof(bytes));

	ck_assert_int_gt(n, 0);
	server = tls_accept(server_context, ends[0], bytes, (size_t)n);
	ck_assert_ptr_nonnull(server);
}

static inline SSL *
bare_client(SSL_CTX *ctx)
{
	SSL *bare = bare_new(ctx);

	bare_call(bare);
	take_in(bare);
	ck_assert_int_eq(SSL_do_handshake(bare), 1);
	return bare;
}

#endif
