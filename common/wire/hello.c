/*
 * hello.c - the JSON payloads of the handshake and of GOAWAY.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   wire. See doc/PROTOCOL, "The handshake of a native link".
 */
#include "wire/hello.h"
#include "wire/payload.h"
#include "base/str.h"

#include <string.h>

enum {
	PING_MAX_S = 86400, /* so that 3 pings fit 32 bits of ms */
	HEX_SIZE = 2 * PROOF_SIZE + 1,
};
_Static_assert(PROOF_SIZE == PROOF_NONCE_SIZE, "one hex buffer fits both");

static const char *const role_names[] = {
	[HELLO_STANDBY] = "standby",
	[HELLO_CONTROL] = "control",
	[HELLO_MUX] = "mux",
};
enum { ROLE_COUNT = sizeof(role_names) / sizeof(role_names[0]) };

static const char *const reason_names[] = {
	[GOAWAY_AGE] = "age",
	[GOAWAY_SHRINK] = "shrink",
	[GOAWAY_SHUTDOWN] = "shutdown",
	[GOAWAY_REPLACED] = "replaced",
	[GOAWAY_OTHER] = "other",
};

bool
hello_inner_ok(const char *id)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = strlen(id);

	return len > 0 && len <= HELLO_INNER_MAX && strspn(id, allowed) == len;
}

