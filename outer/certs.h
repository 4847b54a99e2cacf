/* certs.h - what links over TLS are met with: certificates, an operator's or
 * the outer's own, and when they change. Floor: outer. */
#ifndef OUTER_CERTS_H
#define OUTER_CERTS_H

#include "net/tls.h"

#include <stdbool.h>

struct certs;
struct hub;
struct outer_config;

/*
 * Main: fills hub->tls as the configuration says, and looks after it once a
 * day. Where the outer's own certificates cannot be made, a line says so and
 * there is no TLS, unless that is required. NULL with one line in problem.
 */
struct certs *certs_start(struct hub *hub, char problem[TLS_PROBLEM_SIZE]);
void certs_stop(struct certs *certs); /* NULL is fine */

/*
 * Reads all files as fresh settings say; *context is then for hub->tls: NULL
 * where TLS is off, and where there are no certificates of our own, now as
 * before, of which a line tells. False with one line in problem.
 */
bool certs_read(struct certs *certs, const struct outer_config *fresh,
    struct tls_context **context, char problem[TLS_PROBLEM_SIZE]);

#endif
