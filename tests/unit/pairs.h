/* pairs.h - connected sockets for tests, on any system. */
#ifndef TESTS_PAIRS_H
#define TESTS_PAIRS_H

#include "sys/sock.h"

#include <stdbool.h>
#include <stdint.h>

/* A listening socket on loopback; *port is its number. */
sock_fd pairs_listener(uint16_t *port);

/* A connected TCP pair on loopback, non-blocking: resets are seen on it as they
 * are. */
void pairs_tcp(sock_fd pair[2]);

/* The same as near as can be: Unix sockets, where there are such. */
void pairs_local(sock_fd pair[2]);

/* Whether recv(2) tells a reset from an end. Under Wine it does not, and
 * libevent then cannot either. */
bool pairs_tell_resets(void);

#endif
