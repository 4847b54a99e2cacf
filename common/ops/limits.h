/* limits.h - what a configuration may not ask of this system. Floor: ops. */
#ifndef OPS_LIMITS_H
#define OPS_LIMITS_H

#include "base/addr.h"
#include "conf/conf.h"

/* False, with one line in problem, when the address, which key has in the file
 * at path, is of a kind that this system lacks. */
bool limits_check_address(const char *path, const char *key,
    const struct addr *addr, char problem[CONF_PROBLEM_SIZE]);

#endif
