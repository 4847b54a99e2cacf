/*
 * tls_check.c - whether the other side's certificate is the one that was asked
 * for.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   net. Sources: X509_verify_cert(3), RFC 5280, RFC 6125.
 */
#include "net/tls_parts.h"
#include "base/str.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

/* of_server: what the inner says; else what the outer says of an inner's. */
static const struct {
	int code;
	const char *of_server, *of_client;
} problems[] = {
	{ X509_V_ERR_CERT_HAS_EXPIRED,
	    "the outer's certificate has expired: renew it there, or set this "
	    "machine's clock",
	    "the inner's certificate has expired: renew its CertFile" },
	{ X509_V_ERR_CERT_NOT_YET_VALID,
	    "the outer's certificate is not valid yet: set the clocks",
	    "the inner's certificate is not valid yet: set the clocks" },
	{ X509_V_ERR_HOSTNAME_MISMATCH,
	    "the outer's certificate is for another name: set ServerName to "
	    "the one it is for",
	    "the inner's certificate is for another name" },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
	    "the outer's certificate was not signed by CAFile: take the ca.crt "
	    "of this outer",
	    "the inner's certificate was not signed by ClientCAFile" },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
	    "the outer's certificate was not signed by CAFile: take the ca.crt "
	    "of this outer",
	    "the inner's certificate was not signed by ClientCAFile" },
	{ X509_V_ERR_CERT_SIGNATURE_FAILURE,
	    "the outer's certificate was not signed by CAFile: take the ca.crt "
	    "of this outer",
	    "the inner's certificate was not signed by ClientCAFile" },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
	    "the outer's certificate was signed by another CA than CAFile: "
	    "take the ca.crt of this outer",
	    "the inner's certificate was signed by another CA than "
	    "ClientCAFile" },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
	    "the outer's certificate is self-signed, and not the one of "
	    "CAFile",
	    "the inner's certificate is self-signed, and not the one of "
	    "ClientCAFile" },
	{ X509_V_ERR_INVALID_PURPOSE,
	    "the outer's certificate is not for servers (extendedKeyUsage): "
	    "have one signed with serverAuth",
	    "the inner's certificate is not for clients (extendedKeyUsage): "
	    "have one signed with clientAuth" },
	{ X509_V_ERR_EE_KEY_TOO_SMALL,
	    "the key of the outer's certificate is too short to be safe: make "
	    "a new one there, EC P-256 or RSA of 2048 bits",
	    "the key of the inner's certificate is too short to be safe: make "
	    "a new one for its CertFile, EC P-256 or RSA of 2048 bits" },
	{ X509_V_ERR_CA_KEY_TOO_SMALL,
	    "the key of the CA of the outer's certificate is too short to be "
	    "safe: make a new CA, EC P-256 or RSA of 2048 bits",
	    "the key of the CA of the inner's certificate is too short to be "
	    "safe: make a new CA, EC P-256 or RSA of 2048 bits" },
	{ X509_V_ERR_CA_MD_TOO_WEAK,
	    "the outer's certificate is signed with a digest that is not safe: "
	    "have it signed anew with SHA-256",
	    "the inner's certificate is signed with a digest that is not safe: "
	    "have it signed anew with SHA-256" },
	{ X509_V_ERR_CERT_REJECTED,
	    "the outer's certificate has another fingerprint than "
	    "ServerFingerprint: copy it anew if the outer was set up anew",
	    "the inner's certificate was refused" },
};

const char *
tls_certificate_problem(long code, bool of_server)
{
	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++)
		if (problems[i].code == code)
			return of_server ? problems[i].of_server
					 : problems[i].of_client;
	return X509_verify_cert_error_string(code);
}

bool
tls_fingerprint(const X509 *cert, uint8_t out[TLS_FINGERPRINT_SIZE])
{
	unsigned len = 0;

	return X509_digest(cert, EVP_sha256(), out, &len) == 1 &&
	    len == TLS_FINGERPRINT_SIZE;
}

