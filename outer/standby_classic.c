/*
 * standby_classic.c - the 48-byte signals of a classic inner (Transponder V2).
 *
 * Owns:    nothing.
 * Thread:  the shard's loop only.
 * Floor:   outer. See doc/PROTOCOL, "Classic links".
 */
#include "outer/standby_codec.h"
#include "outer/keys.h"
#include "outer/shard.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/endpoint.h"
#include "net/link.h"
#include "relay/framing.h"
#include "wire/proof.h"

#include <string.h>

/* One signal is all there is to say to a classic inner. */
static bool
send_forward(struct standby *standby, const struct request *request)
{
	char signal[SIGNAL48_SIZE];

	(void)request; /* these peers take no request */
	signal48_encode(SIGNAL48_START, "", signal);
	standby->sent_ms = clock_ms();
	return link_write(standby->link, signal, sizeof(signal));
}

/* Classic links name no inner. Whose key it is has that name; with AuthKey all
 * from one host count as one. */
static void
on_auth(struct standby *standby, const struct signal48 *signal)
{
	const struct keys *keys = standby->shard->keys;
	const struct key *key = keys_in_signal(keys, signal->ext);
	char host[ENDPOINT_TEXT_SIZE];
	const char *inner;

	endpoint_text(&standby->peer, false, host);
	inner = key != NULL && key->inner[0] != '\0' ? key->inner : host;
	if (key == NULL || !keys_allow(keys, inner, key->id)) {
		standby_fail(standby, CODE_AUTH_FAILED,
		    "authentication failed: another AuthKey");
		return;
	}
	if (!atomic_exchange(&standby->shard->hub->warned_classic, true))
		log_warn("standby",
		    "a classic link: its AuthKey crosses the "
		    "wire in the clear",
		    KV_STR("peer", host));
	standby_authenticated(standby, inner, "classic", key->id, false);
}

static void
dispatch(struct standby *standby, const struct signal48 *signal)
{
	if (standby->state == STANDBY_HANDSHAKE) {
		if (signal->type == SIGNAL48_AUTH)
			on_auth(standby, signal);
		else
			standby_fail(standby, CODE_PROTOCOL,
			    "a signal before authentication");
		return;
	}
	if (signal->type == SIGNAL48_PING)
		return; /* being heard is all it is for */
	if (signal->type == SIGNAL48_START &&
	    standby->state == STANDBY_STARTING)
		standby_on_ready(standby);
	else
		standby_fail(standby, CODE_PROTOCOL,
		    "a signal that is not allowed now");
}

static void
read_signals(struct standby *standby, struct evbuffer *input)
{
	enum wire_result result = WIRE_OK;
	struct signal48 signal;
	const char *why = NULL;

	while (result == WIRE_OK && standby_may_read(standby)) {
		result = framing_take_signal(input, &signal, &why);
		if (result == WIRE_OK)
			dispatch(standby, &signal);
		else if (result == WIRE_BAD)
			standby_fail(standby, CODE_PROTOCOL, why);
	}
	proof_forget(&signal, sizeof(signal)); /* it may hold the key */
}

const struct standby_codec standby_classic = {
	.name = "classic",
	.read = read_signals,
	.send_forward = send_forward,
	.whole_close = true,
	.close_refuses = true,
	.ping_ms = 10000,
};
