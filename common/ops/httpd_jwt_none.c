/*
 * httpd_jwt_none.c - JSON Web Tokens, where there is no library for them.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   ops.
 */
#include "ops/httpd_jwt.h"

bool
httpd_jwt_known(void)
{
	return false;
}

bool
httpd_jwt_good(const char *token, const char *key, int64_t now,
    const char **why)
{
	(void)token;
	(void)key;
	(void)now;
	*why = "this program knows no JWT";
	return false;
}
