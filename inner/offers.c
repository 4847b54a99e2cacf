/*
 * offers.c - what this inner offers, and what it lets the outer dial.
 *
 * Owns:    what it is told of by the file: nothing is borrowed from there, for
 *          a newer reading takes its place while sessions go on.
 * Thread:  any; constant once it is in the slot.
 * Floor:   inner.
 */
#include "inner/offers.h"
#include "base/str.h"
#include "sys/thread.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct offers_slot {
	struct mutex *lock;    /* owned */
	struct offers *offers; /* held; NULL: none yet */
};

/* Empty, with room for so many. */
static struct offers *
take_room(size_t count, size_t allowed)
{
	struct offers *offers = calloc(1, sizeof(*offers));

	if (offers == NULL)
		return NULL;
	atomic_init(&offers->holders, 1);
	offers->list = calloc(count + 1, sizeof(*offers->list));
	offers->ids = calloc(count + 1, sizeof(*offers->ids));
	offers->ports = calloc(count + 1, sizeof(*offers->ports));
	offers->allow.entries = calloc(allowed + 1,
	    sizeof(*offers->allow.entries));
	if (offers->list == NULL || offers->ids == NULL ||
	    offers->ports == NULL || offers->allow.entries == NULL) {
		offers_release(offers);
		return NULL;
	}
	return offers;
}

static struct offer *
add(struct offers *offers, const char *name, const struct addr_range *target)
{
	struct offer *offer = &offers->list[offers->count];

	offers->ids[offers->count++] = OFFER_NO_ID;
	str_copy(offer->name, sizeof(offer->name), name);
	offer->target = *target;
	offer->weight = 1;
	return offer;
}

/* Copies text, which may be NULL. False without memory. */
static bool
copy_text(char **to, const char *text)
{
	*to = text != NULL ? strdup(text) : NULL;
	return text == NULL || *to != NULL;
}

static void
copy_allowed(struct offers *offers, const struct targets *from)
{
	if (from->count > 0)
		memcpy(offers->allow.entries, from->entries,
		    from->count * sizeof(*from->entries));
	offers->allow.count = from->count;
}

static bool
take_health(struct offer *offer, const struct inner_service *service)
{
	offer->health = service->health;
	offer->health_ms = service->health_ms;
	offer->health_status = service->health_status;
	return copy_text(&offer->health_path, service->health_path);
}

struct offers *
offers_new(const struct inner_config *config)
{
	const struct inner_service *services = config->services.items;
	struct offers *offers = take_room(config->services.count + 1,
	    config->allow.count);

	if (offers == NULL)
		return NULL;
	if (config->proxy_addr.kind != ADDR_NONE) {
		const struct addr_range own = { config->proxy_addr, 1 };

		add(offers, REGISTER_DEFAULT, &own);
	}
	for (size_t i = 0; i < config->services.count; i++) {
		struct offer *offer = add(offers, services[i].name,
		    &services[i].proxy);

		offer->listen = services[i].remote;
		offer->weight = services[i].weight;
		offer->header = services[i].header;
		if (!take_health(offer, &services[i])) {
			offers_release(offers);
			return NULL;
		}
	}
	copy_allowed(offers, &config->allow);
	offers->registers = config->services.count > 0;
	return offers;
}

struct offers *
offers_hold(struct offers *offers)
{
	atomic_fetch_add(&offers->holders, 1);
	return offers;
}

void
offers_release(struct offers *offers)
{
	if (offers == NULL || atomic_fetch_sub(&offers->holders, 1) > 1)
		return;
	for (size_t i = 0; i < offers->count; i++) {
		free(offers->list[i].health_path);
		free(offers->list[i].address);
		free(offers->list[i].error);
	}
	free(offers->list);
	free(offers->ids);
	free(offers->ports);
	free(offers->allow.entries);
	free(offers);
}

/* What the outer has said of one. False without memory. */
static bool
copy_answer(struct offers *to, size_t i, const struct offers *from, size_t j)
{
	to->ids[i] = from->ids[j];
	to->ports[i] = from->ports[j];
	return copy_text(&to->list[i].address, from->list[j].address) &&
	    copy_text(&to->list[i].error, from->list[j].error);
}

bool
offers_inherit(struct offers *fresh, const struct offers *old)
{
	for (size_t i = 0; i < fresh->count; i++) {
		size_t j = offers_find(old, fresh->list[i].name);

		if (j < old->count && !copy_answer(fresh, i, old, j))
			return false;
	}
	return true;
}

/* The answer to the i-th; they mostly come in the order of the question. */
static const struct registered_service *
answer_of(const struct registered *registered, size_t i, const char *name)
{
	if (i < registered->service_count &&
	    strcmp(registered->services[i].name, name) == 0)
		return &registered->services[i];
	for (size_t j = 0; j < registered->service_count; j++)
		if (strcmp(registered->services[j].name, name) == 0)
			return &registered->services[j];
	return NULL;
}

/* The first port of a range is that of the address. A port that the inner
 * has asked for by its number needs no telling. */
static uint16_t
first_port(const struct offer *offer)
{
	struct addr_range range;

	if (offer->address != NULL &&
	    addr_range_parse(offer->address, &range) == NULL &&
	    range.first.kind == ADDR_TCP)
		return range.first.port;
	return offer->listen.first.port;
}

static bool
take_answer(struct offers *offers, size_t i,
    const struct registered_service *answer)
{
	struct offer *offer = &offers->list[i];

	if (answer == NULL)
		return true; /* of an older question */
	if (!copy_text(&offer->address, answer->address) ||
	    !copy_text(&offer->error, answer->error))
		return false;
	if (answer->error == NULL)
		offers->ids[i] = answer->id;
	offers->ports[i] = first_port(offer);
	return true;
}

