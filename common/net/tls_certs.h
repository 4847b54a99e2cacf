/* tls_certs.h - certificates that a server makes for itself. Floor: net.
 *
 * A folder holds ca.key, ca.crt (EC P-256, 10 years) and server.key,
 * server.crt, signed by that CA for TLS_SERVER_NAME. */
#ifndef NET_TLS_CERTS_H
#define NET_TLS_CERTS_H

#include "net/tls.h"

#include <stdbool.h>

enum {
	TLS_CERTS_PATH_SIZE = 4096,
	TLS_CERTS_CA_DAYS = 3653,
	TLS_CERTS_SERVER_DAYS = 397,
	TLS_CERTS_RENEW_DAYS = 60, /* before its end */
	TLS_CERTS_DATE_SIZE = 32,
};

struct tls_certs {
	char ca_file[TLS_CERTS_PATH_SIZE];
	char cert_file[TLS_CERTS_PATH_SIZE];
	char key_file[TLS_CERTS_PATH_SIZE];
	char fingerprint[2 * TLS_FINGERPRINT_SIZE + 1]; /* of ca.crt, hex */
	char until[TLS_CERTS_DATE_SIZE]; /* server.crt: "2036-11-18" */
	bool made;			 /* the CA is new */
	bool renewed;			 /* server.crt is new, the CA is not */
	char stays[TLS_PROBLEM_SIZE];	 /* why server.crt, which is good as
					  * yet, could not be renewed; or "" */
	bool ca_ends; /* ca.crt is not good today, or not for long */
};

/*
 * Makes what is missing in the folder, renews server.crt when it is no good
 * any more or will not be for long, and says where all is. days: how long a
 * new server.crt is to last. False with one line in problem.
 */
bool tls_certs_prepare(const char *folder, int days, struct tls_certs *certs,
    char problem[TLS_PROBLEM_SIZE]);

#endif
