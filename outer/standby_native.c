/*
 * standby_native.c - the native frames of an inner link.
 *
 * Owns:    nothing: the standby's handshake is the standby's.
 * Thread:  the shard's loop only.
 * Floor:   outer. See doc/PROTOCOL, "Native frames" and "The handshake of a
 *          native link".
 */
#include "outer/standby_codec.h"
#include "outer/keys.h"
#include "outer/claims.h"
#include "outer/shard.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/link.h"
#include "relay/framing.h"
#include "wire/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHEN(s) (1u << STANDBY_##s)

static bool
send_frame(struct standby *standby, enum frame_type type, const void *payload,
    size_t len)
{
	standby->sent_ms = clock_ms();
	return framing_send(standby->link, type, payload, len);
}

static bool
send_forward(struct standby *standby, const struct request *request)
{
	uint8_t payload[REQUEST_MAX];

	return send_frame(standby, FRAME_FORWARD, payload,
	    request_encode(request, payload));
}

static bool
send_start(struct standby *standby)
{
	return send_frame(standby, FRAME_START, NULL, 0);
}

static bool
send_early(struct standby *standby, const void *bytes, size_t len)
{
	uint8_t head[FRAME_HEADER_SIZE + sizeof(uint64_t)];

	frame_encode_header(head, FRAME_EARLY,
	    (uint32_t)(sizeof(uint64_t) + len));
	wire_put_u64(head + FRAME_HEADER_SIZE, standby_session_id(standby));
	standby->sent_ms = clock_ms();
	return link_write(standby->link, head, sizeof(head)) &&
	    link_write(standby->link, bytes, len);
}

static bool
send_keepalive(struct standby *standby)
{
	return send_frame(standby, FRAME_KEEPALIVE, NULL, 0);
}

static bool
send_goaway(struct standby *standby, enum goaway_reason reason)
{
	char payload[HELLO_PAYLOAD_MAX];
	size_t len = goaway_encode(reason, payload);

	return len > 0 && send_frame(standby, FRAME_GOAWAY, payload, len);
}

static bool
send_error(struct standby *standby, enum wire_code code, const char *text)
{
	uint8_t payload[ERROR_MAX];

	return send_frame(standby, FRAME_ERROR, payload,
	    error_encode(payload, code, text));
}

static bool
send_challenge(struct standby *standby)
{
	struct standby_handshake *handshake = standby->handshake;
	char payload[HELLO_PAYLOAD_MAX];
	struct challenge challenge;
	size_t len;

	memcpy(challenge.nonce, handshake->nonce, sizeof(challenge.nonce));
	len = challenge_encode(&challenge, payload);
	handshake->challenged_us = clock_us();
	return len > 0 && send_frame(standby, FRAME_CHALLENGE, payload, len);
}

/* What both proofs of this handshake are made of, by that key. */
static struct proof_input
proof_input_of(const struct standby *standby, const struct key *key)
{
	const struct standby_handshake *handshake = standby->handshake;

	return (struct proof_input){
		.key = key->text,
		.nonce_inner = handshake->hello.nonce,
		.nonce_outer = handshake->nonce,
		.hello_digest = handshake->hello_digest,
		.binding = handshake->binding,
	};
}

/* That of a full handshake is made with the key, when it is found. */
static bool
make_proof(const struct standby *standby, uint8_t proof[PROOF_SIZE])
{
	const struct standby_handshake *handshake = standby->handshake;
	const struct join_input quick = {
		.secret = handshake->secret,
		.counter = handshake->hello.counter,
		.nonce_inner = handshake->hello.nonce,
		.binding = handshake->binding,
	};

	if (handshake->quick)
		return join_make(PROOF_OUTER, &quick, proof);
	memcpy(proof, handshake->welcome, PROOF_SIZE);
	return true;
}

static bool
send_welcome(struct standby *standby)
{
	struct welcome welcome = { .ping_ms = standby->shard->config->ping_ms,
		.control = atomic_load(&standby->shard->hub->wants_control) };
	char payload[HELLO_PAYLOAD_MAX];
	size_t len;

	if (!make_proof(standby, welcome.proof))
		return false;
	link_let_resume(standby->link);
	snprintf(welcome.link, sizeof(welcome.link), "%" PRIu64, standby->id);
	len = welcome_encode(&welcome, payload);
	return len > 0 && send_frame(standby, FRAME_WELCOME, payload, len);
}

