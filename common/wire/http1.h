/* http1.h - lines and fields of an HTTP/1 request head. Floor: wire. Source:
 * RFC 9112, 2 to 5. */
#ifndef WIRE_HTTP1_H
#define WIRE_HTTP1_H

#include "wire/frame.h"
#include "wire/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether a byte may stand in a method or in the name of a field. */
bool http1_is_token(uint8_t c);

/* Takes the next line, without its CR LF. WIRE_BAD: it ends with a line feed
 * alone, which ends no line here. */
enum wire_result http1_line(struct span *from, struct span *line);

/* Splits a line into name and value, which is trimmed. False: a name that is
 * no token (as where a line goes on in the next one), or no colon. */
bool http1_field(struct span line, struct span *name, struct span *value);

#endif
