/* catalog.h - the services that the configuration file names. Floor: outer. */
#ifndef OUTER_CATALOG_H
#define OUTER_CATALOG_H

#include "outer/services.h"

struct outer_config;

/*
 * At start: adds them all, and listens: OuterServerAddress is the service
 * SERVICE_DEFAULT. False with one line in problem.
 */
bool catalog_start(struct services *services, const struct outer_config *config,
    char problem[SERVICE_PROBLEM_SIZE]);

/* A service of the file that is left out. why: one line, which names it. */
typedef void catalog_left_out_fn(const char *name, const char *why, void *arg);

/*
 * A file was read again: services that are gone or other than before end, new
 * ones begin; those that stay the same keep listeners, queues and sessions.
 * One that cannot listen is told in the log, and by left_out unless that is
 * NULL; it changes nothing for the others.
 */
void
catalog_change(struct services *services, const struct outer_config *before,
    const struct outer_config *now, catalog_left_out_fn *left_out, void *arg);

#endif
