/*
 * tls_problem.c - why a TLS connection has failed, and by whose fault.
 *
 * Owns:    nothing.
 * Thread:  the connection's.
 * Floor:   net. Sources: RFC 8446, 6; ERR_get_error(3).
 */
#include "net/tls_parts.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509.h>

/* What the library's words mean here. */
static const struct {
	int reason;
	const char *to_client, *to_server;
} reasons[] = {
	{ SSL_R_UNEXPECTED_EOF_WHILE_READING,
	    "the connection ended without a close_notify; is TLS switched on "
	    "at the outer?",
	    "the connection ended without a close_notify" },
	{ SSL_R_WRONG_VERSION_NUMBER, "the outer does not speak TLS there",
	    "no TLS record" },
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
	    "the outer asks for a client certificate: set CertFile and KeyFile",
	    "the inner asks for a certificate" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA,
	    "the outer does not accept our certificate: its ClientCAFile does "
	    "not hold who signed CertFile",
	    "the inner does not accept our certificate: its CAFile or "
	    "ServerFingerprint is another" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
	    "the outer does not accept our certificate: it has expired",
	    "the inner does not accept our certificate: it has expired" },
	{ SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
	    "the outer does not accept our certificate: it is not for clients "
	    "(extendedKeyUsage clientAuth)",
	    "the inner does not accept our certificate: it is not for servers "
	    "(extendedKeyUsage serverAuth)" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
	    "the outer does not accept our certificate",
	    "the inner does not accept our certificate" },
	{ SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL,
	    "the server there is no outer of ours (ALPN transponder/1)",
	    "no ALPN transponder/1" },
	{ SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "no certificate",
	    "the inner shows no client certificate, and ClientCAFile requires "
	    "one: set its CertFile and KeyFile" },
};

/* After the handshake a missing close_notify says less. */
static const char *
meaning(const struct tls *tls)
{
	int reason = ERR_GET_REASON(tls->error);
	bool cut = reason == SSL_R_UNEXPECTED_EOF_WHILE_READING;

	if (ERR_GET_LIB(tls->error) != ERR_LIB_SSL)
		return NULL;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].reason == reason)
			return tls->context->server || (cut && tls->connected)
			    ? reasons[i].to_server
			    : reasons[i].to_client;
	return NULL;
}

static const char *
verdict(const struct tls *tls)
{
	long code = SSL_get_verify_result(tls->ssl);

	return ERR_GET_LIB(tls->error) == ERR_LIB_SSL &&
		ERR_GET_REASON(tls->error) == SSL_R_CERTIFICATE_VERIFY_FAILED &&
		code != X509_V_OK
	    ? tls_certificate_problem(code, !tls->context->server)
	    : NULL;
}

const char *
tls_problem(const struct tls *tls, char out[TLS_WHY_SIZE])
{
	const char *why = tls->why;

	if (why == NULL)
		why = verdict(tls);
	if (why == NULL)
		why = meaning(tls);
	if (why == NULL && tls->error != 0)
		why = ERR_reason_error_string(tls->error);
	if (why == NULL && tls->system_error != 0)
		why = strerror(tls->system_error);
	snprintf(out, TLS_WHY_SIZE, "TLS%s: %s",
	    tls->connected ? "" : " handshake",
	    why != NULL ? why : "the connection was closed");
	return out;
}

bool
tls_was_refused(const struct tls *tls)
{
	int reason = ERR_GET_REASON(tls->error);

	return tls->why != NULL ||
	    (ERR_GET_LIB(tls->error) == ERR_LIB_SSL &&
		reason != ERR_R_MALLOC_FAILURE &&
		reason != SSL_R_TLSV1_ALERT_INTERNAL_ERROR &&
		reason != SSL_R_UNEXPECTED_EOF_WHILE_READING);
}

bool
tls_peer_is_at_fault(const struct tls *tls)
{
	return tls_was_refused(tls) &&
	    (tls->why != NULL ||
		ERR_GET_REASON(tls->error) < SSL_AD_REASON_OFFSET);
}
