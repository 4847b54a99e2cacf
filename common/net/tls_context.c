/*
 * tls_context.c - what all TLS connections of one side share.
 *
 * Owns:    certificates, keys, the sessions that may be resumed.
 * Thread:  made on main, used by all.
 * Floor:   net. A context never changes: new files are a new one, with no
 *          sessions yet, so that none outlives what it was checked against.
 */
#include "net/tls_parts.h"
#include "sys/file.h"
#include "sys/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

enum {
	FILE_MAX = 1 << 20,
	TICKET_SECONDS = 7200,
	SESSIONS_MAX = 4096, /* the one used longest ago goes first */
};

static const unsigned char alpn[] = "\x0d"
				    "transponder/1";
static const char suites[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
			     "TLS_CHACHA20_POLY1305_SHA256";
static const char ciphers_1_2[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
static const char groups[] = "X25519:P-256:P-384";

struct tls_slot {
	struct mutex *lock;	     /* owned */
	struct tls_context *context; /* held; NULL: none */
};

/* --- the server's part of the hello --- */

static int
choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *offered, unsigned len, void *arg)
{
	unsigned char *chosen = NULL;

	(void)arg;
	/* The ticket that it came of may serve on: a new one each time would
	 * cost both sides more than the rest of the resumption. */
	if (SSL_session_reused(ssl))
		(void)SSL_set_num_tickets(ssl, 0);
	if (SSL_select_next_proto(&chosen, out_len, alpn, sizeof(alpn) - 1,
		offered, len) == OPENSSL_NPN_NEGOTIATED) {
		*out = chosen;
		return SSL_TLSEXT_ERR_OK;
	}
	tls_of(ssl)->why = "it offers another ALPN than transponder/1";
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Strangers, a scanner or a browser, are told apart before any work is done
 * for them. */
static int
look_at_hello(SSL *ssl, int *alert, void *arg)
{
	const unsigned char *extension;
	size_t len;

	(void)arg;
	tls_of(ssl)->hello.whole = true;
	if (SSL_client_hello_get0_ext(ssl,
		TLSEXT_TYPE_application_layer_protocol_negotiation, &extension,
		&len) == 1)
		return SSL_CLIENT_HELLO_SUCCESS;
	tls_of(ssl)->why = "it does not offer ALPN transponder/1";
	*alert = SSL_AD_NO_APPLICATION_PROTOCOL;
	return SSL_CLIENT_HELLO_ERROR;
}

/* --- files --- */

static bool
complain(char problem[TLS_PROBLEM_SIZE], const char *key, const char *path,
    const char *why)
{
	snprintf(problem, TLS_PROBLEM_SIZE, "%s %.300s: %s", key, path, why);
	ERR_clear_error();
	return false;
}

/* A key that has a passphrase cannot be asked for it here. */
static int
no_passphrase(char *out, int size, int for_writing, void *asked)
{
	(void)out;
	(void)size;
	(void)for_writing;
	*(bool *)asked = true;
	return -1;
}

static BIO *
open_file(const char *key, const char *path, char problem[TLS_PROBLEM_SIZE],
    char **text)
{
	const char *why;
	size_t len;
	BIO *bio;

	*text = file_read(path, FILE_MAX, &len, &why);
	if (*text == NULL) {
		(void)complain(problem, key, path, why);
		return NULL;
	}
	bio = len > 0 ? BIO_new_mem_buf(*text, (int)len) : NULL;
	if (bio == NULL) {
		(void)complain(problem, key, path, "it is empty");
		OPENSSL_cleanse(*text, len);
		free(*text);
	}
	return bio;
}

static void
close_file(BIO *bio, char *text)
{
	BIO_free(bio);
	OPENSSL_cleanse(text, strlen(text));
	free(text);
	ERR_clear_error();
}

/* What the library does not accept of a certificate that it could read. Its
 * bounds are those of its security level: 2048 bits on most systems. */
static const char *
cert_problem(void)
{
	unsigned long error = ERR_peek_last_error();

	if (ERR_GET_LIB(error) != ERR_LIB_SSL)
		return "it holds no certificate";
	switch (ERR_GET_REASON(error)) {
	case SSL_R_EE_KEY_TOO_SMALL:
		return "its key is too short to be safe; make a new one with "
		       "its certificate: EC P-256, or RSA of 2048 bits";
	case SSL_R_CA_KEY_TOO_SMALL:
		return "the key of a CA in it is too short to be safe; make a "
		       "new CA: EC P-256, or RSA of 2048 bits";
	case SSL_R_CA_MD_TOO_WEAK:
		return "it is signed with a digest that is not safe; have it "
		       "signed anew with SHA-256";
	default:
		return "it holds no certificate";
	}
}

/* The first certificate is one's own, the others its chain. */
static bool
load_certs(SSL_CTX *ctx, const char *path, char problem[TLS_PROBLEM_SIZE])
{
	const char *wrong = NULL;
	bool asked = false, good;
	char *text;
	BIO *bio = open_file("CertFile", path, problem, &text);
	X509 *cert;

	if (bio == NULL)
		return false;
	cert = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, &asked);
	good = cert != NULL && SSL_CTX_use_certificate(ctx, cert) == 1;
	X509_free(cert);
	while (good &&
	    (cert = PEM_read_bio_X509(bio, NULL, no_passphrase, &asked)) !=
		NULL)
		if (SSL_CTX_add0_chain_cert(ctx, cert) != 1) {
			X509_free(cert);
			good = false;
		}
	if (!good)
		wrong = cert_problem();
	close_file(bio, text);
	return good || complain(problem, "CertFile", path, wrong);
}

static bool
load_key(SSL_CTX *ctx, const char *path, char problem[TLS_PROBLEM_SIZE])
{
	bool asked = false, used;
	char *text;
	BIO *bio = open_file("KeyFile", path, problem, &text);
	EVP_PKEY *pkey;

	if (bio == NULL)
		return false;
	pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
	used = pkey != NULL && SSL_CTX_use_PrivateKey(ctx, pkey) == 1 &&
	    SSL_CTX_check_private_key(ctx) == 1;
	EVP_PKEY_free(pkey);
	close_file(bio, text);
	if (used)
		return true;
	return complain(problem, "KeyFile", path,
	    asked	       ? "it has a passphrase; take it off"
		: pkey == NULL ? "it holds no private key"
			       : "it is not the key of CertFile");
}

static bool
load_pair(SSL_CTX *ctx, const char *cert_file, const char *key_file,
    char problem[TLS_PROBLEM_SIZE])
{
	if (cert_file == NULL)
		return true;
	return load_certs(ctx, cert_file, problem) &&
	    load_key(ctx, key_file, problem);
}

/* Whom to trust; a server also tells it to clients. */
static bool
load_cas(SSL_CTX *ctx, const char *key, const char *path, bool tell,
    char problem[TLS_PROBLEM_SIZE])
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	bool asked = false;
	unsigned count = 0;
	char *text;
	BIO *bio = open_file(key, path, problem, &text);
	X509 *cert;

	if (bio == NULL)
		return false;
	while ((cert = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase,
		    &asked)) != NULL) {
		count += X509_STORE_add_cert(store, cert) == 1;
		if (tell)
			(void)SSL_CTX_add_client_CA(ctx, cert);
		X509_free(cert);
	}
	close_file(bio, text);
	(void)X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	return count > 0 ||
	    complain(problem, key, path, "it holds no certificate");
}

