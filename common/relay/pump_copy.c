/*
 * pump_copy.c - bytes moved by reading them into the kit's scratch memory and
 * writing them at once.
 *
 * Owns:    nothing.
 * Thread:  the loop's.
 * Floor:   relay.
 */
#include "relay/pump_parts.h"
#include "sys/sock.h"

size_t
pump_copy_some(struct pump_side *from, size_t max)
{
	unsigned char *scratch = from->pump->kit->scratch;
	ssize_t n;

	if (max > PUMP_SCRATCH)
		max = PUMP_SCRATCH;
	n = sock_recv(from->fd, scratch, max);
	if (n == SOCK_AGAIN)
		return 0;
	if (n == 0)
		pump_on_eof(from);
	else if (n < 0)
		pump_on_error(from);
	else
		pump_raw_send(pump_peer(from), scratch, (size_t)n);
	/* after a short read nothing is left, or the loop will say so */
	return n == (ssize_t)max ? max : 0;
}

static bool
fits(const struct pump_kit *kit)
{
	return kit->choice != PUMP_BEV;
}

static bool
start(struct pump *pump, struct link *b, struct evbuffer *early)
{
	pump->move = pump_copy_some;
	return pump_raw_start(pump, b, early);
}

const struct pump_ops pump_copy = {
	.name = "copy",
	.fits = fits,
	.start = start,
	.unsent = pump_raw_unsent,
	.ended = pump_raw_ended,
	.close = pump_raw_close,
};
