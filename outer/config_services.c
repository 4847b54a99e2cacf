/*
 * config_services.c - what the outer's file says of services.
 *
 * Owns:    nothing; the texts belong to the outer_config.
 * Thread:  main.
 * Floor:   outer. A part of config.c.
 */
#include "outer/circle.h"
#include "outer/config_parts.h"
#include "outer/service.h"
#include "outer/sharing.h"
#include "conf/conf_reload.h"
#include "ops/limits.h"

#include <stdio.h>
#include <string.h>

enum { HOSTS_MAX = 64, LISTEN_MAX = 64 };

#define OF_SERVICE(member) offsetof(struct outer_service, member)

static const struct conf_field service_fields[] = {
	{ "Name", CONF_TEXT, OF_SERVICE(name), 1, SERVICE_NAME_MAX, NULL,
	    CONF_REQUIRED | CONF_NAME, NULL,
	    "its name, for inners and the log" },
	{ "Listen", CONF_RANGES, OF_SERVICE(listen), 1, LISTEN_MAX, NULL,
	    CONF_REQUIRED, NULL,
	    "its public address, such as tcp://0.0.0.0:8081; or several" },
	{ "Host", CONF_HOSTS, OF_SERVICE(hosts), 1, HOSTS_MAX, NULL, 0, NULL,
	    "whom its clients ask for, such as www.example.org" },
	{ "Inner", CONF_TEXT, OF_SERVICE(inner), 1, HELLO_INNER_MAX, NULL,
	    CONF_NAME, NULL, "the InnerId that serves it; any if not given" },
	{ "Target", CONF_RANGE, OF_SERVICE(target), 0, 0, NULL, CONF_CONNECT,
	    NULL, "what that inner dials, such as tcp://127.0.0.1:22" },
	{ "AllowFrom", CONF_NETS, OF_SERVICE(allow), 1, NETS_MAX, NULL, 0, NULL,
	    "who may be its client, instead of the top level's" },
	{ "DenyFrom", CONF_NETS, OF_SERVICE(deny), 1, NETS_MAX, NULL, 0, NULL,
	    "who may not, instead of the top level's" },
	{ "Tunnel", CONF_BOOL, OF_SERVICE(tunnel), 0, 0, "true", 0, NULL,
	    "false: no inner; this machine itself dials Target" },
	{ "AcceptProxyProtocol", CONF_NETS, OF_SERVICE(proxies), 1, NETS_MAX,
	    NULL, 0, NULL, "proxies that say first who their client is" },
	{ "MaxSessions", CONF_COUNT, OF_SERVICE(max_sessions), 1, 1000000, NULL,
	    0, NULL, "its sessions at once" },
	{ "MaxSessionsPerAddress", CONF_COUNT, OF_SERVICE(address_sessions), 1,
	    1000000, NULL, 0, NULL, "its sessions of one address at once" },
	{ "NewSessionsPerSecond", CONF_COUNT, OF_SERVICE(new_per_second), 1,
	    1000000, NULL, 0, NULL, "its new ones of one address a second" },
	{ "NewSessionsBurst", CONF_COUNT, OF_SERVICE(new_burst), 1, 1000000,
	    NULL, 0, NULL, "so many of them at once" },
	{ "RateLimit", CONF_BYTES, OF_SERVICE(rate), 1 << 10, RATE_MAX, NULL, 0,
	    NULL, "bytes a second of its sessions together, each way" },
	{ "RateLimitPerSession", CONF_BYTES, OF_SERVICE(session_rate), 1 << 10,
	    RATE_MAX, NULL, 0, NULL,
	    "bytes a second of one of them, each way" },
};
const struct conf_items config_service_items = {
	service_fields,
	sizeof(service_fields) / sizeof(service_fields[0]),
	sizeof(struct outer_service),
};

#define OF_PORTS(member) offsetof(struct outer_ports, member)

static const struct conf_field port_range_fields[] = {
	{ "from", CONF_COUNT, OF_PORTS(from), 1, 65535, NULL, CONF_REQUIRED,
	    NULL, "the first port" },
	{ "end", CONF_COUNT, OF_PORTS(end), 1, 65535, NULL, CONF_REQUIRED, NULL,
	    "the last port" },
};
const struct conf_items config_port_range_items = {
	port_range_fields,
	sizeof(port_range_fields) / sizeof(port_range_fields[0]),
	sizeof(struct outer_ports),
};