/* --- contexts --- */

/* What both sides have in common. */
static bool
set_up(SSL_CTX *ctx)
{
	(void)SSL_CTX_set_options(ctx,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		SSL_OP_ENABLE_KTLS | SSL_OP_CIPHER_SERVER_PREFERENCE);
	(void)SSL_CTX_set_mode(ctx,
	    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_timeout(ctx, TICKET_SECONDS);
	SSL_CTX_set_info_callback(ctx, tls_on_info);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	    SSL_CTX_set_ciphersuites(ctx, suites) == 1 &&
	    SSL_CTX_set_cipher_list(ctx, ciphers_1_2) == 1 &&
	    SSL_CTX_set1_groups_list(ctx, groups) == 1;
}

static struct tls_context *
context_new(const SSL_METHOD *method, char problem[TLS_PROBLEM_SIZE])
{
	struct tls_context *context = calloc(1, sizeof(*context));

	ERR_clear_error();
	snprintf(problem, TLS_PROBLEM_SIZE, "TLS: out of memory");
	if (context == NULL)
		return NULL;
	atomic_init(&context->holders, 1);
	context->ctx = SSL_CTX_new(method);
	if (context->ctx != NULL && set_up(context->ctx))
		return context;
	tls_context_release(context);
	return NULL;
}

/*
 * A ticket is a number only, of a session that is kept here: so connections
 * that resume share it, where each would decode one of its own out of a ticket
 * that carries it. Sessions are kept by tls_let_resume alone.
 */
static void
set_up_tickets(SSL_CTX *ctx)
{
	static const unsigned char id[] = "transponder/1";

	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	(void)SSL_CTX_set_session_cache_mode(ctx,
	    SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL_STORE);
	(void)SSL_CTX_sess_set_cache_size(ctx, SESSIONS_MAX);
	(void)SSL_CTX_set_num_tickets(ctx, 1);
	(void)SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1);
}

