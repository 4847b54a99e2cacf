/* payload.h - what decoders of JSON payloads have in common. Floor: wire; only
 * files of wire/ include this. */
#ifndef WIRE_PAYLOAD_H
#define WIRE_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* The parsed object, a new reference; or NULL with *why, a constant text: it is
 * no JSON, no object, not UTF-8, or has a NUL or a key twice. *why is NULL
 * where an object is returned. */
json_t *payload_load(const void *json, size_t len, const char **why);

/* An optional key that is true or false, false where there is none. Returns
 * whether it is one of these. */
bool payload_flag(const json_t *root, const char *key, bool *flag);

/* Copies text into out (size bytes), always terminated: cut, and what is not
 * printable ASCII becomes '?'. For text that only goes to logs. */
void payload_label(const char *text, char *out, size_t size);

#endif
