/*
 * spare_native.c - the native frames of a link to the outer.
 *
 * Owns:    nothing.
 * Thread:  the loop's.
 * Floor:   inner. See doc/PROTOCOL, "Native frames" and "The handshake of a
 *          native link".
 */
#include "inner/spare_codec.h"
#include "inner/control.h"
#include "inner/keeper.h"
#include "inner/shard.h"
#include "base/clock.h"
#include "base/str.h"
#include "net/link.h"
#include "net/tls.h"
#include "relay/framing.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PING_LEAST_MS = 100, PING_MOST_MS = 3600 * 1000 };

#define WHEN(s) (1u << SPARE_##s)

static bool
send_frame(struct spare *spare, enum frame_type type, const void *payload,
    size_t len)
{
	spare->sent_ms = clock_ms();
	return framing_send(spare->link, type, payload, len);
}

/* Puts a quick join into HELLO, where there was a full handshake before. */
static bool
ask_to_join(struct spare *spare, struct hello *hello)
{
	struct spare_handshake *handshake = spare->handshake;
	struct inner_shard *shard = spare->shard;
	struct join_input input = {
		.secret = shard->secret,
		.nonce_inner = handshake->nonce,
		.binding = handshake->binding,
	};

	if (!shard->has_secret)
		return true;
	input.counter = atomic_fetch_add(&shard->identity->next_counter, 1);
	hello->join = handshake->asked_join = true;
	hello->counter = input.counter;
	return join_make(PROOF_INNER, &input, hello->proof) &&
	    join_make(PROOF_OUTER, &input, handshake->welcome_proof);
}

static bool
has_services(const struct spare *spare)
{
	struct offers *offers = offers_slot_get(spare->shard->keeper->offers);
	bool registers = offers->registers;

	offers_release(offers);
	return registers;
}

static bool
send_hello(struct spare *spare)
{
	struct hello hello = { .role = spare->shard->control != NULL
		    ? HELLO_CONTROL
		    : HELLO_STANDBY,
		.software = "transponder/" PACKAGE_VERSION,
		.replace = spare->shard->config->id_configured,
		.dialing = spare->shard->config->max_dialing,
		.registers = has_services(spare) };
	struct spare_handshake *handshake = calloc(1, sizeof(*handshake));
	char payload[HELLO_PAYLOAD_MAX];
	size_t len;

	spare->handshake = handshake;
	if (handshake == NULL ||
	    !link_binding(spare->link, handshake->binding) ||
	    !proof_random(handshake->nonce, sizeof(handshake->nonce)))
		return false;
	memcpy(hello.nonce, handshake->nonce, sizeof(hello.nonce));
	str_copy(hello.inner, sizeof(hello.inner),
	    spare->shard->config->inner_id);
	str_copy(hello.instance, sizeof(hello.instance),
	    spare->shard->identity->instance);
	if (!ask_to_join(spare, &hello))
		return false;
	len = hello_encode(&hello, payload);
	return len > 0 && proof_digest(payload, len, handshake->hello_digest) &&
	    send_frame(spare, FRAME_HELLO, payload, len);
}

static bool
send_keepalive(struct spare *spare)
{
	return send_frame(spare, FRAME_KEEPALIVE, NULL, 0);
}

static bool
send_ready(struct spare *spare)
{
	uint8_t payload[READY_SIZE];

	return send_frame(spare, FRAME_READY, payload,
	    ready_encode(payload, spare->session_id));
}

static bool
send_refused(struct spare *spare, enum wire_code code, const char *text)
{
	uint8_t payload[REFUSED_MAX];

	return send_frame(spare, FRAME_REFUSED, payload,
	    refused_encode(payload, spare->session_id, code, text));
}

static bool
send_goaway(struct spare *spare, enum goaway_reason reason)
{
	char payload[HELLO_PAYLOAD_MAX];
	size_t len = goaway_encode(reason, payload);

	return len > 0 && send_frame(spare, FRAME_GOAWAY, payload, len);
}

static bool
send_error(struct spare *spare, enum wire_code code, const char *text)
{
	uint8_t payload[ERROR_MAX];

	return send_frame(spare, FRAME_ERROR, payload,
	    error_encode(payload, code, text));
}

static void
on_challenge(struct spare *spare, const struct frame *frame)
{
	struct spare_handshake *handshake = spare->handshake;
	struct challenge challenge;
	struct proof_input input = {
		.key = spare->shard->key,
		.nonce_inner = handshake->nonce,
		.nonce_outer = handshake->nonce_outer,
		.hello_digest = handshake->hello_digest,
		.binding = handshake->binding,
	};
	char payload[HELLO_PAYLOAD_MAX];
	struct auth auth;
	const char *why;
	size_t len;

	why = handshake->challenged
	    ? "a second CHALLENGE"
	    : challenge_decode(frame->payload, frame->length, &challenge);
	if (why != NULL) {
		spare_fail(spare, CODE_PROTOCOL, why);
		return;
	}
	handshake->challenged = true;
	memcpy(handshake->nonce_outer, challenge.nonce, PROOF_NONCE_SIZE);
	if (!proof_make(PROOF_INNER, &input, auth.proof) ||
	    !proof_make(PROOF_OUTER, &input, handshake->welcome_proof) ||
	    (len = auth_encode(&auth, payload)) == 0 ||
	    !send_frame(spare, FRAME_AUTH, payload, len))
		spare_close(spare, SPARE_END_FAILED, "out of memory");
}

