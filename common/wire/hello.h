/* hello.h - the JSON payloads of the handshake and of GOAWAY. Unknown keys are
 * ignored; a missing or ill-typed one is an error, and so are a key that comes
 * twice, text that is not UTF-8, and a NUL, escaped or not. Floor: wire.
 * Source: doc/PROTOCOL, "The handshake of a native link". */
#ifndef WIRE_HELLO_H
#define WIRE_HELLO_H

#include "wire/proof.h"

enum {
	HELLO_INNER_MAX = 64,	  /* bytes of an inner's id */
	HELLO_INSTANCE_SIZE = 16, /* hex digits */
	HELLO_SOFTWARE_MAX = 64,
	HELLO_LINK_MAX = 32,
	HELLO_DIALING = 64, /* where HELLO does not say it */
	HELLO_DIALING_MAX = 1000,
	HELLO_PAYLOAD_MAX = 1024, /* room for any payload encoded here */
};

/* What every reader of JSON holds exactly: 2^53 - 1. */
#define HELLO_COUNTER_MAX ((UINT64_C(1) << 53) - 1)

enum hello_role { HELLO_STANDBY, HELLO_CONTROL, HELLO_MUX };

struct hello {
	enum hello_role role;
	char inner[HELLO_INNER_MAX + 1];	/* see hello_inner_ok */
	char instance[HELLO_INSTANCE_SIZE + 1]; /* hex, made lower-case */
	uint8_t nonce[PROOF_NONCE_SIZE];
	char software[HELLO_SOFTWARE_MAX + 1]; /* decoded: cut here, and what
						 * is not printable ASCII is
						 * '?' */
	bool replace;	  /* optional key "replace", default false: this
				 * run takes the place of older ones of its
				 * id */
	bool registers;	  /* optional key "registers", default false: its
			   * services are those of REGISTER, and none before */
	uint32_t dialing; /* optional key "dialing", 1 to HELLO_DIALING_MAX,
			   * default HELLO_DIALING: links that its inner
			   * makes at once */
	bool join;	  /* quick join: the keys "counter" and "proof", both
			   * there or neither */
	uint64_t counter; /* if join: to HELLO_COUNTER_MAX; 0, which no
			   * window accepts, else */
	uint8_t proof[PROOF_SIZE]; /* if join: see join_make */
};

struct challenge {
	uint8_t nonce[PROOF_NONCE_SIZE];
};

struct auth {
	uint8_t proof[PROOF_SIZE];
};

struct welcome {
	uint8_t proof[PROOF_SIZE];
	char link[HELLO_LINK_MAX + 1]; /* decoded: as software is */
	uint32_t ping_ms;	       /* on the wire: seconds, a number from
					 * 0.001 to 86400 */
	bool control; /* optional key "control", default false: the outer
		       * asks for a control link */
};

enum goaway_reason {
	GOAWAY_AGE,
	GOAWAY_SHRINK,
	GOAWAY_SHUTDOWN,
	GOAWAY_REPLACED,
	GOAWAY_OTHER /* decoded only: a newer peer's reason */
};

/* 1 to HELLO_INNER_MAX letters, digits, '.', '_', '-': fit for logs, files. */
bool hello_inner_ok(const char *id);

/* Each writes JSON without a NUL and returns its length in bytes, or 0 when
 * there is no memory or a text is not UTF-8. */
size_t hello_encode(const struct hello *hello, char out[HELLO_PAYLOAD_MAX]);
size_t challenge_encode(const struct challenge *c, char out[HELLO_PAYLOAD_MAX]);
size_t auth_encode(const struct auth *auth, char out[HELLO_PAYLOAD_MAX]);
size_t welcome_encode(const struct welcome *w, char out[HELLO_PAYLOAD_MAX]);
size_t goaway_encode(enum goaway_reason reason, char out[HELLO_PAYLOAD_MAX]);

/* Each returns NULL, or a constant text that says what is wrong; then what
 * was to be filled is undefined. */
const char *hello_decode(const void *json, size_t len, struct hello *hello);
const char *challenge_decode(const void *json, size_t len, struct challenge *c);
const char *auth_decode(const void *json, size_t len, struct auth *auth);
const char *welcome_decode(const void *json, size_t len, struct welcome *w);
const char *
goaway_decode(const void *json, size_t len, enum goaway_reason *reason);
const char *goaway_reason_name(enum goaway_reason reason);

#endif
