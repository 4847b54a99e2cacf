/*
 * instance.c - one run of an inner process, as all shards know it.
 *
 * Owns:    nothing.
 * Thread:  any; see the header for who may touch what.
 * Floor:   outer.
 */
#include "outer/instance.h"

#include <stdlib.h>

struct instance *
instance_new(unsigned shards)
{
	struct instance *instance = calloc(1,
	    sizeof(*instance) + shards * sizeof(instance->parts[0]));

	if (instance == NULL)
		return NULL;
	instance->part_count = shards;
	window_init(&instance->window);
	for (unsigned i = 0; i < shards; i++) {
		instance->parts[i].instance = instance;
		instance->parts[i].shard = i;
		list_init(&instance->parts[i].idle);
	}
	return instance;
}

void
instance_free(struct instance *instance)
{
	loop_timer_fini(&instance->grace);
	register_free(&instance->registration);
	for (unsigned i = 0; i < INSTANCE_SERVES_WORDS; i++)
		free(instance->shares[i]);
	free(instance->allow.entries);
	proof_forget(instance->secret, sizeof(instance->secret));
	proof_forget(instance->newest, sizeof(instance->newest));
	free(instance);
}

/*
 * Either this sees that the instance is going, or the registry, which sets
 * gone before it looks at links, sees the link: both use sequentially
 * consistent operations, in opposite order.
 */
bool
instance_join(struct instance *instance)
{
	atomic_fetch_add(&instance->links, 1);
	if (!atomic_load(&instance->gone))
		return true;
	(void)instance_leave(instance);
	return false;
}

bool
instance_leave(struct instance *instance)
{
	if (atomic_fetch_sub(&instance->links, 1) != 1)
		return false;
	atomic_store(&instance->emptied, true);
	return true;
}

void
instance_renew_secret(struct instance *instance, const uint8_t *secret)
{
	uint64_t word;

	for (size_t i = 0; i < PROOF_SIZE / sizeof(word); i++) {
		memcpy(&word, secret + i * sizeof(word), sizeof(word));
		atomic_store_explicit(&instance->newest[i], word,
		    memory_order_relaxed);
	}
	proof_forget(&word, sizeof(word));
}

void
instance_serve(struct instance *instance, unsigned slot, bool serves)
{
	uint64_t bit = UINT64_C(1) << slot % 64;

	if (serves)
		atomic_fetch_or(&instance->serves[slot / 64], bit);
	else
		atomic_fetch_and(&instance->serves[slot / 64], ~bit);
}

/* NULL without memory. */
static struct instance_shares *
shares_of(struct instance *instance, unsigned slot)
{
	struct instance_shares **shares = &instance->shares[slot / 64];

	if (*shares == NULL)
		*shares = calloc(1, sizeof(**shares));
	return *shares;
}

bool
instance_set_weight(struct instance *instance, unsigned slot, unsigned weight)
{
	struct instance_shares *shares;

	if (weight == instance_weight(instance, slot))
		return true;
	if ((shares = shares_of(instance, slot)) == NULL)
		return false;
	shares->weight[slot % 64] = (uint8_t)weight;
	return true;
}

unsigned
instance_weight(const struct instance *instance, unsigned slot)
{
	const struct instance_shares *shares = instance->shares[slot / 64];

	return shares == NULL || shares->weight[slot % 64] == 0
	    ? 1
	    : shares->weight[slot % 64];
}

int32_t *
instance_turn(struct instance *instance, unsigned slot)
{
	struct instance_shares *shares = shares_of(instance, slot);

	if (shares != NULL)
		return &shares->turn[slot % 64];
	instance->no_turn = 0;
	return &instance->no_turn;
}

/* Who reads while another thread writes gets parts of two secrets: a proof
 * does not fit that, and the link takes the long way. */
static void
copy_newest(struct instance *instance, uint8_t secret[PROOF_SIZE])
{
	uint64_t words[PROOF_SIZE / sizeof(uint64_t)];

	for (size_t i = 0; i < PROOF_SIZE / sizeof(words[0]); i++)
		words[i] = atomic_load_explicit(&instance->newest[i],
		    memory_order_relaxed);
	memcpy(secret, words, PROOF_SIZE);
	proof_forget(words, sizeof(words));
}

static bool
proof_fits(const struct hello *hello, const uint8_t *binding,
    const uint8_t *secret)
{
	const struct join_input input = {
		.secret = secret,
		.counter = hello->counter,
		.nonce_inner = hello->nonce,
		.binding = binding,
	};

	return join_check(PROOF_INNER, &input, hello->proof);
}

bool
instance_joins_quickly(struct instance *instance, const struct hello *hello,
    const uint8_t *binding, uint8_t secret[PROOF_SIZE])
{
	if (!instance->has_secret)
		return false;
	memcpy(secret, instance->secret, PROOF_SIZE);
	if (!proof_fits(hello, binding, secret)) {
		copy_newest(instance, secret);
		if (!proof_fits(hello, binding, secret))
			return false;
	}
	return window_accept(&instance->window, hello->counter);
}

int
instance_idle(const struct instance *instance)
{
	int idle = 0, here;

	for (unsigned i = 0; i < instance->part_count; i++) {
		here = atomic_load(&instance->parts[i].idle_count);
		idle += here > 0 ? here : 0;
	}
	return idle;
}

int
instance_size(struct instance *instance, int idle, uint64_t now_ms)
{
	uint64_t age_ms = now_ms - instance->lately_ms;

	if (age_ms >= INSTANCE_LATELY_MS) {
		instance->most_before = age_ms < 2 * INSTANCE_LATELY_MS
		    ? instance->most
		    : 0;
		instance->most = 0;
		instance->lately_ms = now_ms;
	}
	if (idle > instance->most)
		instance->most = idle;
	return instance->most > instance->most_before ? instance->most
						      : instance->most_before;
}
