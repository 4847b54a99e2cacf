/* standby_codec.h - what a standby is to the code of its wire format: native
 * or classic. Only outer/standby*.c include this. Floor: outer. */
#ifndef OUTER_STANDBY_CODEC_H
#define OUTER_STANDBY_CODEC_H

#include "net/endpoint.h"
#include "net/inbox.h"
#include "net/loop.h"
#include "outer/armour.h"
#include "outer/standby.h"
#include "wire/hello.h"

struct evbuffer;
struct key;

/* One wire format. send_* return false without memory. */
struct standby_codec {
	const char *name;
	/* Takes whole messages off the input, until the state is one in which
	 * the rest is not its to read. */
	void (*read)(struct standby *standby, struct evbuffer *input);
	bool (*send_forward)(struct standby *standby,
	    const struct request *request);
	bool (*send_welcome)(struct standby *standby); /* NULL: none */
	bool (*send_start)(struct standby *standby);   /* NULL: none */
	bool (*send_early)(struct standby *standby, const void *bytes,
	    size_t len);				 /* NULL: none */
	bool (*send_keepalive)(struct standby *standby); /* NULL: none */
	bool (*send_goaway)(struct standby *standby,
	    enum goaway_reason reason); /* NULL: none */
	bool (*send_error)(struct standby *standby, enum wire_code code,
	    const char *text); /* NULL: none */
	bool whole_close;      /* its peers cannot half-close */
	bool close_refuses;    /* its only way to refuse is to close */
	uint32_t ping_ms;      /* its peers' interval; 0: ours */
};

extern const struct standby_codec standby_native, standby_classic;

/* What a native handshake must remember; freed when it is over. */
struct standby_handshake {
	struct hello hello;
	uint8_t hello_digest[PROOF_SIZE];
	uint8_t nonce[PROOF_NONCE_SIZE];
	uint8_t binding[PROOF_BINDING_SIZE]; /* of the TLS connection; zeros
					      * without */
	uint64_t challenged_us;
	bool quick;		     /* HELLO has joined by itself */
	uint8_t welcome[PROOF_SIZE]; /* what WELCOME will say */
	bool has_secret;	     /* for quick joins */
	uint8_t secret[PROOF_SIZE];  /* joined with, or to join with later */
};

struct standby {
	union {
		struct inbox_message message; /* from main to the shard */
		struct list_node state_node;  /* shard.standbys[state] */
		struct reap reap; /* RELAYING, CLOSED: when all is over */
	};
	struct pool_item item;
	struct shard *shard; /* borrowed */
	uint64_t id;
	sock_fd fd; /* owned; SOCK_NONE once the link has it */
	struct endpoint peer;
	struct link *link; /* owned; NULL once relaying or closed */
	const struct standby_codec *codec; /* NULL before the first byte */
	enum standby_state state;
	enum fault fault;		     /* why it has not proved a key */
	struct pass pass;		     /* until it has ended, or relays */
	uint32_t rtt_us;		     /* of the handshake */
	struct loop_timer timer;	     /* the state's deadline */
	struct admission *admission;	     /* asked, not answered; knows us */
	struct claim *claim;		     /* likewise; CONTROL only */
	struct standby_handshake *handshake; /* owned; NULL: none */
	uint64_t heard_ms, sent_ms;	     /* when a byte last came, went */
	struct session *session;	     /* borrowed; STARTING only */
	bool unsent;   /* STARTING: no memory for FORWARD or EARLY */
	bool answered; /* STARTING: FORWARD got an answer */
	bool doubted;  /* STARTING: its instance was suspect before */
	bool leaving;  /* said GOAWAY while starting */
	bool secured;  /* its TLS handshake is over */
};

/* Events that a codec reports. Each may close the standby: look at its state
 * afterwards. */
/* The peer holds the key of that id: main is asked whether that run may join,
 * unless this shard knows it; then WELCOME is sent, and the standby is idle. */
void standby_authenticated(struct standby *standby, const char *inner,
    const char *instance, uint32_t key, bool replace);

/* The same of a native link whose HELLO may join quickly. False: it may not,
 * and nothing has changed. */
bool standby_joined_quickly(struct standby *standby);
void standby_on_answer(struct standby *standby);
void standby_on_ready(struct standby *standby);
void
standby_on_refused(struct standby *standby, unsigned code, const char *text);
void standby_on_goaway(struct standby *standby, const char *reason);

/* Whether what is in the input is the codec's to read now. */
bool standby_may_read(const struct standby *standby);

/* Closes it, and tells the session, if it is starting one, that it is lost.
 * Last thing that a caller does: the session may take the next standby at
 * once. */
void
standby_lose(struct standby *standby, enum standby_loss loss, const char *why);

/* The id of the session that it is starting. */
uint64_t standby_session_id(const struct standby *standby);

/* The peer broke the protocol, or is not who it should be: says so to it,
 * logs, closes. Before a proof that is a fault of its source (armour.h). */
void
standby_fail(struct standby *standby, enum wire_code code, const char *why);

#endif
