/*
 * stream.c - bytes over a bare socket, plain or TLS.
 *
 * Owns:    the socket and what TLS needs.
 * Thread:  the loop's.
 * Floor:   net.
 */
#include "net/stream.h"
#include "net/tls.h"

static ssize_t
plain_recv(struct stream *stream, void *out, size_t size)
{
	return sock_recv(stream->fd, out, size);
}

static ssize_t
plain_send(struct stream *stream, const void *first, size_t first_len,
    const void *second, size_t second_len)
{
	return sock_send(stream->fd, first, first_len, second, second_len);
}

static bool
plain_finish(struct stream *stream, bool last)
{
	if (!last) /* to close it sends the FIN as well */
		sock_finish(stream->fd);
	return true;
}

static bool
never(const struct stream *stream)
{
	(void)stream;
	return false;
}

const struct stream_ops stream_plain = {
	.recv = plain_recv,
	.send = plain_send,
	.finish = plain_finish,
	.has_more = never,
	.recv_wants_write = never,
};

static ssize_t
secure_recv(struct stream *stream, void *out, size_t size)
{
	return tls_recv(stream->tls, out, size);
}

static ssize_t
secure_send(struct stream *stream, const void *first, size_t first_len,
    const void *second, size_t second_len)
{
	return tls_send(stream->tls, first, first_len, second, second_len);
}

/* One that is broken will be found so by who reads. */
static bool
secure_finish(struct stream *stream, bool last)
{
	(void)last;
	return tls_finish(stream->tls) != TLS_WANT_WRITE;
}

static bool
secure_has_more(const struct stream *stream)
{
	return tls_has_more(stream->tls);
}

static bool
secure_recv_wants_write(const struct stream *stream)
{
	return tls_recv_wants_write(stream->tls);
}

const struct stream_ops stream_secure = {
	.recv = secure_recv,
	.send = secure_send,
	.finish = secure_finish,
	.has_more = secure_has_more,
	.recv_wants_write = secure_recv_wants_write,
};

size_t
stream_held(const struct stream *stream)
{
	return stream->tls == NULL ? 0 : tls_held(stream->tls);
}

void
stream_close(struct stream *stream)
{
	tls_free(stream->tls);
	sock_close(stream->fd);
	*stream = (struct stream){ NULL, SOCK_NONE };
}

void
stream_reset(struct stream *stream)
{
	tls_free(stream->tls);
	sock_reset(stream->fd);
	*stream = (struct stream){ NULL, SOCK_NONE };
}
