/* tls_parts.h - what the files of TLS know of each other. Only net/tls*.c
 * and their test include this. Floor: net. */
#ifndef NET_TLS_PARTS_H
#define NET_TLS_PARTS_H

#include "net/tls.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

/* What a server takes of a client until the handshake is over. */
enum {
	/* A hello, and as much again should it have to be said again. Those of
	 * OpenSSL and browsers have 300 to 700 bytes, below 4 KiB with key
	 * shares that outlast quantum computers (ML-KEM-1024 is 1568). */
	TLS_HELLO_MAX = 8 * 1024,
	/* In all, where it asks for certificates. */
	TLS_HANDSHAKE_MAX = 32 * 1024,
};

struct tls_context {
	SSL_CTX *ctx; /* owned */
	atomic_uint holders;
	bool server;
	bool asks_certificate; /* checks one of the other side */
	bool chain_checked;    /* client: CAFile */
	bool pinned;	       /* client: there is a fingerprint */
	char *server_name;     /* client: owned */
	uint8_t fingerprint[TLS_FINGERPRINT_SIZE];
};

/* What the client has said, as far as it can be read. */
struct tls_hello {
	size_t heard;		 /* bytes, with the heads of records */
	uint32_t length;	 /* the last bytes of a record's head */
	uint32_t message_length; /* of a message's */
	uint32_t record_left, message_left;
	uint8_t head, message_head; /* so many bytes of them are there */
	uint8_t type;		    /* the message's */
	bool handshake;		    /* the record's kind */
	bool whole;		    /* the library has the first hello */
};

struct tls {
	SSL *ssl;		     /* owned */
	struct tls_context *context; /* held */
	const char *why; /* constant: why it failed, if we know better than the
			  * library */
	unsigned long error; /* the library's */
	int system_error;    /* errno; 0: none */
	bool connected;	     /* the handshake is over */
	bool failed;
	bool recv_wants_write;
	bool dry;	   /* the last tls_recv met SOCK_AGAIN */
	bool renegotiates; /* the peer has asked for it */
	bool floods;	   /* see tls_on_info */
	bool ahead;	   /* tls_read_ahead */
	bool stuck;	   /* a record waits for the socket to take it */
	bool kept;	   /* its session may be resumed */
	unsigned steps;	   /* of the library since the last tls_recv */

	const char *too_much; /* constant: why a client is not heard */
	struct tls_hello hello;
};

struct tls_ticket {
	SSL_SESSION *session;	     /* owned */
	struct tls_context *context; /* held */
};

/* The connection that the library's object belongs to. */
struct tls *tls_of(const SSL *ssl);

/*
 * Notes an alert that says no to a renegotiation, and messages of handshakes
 * without end, as KeyUpdate: SSL_read goes on for as long as they come, and
 * its thread with it. So it is told that nothing more will.
 */
void tls_on_info(const SSL *ssl, int where, int value);

/* A server's: bounds what the library reads from it until the handshake is
 * over; tls outlives that. */
void tls_hello_watch(struct tls *tls, BIO *bio);
void tls_hello_forget(BIO *bio);

/* The client's check of the server's certificate: SSL_CTX_set_cert_verify_
 * callback(3). */
int tls_check_server(X509_STORE_CTX *store, void *context);

/* Why a certificate of the server's, or client's, was refused, and what to
 * do. */
const char *tls_certificate_problem(long code, bool of_server);

bool tls_fingerprint(const X509 *cert, uint8_t out[TLS_FINGERPRINT_SIZE]);

/* Whether the certificate is good today. */
bool tls_is_current(const X509 *cert);

#endif
