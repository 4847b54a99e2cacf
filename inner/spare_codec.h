/* spare_codec.h - what a spare is to the code of its wire format: native or
 * classic. Only inner/spare*.c include this. Floor: inner. */
#ifndef INNER_SPARE_CODEC_H
#define INNER_SPARE_CODEC_H

#include "inner/offers.h"
#include "inner/spare.h"
#include "net/loop.h"
#include "relay/pump.h"
#include "wire/frame.h"
#include "wire/hello.h"
#include "wire/request.h"

struct dial;
struct evbuffer;
struct link;

/* One wire format. send_* return false without memory; NULL: it has none. */
struct spare_codec {
	const char *name;
	bool (*send_opening)(struct spare *spare);
	/* Takes whole messages off the input while the state is one in which
	 * they are its to read. */
	void (*read)(struct spare *spare, struct evbuffer *input);
	/* The frames between READY and START; arg is the spare. */
	pump_gate_fn *gate;
	bool (*send_keepalive)(struct spare *spare);
	bool (*send_dialing)(struct spare *spare);
	bool (*send_ready)(struct spare *spare);
	bool (*send_refused)(struct spare *spare, enum wire_code code,
	    const char *text);
	bool (*send_goaway)(struct spare *spare, enum goaway_reason reason);
	bool (*send_error)(struct spare *spare, enum wire_code code,
	    const char *text);
	bool whole_close; /* its peers cannot half-close */
	bool quiet_peer;  /* the outer says nothing while idle,
					 * and nothing when it authenticates:
					 * who stays connected for
					 * SPARE_SURVIVED_MS was let in */
};

enum { SPARE_SURVIVED_MS = 500 };

extern const struct spare_codec spare_native, spare_classic;

/* What a native handshake must remember. */
struct spare_handshake {
	uint8_t nonce[PROOF_NONCE_SIZE], nonce_outer[PROOF_NONCE_SIZE];
	uint8_t hello_digest[PROOF_SIZE];
	uint8_t binding[PROOF_BINDING_SIZE]; /* of the TLS connection; zeros
					      * without */
	uint8_t welcome_proof[PROOF_SIZE];   /* what WELCOME must say */
	bool asked_join; /* HELLO was that of a quick join */
	bool challenged;
};

/* What a spare does for one client, from FORWARD to its end. The rest of the
 * request is not kept, for there may be thousands. */
struct spare_session {
	struct pump *pump;	   /* STARTED, RELAYING; frees itself */
	const char *stop_why;	   /* why pump_stop was called */
	struct evbuffer *early;	   /* owned; NULL: none. What goes to the target
				 * first: the PROXY header, then EARLY */
	struct offers *offers;	   /* held: what it was looked up in */
	const struct offer *offer; /* borrowed: offers; NULL: none of them */
	char *asked; /* owned: the target, where it is not simply the offer's */
	uint64_t began_ms;
	uint32_t service;  /* its id */
	sock_fd target_fd; /* owned; SOCK_NONE: none. Connected, but the link
			    * is not read dry yet */
	uint16_t client_port, public_port;
	uint8_t family; /* enum request_family, of both addresses */
	bool puzzled;	/* DIALING: its service is unknown as yet */
	uint8_t client_addr[16], public_addr[16];
};

struct spare {
	union {
		struct list_node state_node; /* shard.spares[state] */
		struct reap reap;	     /* once it is closed */
	};
	struct inner_shard *shard; /* borrowed */
	uint64_t id;
	const struct spare_codec *codec;
	struct link *link;	       /* owned until the pump has it */
	struct dial *dial;	       /* owned: to the outer, to the target */
	struct loop_timer timer;       /* the state's deadline */
	uint64_t dialed_us;	       /* when the dial of the link began */
	uint64_t heard_ms, sent_ms;    /* when a byte last came, went */
	uint64_t joined_ms, retire_ms; /* authenticated; to be retired */
	struct spare_handshake *handshake; /* owned; a native one, until it
					    * is over */
	struct spare_session *session; /* owned; DIALING, STARTED, RELAYING */
	uint64_t session_id;	       /* of the newest session; 0: none */
	enum spare_state state;
	uint32_t ping_ms;    /* the outer's interval */
	unsigned key_serial; /* of the key that it has joined with */
	bool leaving;	     /* has said GOAWAY */
	bool has_early;	     /* of the newest session: one at most */
	bool secured;	     /* its TLS handshake is over */
};

/* Events that a codec reports. Each may close the spare: look at its state
 * afterwards. */
void spare_authenticated(struct spare *spare);
void spare_on_forward(struct spare *spare, const struct request *request);
void spare_on_goaway(struct spare *spare, enum goaway_reason reason);
/* START: the pump's gate opens. */
void spare_on_start(struct spare *spare);

/* Of spare.c, for spare_session.c: the only writer of the state; what every way
 * out has in common; the same, and the link ends after its last words; the next
 * thing that an idle link has to do. */
void spare_set_state(struct spare *spare, enum spare_state next);
void spare_leave(struct spare *spare, enum spare_end end, const char *why);
void spare_end_politely(struct spare *spare, const char *why);
void spare_arm_idle(struct spare *spare);

/* Of spare_session.c: the line of a session that is over; what belongs to one;
 * whether a service is known by now; the target is connected, and the link may
 * be read dry. */
void spare_log_finished(const struct spare *spare, uint64_t up, uint64_t down,
    const char *why);
void spare_forget_session(struct spare *spare);
void spare_look_again(struct spare *spare);
void spare_go_if_dry(struct spare *spare);

/* The peer broke the protocol: says so to it, logs, closes. */
void spare_fail(struct spare *spare, enum wire_code code, const char *why);

#endif