static void
on_hello(struct standby *standby, const struct frame *frame)
{
	struct standby_handshake *handshake;
	const char *why;

	if (standby->handshake != NULL) {
		standby_fail(standby, CODE_PROTOCOL, "a second HELLO");
		return;
	}
	if ((handshake = calloc(1, sizeof(*handshake))) == NULL) {
		standby_close(standby, "out of memory");
		return;
	}
	standby->handshake = handshake;
	why = hello_decode(frame->payload, frame->length, &handshake->hello);
	if (why != NULL) {
		standby_fail(standby, CODE_PROTOCOL, why);
		return;
	}
	if (handshake->hello.role == HELLO_MUX) {
		standby->fault = FAULT_LEFT; /* it made work for nothing */
		standby_fail(standby, CODE_NOT_ALLOWED,
		    "only the roles standby and control are served here");
		return;
	}
	if (!link_binding(standby->link, handshake->binding)) {
		standby_close(standby, "out of memory");
		return;
	}
	if (handshake->hello.join && standby_joined_quickly(standby))
		return;
	if (!proof_digest(frame->payload, frame->length,
		handshake->hello_digest) ||
	    !proof_random(handshake->nonce, sizeof(handshake->nonce)) ||
	    !send_challenge(standby))
		standby_close(standby, "out of memory or random bytes");
}

/* The key that the proof is made with, or NULL. All that may be it are tried,
 * so that the time does not tell which one it was. */
static const struct key *
find_key(const struct standby *standby, const uint8_t proof[PROOF_SIZE])
{
	const struct key *keys[KEYS_PER_INNER], *fits = NULL;
	struct proof_input input;

	keys_of(standby->shard->keys, standby->handshake->hello.inner, keys);
	for (unsigned i = 0; i < KEYS_PER_INNER; i++) {
		input = proof_input_of(standby, keys[i]);
		if (proof_check(PROOF_INNER, &input, proof) && keys[i]->id != 0)
			fits = keys[i];
	}
	return fits;
}

/* What the rest of the handshake needs of the key, which may be gone by then.
 * False: no memory. */
static bool
use_key(struct standby *standby, const struct key *key)
{
	struct standby_handshake *handshake = standby->handshake;
	const struct proof_input input = proof_input_of(standby, key);

	handshake->has_secret = proof_resume_secret(key->text,
	    handshake->hello.nonce, handshake->nonce, handshake->secret);
	return proof_make(PROOF_OUTER, &input, handshake->welcome);
}

/* Which key is wanted depends on the name, so that is told, too. */
static void
fail_proof(struct standby *standby, const char *inner)
{
	char why[HELLO_INNER_MAX + 64];

	snprintf(why, sizeof(why),
	    "authentication failed: another AuthKey for InnerId %s", inner);
	standby_fail(standby, CODE_AUTH_FAILED, why);
}

static void
on_auth(struct standby *standby, const struct frame *frame)
{
	struct standby_handshake *handshake = standby->handshake;
	const struct key *key;
	struct auth auth;
	const char *why;

	if (handshake == NULL) {
		standby_fail(standby, CODE_PROTOCOL, "AUTH before HELLO");
		return;
	}
	if ((why = auth_decode(frame->payload, frame->length, &auth)) != NULL) {
		standby_fail(standby, CODE_PROTOCOL, why);
		return;
	}
	standby->rtt_us = (uint32_t)(clock_us() - handshake->challenged_us);
	if ((key = find_key(standby, auth.proof)) == NULL) {
		fail_proof(standby, handshake->hello.inner);
		return;
	}
	if (!use_key(standby, key)) {
		standby_close(standby, "out of memory");
		return;
	}
	standby_authenticated(standby, handshake->hello.inner,
	    handshake->hello.instance, key->id, handshake->hello.replace);
}

static void
on_keepalive(struct standby *standby, const struct frame *frame)
{
	(void)frame;
	if (standby->state == STANDBY_STARTING)
		standby_on_answer(standby);
}

static void
on_goaway(struct standby *standby, const struct frame *frame)
{
	enum goaway_reason reason;
	const char *why = goaway_decode(frame->payload, frame->length, &reason);

	if (why != NULL)
		standby_fail(standby, CODE_PROTOCOL, why);
	else
		standby_on_goaway(standby, goaway_reason_name(reason));
}

static void
on_ready(struct standby *standby, const struct frame *frame)
{
	uint64_t session;

	if (!ready_decode(frame, &session) ||
	    session != standby_session_id(standby))
		standby_fail(standby, CODE_PROTOCOL,
		    "READY for another session");
	else
		standby_on_ready(standby);
}

static void
on_refused(struct standby *standby, const struct frame *frame)
{
	struct refusal refusal;

	if (!refused_decode(frame, &refusal) ||
	    refusal.session != standby_session_id(standby))
		standby_fail(standby, CODE_PROTOCOL,
		    "REFUSED for another session");
	else
		standby_on_refused(standby, refusal.code, refusal.text);
}

