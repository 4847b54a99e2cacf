/*
 * service.c - a name, public addresses, and whom their clients are for.
 *
 * Owns:    its listeners and those who wait for a standby.
 * Thread:  main, but for service_hold and service_release.
 * Floor:   outer.
 */
#include "outer/service.h"
#include "outer/front.h"
#include "outer/hub.h"
#include "base/log.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const origin_names[] = {
	[SERVICE_OF_FILE] = "file",
	[SERVICE_OF_INNER] = "inner",
	[SERVICE_OF_API] = "api",
};
_Static_assert(sizeof(origin_names) / sizeof(origin_names[0]) ==
	SERVICE_NORIGINS,
    "every origin needs a name");

const char *
service_origin_name(enum service_origin origin)
{
	return origin_names[origin];
}

/* False without memory. */
static bool
copy_list(struct cidr_list *to, const struct cidr_list *from)
{
	return from == NULL || cidr_list_copy(to, from);
}

/* With one limit of an address the service counts its clients by itself: by
 * those of the top level that run, where it says nothing. */
static bool
start_sources(struct service *service, const struct source_limits *own)
{
	const struct source_limits *top = &service->hub->sources.limits;
	const struct source_limits limits = {
		.sessions = own->sessions > 0 ? own->sessions : top->sessions,
		.rate = own->rate > 0 ? own->rate : top->rate,
		.burst = own->burst > 0 ? own->burst : top->burst,
	};

	if (own->sessions == 0 && own->rate == 0 && own->burst == 0)
		return true;
	service->sources = calloc(1, sizeof(*service->sources));
	return service->sources != NULL &&
	    sources_init(service->sources, &limits, service->hub->sources.seed);
}

/* The same of its rates. */
static void
start_rates(struct service *service, uint64_t all, uint64_t each)
{
	const struct rate_limits *top = &service->hub->rates;

	if (all == 0 && each == 0)
		return;
	service->rates.all = all > 0 ? all : top->all;
	service->rates.each = each > 0 ? each : top->each;
}

/* False without memory. */
static bool
copy_hosts(struct conf_names *to, const struct conf_names *from)
{
	if (from == NULL || from->count == 0)
		return true;
	to->items = calloc(from->count, sizeof(*to->items));
	if (to->items == NULL)
		return false;
	for (; to->count < from->count; to->count++)
		if ((to->items[to->count] = strdup(from->items[to->count])) ==
		    NULL)
			return false;
	return true;
}

static void
free_hosts(struct conf_names *hosts)
{
	for (size_t i = 0; i < hosts->count; i++)
		free(hosts->items[i]);
	free(hosts->items);
}

static void
on_release(void *arg)
{
	struct service *service = arg;

	services_remove(service, "its inner is gone");
	log_info("service", "closed: its inner is gone",
	    KV_STR("service", service->name), KV_STR("inner", service->inner));
}

struct service *
service_new(struct hub *hub, const struct service_options *options, uint32_t id,
    uint16_t slot)
{
	struct service *service = calloc(1, sizeof(*service));

	if (service == NULL)
		return NULL;
	service->hub = hub;
	service->id = id;
	service->slot = slot;
	service->origin = options->origin;
	service->max_sessions = options->max_sessions;
	service->direct = options->direct;
	str_copy(service->name, sizeof(service->name), options->name);
	str_copy(service->inner, sizeof(service->inner), options->inner);
	if (options->target != NULL)
		service->target = *options->target;
	list_init(&service->fronts);
	loop_timer_init(&service->release, hub->loop, on_release, service);
	dispatch_init(&service->dispatch, hub, slot);
	start_rates(service, options->rate, options->session_rate);
	if (copy_hosts(&service->hosts, options->hosts) &&
	    copy_list(&service->allow, options->allow) &&
	    copy_list(&service->deny, options->deny) &&
	    copy_list(&service->proxies, options->proxies) &&
	    start_sources(service, &options->sources))
		return service;
	service_free(service);
	return NULL;
}

void
service_free(struct service *service)
{
	if (service == NULL)
		return;
	service_stop_listening(service);
	dispatch_fini(&service->dispatch);
	loop_timer_fini(&service->release);
	if (service->sources != NULL)
		sources_fini(service->sources);
	free(service->sources);
	free(service->tcp);
	free(service->allow.blocks);
	free(service->deny.blocks);
	free(service->proxies.blocks);
	free_hosts(&service->hosts);
	free(service);
}

