/*
 * spare_classic.c - the 48-byte signals towards a classic outer (Transponder
 * V2).
 *
 * Owns:    nothing.
 * Thread:  the loop's.
 * Floor:   inner. See doc/PROTOCOL, "Classic links".
 */
#include "inner/spare_codec.h"
#include "inner/shard.h"
#include "base/clock.h"
#include "net/link.h"
#include "relay/framing.h"

#include <string.h>

static bool
send_signal(struct spare *spare, enum signal48_type type, const char *ext)
{
	char signal[SIGNAL48_SIZE];
	bool sent;

	signal48_encode(type, ext, signal);
	spare->sent_ms = clock_ms();
	sent = link_write(spare->link, signal, sizeof(signal));
	proof_forget(signal, sizeof(signal));
	return sent;
}

static bool
send_auth(struct spare *spare)
{
	return send_signal(spare, SIGNAL48_AUTH, spare->shard->key);
}

static bool
send_ping(struct spare *spare)
{
	return send_signal(spare, SIGNAL48_PING, "");
}

/* The target is connected by now: this is the promise that READY makes. */
static bool
send_start(struct spare *spare)
{
	return send_signal(spare, SIGNAL48_START, "");
}

static void
on_start(struct spare *spare)
{
	static const struct request nameless; /* these peers name nobody */

	if (spare->state == SPARE_HANDSHAKE)
		spare_authenticated(spare); /* no better proof than this */
	if (spare->state == SPARE_IDLE)
		spare_on_forward(spare, &nameless);
	else
		spare_fail(spare, CODE_PROTOCOL, "a second start signal");
}

static void
dispatch(struct spare *spare, const struct signal48 *signal)
{
	switch (signal->type) {
	case SIGNAL48_PING:
		break;
	case SIGNAL48_START:
		on_start(spare);
		break;
	case SIGNAL48_AUTH:
		spare_fail(spare, CODE_PROTOCOL,
		    "a signal that an outer does not send");
		break;
	}
}

static void
read_signals(struct spare *spare, struct evbuffer *input)
{
	enum wire_result result = WIRE_OK;
	struct signal48 signal;
	const char *why = NULL;

	while (result == WIRE_OK && spare->state != SPARE_CLOSED) {
		result = framing_take_signal(input, &signal, &why);
		if (result == WIRE_OK)
			dispatch(spare, &signal);
		else if (result == WIRE_BAD)
			spare_fail(spare, CODE_PROTOCOL, why);
	}
}

const struct spare_codec spare_classic = {
	.name = "classic",
	.send_opening = send_auth,
	.read = read_signals,
	.send_keepalive = send_ping,
	.send_ready = send_start,
	.whole_close = true,
	.quiet_peer = true,
};
