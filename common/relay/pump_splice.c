/*
 * pump_splice.c - bytes moved inside the kernel, from socket to pipe to socket.
 *
 * Owns:    nothing; a pipe belongs to a side while it holds bytes for it.
 * Thread:  the loop's.
 * Floor:   relay.
 *
 * Small pieces are cheaper to copy, so a direction begins by copying, splices
 * while pieces are large, and goes back. A pipe is only filled while it is
 * empty: else EAGAIN would not say whether the socket has nothing or the pipe
 * no room. It is nobody's again as soon as it is empty: so a loop needs as many
 * as there are slow readers, and quiet sessions have none.
 */
#include "relay/pump_parts.h"
#include "sys/inet.h"
#include "net/link.h"
#include "sys/sock.h"

enum {
	LARGE = 32 * 1024, /* pieces from this size on are spliced */
	SMALL = 8 * 1024,  /* below this they are copied again */
};

void
pump_splice_flush(struct pump_side *to)
{
	struct pump_pipe *pipe = to->pipe;
	ssize_t n = splice_drain(&pipe->splice, to->stream.fd);

	if (n == SOCK_AGAIN)
		return;
	if (n <= 0) {
		pump_on_unsendable(to, inet_error());
		return;
	}
	pump_moved(to, (size_t)n);
	if (pipe->splice.held > 0)
		return;
	to->pipe = NULL;
	pump_kit_give_pipe(to->pump->kit, pipe);
}

/* Copies, and counts how large the pieces are. */
static size_t
copy_some(struct pump_side *from, size_t max)
{
	int64_t before = pump_peer(from)->sent;
	size_t n = pump_copy_some(from, max);

	from->splices = !from->unfit &&
	    (n > 0 || pump_peer(from)->sent - before >= LARGE);
	return n;
}

static size_t
splice_some(struct pump_side *from, struct pump_pipe *pipe, size_t max)
{
	struct pump_side *to = pump_peer(from);
	ssize_t n = splice_fill(&pipe->splice, from->stream.fd, max);

	if (n > 0) {
		from->dry = false;
		from->splices = n >= SMALL;
		to->pipe = pipe;
		pump_splice_flush(to);
		return from->splices ? (size_t)n : 0;
	}
	pump_kit_give_pipe(from->pump->kit, pipe);
	if (n == SPLICE_UNFIT) {
		from->unfit = true;
		from->splices = false;
		return pump_copy_some(from, max);
	}
	/* With urgent data in front (tcp(7)) splice says AGAIN for ever, and 0
	 * behind a FIN, though bytes wait; recv passes it. */
	if (n == 0 || (n == SOCK_AGAIN && from->dry))
		return copy_some(from, max);
	from->dry = n == SOCK_AGAIN;
	if (!from->dry)
		pump_on_error(from);
	return 0;
}

static size_t
move(struct pump_side *from, size_t max)
{
	struct pump_pipe *pipe = from->splices
	    ? pump_kit_take_pipe(from->pump->kit)
	    : NULL;

	return pipe == NULL ? copy_some(from, max)
			    : splice_some(from, pipe, max);
}

static bool
fits(const struct pump_kit *kit, const struct link *b)
{
	return !link_is_tls(b) &&
	    (kit->choice == PUMP_SPLICE ||
		(kit->choice == PUMP_AUTO && splice_possible()));
}

static bool
start(struct pump *pump, struct link *b, struct evbuffer *early)
{
	pump->move = move;
	return pump_raw_start(pump, b, early);
}

const struct pump_ops pump_splice = {
	.name = "splice",
	.fits = fits,
	.start = start,
	.unsent = pump_raw_unsent,
	.ended = pump_raw_ended,
	.finish = pump_raw_finish,
	.close = pump_raw_close,
};
