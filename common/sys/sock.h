/* sock.h - what sockets can do that libevent does not wrap. Floor: sys. */
#ifndef SYS_SOCK_H
#define SYS_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A socket. It is not a file descriptor everywhere: on Windows it is a handle
 * as wide as a pointer, and what reads, writes and closes files does not know
 * it. The same type as libevent's evutil_socket_t.
 */
#ifdef _WIN32
typedef intptr_t sock_fd;
enum { SOCK_IS_FILE = 0, SOCK_HANDS_DOWN = 0 };
#else
typedef int sock_fd;
enum {
	SOCK_IS_FILE = 1,    /* the lowest number that is free, as of files */
	SOCK_HANDS_DOWN = 1, /* what is accepted has its listener's options */
};
#endif

enum { SOCK_NONE = -1 }; /* no socket */

/* TCP_NODELAY (tcp(7)): what is written leaves at once. Does nothing to a
 * Unix socket. */
void sock_set_nodelay(sock_fd fd);

/*
 * Keep-alive (tcp(7)): a peer that is silent for ms is probed from half that
 * time on, and the connection is dead when nothing came back by its end; at
 * least 4 s, for the system counts in seconds.
 */
void sock_set_keepalive(sock_fd fd, uint32_t ms);

/*
 * TCP_USER_TIMEOUT: how long sent bytes may stay unacknowledged before the
 * connection is dead; 0 = the system's own patience.
 */
void sock_set_user_timeout(sock_fd fd, uint32_t ms);

/* Smoothed round-trip time by TCP_INFO in microseconds; 0 where unknown. */
uint32_t sock_rtt_us(sock_fd fd);

/*
 * How long the peer has acknowledged nothing although bytes, or probes of its
 * closed window, are under way to it (TCP_INFO); 0 when nothing is, and where
 * that is not known. A peer that merely does not read answers the probes.
 */
uint32_t sock_unanswered_ms(sock_fd fd);

/*
 * True when the peer has reset the connection or closed it altogether; a peer
 * that only ended its own direction (half-close) is still there. Reads
 * nothing, waits for nothing.
 */
bool sock_gone(sock_fd fd);

/* True when the peer has ended its direction, whatever is still unread before
 * that. Where systems do not tell (Windows), only once nothing is unread. */
bool sock_ended(sock_fd fd);

/* True when the connection is broken: reset, or timed out (POLLERR). */
bool sock_broken(sock_fd fd);

/* Whether the peer's system has yet to take bytes that were sent, or our end.
 * False where systems do not tell. */
bool sock_has_unsent(sock_fd fd);

/*
 * Of a connection that is broken: whether its peer had ended it in order
 * before, so that sock_recv gives what it said, and then its end. error:
 * inet_error() of the call that met it; 0: the system is asked, which tells it
 * once. False where systems do not tell.
 */
bool sock_broke_after_end(sock_fd fd, int error);

/* What a read would meet now, without reading. */
enum sock_state { SOCK_DRY, SOCK_BYTES, SOCK_ENDED };
enum sock_state sock_peek(sock_fd fd);

/*
 * Reads up to size bytes, or sends as much of two pieces (one after the other,
 * either may be empty) as the system takes now. Neither waits, nor raises a
 * signal. Returns how many bytes; 0 of sock_recv is the end of input.
 */
enum { SOCK_AGAIN = -1, SOCK_FAILED = -2 };
ssize_t sock_recv(sock_fd fd, void *out, size_t size);
ssize_t sock_send(sock_fd fd, const void *first, size_t first_len,
    const void *second, size_t second_len);

/* Copies what could be read now, without reading it; returns how many bytes
 * that is, up to size: 0 when there is none, or the peer has ended. */
size_t sock_peek_bytes(sock_fd fd, void *out, size_t size);

/* Ends our direction (shutdown(2), SHUT_WR). */
void sock_finish(sock_fd fd);

/* Closes with a FIN, or with a reset when unread bytes wait (tcp(7)). */
void sock_close(sock_fd fd);

/* Closes with a reset (SO_LINGER of zero). */
void sock_reset(sock_fd fd);

#endif
