/*
 * standby_join.c - how a new link becomes a standby: from the listener to the
 * shard, and from the proof of the key into its instance.
 *
 * Owns:    nothing; the standby is the shard's from its arrival on.
 * Thread:  the shard's loop only, but for standby_accept: main.
 * Floor:   outer. A link whose instance the shard does not know, or may not
 *          join, asks main (registry.c) and reads nothing until the answer.
 */
#include "outer/standby_parts.h"
#include "outer/instance.h"
#include "outer/keys.h"
#include "outer/shard.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "net/endpoint.h"
#include "net/link.h"
#include "sys/sock.h"

#include <stdlib.h>
#include <string.h>

void
standby_forget_handshake(struct standby *standby)
{
	if (standby->handshake == NULL)
		return;
	proof_forget(standby->handshake, sizeof(*standby->handshake));
	free(standby->handshake);
	standby->handshake = NULL;
}

/* Becomes one of the instance's links. False: that is just going. */
static bool
enter(struct standby *standby, struct instance *instance)
{
	const struct standby_handshake *handshake = standby->handshake;

	if (!instance_join(instance))
		return false;
	standby->item.instance = instance;
	if (handshake != NULL && !handshake->quick) /* its proof covers HELLO */
		atomic_store(&instance->dialing, handshake->hello.dialing);
	pass_proved(&standby->shard->hub->armour, &standby->pass,
	    atomic_load(&instance->dialing));
	if (atomic_exchange(&instance->suspect, false)) /* it is heard again */
		shard_tell(standby->shard, SHARD_INSTANCES);
	if (handshake != NULL && handshake->has_secret && !handshake->quick)
		instance_renew_secret(instance, handshake->secret);
	return true;
}

/* The instance has let it in; now it stands by, if MaxLinks allows it. */
static void
join(struct standby *standby)
{
	struct shard *shard = standby->shard;
	struct instance *instance = standby->item.instance;
	bool control = standby->handshake != NULL &&
	    standby->handshake->hello.role == HELLO_CONTROL;
	char peer[ENDPOINT_TEXT_SIZE];

	if (atomic_fetch_add(&shard->hub->links, 1) >=
	    shard->config->max_links) {
		standby_fail(standby, CODE_TOO_MANY_LINKS, "MaxLinks reached");
		return;
	}
	if (standby->codec->send_welcome != NULL &&
	    !standby->codec->send_welcome(standby)) {
		standby_close(standby, "out of memory");
		return;
	}
	standby_forget_handshake(standby);
	if (control)
		standby_become_control(standby);
	else
		standby_become_idle(standby);
	log_debug("standby", control ? "control link joined" : "joined",
	    KV_U64("link", standby->id), KV_STR("inner", instance->inner),
	    KV_STR("instance", instance->id),
	    KV_STR("peer", standby_peer(standby, peer)),
	    KV_STR("kind", standby->codec->name));
}

static void ask(struct standby *standby, const char *inner, const char *id,
    uint32_t key, bool replace);

static void
discard(struct admission *admission)
{
	proof_forget(admission->secret, sizeof(admission->secret));
	free(admission);
}

static void
on_answered(struct admission *admission)
{
	struct standby *standby = admission->standby;
	struct instance *instance = admission->instance;

	if (standby == NULL) { /* it ended while we asked */
		discard(admission);
		return;
	}
	standby->admission = NULL;
	link_read(standby->link, true);
	link_kick(standby->link); /* it may have said more since */
	if (admission->revoked ||
	    (instance != NULL &&
		!keys_allow(standby->shard->keys, admission->inner,
		    admission->key))) {
		standby_revoke(standby); /* meanwhile */
	} else if (instance == NULL) {
		standby_fail(standby, CODE_NOT_ALLOWED, admission->why);
	} else if (enter(standby, instance)) {
		join(standby);
	} else { /* it has just gone: there will be a new one */
		ask(standby, admission->inner, admission->id, admission->key,
		    admission->replace);
	}
	discard(admission);
}

