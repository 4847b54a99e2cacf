/* sharing.h - whether two services of a file may have one public address.
 * Floor: outer. */
#ifndef OUTER_SHARING_H
#define OUTER_SHARING_H

#include "conf/conf.h"
#include "outer/config.h"

#include <stdbool.h>

/*
 * Two services that have an address in common: at most one of them may be
 * without Host, no two may have the same pattern, they trust the same proxies
 * and listen on single ports. False with one line in problem, in which path is
 * the file.
 */
bool sharing_check(const char *path, const struct outer_service *one,
    const struct outer_service *other, char problem[CONF_PROBLEM_SIZE]);

#endif
