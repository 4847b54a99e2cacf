/* json_safe.h - JSON is read as it stands or not at all, also when memory runs
 * out; and what it took is overwritten. Floor: base.
 *
 * The library (jansson 2.14) does not look whether a byte of a string found
 * room, and goes on with a text that lacks it, or ends the program. */
#ifndef BASE_JSON_SAFE_H
#define BASE_JSON_SAFE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * From now on the library overwrites what it frees, for it copies keys, and
 * json_safe_load does what it promises. Call it before anything has read JSON,
 * if at all.
 */
void json_safe_prepare(void);

/* json_loadb(3), but NULL without memory, whatever the text; then *error, which
 * may be NULL, says so. */
json_t *
json_safe_load(const char *text, size_t len, size_t flags, json_error_t *error);

/*
 * Around whatever else reads JSON by that library, in this thread; not nested.
 * json_safe_end: false when memory ran out: nothing that was read is true, and
 * all of it must have been freed by then.
 */
struct json_safe {
	bool failed;
};
void json_safe_begin(struct json_safe *safe);
bool json_safe_end(struct json_safe *safe);

#endif
