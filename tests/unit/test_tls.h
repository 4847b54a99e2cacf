/* test_tls.h - contexts of TLS with certificates made for them, and a socket
 * pair. Each file that includes this has its own. */
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

#endif