static uint32_t
bounded(uint32_t value, uint32_t least, uint32_t most)
{
	return value < least ? least : value > most ? most : value;
}

/* A full handshake: later links join by its secret. Without memory they make
 * full handshakes too. */
static void
keep_secret(struct spare *spare)
{
	const struct spare_handshake *handshake = spare->handshake;
	uint8_t secret[PROOF_SIZE];

	if (proof_resume_secret(spare->shard->key, handshake->nonce,
		handshake->nonce_outer, secret))
		inner_shard_on_secret(spare->shard, secret);
	proof_forget(secret, sizeof(secret));
}

static void
on_welcome(struct spare *spare, const struct frame *frame)
{
	const struct spare_handshake *handshake = spare->handshake;
	struct welcome welcome;
	const char *why = !handshake->challenged && !handshake->asked_join
	    ? "WELCOME before CHALLENGE"
	    : welcome_decode(frame->payload, frame->length, &welcome);

	if (why != NULL) {
		spare_fail(spare, CODE_PROTOCOL, why);
		return;
	}
	if (!proof_equal(welcome.proof, handshake->welcome_proof, PROOF_SIZE)) {
		spare_close(spare, SPARE_END_REJECTED,
		    "the outer does not hold this AuthKey");
		return;
	}
	if (handshake->challenged)
		keep_secret(spare);
	if (!link_is_resumed(spare->link)) /* the server is who it should be */
		inner_shard_on_ticket(spare->shard,
		    link_take_ticket(spare->link));
	spare->ping_ms = bounded(welcome.ping_ms, PING_LEAST_MS, PING_MOST_MS);
	if (welcome.control)
		inner_shard_on_control_asked(spare->shard);
	spare_authenticated(spare);
}

static void
on_keepalive(struct spare *spare, const struct frame *frame)
{
	(void)spare; /* being heard is all it is for */
	(void)frame;
}

static void
on_goaway(struct spare *spare, const struct frame *frame)
{
	enum goaway_reason reason;
	const char *why = goaway_decode(frame->payload, frame->length, &reason);

	if (why != NULL)
		spare_fail(spare, CODE_PROTOCOL, why);
	else
		spare_on_goaway(spare, reason);
}

static void
on_forward(struct spare *spare, const struct frame *frame)
{
	struct request request;
	const char *why = request_decode(frame->payload, frame->length,
	    &request);

	if (why != NULL)
		spare_fail(spare, CODE_PROTOCOL, why);
	else
		spare_on_forward(spare, &request);
}

/* Early bytes of the session that this link has refused: too late for them. */
static bool
is_refused(const struct spare *spare, uint64_t session)
{
	return (spare->state == SPARE_IDLE || spare->state == SPARE_RETIRING) &&
	    spare->session_id != 0 && session == spare->session_id;
}

static const char *
keep_early(struct spare *spare, const struct frame *frame)
{
	const uint8_t *bytes;
	uint64_t session;
	size_t len;

	if (!early_decode(frame, &session, &bytes, &len))
		return "a bad EARLY";
	if (session != spare->session_id || spare->has_early)
		return "an EARLY too many";
	spare->has_early = true;
	if (is_refused(spare, session))
		return NULL;
	if (spare->session->early == NULL)
		spare->session->early = evbuffer_new();
	return spare->session->early != NULL &&
		evbuffer_add(spare->session->early, bytes, len) == 0
	    ? NULL
	    : "out of memory";
}

static void
on_early(struct spare *spare, const struct frame *frame)
{
	bool fits = spare->state == SPARE_DIALING ||
	    is_refused(spare, spare->session_id);
	const char *why = fits ? keep_early(spare, frame)
			       : "EARLY is not allowed now";

	if (why != NULL)
		spare_fail(spare, CODE_PROTOCOL, why);
}

/* What the outer's ERROR means for the next attempt. */
static enum spare_end
end_of_error(const struct spare *spare, uint16_t code)
{
	if (code == CODE_AUTH_FAILED || code == CODE_NOT_ALLOWED)
		return SPARE_END_REJECTED;
	return spare->state == SPARE_HANDSHAKE ? SPARE_END_FAILED
					       : SPARE_END_NORMAL;
}

static void
on_error(struct spare *spare, const struct frame *frame)
{
	char text[FRAME_TEXT_MAX + 1], why[FRAME_TEXT_MAX + 32];
	uint16_t code;

	if (!error_decode(frame, &code, text)) {
		spare_fail(spare, CODE_PROTOCOL, "a bad ERROR");
		return;
	}
	snprintf(why, sizeof(why), "the outer says: %s", text);
	spare_close(spare, end_of_error(spare, code), why);
}

bool
spare_register(struct spare *spare, const char *payload, size_t len)
{
	return send_frame(spare, FRAME_REGISTER, payload, len);
}