static void
ask(struct standby *standby, const char *inner, const char *id, uint32_t key,
    bool replace)
{
	struct admission *admission = calloc(1, sizeof(*admission));

	if (admission == NULL) {
		standby_close(standby, "out of memory");
		return;
	}
	admission->shard = standby->shard;
	admission->standby = standby;
	admission->answered = on_answered;
	admission->replace = replace;
	admission->key = key;
	admission->registers = standby->handshake != NULL &&
	    standby->handshake->hello.registers;
	str_copy(admission->inner, sizeof(admission->inner), inner);
	str_copy(admission->id, sizeof(admission->id), id);
	if (standby->handshake != NULL && standby->handshake->has_secret) {
		admission->has_secret = true;
		memcpy(admission->secret, standby->handshake->secret,
		    sizeof(admission->secret));
	}
	standby->admission = admission;
	link_read(standby->link, false); /* the answer comes first */
	registry_admit(admission);
}

void
standby_authenticated(struct standby *standby, const char *inner,
    const char *instance_id, uint32_t key, bool replace)
{
	struct instance *instance = pool_find(&standby->shard->pool, inner,
	    instance_id, key);

	if (instance != NULL && !atomic_load(&instance->replaced) &&
	    enter(standby, instance))
		join(standby);
	else
		ask(standby, inner, instance_id, key, replace);
}

/* The instance of that name and key, if HELLO proves one of its secrets. */
static struct instance *
find_quickly(struct standby *standby, const struct key *key)
{
	struct standby_handshake *handshake = standby->handshake;
	const struct hello *hello = &handshake->hello;
	struct instance *instance = pool_find(&standby->shard->pool,
	    hello->inner, hello->instance, key->id);

	if (instance == NULL || atomic_load(&instance->replaced) ||
	    !instance_joins_quickly(instance, hello, handshake->binding,
		handshake->secret))
		return NULL;
	return instance;
}

bool
standby_joined_quickly(struct standby *standby)
{
	struct standby_handshake *handshake = standby->handshake;
	const struct key *keys[KEYS_PER_INNER];
	struct instance *instance = NULL;

	keys_of(standby->shard->keys, handshake->hello.inner, keys);
	for (unsigned i = 0; instance == NULL && i < KEYS_PER_INNER; i++)
		instance = find_quickly(standby, keys[i]);
	if (instance == NULL)
		return false;
	handshake->quick = true;
	if (!enter(standby, instance)) {
		handshake->quick = false;
		return false;
	}
	join(standby);
	return true;
}

/* Who says nothing must not keep out an inner at the same address: the one from
 * there that has been at it for longest makes room. */
static void
make_room(const struct standby *young)
{
	struct list *handshakes = &young->shard->standbys[STANDBY_HANDSHAKE];
	struct list_node *node = list_first(handshakes);

	for (; node != NULL; node = list_next(handshakes, node)) {
		struct standby *old = standby_of(node);

		if (old->pass.caller != young->pass.caller ||
		    old->admission != NULL)
			continue;
		standby_close(old,
		    "too many links from there that have not authenticated");
		return;
	}
}

static void
refuse(struct standby *standby, struct log_limit *limit)
{
	char peer[ENDPOINT_TEXT_SIZE];

	if (hub_may_log(limit))
		log_warn("standby", "refused",
		    KV_STR("peer", standby_peer(standby, peer)),
		    KV_STR("why", "out of memory"));
	sock_close(standby->fd);
	atomic_fetch_sub(&standby->shard->link_count, 1);
	pass_end(&standby->shard->hub->armour, &standby->pass, FAULT_NONE,
	    clock_ms());
	free(standby);
}

static void
on_arrival(struct inbox_message *message)
{
	struct standby *standby = list_entry(message, struct standby, message);
	struct shard *shard = standby->shard;

	if (standby->pass.crowded)
		make_room(standby);
	standby->link = link_new(shard->loop, standby->fd);
	if (standby->link == NULL) {
		refuse(standby, &shard->strangers);
		return;
	}
	standby->fd = SOCK_NONE;

	standby_begin(standby);
}

void
standby_accept(struct hub *hub, sock_fd fd, const struct endpoint *peer,
    const struct pass *pass)
{
	struct standby *standby = calloc(1, sizeof(*standby));
	struct pass unused = *pass;

	if (standby == NULL) {
		if (hub_may_log(&hub->strangers))
			log_warn("standby", "refused",
			    KV_STR("why", "out of memory"));
		sock_close(fd);
		pass_end(&hub->armour, &unused, FAULT_NONE, clock_ms());
		return;
	}
	standby->id = hub->next_link++;
	standby->fd = fd;
	standby->peer = *peer;
	standby->pass = *pass;
	standby->shard = hub_shard_for_link(hub);
	standby->message.run = on_arrival;
	atomic_fetch_add(&standby->shard->link_count, 1);
	shard_post(standby->shard, &standby->message);
}