/* Writes root and gives it up; 0 when there was no memory to make it. */
static size_t
dump(json_t *root, char out[HELLO_PAYLOAD_MAX])
{
	size_t len = 0;

	/* 15 digits are what a double keeps: 0.1 stays 0.1. */
	if (root != NULL)
		len = json_dumpb(root, out, HELLO_PAYLOAD_MAX,
		    JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(root);
	return len <= HELLO_PAYLOAD_MAX ? len : 0;
}

/* Adds the optional keys. False: no memory. */
static bool
put_options(json_t *root, const struct hello *hello)
{
	char proof[HEX_SIZE];

	if (hello->replace &&
	    json_object_set_new(root, "replace", json_true()) != 0)
		return false;
	if (hello->registers &&
	    json_object_set_new(root, "registers", json_true()) != 0)
		return false;
	if (hello->dialing != HELLO_DIALING &&
	    json_object_set_new(root, "dialing",
		json_integer(hello->dialing)) != 0)
		return false;
	if (!hello->join)
		return true;
	hex_encode(hello->proof, PROOF_SIZE, proof);
	return json_object_set_new(root, "counter",
		   json_integer((json_int_t)hello->counter)) == 0 &&
	    json_object_set_new(root, "proof", json_string(proof)) == 0;
}

size_t
hello_encode(const struct hello *hello, char out[HELLO_PAYLOAD_MAX])
{
	char nonce[HEX_SIZE];
	json_t *root;

	hex_encode(hello->nonce, PROOF_NONCE_SIZE, nonce);
	root = json_pack("{s:s, s:s, s:s, s:s, s:s}", "role",
	    role_names[hello->role], "inner", hello->inner, "instance",
	    hello->instance, "nonce", nonce, "software", hello->software);
	if (!put_options(root, hello)) {
		json_decref(root);
		return 0;
	}
	return dump(root, out);
}

size_t
challenge_encode(const struct challenge *c, char out[HELLO_PAYLOAD_MAX])
{
	char nonce[HEX_SIZE];

	hex_encode(c->nonce, PROOF_NONCE_SIZE, nonce);
	return dump(json_pack("{s:s}", "nonce", nonce), out);
}

size_t
auth_encode(const struct auth *auth, char out[HELLO_PAYLOAD_MAX])
{
	char proof[HEX_SIZE];

	hex_encode(auth->proof, PROOF_SIZE, proof);
	return dump(json_pack("{s:s}", "proof", proof), out);
}

size_t
welcome_encode(const struct welcome *w, char out[HELLO_PAYLOAD_MAX])
{
	char proof[HEX_SIZE];
	json_t *ping = w->ping_ms % 1000 == 0 ? json_integer(w->ping_ms / 1000)
					      : json_real(w->ping_ms / 1000.0);
	json_t *root;

	hex_encode(w->proof, PROOF_SIZE, proof);
	root = json_pack("{s:s, s:s, s:o}", "proof", proof, "link", w->link,
	    "ping", ping);
	if (w->control &&
	    json_object_set_new(root, "control", json_true()) != 0) {
		json_decref(root);
		return 0;
	}
	return dump(root, out);
}

size_t
goaway_encode(enum goaway_reason reason, char out[HELLO_PAYLOAD_MAX])
{
	return dump(json_pack("{s:s}", "reason", reason_names[reason]), out);
}

/* The text under key, or "" (no key's right value) when there is none. */
static const char *
text_of(const json_t *root, const char *key)
{
	const char *text = json_string_value(json_object_get(root, key));

	return text != NULL ? text : "";
}

static bool
take_bytes(const json_t *root, const char *key, uint8_t *out, size_t len)
{
	return hex_decode(text_of(root, key), out, len);
}

static bool
take_label(const json_t *root, const char *key, char *out, size_t size)
{
	const json_t *value = json_object_get(root, key);

	if (!json_is_string(value))
		return false;
	payload_label(json_string_value(value), out, size);
	return true;
}

/* Where text stands among count names; count when it is none of them. */
static size_t
index_of(const char *text, const char *const *names, size_t count)
{
	size_t i = 0;

	while (i < count && strcmp(text, names[i]) != 0)
		i++;
	return i;
}

static bool
take_role(const json_t *root, enum hello_role *role)
{
	size_t i = index_of(text_of(root, "role"), role_names, ROLE_COUNT);

	if (i == ROLE_COUNT)
		return false;
	*role = (enum hello_role)i;
	return true;
}

static bool
take_instance(const json_t *root, char out[HELLO_INSTANCE_SIZE + 1])
{
	uint8_t bytes[HELLO_INSTANCE_SIZE / 2];

	if (!take_bytes(root, "instance", bytes, sizeof(bytes)))
		return false;
	hex_encode(bytes, sizeof(bytes), out); /* one spelling of each */
	return true;
}

static bool
take_dialing(const json_t *root, uint32_t *dialing)
{
	const json_t *value = json_object_get(root, "dialing");
	json_int_t number = value != NULL ? json_integer_value(value)
					  : HELLO_DIALING;

	*dialing = (uint32_t)number;
	return number >= 1 && number <= HELLO_DIALING_MAX;
}

/* Neither key: no quick join. */
static const char *
take_join(const json_t *root, struct hello *hello)
{
	const json_t *counter = json_object_get(root, "counter");
	json_int_t number = json_integer_value(counter);

	hello->join = counter != NULL;
	hello->counter = (uint64_t)number;
	if (!hello->join)
		return json_object_get(root, "proof") == NULL
		    ? NULL
		    : "proof without counter";
	if (!json_is_integer(counter) || number < 0 ||
	    hello->counter > HELLO_COUNTER_MAX)
		return "counter is not a whole number, 0 to 2^53 - 1";
	if (!take_bytes(root, "proof", hello->proof, PROOF_SIZE))
		return "proof is not 64 hex digits";
	return NULL;
}

static const char *
fill_hello(const json_t *root, struct hello *hello)
{
	if (!take_role(root, &hello->role))
		return "role is not standby, control or mux";
	if (!hello_inner_ok(text_of(root, "inner")))
		return "inner is not 1 to 64 letters, digits, '.', '_', '-'";
	str_copy(hello->inner, sizeof(hello->inner), text_of(root, "inner"));
	if (!take_instance(root, hello->instance))
		return "instance is not 16 hex digits";
	if (!take_bytes(root, "nonce", hello->nonce, PROOF_NONCE_SIZE))
		return "nonce is not 64 hex digits";
	if (!take_label(root, "software", hello->software,
		sizeof(hello->software)))
		return "software is not a text";
	if (!payload_flag(root, "replace", &hello->replace))
		return "replace is not true or false";
	if (!payload_flag(root, "registers", &hello->registers))
		return "registers is not true or false";
	if (!take_dialing(root, &hello->dialing))
		return "dialing is not a whole number, 1 to 1000";
	return take_join(root, hello);
}

const char *
hello_decode(const void *json, size_t len, struct hello *hello)
{
	const char *why;
	json_t *root = payload_load(json, len, &why);

	if (root != NULL)
		why = fill_hello(root, hello);
	json_decref(root);
	return why;
}

const char *
challenge_decode(const void *json, size_t len, struct challenge *c)
{
	const char *why;
	json_t *root = payload_load(json, len, &why);

	if (root != NULL &&
	    !take_bytes(root, "nonce", c->nonce, PROOF_NONCE_SIZE))
		why = "nonce is not 64 hex digits";
	json_decref(root);
	return why;
}

const char *
auth_decode(const void *json, size_t len, struct auth *auth)
{
	const char *why;
	json_t *root = payload_load(json, len, &why);

	if (root != NULL && !take_bytes(root, "proof", auth->proof, PROOF_SIZE))
		why = "proof is not 64 hex digits";
	json_decref(root);
	return why;
}

static bool
take_ping(const json_t *root, uint32_t *ping_ms)
{
	const json_t *value = json_object_get(root, "ping");
	double seconds = json_number_value(value); /* 0: not a number */

	if (!(seconds >= 0.001 && seconds <= PING_MAX_S))
		return false;
	*ping_ms = (uint32_t)(seconds * 1000 + 0.5);
	return true;
}

static const char *
fill_welcome(const json_t *root, struct welcome *w)
{
	if (!take_bytes(root, "proof", w->proof, PROOF_SIZE))
		return "proof is not 64 hex digits";
	if (!take_label(root, "link", w->link, sizeof(w->link)))
		return "link is not a text";
	if (!take_ping(root, &w->ping_ms))
		return "ping is not a number of seconds, 0.001 to 86400";
	if (!payload_flag(root, "control", &w->control))
		return "control is not true or false";
	return NULL;
}

const char *
welcome_decode(const void *json, size_t len, struct welcome *w)
{
	const char *why;
	json_t *root = payload_load(json, len, &why);

	if (root != NULL)
		why = fill_welcome(root, w);
	json_decref(root);
	return why;
}

const char *
goaway_decode(const void *json, size_t len, enum goaway_reason *reason)
{
	const char *why, *text;
	json_t *root = payload_load(json, len, &why);

	if (root == NULL)
		return why;
	text = json_string_value(json_object_get(root, "reason"));
	if (text == NULL)
		why = "reason is not a text";
	else
		*reason = (enum goaway_reason)index_of(text, reason_names,
		    GOAWAY_OTHER);
	json_decref(root);
	return why;
}

const char *
goaway_reason_name(enum goaway_reason reason)
{
	return reason_names[reason];
}