bool
tls_fingerprint_parse(const char *text, uint8_t out[TLS_FINGERPRINT_SIZE])
{
	char hex[2 * TLS_FINGERPRINT_SIZE + 1];
	bool colons = strchr(text, ':') != NULL;
	size_t len = 0;

	for (size_t i = 0; text[i] != '\0'; i++) {
		if (colons && i % 3 == 2) {
			if (text[i] != ':')
				return false;
			continue;
		}
		if (len + 1 >= sizeof(hex))
			return false;
		hex[len++] = text[i];
	}
	hex[len] = '\0';
	return hex_decode(hex, out, TLS_FINGERPRINT_SIZE);
}

bool
tls_is_current(const X509 *cert)
{
	return X509_cmp_current_time(X509_get0_notBefore(cert)) < 0 &&
	    X509_cmp_current_time(X509_get0_notAfter(cert)) > 0;
}

/* -1: none has it. */
static int
find_pinned(const struct tls_context *context, const STACK_OF(X509) * chain)
{
	uint8_t found[TLS_FINGERPRINT_SIZE];

	for (int i = 0; i < sk_X509_num(chain); i++)
		if (tls_fingerprint(sk_X509_value(chain, i), found) &&
		    memcmp(found, context->fingerprint, sizeof(found)) == 0)
			return i;
	return -1;
}

/* The server's own certificate is the one: only its dates matter. */
static int
check_dates(X509 *leaf)
{
	if (tls_is_current(leaf))
		return X509_V_OK;
	return X509_cmp_current_time(X509_get0_notAfter(leaf)) > 0
	    ? X509_V_ERR_CERT_NOT_YET_VALID
	    : X509_V_ERR_CERT_HAS_EXPIRED;
}

/* One of the chain is: it must have signed the server's, with all that a CA
 * file would ask. */
static int
verify_under(X509_STORE_CTX *store, X509 *anchor)
{
	STACK_OF(X509) *trusted = sk_X509_new_null();
	int code = X509_V_ERR_OUT_OF_MEM;

	if (trusted != NULL && sk_X509_push(trusted, anchor) > 0) {
		X509_STORE_CTX_set0_trusted_stack(store, trusted);
		code = X509_verify_cert(store) == 1
		    ? X509_V_OK
		    : X509_STORE_CTX_get_error(store);
	}
	sk_X509_free(trusted);
	return code;
}

static int
check_pin(X509_STORE_CTX *store, const struct tls_context *context)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_untrusted(store);
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	uint8_t found[TLS_FINGERPRINT_SIZE];
	int at;

	if (tls_fingerprint(leaf, found) &&
	    memcmp(found, context->fingerprint, sizeof(found)) == 0)
		return check_dates(leaf);
	at = find_pinned(context, chain);
	return at < 0 ? X509_V_ERR_CERT_REJECTED
		      : verify_under(store, sk_X509_value(chain, at));
}

int
tls_check_server(X509_STORE_CTX *store, void *arg)
{
	const struct tls_context *context = arg;
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(store);
	const char *name = context->server_name;
	int code = X509_V_OK;

	/* here, and not in the context, of which each connection has a copy */
	if (X509_VERIFY_PARAM_set1_ip_asc(param, name) != 1 &&
	    X509_VERIFY_PARAM_set1_host(param, name, 0) != 1)
		code = X509_V_ERR_OUT_OF_MEM;
	else if (context->chain_checked && X509_verify_cert(store) != 1)
		code = X509_STORE_CTX_get_error(store);
	else if (context->chain_checked && context->pinned &&
	    find_pinned(context, X509_STORE_CTX_get0_chain(store)) < 0)
		code = X509_V_ERR_CERT_REJECTED;
	else if (!context->chain_checked && context->pinned)
		code = check_pin(store, context);
	X509_STORE_CTX_set_error(store, code);
	return code == X509_V_OK;
}
