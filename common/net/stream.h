/* stream.h - bytes over a bare socket, plain or TLS: what a pump reads and
 * writes, without asking which. Floor: net. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "sys/sock.h"

#include <stdbool.h>
#include <stddef.h>

struct tls;
struct stream;

/* One kind of stream. */
struct stream_ops {
	/* As sock_recv and sock_send. */
	ssize_t (*recv)(struct stream *stream, void *out, size_t size);
	ssize_t (*send)(struct stream *stream, const void *first,
	    size_t first_len, const void *second, size_t second_len);
	/* Ends our direction. last: the other way has ended, and stream_close
	 * follows. False: not yet; again when the socket can be written. */
	bool (*finish)(struct stream *stream, bool last);
	/* Whether recv may have something to say that the socket does not
	 * show. */
	bool (*has_more)(const struct stream *stream);
	/* Whether recv goes on only when the socket can be written. */
	bool (*recv_wants_write)(const struct stream *stream);
};

struct stream {
	struct tls *tls; /* owned; NULL: plain */
	sock_fd fd;	 /* owned */
};

extern const struct stream_ops stream_plain, stream_secure;

static inline const struct stream_ops *
stream_ops(const struct stream *stream)
{
	return stream->tls == NULL ? &stream_plain : &stream_secure;
}

static inline ssize_t
stream_recv(struct stream *stream, void *out, size_t size)
{
	return stream_ops(stream)->recv(stream, out, size);
}

static inline ssize_t
stream_send(struct stream *stream, const void *first, size_t first_len,
    const void *second, size_t second_len)
{
	return stream_ops(stream)->send(stream, first, first_len, second,
	    second_len);
}

static inline bool
stream_has_more(const struct stream *stream)
{
	return stream_ops(stream)->has_more(stream);
}

static inline bool
stream_recv_wants_write(const struct stream *stream)
{
	return stream_ops(stream)->recv_wants_write(stream);
}

static inline bool
stream_finish(struct stream *stream, bool last)
{
	return stream_ops(stream)->finish(stream, last);
}

/* Bytes of memory that it keeps for what it could not read or send in whole:
 * see tls_held. */
size_t stream_held(const struct stream *stream);

/* As sock_close, sock_reset. */
void stream_close(struct stream *stream);
void stream_reset(struct stream *stream);

#endif
