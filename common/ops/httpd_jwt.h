/* httpd_jwt.h - JSON Web Tokens (RFC 7519), where there is a library for them.
 * Floor: ops. */
#ifndef OPS_HTTPD_JWT_H
#define OPS_HTTPD_JWT_H

#include <stdbool.h>
#include <stdint.h>

/* Whether this program can check them. */
bool httpd_jwt_known(void);

/*
 * Whether the token is signed with key by HMAC and SHA-256 (RFC 7518 3.2), and
 * by nothing else, and says that it is valid at now, seconds since 1970: exp
 * and nbf are obeyed where they are, and must be whole numbers above 0. *why: a
 * constant text that says why not.
 */
bool httpd_jwt_good(const char *token, const char *key, int64_t now,
    const char **why);

#endif
