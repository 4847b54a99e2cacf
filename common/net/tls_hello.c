/*
 * tls_hello.c - how much a client may say before its handshake is over.
 *
 * Owns:    nothing.
 * Thread:  the loop's.
 * Floor:   net. Sources: RFC 8446, 4 and 5.1; BIO_set_callback_ex(3).
 *
 * The library makes room for all of a message as soon as its length is there,
 * and takes 128 KiB of a ClientHello: so much of each stranger's would not be
 * small. So what it reads is looked at on its way to it.
 */
#include "net/tls_parts.h"

#include <openssl/bio.h>

enum {
	RECORD_HEAD = 5,
	MESSAGE_HEAD = 4,
	LENGTH_OF_RECORD = 0xffff,
	LENGTH_OF_MESSAGE = 0xffffff,
};

/* False: a ClientHello begins here that is too long. */
static bool
follow(struct tls_hello *hello, uint8_t byte)
{
	if (hello->record_left == 0) {
		if (hello->head == 0)
			hello->handshake = byte == SSL3_RT_HANDSHAKE;
		hello->length = (hello->length << 8) | byte;
		if (++hello->head == RECORD_HEAD) {
			hello->head = 0;
			hello->record_left = hello->length & LENGTH_OF_RECORD;
		}
		return true;
	}
	hello->record_left--;
	if (!hello->handshake)
		return true;
	if (hello->message_left > 0) {
		hello->message_left--;
		return true;
	}
	if (hello->message_head == 0)
		hello->type = byte;
	hello->message_length = (hello->message_length << 8) | byte;
	if (++hello->message_head < MESSAGE_HEAD)
		return true;
	hello->message_head = 0;
	hello->message_left = hello->message_length & LENGTH_OF_MESSAGE;
	return hello->type != SSL3_MT_CLIENT_HELLO ||
	    hello->message_left <= TLS_HELLO_MAX;
}

/* Of TLS 1.2 all that follows may be encrypted; of 1.3 a second hello is not,
 * nor is it in a record of another kind. */
static bool
is_plain(const struct tls *tls)
{
	return !tls->hello.whole || SSL_version(tls->ssl) >= TLS1_3_VERSION;
}

static size_t
most_of(const struct tls *tls)
{
	if (!tls->hello.whole)
		return TLS_HELLO_MAX;
	return tls->context->asks_certificate ? TLS_HANDSHAKE_MAX
					      : 2 * TLS_HELLO_MAX;
}

/* NULL, or why no more is heard. */
static const char *
hear(struct tls *tls, const uint8_t *bytes, size_t len)
{
	struct tls_hello *hello = &tls->hello;

	hello->heard += len;
	for (size_t i = 0; i < len && is_plain(tls); i++)
		if (!follow(hello, bytes[i]))
			return "a hello of more than 8 KiB";
	if (hello->heard <= most_of(tls))
		return NULL;
	return hello->whole ? "too much in one handshake"
			    : "a hello of more than 8 KiB";
}

/* The library has read; what it is told instead may be that it has not. */
static long
on_bio(BIO *bio, int what, const char *bytes, size_t len, int argi, long argl,
    int result, size_t *done)
{
	struct tls *tls = (struct tls *)(void *)BIO_get_callback_arg(bio);

	(void)len;
	(void)argi;
	(void)argl;
	if (what != (BIO_CB_READ | BIO_CB_RETURN) || result <= 0 ||
	    tls->connected)
		return result;
	tls->too_much = hear(tls, (const uint8_t *)bytes, *done);
	return tls->too_much == NULL ? result : -1;
}

void
tls_hello_watch(struct tls *tls, BIO *bio)
{
	BIO_set_callback_arg(bio, (char *)(void *)tls);
	BIO_set_callback_ex(bio, on_bio);
}

void
tls_hello_forget(BIO *bio)
{
	BIO_set_callback_ex(bio, NULL);
}
