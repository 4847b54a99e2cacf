/* str.h - small things done to text and bytes. Floor: base. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Copies text into out (size bytes), always terminated. Returns false when
 * it did not fit and was cut.
 */
bool str_copy(char *out, size_t size, const char *text);

/*
 * Appends formatted text at *used within out (size bytes), always terminated;
 * what does not fit is cut and *used stays at size - 1.
 */
void str_append(char *out, size_t size, size_t *used, const char *format, ...)
    __attribute__((format(FORMAT_OF_PRINTF, 4, 5)));

/*
 * How many bytes the UTF-8 character at text has: 1 to 4, or 0 when what
 * stands there is none (RFC 3629). The NUL at the end counts as one of 1.
 */
size_t str_utf8_length(const char *text);

/* Writes 2 * len lower-case hex digits and a NUL to out. */
void hex_encode(const uint8_t *bytes, size_t len, char *out);

/*
 * Reads exactly 2 * len hex digits of either case. Returns false, with bytes
 * undefined, when text is of any other length or holds anything else.
 */
bool hex_decode(const char *text, uint8_t *bytes, size_t len);

/*
 * How many single-character edits (insert, delete, replace, swap of
 * neighbours) turn a into b, case ignored. Strings over 63 characters are as
 * far apart as can be: SIZE_MAX.
 */
size_t str_distance(const char *a, const char *b);

#endif
