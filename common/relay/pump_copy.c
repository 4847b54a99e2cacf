/*
 * pump_copy.c - bytes moved by reading them into the kit's scratch memory and
 * writing them at once.
 *
 * Owns:    nothing.
 * Thread:  the loop's.
 * Floor:   relay.
 */
#include "relay/pump_parts.h"

size_t
pump_copy_some(struct pump_side *from, size_t max)
{
	unsigned char *scratch = from->pump->kit->scratch;
	ssize_t n;

	if (max > PUMP_SCRATCH)
		max = PUMP_SCRATCH;
	n = stream_recv(&from->stream, scratch, max);
	if (n == SOCK_AGAIN)
		return 0;
	if (n == 0)
		pump_on_eof(from);
	else if (n < 0)
		pump_on_error(from);
	else
		pump_raw_send(pump_peer(from), scratch, (size_t)n);
	/* after a short read nothing is left, or the loop will say so; what
	 * TLS holds back it does not see */
	return n == (ssize_t)max ||
		(n > 0 && !from->pump->closed && stream_has_more(&from->stream))
	    ? (size_t)n
	    : 0;
}

static bool
fits(const struct pump_kit *kit, const struct link *b)
{
	(void)b;
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
	.finish = pump_raw_finish,
	.close = pump_raw_close,
};
