/* signal48.h - the 48-byte signals of Transponder V2 (Go): classic links.
 * Floor: wire. Source: doc/PROTOCOL, "Classic links". */
#ifndef WIRE_SIGNAL48_H
#define WIRE_SIGNAL48_H

#include "wire/frame.h"

enum { SIGNAL48_SIZE = 48, SIGNAL48_EXT_MAX = 32 };

enum signal48_type { SIGNAL48_PING = 0, SIGNAL48_AUTH = 2, SIGNAL48_START = 6 };

struct signal48 {
	enum signal48_type type;
	char ext[SIGNAL48_EXT_MAX + 1]; /* without its trailing spaces */
};

/*
 * Reads the signal at the start of bytes: WIRE_OK (it took SIGNAL48_SIZE
 * bytes), WIRE_MORE, or WIRE_BAD with *why. A first byte other than '{' is
 * bad at once. Any JSON object of exactly 48 bytes with the two keys will do,
 * in any order and spacing; another key, a key twice or another type will not.
 */
enum wire_result signal48_decode(const uint8_t *bytes, size_t len,
    struct signal48 *signal, const char **why);

/* ext: at most SIGNAL48_EXT_MAX bytes that signal48_key_problem allows. */
void signal48_encode(enum signal48_type type, const char *ext,
    char out[SIGNAL48_SIZE]);

/*
 * Whether a key can travel in a signal as the Go programs write it. NULL, or a
 * constant text why not: empty, over 32 bytes, a byte that Go's JSON would
 * escape (" \ < > &) or that is not printable ASCII, or a space at its end.
 */
const char *signal48_key_problem(const char *key);

#endif
