/*
 * early.c - what of a client goes ahead of READY.
 *
 * Owns:    nothing: the kernel keeps the bytes until READY, so that they can be
 *          sent again on the next standby.
 * Thread:  the shard's loop only.
 * Floor:   outer. See doc/PROTOCOL, "EARLY".
 */
#include "outer/early.h"
#include "outer/standby.h"
#include "sys/sock.h"
#include "wire/frame.h"

/* All that is there, if it may go ahead; how much that is. */
static void
judge(struct early *early, enum early_mode mode, const uint8_t *bytes,
    size_t len)
{
	switch (early_judge(mode, bytes, len)) {
	case EARLY_SEND:
		early->length = (uint16_t)len;
		break;
	case EARLY_MAYBE: /* when more has come */
		break;
	case EARLY_NO:
		early->over = true;
		break;
	}
}

void
early_send(struct early *early, enum early_mode mode, sock_fd client_fd,
    struct standby *standby)
{
	uint8_t bytes[FRAME_EARLY_MAX + 1];
	size_t len;

	if (mode == EARLY_OFF || early->over || early->on_link ||
	    !standby_takes_early(standby))
		return;
	len = sock_peek_bytes(client_fd, bytes, sizeof(bytes));
	if (len > 0 && early->length == 0)
		judge(early, mode, bytes, len);
	if (early->length == 0 || len < early->length)
		return;
	early->on_link = true;
	early->sent++;
	standby_send_early(standby, bytes, early->length);
}

void
early_begin(struct early *early)
{
	early->on_link = false;
}

bool
early_take(struct early *early, sock_fd client_fd)
{
	uint8_t bytes[FRAME_EARLY_MAX];
	size_t left = early_on_link(early);

	while (left > 0) {
		ssize_t n = sock_recv(client_fd, bytes, left);

		if (n <= 0)
			return false;
		left -= (size_t)n;
	}
	return true;
}

size_t
early_on_link(const struct early *early)
{
	return early->on_link ? early->length : 0;
}

unsigned
early_retries(const struct early *early)
{
	return early->sent > 0 ? early->sent - 1 : 0;
}
