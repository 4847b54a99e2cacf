/*
 * tls_certs.c - certificates that a server makes for itself.
 *
 * Owns:    nothing but files.
 * Thread:  main.
 * Floor:   net. Sources: RFC 5280; X509_sign(3), X509V3_EXT_conf_nid(3).
 *
 * A new folder gets its name when all is in it, so whoever is first of two
 * programs that start at once makes it, and the other uses it. Later server.crt
 * alone is replaced, under the same key: each file by itself is good at any
 * time.
 */
#include "net/tls_certs.h"
#include "net/tls_parts.h"
#include "base/str.h"
#include "sys/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

enum { PEM_MAX = 1 << 16, DAY = 24 * 3600, SERIAL_BITS = 127 };

/* A certificate and its key; either may be missing. */
struct pair {
	EVP_PKEY *key;
	X509 *cert;
};

static void
pair_free(struct pair *pair)
{
	EVP_PKEY_free(pair->key);
	X509_free(pair->cert);
	*pair = (struct pair){ NULL, NULL };
}

static bool
fail(char problem[TLS_PROBLEM_SIZE], const char *path, const char *why)
{
	snprintf(problem, TLS_PROBLEM_SIZE, "%.300s: %s", path, why);
	ERR_clear_error();
	return false;
}

static bool
path_in(char out[TLS_CERTS_PATH_SIZE], const char *folder, const char *name)
{
	return snprintf(out, TLS_CERTS_PATH_SIZE, "%s/%s", folder, name) <
	    TLS_CERTS_PATH_SIZE;
}

/* --- making --- */

static bool
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool added;

	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	added = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return added;
}

static bool
set_serial(X509 *cert)
{
	BIGNUM *number = BN_new();
	bool set = number != NULL &&
	    BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) ==
		1 &&
	    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;

	BN_free(number);
	return set;
}

/* From a day ago on, for clocks differ. */
static bool
set_dates(X509 *cert, int days)
{
	return X509_time_adj_ex(X509_getm_notBefore(cert), -1, 0, NULL) !=
	    NULL &&
	    X509_time_adj_ex(X509_getm_notAfter(cert), days, 0, NULL) != NULL;
}

static bool
set_subject(X509 *cert, const char *name)
{
	return X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN",
		   MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) == 1;
}

static bool
add_extensions(X509 *cert, X509 *issuer, bool is_ca)
{
	if (is_ca)
		return add_extension(cert, issuer, NID_basic_constraints,
			   "critical,CA:TRUE,pathlen:0") &&
		    add_extension(cert, issuer, NID_key_usage,
			"critical,keyCertSign,cRLSign") &&
		    add_extension(cert, issuer, NID_subject_key_identifier,
			"hash");
	return add_extension(cert, issuer, NID_basic_constraints,
		   "critical,CA:FALSE") &&
	    add_extension(cert, issuer, NID_key_usage,
		"critical,digitalSignature") &&
	    add_extension(cert, issuer, NID_ext_key_usage, "serverAuth") &&
	    add_extension(cert, issuer, NID_subject_alt_name,
		"DNS:" TLS_SERVER_NAME) &&
	    add_extension(cert, issuer, NID_subject_key_identifier, "hash") &&
	    add_extension(cert, issuer, NID_authority_key_identifier, "keyid");
}

/* signer: NULL for a CA, which signs itself. */
static X509 *
make_cert(EVP_PKEY *key, const struct pair *signer, int days)
{
	X509 *cert = X509_new();
	X509 *issuer = signer != NULL ? signer->cert : cert;
	const char *name = signer != NULL ? TLS_SERVER_NAME : "Transponder CA";

	if (cert == NULL || X509_set_version(cert, X509_VERSION_3) != 1 ||
	    !set_serial(cert) || !set_dates(cert, days) ||
	    X509_set_pubkey(cert, key) != 1 || !set_subject(cert, name) ||
	    X509_set_issuer_name(cert, X509_get_subject_name(issuer)) != 1 ||
	    !add_extensions(cert, issuer, signer == NULL) ||
	    X509_sign(cert, signer != NULL ? signer->key : key, EVP_sha256()) <=
		0) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

static bool
make_pair(struct pair *pair, const struct pair *signer, int days)
{
	if (pair->key == NULL)
		pair->key = EVP_EC_gen("P-256");
	X509_free(pair->cert);
	pair->cert = pair->key != NULL ? make_cert(pair->key, signer, days)
				       : NULL;
	return pair->cert != NULL;
}

/* --- files --- */

static const char *
write_bio(const char *path, BIO *bio, bool secret)
{
	char *bytes;
	long len = BIO_get_mem_data(bio, &bytes);

	return file_write(path, bytes, (size_t)len, secret);
}

static const char *
write_key(const char *path, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	const char *why = bio != NULL &&
		PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL,
		    NULL) == 1
	    ? write_bio(path, bio, true)
	    : "out of memory";

	BIO_free(bio);
	return why;
}