static bool
set_up_server(SSL_CTX *ctx, const struct tls_server_options *options,
    char problem[TLS_PROBLEM_SIZE])
{
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
	SSL_CTX_set_client_hello_cb(ctx, look_at_hello, NULL);
	set_up_tickets(ctx);
	SSL_CTX_set_max_cert_list(ctx, TLS_HANDSHAKE_MAX);
	if (options->client_ca_file != NULL)
		SSL_CTX_set_verify(ctx,
		    SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return load_pair(ctx, options->cert_file, options->key_file, problem) &&
	    (options->client_ca_file == NULL ||
		load_cas(ctx, "ClientCAFile", options->client_ca_file, true,
		    problem));
}

struct tls_context *
tls_context_new_server(const struct tls_server_options *options,
    char problem[TLS_PROBLEM_SIZE])
{
	struct tls_context *context = context_new(TLS_server_method(), problem);

	if (context == NULL)
		return NULL;
	context->server = true;
	context->asks_certificate = options->client_ca_file != NULL;
	if (set_up_server(context->ctx, options, problem))
		return context;
	tls_context_release(context);
	return NULL;
}

static bool
set_up_client(struct tls_context *context,
    const struct tls_client_options *options, char problem[TLS_PROBLEM_SIZE])
{
	SSL_CTX *ctx = context->ctx;
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, tls_check_server, context);
	if (options->fingerprint != NULL) {
		context->pinned = true;
		memcpy(context->fingerprint, options->fingerprint,
		    sizeof(context->fingerprint));
	}
	context->chain_checked = options->ca_file != NULL;
	context->asks_certificate = context->pinned || context->chain_checked;
	context->server_name = strdup(options->server_name);
	return context->server_name != NULL &&
	    SSL_CTX_set_alpn_protos(ctx, alpn, sizeof(alpn) - 1) == 0 &&
	    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN) ==
	    1 &&
	    load_pair(ctx, options->cert_file, options->key_file, problem) &&
	    (options->ca_file == NULL ||
		load_cas(ctx, "CAFile", options->ca_file, false, problem));
}

struct tls_context *
tls_context_new_client(const struct tls_client_options *options,
    char problem[TLS_PROBLEM_SIZE])
{
	struct tls_context *context = context_new(TLS_client_method(), problem);

	if (context == NULL || set_up_client(context, options, problem))
		return context;
	tls_context_release(context);
	return NULL;
}

struct tls_context *
tls_context_hold(struct tls_context *context)
{
	atomic_fetch_add(&context->holders, 1);
	return context;
}

void
tls_context_release(struct tls_context *context)
{
	if (context == NULL || atomic_fetch_sub(&context->holders, 1) > 1)
		return;
	SSL_CTX_free(context->ctx);
	free(context->server_name);
	free(context);
}

/* --- slots --- */

struct tls_slot *
tls_slot_new(void)
{
	struct tls_slot *slot = calloc(1, sizeof(*slot));

	if (slot == NULL || (slot->lock = mutex_new()) == NULL) {
		free(slot);
		return NULL;
	}
	return slot;
}

void
tls_slot_free(struct tls_slot *slot)
{
	if (slot == NULL)
		return;
	tls_context_release(slot->context);
	mutex_free(slot->lock);
	free(slot);
}

void
tls_slot_put(struct tls_slot *slot, struct tls_context *context)
{
	struct tls_context *old;

	mutex_lock(slot->lock);
	old = slot->context;
	slot->context = context;
	mutex_unlock(slot->lock);
	tls_context_release(old);
}

struct tls_context *
tls_slot_get(struct tls_slot *slot)
{
	struct tls_context *context;

	mutex_lock(slot->lock);
	context = slot->context;
	if (context != NULL)
		(void)tls_context_hold(context);
	mutex_unlock(slot->lock);
	return context;
}
