/*
 * payload.c - what decoders of JSON payloads have in common.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   wire.
 */
#include "wire/payload.h"
#include "base/json_safe.h"
#include "base/str.h"

/* A key said twice would be read one way here and another way elsewhere: no
 * peer of ours says one twice. */
json_t *
payload_load(const void *json, size_t len, const char **why)
{
	json_t *root = json_safe_load(json, len, JSON_REJECT_DUPLICATES, NULL);

	*why = NULL;
	if (root == NULL)
		*why = "the payload is not JSON";
	else if (!json_is_object(root))
		*why = "the payload is not a JSON object";
	if (*why == NULL)
		return root;
	json_decref(root);
	return NULL;
}

bool
payload_flag(const json_t *root, const char *key, bool *flag)
{
	const json_t *value = json_object_get(root, key);

	*flag = json_is_true(value);
	return value == NULL || json_is_boolean(value);
}

void
payload_label(const char *text, char *out, size_t size)
{
	str_copy(out, size, text);
	for (; *out != '\0'; out++)
		if ((unsigned char)*out < 0x20 || (unsigned char)*out > 0x7e)
			*out = '?';
}