static void
on_error(struct standby *standby, const struct frame *frame)
{
	char text[FRAME_TEXT_MAX + 1], why[FRAME_TEXT_MAX + 32];
	uint16_t code;

	if (!error_decode(frame, &code, text)) {
		standby_fail(standby, CODE_PROTOCOL, "a bad ERROR");
		return;
	}
	snprintf(why, sizeof(why), "the inner says: %s", text);
	standby_lose(standby, STANDBY_DIED, why);
}

static const struct {
	enum frame_type type;
	unsigned states; /* where it is legal */
	void (*handle)(struct standby *, const struct frame *);
} frames[] = {
	/* clang-format off: a table */
	{ FRAME_HELLO, WHEN(HANDSHAKE), on_hello },
	{ FRAME_AUTH, WHEN(HANDSHAKE), on_auth },
	{ FRAME_KEEPALIVE, WHEN(IDLE) | WHEN(STARTING) | WHEN(CONTROL),
	    on_keepalive },
	{ FRAME_GOAWAY, WHEN(IDLE) | WHEN(STARTING) | WHEN(CONTROL),
	    on_goaway },
	{ FRAME_READY, WHEN(STARTING), on_ready },
	{ FRAME_REFUSED, WHEN(STARTING), on_refused },
	{ FRAME_ERROR,
	    WHEN(HANDSHAKE) | WHEN(IDLE) | WHEN(STARTING) | WHEN(CONTROL),
	    on_error },
	/* clang-format on */
};

/* Main has said what becomes of it. */
static void
on_registered(struct claim *claim)
{
	struct standby *standby = claim->standby;

	if (standby != NULL) {
		standby->claim = NULL;
		if (claim->answer == NULL ||
		    !send_frame(standby, FRAME_REGISTERED, claim->answer,
			claim->answer_len)) {
			standby_close(standby, "out of memory");
		} else {
			link_read(standby->link, true);
			link_kick(standby->link);
		}
	}
	claim_free(claim);
}

/* The frame, which may be long, is not copied: it leaves the buffer when it is
 * decoded. One at a time: the next one is read when this is answered. */
static void
take_registration(struct standby *standby, struct evbuffer *input,
    const struct frame *frame)
{
	struct claim *claim = calloc(1, sizeof(*claim));
	const char *why = "out of memory";

	if (claim != NULL)
		why = register_decode(frame->payload, frame->length,
		    &claim->registration);
	framing_drop(input, frame);
	if (why != NULL) {
		standby_fail(standby, CODE_PROTOCOL, why);
		free(claim);
		return;
	}
	claim->shard = standby->shard;
	claim->standby = standby;
	claim->serial = standby->item.instance->serial;
	claim->answered = on_registered;
	standby->claim = claim;
	link_read(standby->link, false);
	claim_post(claim);
}

static void
dispatch(struct standby *standby, const struct frame *frame)
{
	char why[64];

	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		if (frames[i].type == frame->type &&
		    (frames[i].states & (1u << standby->state)) != 0) {
			frames[i].handle(standby, frame);
			return;
		}
	}
	snprintf(why, sizeof(why), "%s is not allowed now",
	    frame_type_name(frame->type));
	standby_fail(standby, CODE_PROTOCOL, why);
}

/* The frame leaves the buffer before its handler runs, so that what is left
 * there is the next owner's: hence the copy. */
static void
read_frames(struct standby *standby, struct evbuffer *input)
{
	enum wire_code code = CODE_PROTOCOL;
	const char *why = NULL;
	struct frame frame;

	while (standby_may_read(standby)) {
		uint32_t max = standby->item.instance == NULL
		    ? FRAME_MAX_BEFORE_AUTH
		    : FRAME_MAX_AFTER_AUTH;
		uint8_t payload[FRAME_MAX_BEFORE_AUTH];

		switch (framing_next(input, max, &frame, &why, &code)) {
		case WIRE_MORE:
			return;
		case WIRE_BAD:
			standby_fail(standby, code, why);
			return;
		case WIRE_OK:
			break;
		}
		if (frame.type == FRAME_REGISTER &&
		    standby->state == STANDBY_CONTROL) {
			take_registration(standby, input, &frame);
			continue;
		}
		if (frame.length > sizeof(payload)) {
			standby_fail(standby, CODE_PROTOCOL, "frame too long");
			return;
		}
		memcpy(payload, frame.payload, frame.length);
		framing_drop(input, &frame);
		frame.payload = payload;
		dispatch(standby, &frame);
	}
}

const struct standby_codec standby_native = {
	.name = "native",
	.read = read_frames,
	.send_welcome = send_welcome,
	.send_forward = send_forward,
	.send_start = send_start,
	.send_early = send_early,
	.send_keepalive = send_keepalive,
	.send_goaway = send_goaway,
	.send_error = send_error,
};
