/* framing.h - frames and signals in and out of a link's buffers. Floor: relay. */
#ifndef RELAY_FRAMING_H
#define RELAY_FRAMING_H

#include "wire/frame.h"
#include "wire/signal48.h"

struct evbuffer;
struct link;

/*
 * The frame at the start of the buffer, as frame_decode has it. The payload
 * points into the buffer: it is good until framing_drop. WIRE_BAD with
 * CODE_PROTOCOL and "out of memory" when there is none.
 */
enum wire_result framing_next(struct evbuffer *input, uint32_t max,
    struct frame *frame, const char **why, enum wire_code *code);

/* Takes the frame that framing_next gave off the buffer. */
void framing_drop(struct evbuffer *input, const struct frame *frame);

/* Takes the classic signal at the start of the buffer, as signal48_decode has
 * it. WIRE_MORE of an empty buffer. */
enum wire_result framing_take_signal(struct evbuffer *input,
    struct signal48 *signal, const char **why);

/* Adds one frame to the link's output. False without memory: close the link. */
bool framing_send(struct link *link, enum frame_type type, const void *payload,
    size_t len);

#endif