bool
config_same_place(const struct addr *a, const struct addr *b)
{
	char a_text[ADDR_TEXT_SIZE], b_text[ADDR_TEXT_SIZE];

	if (a->kind == ADDR_TCP && a->port == 0)
		return false; /* a free port each */
	addr_format(a, a_text, sizeof(a_text));
	addr_format(b, b_text, sizeof(b_text));
	if (a->kind != ADDR_TCP || b->kind != ADDR_TCP)
		return strcmp(a_text, b_text) == 0;
	/* the same but for tls:// and tcp:// */
	return strcmp(strchr(a_text, ':'), strchr(b_text, ':')) == 0;
}

static bool
check_burst(const char *path, const char *where, uint32_t a_second,
    uint32_t burst, char problem[CONF_PROBLEM_SIZE])
{
	if (burst == 0 || a_second > 0)
		return true;
	snprintf(problem, CONF_PROBLEM_SIZE,
	    "%.400s: %sNewSessionsBurst: found it without "
	    "NewSessionsPerSecond; expected both, or neither",
	    path, where);
	return false;
}

/* What a service does not say is as at the top level. */
bool
config_check_burst(const char *path, const struct outer_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	const struct outer_service *own = config->services.items;
	uint32_t top = config->new_per_second;

	for (size_t i = 0; i < config->services.count; i++)
		if (!check_burst(path, "Services: ",
			own[i].new_per_second > 0 ? own[i].new_per_second : top,
			own[i].new_burst, problem))
			return false;
	return check_burst(path, "", top, config->new_burst, problem);
}

bool
outer_service_same(const struct outer_service *a, const struct outer_service *b)
{
	char names[1]; /* of what differs: not asked for */

	return conf_changed(config_service_items.fields,
		   config_service_items.count, a, b, false, names,
		   sizeof(names)) == 0;
}

/* Whether Services has that name, or OuterServerAddress is it, before number i
 * of them. */
static bool
name_is_taken(const struct outer_config *config, size_t i)
{
	const struct outer_service *own = config->services.items;

	for (size_t j = 0; j < i; j++)
		if (strcmp(own[i].name, own[j].name) == 0)
			return true;
	return outer_config_has_default(config) &&
	    strcmp(own[i].name, SERVICE_DEFAULT) == 0;
}

/* Whether two ranges have a place in common. */
static bool
overlap(const struct addr_range *a, const struct addr_range *b)
{
	struct addr x = a->first, y = b->first;
	int distance = y.port - x.port;

	if (x.kind != ADDR_TCP || y.kind != ADDR_TCP)
		return config_same_place(&x, &y);
	if (x.port == 0 || y.port == 0 || distance >= a->count ||
	    -distance >= b->count)
		return false;
	x.port = y.port;
	return config_same_place(&x, &y);
}

bool
config_have_common(const struct addr_ranges *a, const struct addr_ranges *b)
{
	for (size_t i = 0; i < a->count; i++)
		for (size_t j = 0; j < b->count; j++)
			if (overlap(&a->items[i], &b->items[j]))
				return true;
	return false;
}

/* As many ports here as there, or one target for all. */
static bool
lengths_fit(const struct outer_service *own)
{
	size_t ports = 0;

	if (own->target.first.kind == ADDR_NONE || own->target.count == 1)
		return true;
	for (size_t i = 0; i < own->listen.count; i++)
		ports += own->listen.items[i].count;
	return ports == own->target.count;
}

/* Whether number i of Services may listen where those before it do, or the
 * default. */
static bool
check_place(const char *path, const struct outer_config *config, size_t i,
    char problem[CONF_PROBLEM_SIZE])
{
	const struct outer_service *own = config->services.items;
	struct addr_range inner_range = { config->inner_addr, 1 };
	struct addr_range outer_range = { config->outer_addr, 1 };
	const struct addr_ranges inner = { &inner_range, 1 };
	const struct outer_service the_default = {
		.name = (char[]){ "OuterServerAddress" },
		.listen = { &outer_range, 1 },
		.proxies = config->proxies,
	};

	if (config_have_common(&own[i].listen, &inner)) {
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: Services: found the address of InnerServerAddress "
		    "as Listen of \"%s\"; expected another",
		    path, own[i].name);
		return false;
	}
	if (outer_config_has_default(config) &&
	    config_have_common(&own[i].listen, &the_default.listen) &&
	    !sharing_check(path, &own[i], &the_default, problem))
		return false;
	for (size_t j = 0; j < i; j++)
		if (config_have_common(&own[i].listen, &own[j].listen) &&
		    !sharing_check(path, &own[i], &own[j], problem))
			return false;
	return true;
}