/* The port that the last front really got. False without memory. */
static bool
note_port(struct service *service, char problem[LISTEN_PROBLEM_SIZE])
{
	struct service_ports *tcp = service->tcp;
	size_t count = service->tcp_count;
	struct addr addr;

	front_address(front_of(list_last(&service->fronts)), &addr);
	if (addr.kind != ADDR_TCP)
		return true;
	if (count > 0 && tcp[count - 1].last + 1 == addr.port) {
		tcp[count - 1].last = addr.port;
		return true;
	}
	if ((tcp = realloc(tcp, (count + 1) * sizeof(*tcp))) == NULL) {
		snprintf(problem, LISTEN_PROBLEM_SIZE, "out of memory");
		return false;
	}
	tcp[count] = (struct service_ports){ addr.port, addr.port };
	service->tcp = tcp;
	service->tcp_count++;
	return true;
}

bool
service_listen(struct service *service, const struct addr_range *range,
    char problem[LISTEN_PROBLEM_SIZE])
{
	struct addr addr;

	if (service->ports == 0)
		service->listen = *range;
	for (unsigned i = 0; addr_range_nth(range, i, &addr); i++)
		if (!front_start(service, &addr, service->ports++, problem) ||
		    !note_port(service, problem))
			return false;
	if (service->ports == 1) /* port 0 has become another */
		front_address(front_of(list_first(&service->fronts)),
		    &service->listen.first);
	services_judge_one(service); /* of keys that are not for its ports */
	return true;
}

void
service_target_addr(const struct service *service, unsigned nth,
    struct addr *addr)
{
	*addr = service->target.first;
	if (service->target.count > 1)
		(void)addr_range_nth(&service->target, nth, addr);
}

void
service_target(const struct service *service, unsigned nth,
    char out[REQUEST_TARGET_MAX + 1])
{
	char text[ADDR_TEXT_SIZE];
	struct addr addr;

	_Static_assert((int)ADDR_TEXT_SIZE > (int)REQUEST_TARGET_MAX,
	    "a longer one is refused when it is read");
	service_target_addr(service, nth, &addr);
	addr_format(&addr, text, sizeof(text));
	str_copy(out, REQUEST_TARGET_MAX + 1, text);
}

bool
service_listens_on(const struct service *service,
    const struct addr_range *range)
{
	const struct addr *mine = &service->listen.first;
	bool same_port = mine->port == range->first.port ||
	    range->first.port == 0; /* any: the one it has */

	return service->ports == range->count && same_port &&
	    mine->kind == ADDR_TCP && range->first.kind == ADDR_TCP &&
	    strcmp(mine->host, range->first.host) == 0;
}

bool
service_listens_within(const struct service *service,
    const struct addr_range *range)
{
	struct list_node *node = list_first(&service->fronts);
	struct addr addr;

	for (; node != NULL; node = list_next(&service->fronts, node)) {
		front_address(front_of(node), &addr);
		if (addr.kind == ADDR_TCP && range->first.kind == ADDR_TCP &&
		    range->first.port != 0 && addr.port >= range->first.port &&
		    addr.port - range->first.port < range->count &&
		    (addr.host[0] == '\0' || range->first.host[0] == '\0' ||
			strcmp(addr.host, range->first.host) == 0))
			return true;
	}
	return false;
}

void
service_address(const struct service *service, char out[ADDR_RANGE_TEXT_SIZE])
{
	if (service->fronts.length > 0)
		addr_range_format(&service->listen, out, ADDR_RANGE_TEXT_SIZE);
	else
		str_copy(out, ADDR_RANGE_TEXT_SIZE, "");
}

void
service_release_later(struct service *service)
{
	if (service->releasing || service->removed)
		return;
	service->releasing = true;
	loop_timer_start(&service->release, service->hub->config->release_ms);
}

void
service_keep(struct service *service)
{
	service->releasing = false;
	loop_timer_stop(&service->release);
}

bool
service_is_released(const struct service *service)
{
	return service->releasing;
}

void
service_stop_listening(struct service *service)
{
	struct list_node *node;

	while ((node = list_first(&service->fronts)) != NULL)
		front_stop(front_of(node));
}

uint32_t
service_wire_id(const struct service *service, const struct instance *instance)
{
	return atomic_load(&instance->by_name) ||
		service->target.first.kind != ADDR_NONE
	    ? service->id
	    : 0;
}

void
service_hold(struct service *service)
{
	atomic_fetch_add(&service->sessions, 1);
}

/* The last thing that a session does with it: main may free it then. */
void
service_release(struct service *service)
{
	atomic_fetch_sub(&service->sessions, 1);
}

const struct cidr_list *
service_proxies(const struct service *service)
{
	return service->slot == SERVICE_SLOT_DEFAULT
	    ? &service->hub->config->proxies
	    : &service->proxies;
}

bool
service_is_full(const struct service *service)
{
	return service->max_sessions > 0 &&
	    atomic_load(&service->sessions) >= service->max_sessions;
}
