/*
 * limits.c - what a configuration may not ask of this system.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   ops.
 */
#include "ops/limits.h"
#include "sys/sock_unix.h"

#include <stdio.h>

bool
limits_check_address(const char *path, const char *key, const struct addr *addr,
    char problem[CONF_PROBLEM_SIZE])
{
	if (addr->kind != ADDR_UNIX || sock_unix_possible())
		return true;
	snprintf(problem, CONF_PROBLEM_SIZE,
	    "%.400s: %s: found \"unix://%s\", but this system has no Unix "
	    "sockets; expected tcp://host:port",
	    path, key, addr->path);
	return false;
}