/* Whether number i of Services, which has no tunnel, leads to one that has none
 * either. */
static bool
check_circle(const char *path, const struct outer_config *config, size_t i,
    char problem[CONF_PROBLEM_SIZE])
{
	const struct outer_service *own = config->services.items;

	for (size_t j = 0; j < config->services.count; j++) {
		const struct addr_ranges *listen = &own[j].listen;

		for (size_t k = 0; !own[j].tunnel && k < listen->count; k++) {
			if (!circle_meet(&listen->items[k], &own[i].target))
				continue;
			snprintf(problem, CONF_PROBLEM_SIZE,
			    "%.400s: Services: found an address of \"%s\" as "
			    "Target of \"%s\", both with Tunnel false; "
			    "expected another",
			    path, own[j].name, own[i].name);
			return false;
		}
	}
	return true;
}

static bool
fits_forward(const struct addr_range *target)
{
	char text[ADDR_TEXT_SIZE];

	addr_format(&target->first, text, sizeof(text));
	return strlen(text) + strlen("65535") <= REQUEST_TARGET_MAX;
}

static bool
can_listen(const char *path, const struct addr_ranges *listen,
    char problem[CONF_PROBLEM_SIZE])
{
	for (size_t i = 0; i < listen->count; i++)
		if (!limits_check_address(path, "Services: Listen",
			&listen->items[i].first, problem))
			return false;
	return true;
}

static bool
check_service(const char *path, const struct outer_config *config, size_t i,
    char problem[CONF_PROBLEM_SIZE])
{
	const struct outer_service *own = config->services.items;

	if (name_is_taken(config, i))
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: Services: found two named \"%s\"; expected "
		    "another name%s",
		    path, own[i].name,
		    strcmp(own[i].name, SERVICE_DEFAULT) == 0
			? ", for that is OuterServerAddress"
			: "");
	else if (!own[i].tunnel &&
	    (own[i].target.first.kind == ADDR_NONE || own[i].inner != NULL))
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: Services: found Tunnel false of \"%s\" %s; "
		    "expected Target and no Inner",
		    path, own[i].name,
		    own[i].inner != NULL ? "with Inner" : "without Target");
	else if (!fits_forward(&own[i].target))
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: Services: found a Target of \"%s\" with a longer "
		    "name than FORWARD can carry; expected a shorter one",
		    path, own[i].name);
	else if (!lengths_fit(&own[i]))
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: Services: found another number of ports in Listen "
		    "than in Target of \"%s\"; expected as many, or one target",
		    path, own[i].name);
	else
		return (own[i].tunnel ||
			   check_circle(path, config, i, problem)) &&
		    check_place(path, config, i, problem) &&
		    can_listen(path, &own[i].listen, problem);
	return false;
}

static bool
check_port_range(const char *path, const struct outer_ports *range,
    char problem[CONF_PROBLEM_SIZE])
{
	if (range == NULL || range->from <= range->end)
		return true;
	snprintf(problem, CONF_PROBLEM_SIZE,
	    "%.400s: PortRange: found from %u behind end %u; expected from "
	    "before it",
	    path, (unsigned)range->from, (unsigned)range->end);
	return false;
}

bool
config_check_services(const char *path, const struct outer_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	if (outer_config_has_default(config) &&
	    config_same_place(&config->inner_addr, &config->outer_addr)) {
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: "
		    "OuterServerAddress: found the address of "
		    "InnerServerAddress; expected another",
		    path);
		return false;
	}
	if (!outer_config_has_default(config) && config->services.count == 0 &&
	    !outer_config_has_api(config)) {
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: OuterServerAddress: found none; expected the "
		    "public address of clients, Services or AdminAddress",
		    path);
		return false;
	}
	for (size_t i = 0; i < config->services.count; i++)
		if (!check_service(path, config, i, problem))
			return false;
	if (!check_port_range(path, config->port_range.items, problem))
		return false;
	return !outer_config_has_default(config) ||
	    limits_check_address(path, "OuterServerAddress",
		&config->outer_addr, problem);
}