struct offers *
offers_answered(const struct offers *offers,
    const struct registered *registered)
{
	struct offers *copy = take_room(offers->count, offers->allow.count);

	if (copy == NULL)
		return NULL;
	copy_allowed(copy, &offers->allow);
	copy->registers = offers->registers;
	for (size_t i = 0; i < offers->count; i++) {
		const struct offer *from = &offers->list[i];
		struct offer *offer = add(copy, from->name, &from->target);

		*offer = *from;
		offer->address = offer->error = NULL;
		if (!copy_text(&offer->health_path, from->health_path) ||
		    !take_answer(copy, i,
			answer_of(registered, i, from->name))) {
			offers_release(copy);
			return NULL;
		}
	}
	return copy;
}

size_t
offers_find(const struct offers *offers, const char *name)
{
	size_t i = 0;

	while (i < offers->count && strcmp(offers->list[i].name, name) != 0)
		i++;
	return i;
}

size_t
offers_find_id(const struct offers *offers, uint32_t id)
{
	size_t i = 0;

	if (id == 0)
		return offers_find(offers, REGISTER_DEFAULT);
	while (i < offers->count && offers->ids[i] != id)
		i++;
	return i;
}

static bool
is_in(const struct addr_range *range, const struct addr *addr)
{
	const struct addr *first = &range->first;

	if (addr->kind != first->kind || addr->tls)
		return false;
	if (addr->kind == ADDR_UNIX)
		return strcmp(addr->path, first->path) == 0;
	return strcasecmp(addr->host, first->host) == 0 &&
	    addr->port >= first->port &&
	    addr->port - first->port < range->count;
}

size_t
offers_find_target(const struct offers *offers, const struct addr *addr)
{
	size_t i = 0;

	while (i < offers->count && !is_in(&offers->list[i].target, addr))
		i++;
	return i;
}

/* Everything in REGISTER as text. */
struct texts {
	struct register_service *services;
	char (*targets)[ADDR_RANGE_TEXT_SIZE], (*listens)[ADDR_RANGE_TEXT_SIZE];
	char (*allowed)[TARGETS_TEXT_SIZE];
	const char **allow;
};

static bool
take_texts(struct texts *texts, size_t services, size_t allowed)
{
	texts->services = calloc(services + 1, sizeof(*texts->services));
	texts->targets = calloc(services + 1, sizeof(*texts->targets));
	texts->listens = calloc(services + 1, sizeof(*texts->listens));
	texts->allowed = calloc(allowed + 1, sizeof(*texts->allowed));
	texts->allow = calloc(allowed + 1, sizeof(*texts->allow));
	return texts->services != NULL && texts->targets != NULL &&
	    texts->listens != NULL && texts->allowed != NULL &&
	    texts->allow != NULL;
}

static void
fill_texts(struct texts *texts, const struct offers *offers, const bool *bad)
{
	for (size_t i = 0; i < offers->count; i++) {
		const struct offer *offer = &offers->list[i];
		bool asks = offer->listen.first.kind != ADDR_NONE;

		addr_range_format(&offer->target, texts->targets[i],
		    sizeof(texts->targets[i]));
		addr_range_format(&offer->listen, texts->listens[i],
		    sizeof(texts->listens[i]));
		texts->services[i] = (struct register_service){
			.name = offer->name,
			.target = texts->targets[i],
			.listen = asks ? texts->listens[i] : NULL,
			.weight = offer->weight,
			.healthy = bad == NULL || !bad[i],
		};
	}
	for (size_t i = 0; i < offers->allow.count; i++) {
		targets_format(&offers->allow.entries[i], texts->allowed[i],
		    sizeof(texts->allowed[i]));
		texts->allow[i] = texts->allowed[i];
	}
}

size_t
offers_encode(const struct offers *offers, const bool *bad,
    char out[REGISTER_PAYLOAD_MAX])
{
	struct registration registration = { 0 };
	struct texts texts;
	size_t len = 0;

	if (take_texts(&texts, offers->count, offers->allow.count)) {
		fill_texts(&texts, offers, bad);
		registration.services = texts.services;
		registration.service_count = offers->count;
		registration.allow = texts.allow;
		registration.allow_count = offers->allow.count;
		len = register_encode(&registration, out);
	}
	free(texts.services);
	free(texts.targets);
	free(texts.listens);
	free(texts.allowed);
	free(texts.allow);
	return len;
}

struct offers_slot *
offers_slot_new(void)
{
	struct offers_slot *slot = calloc(1, sizeof(*slot));

	if (slot == NULL || (slot->lock = mutex_new()) == NULL) {
		free(slot);
		return NULL;
	}
	return slot;
}

void
offers_slot_free(struct offers_slot *slot)
{
	if (slot == NULL)
		return;
	offers_release(slot->offers);
	mutex_free(slot->lock);
	free(slot);
}

void
offers_slot_put(struct offers_slot *slot, struct offers *offers)
{
	struct offers *old;

	mutex_lock(slot->lock);
	old = slot->offers;
	slot->offers = offers;
	mutex_unlock(slot->lock);
	offers_release(old);
}

struct offers *
offers_slot_get(struct offers_slot *slot)
{
	struct offers *offers;

	mutex_lock(slot->lock);
	offers = offers_hold(slot->offers);
	mutex_unlock(slot->lock);
	return offers;
}