static void
on_registered(struct spare *spare, const struct frame *frame)
{
	struct registered registered;
	const char *why = registered_decode(frame->payload, frame->length,
	    &registered);

	if (why != NULL) {
		spare_fail(spare, CODE_PROTOCOL, why);
		return;
	}
	control_on_registered(spare->shard->control, &registered);
	registered_free(&registered);
}

static const struct {
	enum frame_type type;
	unsigned states; /* where it is legal */
	void (*handle)(struct spare *, const struct frame *);
} frames[] = {
	/* clang-format off: a table */
	{ FRAME_CHALLENGE, WHEN(HANDSHAKE), on_challenge },
	{ FRAME_WELCOME, WHEN(HANDSHAKE), on_welcome },
	{ FRAME_ERROR,
	    WHEN(HANDSHAKE) | WHEN(IDLE) | WHEN(RETIRING) | WHEN(DIALING) |
		WHEN(CONTROL),
	    on_error },
	{ FRAME_KEEPALIVE, WHEN(IDLE) | WHEN(RETIRING) | WHEN(CONTROL),
	    on_keepalive },
	{ FRAME_GOAWAY, WHEN(IDLE) | WHEN(RETIRING) | WHEN(CONTROL),
	    on_goaway },
	{ FRAME_REGISTERED, WHEN(CONTROL), on_registered },
	{ FRAME_FORWARD, WHEN(IDLE) | WHEN(RETIRING), on_forward },
	{ FRAME_EARLY, WHEN(IDLE) | WHEN(RETIRING) | WHEN(DIALING), on_early },
	/* clang-format on */
};

static void
dispatch(struct spare *spare, const struct frame *frame)
{
	char why[64];

	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		if (frames[i].type == frame->type &&
		    (frames[i].states & (1u << spare->state)) != 0) {
			frames[i].handle(spare, frame);
			return;
		}
	}
	snprintf(why, sizeof(why), "%s is not allowed now",
	    frame_type_name(frame->type));
	spare_fail(spare, CODE_PROTOCOL, why);
}

/* The payload is copied, so that the handler may close link and buffer. False:
 * the link is closed. */
static bool
take_frame(struct spare *spare, struct evbuffer *input, struct frame *frame)
{
	uint8_t usual[8 + FRAME_EARLY_MAX], *payload = usual;

	if (frame->length > sizeof(usual)) {
		if (spare->state != SPARE_CONTROL) {
			spare_fail(spare, CODE_PROTOCOL, "frame too long");
			return false;
		}
		if ((payload = malloc(frame->length)) == NULL) {
			spare_close(spare, SPARE_END_FAILED, "out of memory");
			return false;
		}
	}
	memcpy(payload, frame->payload, frame->length);
	framing_drop(input, frame);
	frame->payload = payload;
	dispatch(spare, frame);
	if (payload != usual)
		free(payload);
	return true;
}

static void
read_frames(struct spare *spare, struct evbuffer *input)
{
	enum wire_code code = CODE_PROTOCOL;
	const char *why = NULL;
	struct frame frame;

	while (spare->state != SPARE_CLOSED) {
		uint32_t max = spare->state == SPARE_HANDSHAKE
		    ? FRAME_MAX_BEFORE_AUTH
		    : FRAME_MAX_AFTER_AUTH;

		switch (framing_next(input, max, &frame, &why, &code)) {
		case WIRE_MORE:
			return;
		case WIRE_BAD:
			spare_fail(spare, code, why);
			return;
		case WIRE_OK:
			break;
		}
		if (!take_frame(spare, input, &frame))
			return;
	}
}

/*
 * Between READY and START: EARLY may still come, and nothing else. It waits
 * for START, which says that the outer has seen READY and not gone elsewhere.
 */
static enum pump_gate
gate(struct evbuffer *input, struct evbuffer *to_target, void *arg)
{
	struct spare *spare = arg;
	struct evbuffer *early;
	enum wire_code code;
	struct frame frame;
	const char *why;

	for (;;) {
		switch (framing_next(input, FRAME_MAX_AFTER_AUTH, &frame, &why,
		    &code)) {
		case WIRE_MORE:
			return PUMP_GATE_WAIT;
		case WIRE_BAD:
			return PUMP_GATE_BAD;
		case WIRE_OK:
			break;
		}
		if (frame.type == FRAME_START) {
			framing_drop(input, &frame);
			early = spare->session->early;
			if (early != NULL &&
			    evbuffer_add_buffer(to_target, early) != 0)
				return PUMP_GATE_BAD;
			spare_on_start(spare);
			return PUMP_GATE_OPEN;
		}
		if (frame.type != FRAME_EARLY ||
		    keep_early(spare, &frame) != NULL)
			return PUMP_GATE_BAD;
		framing_drop(input, &frame);
	}
}

const struct spare_codec spare_native = {
	.name = "native",
	.send_opening = send_hello,
	.read = read_frames,
	.gate = gate,
	.send_keepalive = send_keepalive,
	.send_dialing = send_keepalive,
	.send_ready = send_ready,
	.send_refused = send_refused,
	.send_goaway = send_goaway,
	.send_error = send_error,
};
