/*
 * httpd_jwt_libjwt.c - JSON Web Tokens by libjwt.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   ops.
 */
#include "ops/httpd_jwt.h"
#include "base/json_safe.h"
#include "conf/conf_wipe.h"

#include <errno.h>
#include <jwt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
httpd_jwt_known(void)
{
	return true;
}

/* Whether the token speaks of it anywhere. */
static bool
is_there(jwt_t *jwt, const char *name)
{
	char quoted[8], *json = jwt_get_grants_json(jwt, NULL);
	bool found;

	(void)snprintf(quoted, sizeof(quoted), "\"%s\":", name);
	found = json == NULL || strstr(json, quoted) != NULL;
	conf_free_json(json);
	return found;
}

/* The library takes any JSON for claims; of a list it finds none. */
static bool
is_object(jwt_t *jwt)
{
	char *json = jwt_get_grants_json(jwt, NULL);
	bool found = json != NULL && json[0] == '{';

	conf_free_json(json);
	return found;
}

/* A number of the token, or what it is otherwise. The library takes what is no
 * whole number for 0, and -1 for nothing. False: it is none above 0. */
static bool
get_number(jwt_t *jwt, const char *name, long otherwise, long *out)
{
	errno = 0;
	*out = jwt_get_grant_int(jwt, name);
	if (errno == 0 && *out > 0)
		return true;
	*out = otherwise;
	return errno == ENOENT && !is_there(jwt, name);
}

static bool
is_valid(jwt_t *jwt, int64_t now, const char **why)
{
	long until, from;

	*why = "the JWT is not signed by HS256";
	if (jwt_get_alg(jwt) != JWT_ALG_HS256)
		return false;
	*why = "the claims of the JWT are no object";
	if (!is_object(jwt))
		return false;
	*why = "exp or nbf of the JWT is no whole number";
	if (!get_number(jwt, "exp", LONG_MAX, &until) ||
	    !get_number(jwt, "nbf", LONG_MIN, &from))
		return false;
	*why = "the JWT has expired";
	if (now >= until)
		return false;
	*why = "the JWT is not yet valid";
	return now >= from;
}

/*
 * Whether it is three parts of base64url, none of them empty (RFC 7519, RFC
 * 4648 5): of an empty one, and of one whose length nothing encodes to, the
 * library writes behind the end of its memory.
 */
static bool
has_form(const char *token)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned parts = 0;

	for (;;) {
		size_t len = strspn(token, digits);

		if (len < 2 || len % 4 == 1 || ++parts > 3)
			return false;
		token += len;
		if (*token == '\0')
			return parts == 3;
		if (*token++ != '.')
			return false;
	}
}

bool
httpd_jwt_good(const char *token, const char *key, int64_t now,
    const char **why)
{
	size_t len = strlen(key);
	struct json_safe safe;
	jwt_t *jwt = NULL;
	bool good;

	*why = "the JWT is not signed with our key";
	if (len == 0 || len > INT_MAX || !has_form(token))
		return false;
	json_safe_begin(&safe);
	good = jwt_decode(&jwt, token, (const unsigned char *)key, (int)len) ==
		0 &&
	    is_valid(jwt, now, why);
	jwt_free(jwt);
	if (json_safe_end(&safe))
		return good;
	*why = "out of memory";
	return false;
}
