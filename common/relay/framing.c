/*
 * framing.c - frames and signals in and out of a link's buffers.
 *
 * Owns:    nothing.
 * Thread:  the loop's.
 * Floor:   relay.
 */
#include "relay/framing.h"
#include "net/link.h"

#include <event2/buffer.h>

enum wire_result
framing_next(struct evbuffer *input, uint32_t max, struct frame *frame,
    const char **why, enum wire_code *code)
{
	size_t held = evbuffer_get_length(input), need = FRAME_HEADER_SIZE;

	for (;;) {
		size_t len = held < need ? held : need;
		const uint8_t *bytes = evbuffer_pullup(input, (ssize_t)len);
		enum wire_result result;

		if (bytes == NULL && len > 0) {
			*why = "out of memory";
			*code = CODE_PROTOCOL;
			return WIRE_BAD;
		}
		result = frame_decode(bytes, len, max, frame, &need, why, code);
		if (result != WIRE_MORE || need > held)
			return result;
	}
}

void
framing_drop(struct evbuffer *input, const struct frame *frame)
{
	evbuffer_drain(input, FRAME_HEADER_SIZE + (size_t)frame->length);
}

enum wire_result
framing_take_signal(struct evbuffer *input, struct signal48 *signal,
    const char **why)
{
	uint8_t bytes[SIGNAL48_SIZE];
	ev_ssize_t len = evbuffer_copyout(input, bytes, sizeof(bytes));
	enum wire_result result;

	if (len <= 0)
		return WIRE_MORE;
	result = signal48_decode(bytes, (size_t)len, signal, why);
	if (result == WIRE_OK)
		evbuffer_drain(input, SIGNAL48_SIZE);
	return result;
}

bool
framing_send(struct link *link, enum frame_type type, const void *payload,
    size_t len)
{
	uint8_t header[FRAME_HEADER_SIZE];

	frame_encode_header(header, type, (uint32_t)len);
	return link_write(link, header, sizeof(header)) &&
	    (len == 0 || link_write(link, payload, len));
}
