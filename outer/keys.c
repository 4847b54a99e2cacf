/*
 * keys.c - which keys there are, and who may use which.
 *
 * Owns:    copies of the keys, wiped when the last one lets go of them.
 * Thread:  any: nothing changes but the number of references.
 * Floor:   outer.
 */
#include "outer/keys.h"
#include "wire/signal48.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

const char keys_removed[] = "its key was removed";

/* 0: none of them is that text. */
static uint32_t
find_text(const struct keys *keys, const char *text)
{
	for (unsigned i = 0; keys != NULL && i < keys->count; i++)
		if (strcmp(keys->list[i].text, text) == 0)
			return keys->list[i].id;
	return 0;
}

/* The id that the text has here, or had before, or a new one: whose key it is
 * may change, and those who may still use it stay. */
static uint32_t
id_of(struct keys *keys, const struct keys *before, const char *text)
{
	uint32_t id = find_text(keys, text);

	if (id == 0)
		id = find_text(before, text);
	return id != 0 ? id : keys->next_id++;
}

static bool
add(struct keys *keys, const struct keys *before, const char *inner,
    const char *text)
{
	struct key *key = &keys->list[keys->count];

	key->id = id_of(keys, before, text);
	keys->count++;
	key->classic = signal48_key_problem(text) == NULL;
	keys->classic = keys->classic || key->classic;
	str_copy(key->inner, sizeof(key->inner), inner);
	str_copy(key->text, sizeof(key->text), text);
	return proof_digest(text, strlen(text), key->digest);
}

/* False without memory. */
static bool
copy_scope(struct key *key, const struct outer_key *own)
{
	const struct conf_names *services = &own->services;
	size_t bytes = own->ports.count * sizeof(*own->ports.ranges);

	if (services->count > 0 &&
	    (key->services.items = calloc(services->count, sizeof(char *))) ==
		NULL)
		return false;
	for (size_t i = 0; i < services->count; i++, key->services.count++)
		if ((key->services.items[i] = strdup(services->items[i])) ==
		    NULL)
			return false;
	if (bytes > 0 && (key->ports.ranges = malloc(bytes)) == NULL)
		return false;
	if (bytes > 0)
		memcpy(key->ports.ranges, own->ports.ranges, bytes);
	key->ports.count = own->ports.count;
	return true;
}

static void
free_scope(struct key *key)
{
	for (size_t i = 0; i < key->services.count; i++)
		free(key->services.items[i]);
	free(key->services.items);
	free(key->ports.ranges);
}

static bool
make_decoy(struct key *decoy)
{
	uint8_t random[PROOF_SIZE];

	if (!proof_random(random, sizeof(random)) ||
	    !proof_random(decoy->digest, sizeof(decoy->digest)))
		return false;
	hex_encode(random, sizeof(random), decoy->text);
	return true;
}

struct keys *
keys_new(const struct outer_config *config, const struct keys *before)
{
	const struct outer_key *own = config->keys.items;
	size_t count = config->keys.count + 1;
	struct keys *keys = calloc(1,
	    sizeof(*keys) + count * sizeof(keys->list[0]));
	bool done;

	if (keys == NULL)
		return NULL;
	atomic_init(&keys->refs, 1);
	keys->next_id = before != NULL ? before->next_id : 1;
	done = make_decoy(&keys->decoy);
	if (config->auth_key != NULL)
		done = add(keys, before, "", config->auth_key) && done;
	for (size_t i = 0; i < config->keys.count; i++)
		done = add(keys, before, own[i].inner, own[i].key) &&
		    copy_scope(&keys->list[keys->count - 1], &own[i]) && done;
	if (done)
		return keys;
	keys_drop(keys);
	return NULL;
}

struct keys *
keys_hold(struct keys *keys)
{
	atomic_fetch_add(&keys->refs, 1);
	return keys;
}

void
keys_drop(struct keys *keys)
{
	if (keys == NULL || atomic_fetch_sub(&keys->refs, 1) != 1)
		return;
	for (unsigned i = 0; i < keys->count; i++) {
		free_scope(&keys->list[i]);
		proof_forget(&keys->list[i], sizeof(keys->list[i]));
	}
	free(keys);
}

/* Fills out with the keys of exactly that name; returns how many. */
static unsigned
find(const struct keys *keys, const char *inner,
    const struct key *out[KEYS_PER_INNER])
{
	unsigned found = 0;

	for (unsigned i = 0; i < keys->count && found < KEYS_PER_INNER; i++)
		if (strcmp(keys->list[i].inner, inner) == 0)
			out[found++] = &keys->list[i];
	return found;
}

void
keys_of(const struct keys *keys, const char *inner,
    const struct key *out[KEYS_PER_INNER])
{
	unsigned found = find(keys, inner, out);

	if (found == 0)
		found = find(keys, "", out);
	while (found < KEYS_PER_INNER)
		out[found++] = &keys->decoy;
}

const struct key *
keys_in_signal(const struct keys *keys, const char *text)
{
	const struct key *fits = NULL;
	uint8_t digest[PROOF_SIZE];

	/* of digests, so that not even the length of a key can be timed */
	if (!proof_digest(text, strlen(text), digest))
		return NULL;
	for (unsigned i = 0; i < keys->count; i++)
		if (proof_equal(keys->list[i].digest, digest, sizeof(digest)) &&
		    keys->list[i].classic)
			fits = &keys->list[i];
	return fits;
}

bool
keys_allow(const struct keys *keys, const char *inner, uint32_t id)
{
	const struct key *own[KEYS_PER_INNER];

	keys_of(keys, inner, own);
	for (unsigned i = 0; i < KEYS_PER_INNER; i++)
		if (own[i]->id != 0 && own[i]->id == id)
			return true;
	return false;
}