/* also: the one who signed it, behind it; or NULL. */
static const char *
write_cert(const char *path, X509 *cert, X509 *also)
{
	BIO *bio = BIO_new(BIO_s_mem());
	const char *why = bio != NULL && PEM_write_bio_X509(bio, cert) == 1 &&
		(also == NULL || PEM_write_bio_X509(bio, also) == 1)
	    ? write_bio(path, bio, false)
	    : "out of memory";

	BIO_free(bio);
	return why;
}

/* What is there of it; a file that is no good counts as missing. */
static void
read_pair(const char *folder, const char *key_name, const char *cert_name,
    struct pair *pair)
{
	const char *names[] = { key_name, cert_name };

	for (int i = 0; i < 2; i++) {
		char path[TLS_CERTS_PATH_SIZE];
		const char *why;
		char *text;
		size_t len;
		BIO *bio;

		if (!path_in(path, folder, names[i]) ||
		    (text = file_read(path, PEM_MAX, &len, &why)) == NULL)
			continue;
		bio = BIO_new_mem_buf(text, (int)len);
		if (bio != NULL && i == 0)
			pair->key = PEM_read_bio_PrivateKey(bio, NULL, NULL,
			    (void *)"");
		else if (bio != NULL)
			pair->cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		BIO_free(bio);
		OPENSSL_cleanse(text, len);
		free(text);
	}
	ERR_clear_error();
}

static bool
belong_together(const struct pair *pair)
{
	return pair->key != NULL && pair->cert != NULL &&
	    X509_check_private_key(pair->cert, pair->key) == 1;
}

/* --- the folder --- */

static bool
write_all(const char *folder, const struct pair *ca, const struct pair *server,
    char problem[TLS_PROBLEM_SIZE])
{
	char path[TLS_CERTS_PATH_SIZE];
	const char *why = NULL;

	if (path_in(path, folder, "ca.key"))
		why = write_key(path, ca->key);
	if (why == NULL && path_in(path, folder, "ca.crt"))
		why = write_cert(path, ca->cert, NULL);
	if (why == NULL && path_in(path, folder, "server.key"))
		why = write_key(path, server->key);
	if (why == NULL && path_in(path, folder, "server.crt"))
		why = write_cert(path, server->cert, ca->cert);
	return why == NULL || fail(problem, path, why);
}

static void
remove_all(const char *folder)
{
	static const char *const names[] = { "ca.key", "ca.crt", "server.key",
		"server.crt" };
	char path[TLS_CERTS_PATH_SIZE];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (path_in(path, folder, names[i]))
			file_remove(path);
	file_remove(folder);
}

/* All of it, under a name of its own until it is complete. */
static bool
make_folder(const char *folder, int days, char problem[TLS_PROBLEM_SIZE])
{
	struct pair ca = { NULL, NULL }, server = { NULL, NULL };
	char aside[TLS_CERTS_PATH_SIZE], unique[FILE_UNIQUE_SIZE];
	const char *why = NULL;
	bool made = false;

	if (!file_unique(unique))
		return fail(problem, folder, "no random numbers");
	snprintf(aside, sizeof(aside), "%.4000s.tmp.%s", folder, unique);
	if (!make_pair(&ca, NULL, TLS_CERTS_CA_DAYS) ||
	    !make_pair(&server, &ca, days))
		fail(problem, folder, "no memory for certificates");
	else if ((why = file_make_folder(aside)) != NULL)
		fail(problem, aside, why);
	else if (write_all(aside, &ca, &server, problem))
		made = (why = file_name_folder(aside, folder)) == NULL ||
		    fail(problem, folder, why);
	remove_all(aside);
	pair_free(&ca);
	pair_free(&server);
	return made;
}

