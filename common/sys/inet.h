/* inet.h - addresses of sockets, by the system's own headers, and sockets that
 * begin. Floor: sys.
 *
 * An int that is called error is what the system calls it: errno(3), or on
 * Windows one of the WSA codes. */
#ifndef SYS_INET_H
#define SYS_INET_H

#include "sys/sock.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
enum { INET_AT_ONCE = 0 };
#else
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
enum { INET_AT_ONCE = 1 }; /* on this machine, inet_connect knows the end */
#endif

/* Why the last call on a socket failed, in this thread; to be asked at once. */
int inet_error(void);

/* The same for people. Valid until the thread's next call. */
const char *inet_error_text(int error);

/* Why getaddrinfo(3) found nothing, for people; a constant. */
const char *inet_lookup_text(int result);

/* Whether error says that the peer did not answer in time. */
bool inet_is_timeout(int error);

/* Whether error says that descriptors, or the system's room for them, ran
 * out. */
bool inet_is_shortage(int error);

/* Whether accept(2) failed only because the connection that it was to hand over
 * has ended: then the next one is none the worse for it. */
bool inet_is_peers_end(int error);

/* A stream socket of that family (AF_*), non-blocking, not for programs that
 * this one starts. SOCK_NONE: see inet_error. */
sock_fd inet_open(int family);

/*
 * Starts connecting. 0: it is connected. INET_UNDER_WAY: it can be written to
 * once it is, or is not: then ask inet_connected. Else why it has failed.
 */
enum { INET_UNDER_WAY = -1 };
int inet_connect(sock_fd fd, const struct sockaddr *to, size_t len);

/* 0 when it is connected, else why not. */
int inet_connected(sock_fd fd);

/* From which address this machine would talk to another one, of IPv4 or IPv6,
 * by its routes; nothing is sent. False where it could not. */
bool inet_near_end(const struct sockaddr *to, size_t len,
    struct sockaddr_storage *from);

/*
 * Binds a socket that will listen; while it listens nobody else can. Its port
 * is free again as soon as this program has ended, whatever its connections
 * still do; but on Windows only when those have said all, or were reset. False:
 * see inet_error.
 */
bool inet_bind(sock_fd fd, const struct sockaddr *at, size_t len);

#endif
