/* payloads.h - JSON payloads of frames as doc/PROTOCOL has them. */
#ifndef TESTS_PAYLOADS_H
#define TESTS_PAYLOADS_H

#include "wire/frame.h"

#include <stddef.h>

/* A decoder without its result: NULL, or why it is no such payload. */
typedef const char *payload_fn(const void *json, size_t len);

struct payload {
	enum frame_type type;
	payload_fn *decode;
	const char *header, *json; /* in hex; the text */
};

/* That an encoder wrote just this, which has that header. */
void assert_payload(const struct payload *want, const char *got, size_t len);

/* That it is one, and no prefix of it is, whatever lies behind the end. */
void assert_whole(const struct payload *payload);

#endif
