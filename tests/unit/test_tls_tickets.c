/*
 * test_tls_tickets.c - sessions that are resumed, and those that may not be.
 */
#include "tests/unit/suites.h"
#include "tests/unit/scarce.h"
#include "net/tls_parts.h"
#include "tests/unit/test_tls.h"

#include <openssl/x509v3.h>
#include <string.h>

enum { PSK_DHE_KE = 1 };

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

/* The library may not lose count of a session for want of memory. */
START_TEST(a_session_without_memory_is_kept)
{
	struct tls_ticket *ticket;

	connect_with(NULL);
	ticket = tls_take_ticket(client);
	scarce_fail_next();
	tls_let_resume(server);
	hang_up();
	connect_with(ticket);
	ck_assert(tls_is_resumed(server));
	tls_ticket_free(ticket);
}
END_TEST

/* Resumes, and then the certificate that both were checked by has ended. */
static void
outlive(const struct tls_ticket *ticket, SSL_SESSION *session)
{
	X509 *cert = SSL_SESSION_get0_peer(session);

	hang_up();
	connect_with(ticket);
	ck_assert(tls_is_resumed(server));
	hang_up();
	ck_assert_ptr_nonnull(
	    X509_time_adj_ex(X509_getm_notAfter(cert), -1, 0, NULL));
	call(ticket);
}

/* Checked when the session began, it counts today as well. */
START_TEST(no_session_outlives_the_servers_certificate)
{
	struct tls_ticket *ticket;
	char why[TLS_WHY_SIZE];
	enum tls_result other;

	tls_context_release(client_context);
	client_context = new_client(_i == 0 ? certs.ca_file : NULL,
	    TLS_SERVER_NAME, NULL);
	connect_with(NULL);
	tls_let_resume(server);
	ticket = tls_take_ticket(client);
	outlive(ticket, ticket->session);
	if (_i == 0) {
		ck_assert_int_eq(shake(&other), TLS_FAILED);
		ck_assert_ptr_nonnull(strstr(tls_problem(client, why),
		    "the outer's certificate has expired"));
		ck_assert(tls_was_refused(client));
	} else { /* nobody asked for it */
		ck_assert_int_eq(shake(&other), TLS_DONE);
		ck_assert(tls_is_resumed(client));
	}
	tls_ticket_free(ticket);
}
END_TEST

/* The server's own serves as its client's: here it may be for anything. */
static void
ask_for_certificates(void)
{
	const struct tls_server_options at_server = {
		.cert_file = certs.cert_file,
		.key_file = certs.key_file,
		.client_ca_file = certs.ca_file,
	};
	const struct tls_client_options at_client = {
		.cert_file = certs.cert_file,
		.key_file = certs.key_file,
		.server_name = TLS_SERVER_NAME,
	};

	tls_context_release(server_context);
	tls_context_release(client_context);
	server_context = tls_context_new_server(&at_server, problem);
	client_context = tls_context_new_client(&at_client, problem);
	ck_assert_ptr_nonnull(server_context);
	ck_assert_ptr_nonnull(client_context);
	ck_assert_int_eq(SSL_CTX_set_purpose(server_context->ctx,
			     X509_PURPOSE_ANY),
	    1);
}

START_TEST(no_session_outlives_the_clients_certificate)
{
	struct tls_ticket *ticket;
	char why[TLS_WHY_SIZE];
	enum tls_result other;
	SSL_SESSION *session;

	ask_for_certificates();
	connect_with(NULL);
	tls_let_resume(server);
	session = SSL_get1_session(server->ssl);
	ticket = tls_take_ticket(client);
	outlive(ticket, session);
	(void)shake(&other);
	ck_assert_int_eq(other, TLS_FAILED);
	ck_assert_ptr_nonnull(strstr(tls_problem(server, why),
	    "the inner's certificate has expired"));
	SSL_SESSION_free(session);
	tls_ticket_free(ticket);
}
END_TEST

/* A client that would also resume without a key exchange, and in the second
 * case has none in common with the server: who learns the session's key later
 * shall not read what was said. */
START_TEST(no_resumption_without_a_key_exchange)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *bare = bare_client(ctx);
	SSL_SESSION *session;
	char byte;

	send_on(bare);
	ck_assert_int_eq(tls_handshake(server), TLS_DONE);
	tls_let_resume(server);
	take_in(bare); /* the ticket */
	ck_assert_int_eq(SSL_read(bare, &byte, 1), -1);
	session = SSL_get1_session(bare);
	ck_assert_int_eq(SSL_SESSION_is_resumable(session), 1);
	SSL_set_shutdown(bare, SSL_SENT_SHUTDOWN); /* a cut would spoil it */
	SSL_free(bare);
	hang_up();
	(void)SSL_CTX_set_options(ctx, SSL_OP_ALLOW_NO_DHE_KEX);
	if (_i == 1)
		ck_assert_int_eq(SSL_CTX_set1_groups_list(ctx, "P-521"), 1);
	bare = bare_resume(ctx, session);
	bare_call(bare);
	if (_i == 0) {
		take_in(bare);
		ck_assert_int_eq(SSL_do_handshake(bare), 1);
		ck_assert_int_eq(SSL_session_reused(bare), 1);
	} else {
		ck_assert_int_eq(tls_handshake(server), TLS_FAILED);
	}
	SSL_free(bare);
	SSL_SESSION_free(session);
	SSL_CTX_free(ctx);
}
END_TEST

static int
note_modes(SSL *ssl, int *alert, void *arg)
{
	const unsigned char *modes;
	size_t len;

	(void)alert;
	ck_assert_int_eq(SSL_client_hello_get0_ext(ssl,
			     TLSEXT_TYPE_psk_kex_modes, &modes, &len),
	    1);
	ck_assert_uint_eq(len, 2); /* how many, and those */
	ck_assert_uint_eq(modes[1], PSK_DHE_KE);
	*(bool *)arg = true;
	return SSL_CLIENT_HELLO_SUCCESS;
}

START_TEST(a_client_offers_no_resumption_without_a_key_exchange)
{
	bool noted = false;

	SSL_CTX_set_client_hello_cb(server_context->ctx, note_modes, &noted);
	connect_with(NULL);
	ck_assert(noted);
}
END_TEST

Suite *
tls_tickets_suite(void)
{
	Suite *suite = suite_create("tls_tickets");
	TCase *tc = tcase_create("tickets");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_ticket_serves_often_and_for_its_context);
	tcase_add_test(tc, a_session_without_memory_is_kept);
	tcase_add_loop_test(tc, no_session_outlives_the_servers_certificate, 0,
	    2);
	tcase_add_test(tc, no_session_outlives_the_clients_certificate);
	tcase_add_loop_test(tc, no_resumption_without_a_key_exchange, 0, 2);
	tcase_add_test(tc,
	    a_client_offers_no_resumption_without_a_key_exchange);
	suite_add_tcase(suite, tc);
	return suite;
}
