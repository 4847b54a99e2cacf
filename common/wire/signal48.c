/*
 * signal48.c - the 48-byte signals of Transponder V2 (Go).
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   wire. See doc/PROTOCOL, "Classic links".
 */
#include "wire/signal48.h"
#include "base/json_safe.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

static bool
known(json_int_t type)
{
	return type == SIGNAL48_PING || type == SIGNAL48_AUTH ||
	    type == SIGNAL48_START;
}

/* Fills signal from the parsed object; NULL, or what is wrong with it. */
static const char *
fill(json_t *root, struct signal48 *signal)
{
	json_int_t type; /* an int would wrap 4294967296 to 0 */
	const char *ext;
	size_t len;

	if (json_unpack_ex(root, NULL, JSON_STRICT, "{s:I, s:s%}", "T", &type,
		"Ext", &ext, &len) != 0)
		return "the signal is not T, a number, and Ext, a text";
	if (!known(type))
		return "the signal is of an unknown type";
	if (len > SIGNAL48_EXT_MAX)
		return "the signal's Ext is too long";
	while (len > 0 && ext[len - 1] == ' ')
		len--;
	signal->type = (enum signal48_type)type;
	memcpy(signal->ext, ext, len);
	signal->ext[len] = '\0';
	return NULL;
}

enum wire_result
signal48_decode(const uint8_t *bytes, size_t len, struct signal48 *signal,
    const char **why)
{
	json_t *root;

	*why = NULL;
	if (len > 0 && bytes[0] != '{')
		*why = "the signal does not start with {";
	else if (len < SIGNAL48_SIZE)
		return WIRE_MORE;
	else if (bytes[SIGNAL48_SIZE - 1] != '}')
		*why = "the signal does not end with its 48th byte";
	if (*why != NULL)
		return WIRE_BAD;
	root = json_safe_load((const char *)bytes, SIGNAL48_SIZE,
	    JSON_REJECT_DUPLICATES, NULL);
	*why = root == NULL ? "the signal is not JSON" : fill(root, signal);
	json_decref(root); /* NULL is fine */
	return *why == NULL ? WIRE_OK : WIRE_BAD;
}

void
signal48_encode(enum signal48_type type, const char *ext,
    char out[SIGNAL48_SIZE])
{
	char text[SIGNAL48_SIZE + 1];

	snprintf(text, sizeof(text), "{\"T\":%c,\"Ext\":\"%-32.32s\"}",
	    (char)('0' + type), ext);
	memcpy(out, text, SIGNAL48_SIZE);
}

const char *
signal48_key_problem(const char *key)
{
	size_t len = strlen(key);

	if (len == 0)
		return "the key is empty";
	if (len > SIGNAL48_EXT_MAX)
		return "the key is longer than 32 bytes";
	for (size_t i = 0; i < len; i++) {
		if (key[i] < 0x20 || key[i] > 0x7e)
			return "the key has a byte that is not printable ASCII";
		if (strchr("\"\\<>&", key[i]) != NULL)
			return "the key has one of \" \\ < > &";
	}
	if (key[len - 1] == ' ')
		return "the key ends with a space";
	return NULL;
}