static bool
ends_soon(const X509 *cert)
{
	time_t soon = time(NULL) + (time_t)TLS_CERTS_RENEW_DAYS * DAY;

	return X509_cmp_time(X509_get0_notAfter(cert), &soon) < 0;
}

/* Why server.crt will not do, or NULL. One that is not good yet was made while
 * the clock was wrong. */
static const char *
server_problem(const struct pair *ca, const struct pair *server)
{
	if (!belong_together(server))
		return "server.crt or server.key is missing, or they do not "
		       "belong together";
	if (ca->cert != NULL &&
	    X509_verify(server->cert, X509_get0_pubkey(ca->cert)) != 1)
		return "server.crt was not signed by ca.crt";
	if (ends_soon(server->cert))
		return "server.crt ends soon";
	if (!tls_is_current(server->cert))
		return "server.crt is not good yet";
	return NULL;
}

/* New dates for server.crt, and a key where there is none. */
static bool
renew(const char *folder, const struct pair *ca, struct pair *server, int days,
    char problem[TLS_PROBLEM_SIZE])
{
	char path[TLS_CERTS_PATH_SIZE];
	const char *why = "the path is too long";
	bool new_key = server->key == NULL;

	if (!make_pair(server, ca, days))
		return fail(problem, folder, "no memory for a certificate");
	if (new_key &&
	    (!path_in(path, folder, "server.key") ||
		(why = write_key(path, server->key)) != NULL))
		return fail(problem, path, why);
	if (!path_in(path, folder, "server.crt") ||
	    (why = write_cert(path, server->cert, ca->cert)) != NULL)
		return fail(problem, path, why);
	return true;
}

static bool
is_good(const struct pair *pair)
{
	return belong_together(pair) && tls_is_current(pair->cert);
}

/* A folder that was there: makes good what has gone, or will. */
static bool
mend(const char *folder, int days, struct pair *ca, struct pair *server,
    struct tls_certs *certs, char problem[TLS_PROBLEM_SIZE])
{
	const char *why;

	read_pair(folder, "ca.key", "ca.crt", ca);
	read_pair(folder, "server.key", "server.crt", server);
	ERR_clear_error();
	if (ca->cert == NULL)
		return fail(problem, certs->ca_file,
		    "missing, or no certificate; without the folder all is "
		    "made anew");
	why = server_problem(ca, server);
	ERR_clear_error();
	if (why == NULL)
		return true;
	if (!belong_together(ca)) /* the operator has taken ca.key away,
				   * perhaps: what is left may do */
		return is_good(server) || fail(problem, folder, why);
	certs->renewed = renew(folder, ca, server, days, problem);
	if (certs->renewed)
		return true;
	pair_free(server);
	read_pair(folder, "server.key", "server.crt", server);
	ERR_clear_error();
	if (!is_good(server))
		return false;
	str_copy(certs->stays, sizeof(certs->stays), problem);
	return true;
}

static bool
describe(const struct pair *ca, const struct pair *server,
    struct tls_certs *certs)
{
	uint8_t bytes[TLS_FINGERPRINT_SIZE];
	struct tm end;

	if (!tls_fingerprint(ca->cert, bytes) ||
	    ASN1_TIME_to_tm(X509_get0_notAfter(server->cert), &end) != 1)
		return false;
	hex_encode(bytes, sizeof(bytes), certs->fingerprint);
	(void)strftime(certs->until, sizeof(certs->until), "%Y-%m-%d", &end);
	certs->ca_ends = ends_soon(ca->cert) || !tls_is_current(ca->cert);
	return true;
}

bool
tls_certs_prepare(const char *folder, int days, struct tls_certs *certs,
    char problem[TLS_PROBLEM_SIZE])
{
	struct pair ca = { NULL, NULL }, server = { NULL, NULL };
	bool good;

	memset(certs, 0, sizeof(*certs));
	if (!path_in(certs->ca_file, folder, "ca.crt") ||
	    !path_in(certs->cert_file, folder, "server.crt") ||
	    !path_in(certs->key_file, folder, "server.key"))
		return fail(problem, folder, "the path is too long");
	if (!file_exists(certs->ca_file) && !file_exists(certs->cert_file)) {
		if (!make_folder(folder, days, problem))
			return false;
		certs->made = true;
	}
	good = mend(folder, days, &ca, &server, certs, problem) &&
	    (describe(&ca, &server, certs) ||
		fail(problem, folder, "out of memory"));
	pair_free(&ca);
	pair_free(&server);
	return good;
}
