/*
 * circle.c - services with Tunnel false whose targets are addresses of such
 * services here.
 *
 * Owns:    where such services listen, as numbers.
 * Thread:  main; circle_holds any.
 * Floor:   outer.
 */
#include "outer/circle.h"
#include "outer/front.h"
#include "outer/service.h"
#include "outer/services.h"
#include "base/cidr.h"
#include "net/endpoint.h"
#include "net/listen.h"
#include "net/resolve.h"
#include "sys/inet.h"
#include "sys/sock_unix.h"
#include "sys/thread.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Of one listener. */
struct circle_places {
	struct list_node node; /* circle.places */
	unsigned count;
	struct listen_place items[];
};

bool
circle_init(struct circle *circle)
{
	list_init(&circle->places);
	circle->lock = mutex_new();
	return circle->lock != NULL;
}

void
circle_fini(struct circle *circle)
{
	if (circle->lock != NULL)
		mutex_free(circle->lock);
	circle->lock = NULL;
}

struct circle_places *
circle_add(struct circle *circle, const struct listen *listen)
{
	struct circle_places *places;
	struct listen_place place;
	unsigned count = 0;

	while (listen_nth(listen, count, &place))
		count++;
	places = calloc(1, sizeof(*places) + count * sizeof(places->items[0]));
	if (places == NULL)
		return NULL;
	for (places->count = 0; places->count < count; places->count++)
		(void)listen_nth(listen, places->count,
		    &places->items[places->count]);
	mutex_lock(circle->lock);
	list_push_back(&circle->places, &places->node);
	mutex_unlock(circle->lock);
	return places;
}

void
circle_drop(struct circle *circle, struct circle_places *places)
{
	if (places == NULL)
		return;
	mutex_lock(circle->lock);
	list_remove(&places->node);
	mutex_unlock(circle->lock);
	free(places);
}

static bool
read_number(const char *text, struct endpoint *at)
{
	struct cidr one;

	memset(at, 0, sizeof(*at));
	if (text[0] == '\0' || strchr(text, '/') != NULL ||
	    cidr_parse(text, &one) != NULL)
		return false;
	at->family = one.family;
	memcpy(at->bytes, one.bytes, sizeof(at->bytes));
	return true;
}

/* --- of what is dialed ----------------------------------------------------- */

/* 0.0.0.0 and :: lead to this machine when they are dialed. */
static void
settle_any(struct endpoint *there)
{
	if (!endpoint_is_any(there))
		return;
	if (there->family == 4)
		there->bytes[0] = 127;
	there->bytes[there->family == 4 ? 3 : 15] = 1;
}

/* Where it leads; false: it takes a question to tell. */
static bool
find_place(const struct addr *target, struct endpoint *there)
{
	struct addrinfo *found;

	if (!read_number(target->host, there)) {
		if ((found = resolve_numeric(target)) == NULL)
			return false;
		endpoint_from(found->ai_addr, there);
		freeaddrinfo(found);
	}
	there->port = target->port;
	return true;
}

static bool
is_at(const struct listen_place *place, const struct endpoint *there)
{
	if (place->at.family == 0 || place->at.port != there->port ||
	    (place->at.family != there->family && !place->everywhere))
		return false;
	return endpoint_is_any(&place->at)
	    ? endpoint_is_own(there)
	    : memcmp(place->at.bytes, there->bytes, sizeof(there->bytes)) == 0;
}

static bool
is_file(const struct listen_place *place, const struct sock_file_id *file)
{
	return place->at.family == 0 && place->file.device == file->device &&
	    place->file.inode == file->inode;
}

bool
circle_holds(struct circle *circle, const struct addr *target, sock_fd fd)
{
	bool is_unix = target->kind == ADDR_UNIX, found = false;
	struct sock_file_id file = { 0 };
	struct endpoint there = { 0 };
	struct list_node *node;

	if (is_unix ? !sock_file_behind(target->path, &file)
		    : fd == SOCK_NONE && !find_place(target, &there))
		return false;
	if (!is_unix && fd != SOCK_NONE)
		endpoint_peer(fd, &there);
	settle_any(&there);
	mutex_lock(circle->lock);
	node = list_first(&circle->places);
	for (; node != NULL && !found;
	     node = list_next(&circle->places, node)) {
		const struct circle_places *places = list_entry(node,
		    struct circle_places, node);

		for (unsigned i = 0; i < places->count && !found; i++)
			found = is_unix ? is_file(&places->items[i], &file)
					: is_at(&places->items[i], &there);
	}
	mutex_unlock(circle->lock);
	return found;
}

/* --- of what texts tell --------------------------------------------------- */

static bool
leads_to(const char *listen, const struct endpoint *there)
{
	struct endpoint at;

	if (listen[0] == '\0')
		return endpoint_is_own(there);
	if (!read_number(listen, &at) || at.family != there->family)
		return false;
	return endpoint_is_any(&at)
	    ? endpoint_is_own(there)
	    : memcmp(at.bytes, there->bytes, sizeof(at.bytes)) == 0;
}

static bool
hosts_meet(const char *listen, const char *target)
{
	struct endpoint there;

	if (strcasecmp(listen, target) == 0)
		return true;
	if (strcasecmp(target, "localhost") == 0)
		return hosts_meet(listen, "127.0.0.1") ||
		    hosts_meet(listen, "::1");
	if (strcasecmp(listen, "localhost") == 0)
		return hosts_meet("127.0.0.1", target) ||
		    hosts_meet("::1", target);
	if (!read_number(target, &there))
		return false;
	settle_any(&there);
	return leads_to(listen, &there);
}

bool
circle_meet(const struct addr_range *listen, const struct addr_range *target)
{
	const struct addr *here = &listen->first, *there = &target->first;

	if (here->kind != there->kind)
		return false;
	if (here->kind == ADDR_UNIX)
		return strcmp(here->path, there->path) == 0;
	return here->kind == ADDR_TCP && here->port != 0 &&
	    there->port < here->port + listen->count &&
	    here->port < there->port + target->count &&
	    hosts_meet(here->host, there->host);
}

static bool
listens_at(const struct service *service, const struct addr_range *target)
{
	struct list_node *node = list_first(&service->fronts);
	struct addr_range one = { .count = 1 };

	for (; node != NULL; node = list_next(&service->fronts, node)) {
		front_address(front_of(node), &one.first);
		if (circle_meet(&one, target))
			return true;
	}
	return false;
}

const struct service *
circle_ahead(const struct services *services, const struct addr_range *target)
{
	const struct service *service = services_next(services, NULL);

	while (service != NULL &&
	    !(service->direct && listens_at(service, target)))
		service = services_next(services, service);
	return service;
}

const struct service *
circle_behind(const struct services *services, const struct addr_range *listen)
{
	const struct service *service = services_next(services, NULL);

	while (service != NULL &&
	    !(service->direct && circle_meet(listen, &service->target)))
		service = services_next(services, service);
	return service;
}
