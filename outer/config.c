/*
 * config.c - what an operator tells the outer: outer.config.json.
 *
 * Owns:    nothing; the texts belong to the outer_config.
 * Thread:  main, before the loops start.
 * Floor:   outer. A key here is a row in README, README.zh and the man page
 *          too: tests/lint/lint_config.py says where one is missing.
 */
#include "outer/config.h"
#include "conf/conf_reload.h"
#include "ops/limits.h"
#include "wire/early.h"
#include "wire/signal48.h"
#include "sys/sock_unix.h"
#include "ops/key.h"
#include "ops/path.h"
#include "outer/keys.h"
#include "outer/service.h"
#include "outer/sharing.h"
#include "sys/sys.h"
#include "ops/privileges.h"
#include "relay/pump_kit.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS_MAX = 64, DEFAULT_THREADS_MAX = 4, NETS_MAX = 1024 };
enum { ADMIN_HOSTS_MAX = 64, ADMIN_TOKEN_SHORT = 16 };
enum {
	LISTEN_MAX = 64,
	KEY_NAMES_MAX = 1000,
	PORTS_MAX = 1000,
	HOSTS_MAX = 64
};
enum {
	BURST_SECONDS = 10,
	KEYS_MAX = 1000,
	SERVICES_OF_FILE_MAX = 1000,
	PATH_MAX_BYTES = 4095
};

#define RATE_MAX (1024.0 * (1 << 30)) /* 1 TiB a second */

#define AT(member) offsetof(struct outer_config, member)

static const char *const early_choices[] = {
	[EARLY_OFF] = "off",
	[EARLY_SAFE] = "safe",
	[EARLY_HTTP] = "http",
	NULL,
};

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
static const struct conf_items service_items = {
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
static const struct conf_items port_range_items = {
	port_range_fields,
	sizeof(port_range_fields) / sizeof(port_range_fields[0]),
	sizeof(struct outer_ports),
};

#define OF_KEY(member) offsetof(struct outer_key, member)

static const struct conf_field key_fields[] = {
	{ "Inner", CONF_TEXT, OF_KEY(inner), 1, HELLO_INNER_MAX, NULL,
	    CONF_REQUIRED | CONF_NAME, NULL, "the InnerId whose key it is" },
	{ "Key", CONF_TEXT, OF_KEY(key), 1, KEY_MAX, NULL, CONF_SECRET, NULL,
	    "its key, 1 to 256 bytes" },
	{ "KeyFile", CONF_TEXT, OF_KEY(key_file), 1, PATH_MAX_BYTES, NULL, 0,
	    NULL, "file with its key" },
	{ "Services", CONF_NAMES, OF_KEY(services), 1, KEY_NAMES_MAX, NULL, 0,
	    NULL, "services it is for; all if not given" },
	{ "Ports", CONF_PORTS, OF_KEY(ports), 1, PORTS_MAX, NULL, 0, NULL,
	    "public ports it may ask for; all if not given" },
};
static const struct conf_items key_items = {
	key_fields,
	sizeof(key_fields) / sizeof(key_fields[0]),
	sizeof(struct outer_key),
};

/* key, type, where, min, max, default, flags, choices, help */
const struct conf_field outer_config_fields[] = {
	{ "InnerServerAddress", CONF_ADDR, AT(inner_addr), 0, 0, NULL,
	    CONF_REQUIRED | CONF_TLS, NULL,
	    "the address where inners connect, such as tcp://0.0.0.0:9090" },
	{ "OuterServerAddress", CONF_ADDR, AT(outer_addr), 0, 0, NULL, 0, NULL,
	    "the public address of clients, such as tcp://0.0.0.0:8080" },
	{ "Services", CONF_LIST, AT(services), 0, SERVICES_OF_FILE_MAX, NULL,
	    CONF_RELOAD, &service_items, "further public addresses" },
	{ "PortRange", CONF_LIST, AT(port_range), 0, 1, NULL, CONF_RELOAD,
	    &port_range_items, "public ports that inners may ask for" },
	{ "PortBlacklist", CONF_PORTS, AT(port_blacklist), 1, PORTS_MAX, NULL,
	    CONF_RELOAD, NULL, "public ports that nobody may ask for" },
	{ "ReleaseAfter", CONF_SECONDS, AT(release_ms), 0, 86400, "60",
	    CONF_RELOAD, NULL,
	    "close ports that an inner asked for when it is gone so long" },
	{ "AuthKey", CONF_TEXT, AT(auth_key), 1, KEY_MAX, NULL,
	    CONF_SECRET | CONF_RELOAD, NULL,
	    "the key that inners and outer share, 1 to 256 bytes" },
	{ "AuthKeyFile", CONF_TEXT, AT(auth_key_file), 1, PATH_MAX_BYTES, NULL,
	    CONF_RELOAD, NULL, "file with AuthKey, one line" },
	{ "Keys", CONF_LIST, AT(keys), 0, KEYS_MAX, NULL, CONF_RELOAD,
	    &key_items, "keys of single inners, instead of AuthKey" },
	{ "SocketMode", CONF_MODE, AT(socket_mode), 0, 0, "0666", 0, NULL,
	    "file mode of a Unix socket that is listened on" },
	{ "SocketOwner", CONF_TEXT, AT(socket_owner), 0, 64, NULL, 0, NULL,
	    "user that such a socket is given to" },
	{ "SocketGroup", CONF_TEXT, AT(socket_group), 0, 64, NULL, 0, NULL,
	    "group that such a socket is given to" },
	{ "AllowFrom", CONF_NETS, AT(allow), 1, NETS_MAX, NULL, CONF_RELOAD,
	    NULL, "who may be a client; everybody if not given" },
	{ "DenyFrom", CONF_NETS, AT(deny), 1, NETS_MAX, NULL, CONF_RELOAD, NULL,
	    "who may not, though AllowFrom says so" },
	{ "AcceptProxyProtocol", CONF_NETS, AT(proxies), 1, NETS_MAX, NULL,
	    CONF_RELOAD, NULL,
	    "proxies at OuterServerAddress that say first who their client is" },
	{ "PeekTimeout", CONF_SECONDS, AT(peek_ms), 0.1, 60, "5", CONF_RELOAD,
	    NULL, "how long a client may take to say whom it asks for" },
	{ "MaxSessions", CONF_COUNT, AT(max_sessions), 1, 1000000, NULL,
	    CONF_RELOAD, NULL,
	    "sessions at once; further clients wait to be accepted" },
	{ "MaxSessionsPerAddress", CONF_COUNT, AT(address_sessions), 1, 1000000,
	    NULL, 0, NULL, "sessions of one address at once" },
	{ "NewSessionsPerSecond", CONF_COUNT, AT(new_per_second), 1, 1000000,
	    NULL, 0, NULL, "new sessions of one address a second" },
	{ "NewSessionsBurst", CONF_COUNT, AT(new_burst), 1, 1000000, NULL, 0,
	    NULL, "so many of them at once; ten seconds' worth if not given" },
	{ "RateLimit", CONF_BYTES, AT(rate), 1 << 10, RATE_MAX, NULL, 0, NULL,
	    "bytes a second of all sessions together, each way" },
	{ "RateLimitPerSession", CONF_BYTES, AT(session_rate), 1 << 10,
	    RATE_MAX, NULL, 0, NULL, "bytes a second of a session, each way" },
	{ "AcceptClassic", CONF_BOOL, AT(accept_classic), 0, 0, "true", 0, NULL,
	    "accept inners of the Go version, whose key crosses the wire" },
	{ "TLS", CONF_BOOL, AT(tls), 0, 0, "true", CONF_RELOAD, NULL,
	    "offer TLS on InnerServerAddress" },
	{ "RequireTLS", CONF_BOOL, AT(require_tls), 0, 0, "false", 0, NULL,
	    "turn away links without TLS; so does a tls:// address" },
	{ "CertFile", CONF_TEXT, AT(cert_file), 1, 4095, NULL, CONF_RELOAD,
	    NULL, "certificate and chain (PEM) instead of our own" },
	{ "KeyFile", CONF_TEXT, AT(key_file), 1, 4095, NULL, CONF_RELOAD, NULL,
	    "private key of CertFile (PEM)" },
	{ "ClientCAFile", CONF_TEXT, AT(client_ca_file), 1, 4095, NULL,
	    CONF_RELOAD, NULL,
	    "inners must show a certificate signed by one of these (PEM)" },
	{ "HandshakeTimeout", CONF_SECONDS, AT(handshake_ms), 0.1, 60, "10", 0,
	    NULL, "close a link that has not authenticated by then" },
	{ "PingInterval", CONF_SECONDS, AT(ping_ms), 0.1, 3600, "10", 0, NULL,
	    "silence after which a side says that it is alive" },
	{ "ForwardTimeout", CONF_SECONDS, AT(forward_ms), 0.1, 60, "5", 0, NULL,
	    "how long an inner may take to reach its target" },
	{ "QueueLength", CONF_COUNT, AT(queue_length), 0, 1000000, "1024", 0,
	    NULL, "clients that may wait for a link" },
	{ "QueueTimeout", CONF_SECONDS, AT(queue_ms), 0.1, 300, "5", 0, NULL,
	    "how long a client waits for a link" },
	{ "IdleTimeout", CONF_SECONDS, AT(idle_ms), 0.1, 1e6, "3600", 0, NULL,
	    "end a session after this silence both ways" },
	{ "PeerTimeout", CONF_SECONDS, AT(peer_ms), 1, 3600, "60", 0, NULL,
	    "a peer that acknowledges nothing for so long has vanished" },
	{ "DrainTimeout", CONF_SECONDS, AT(drain_ms), 0, 3600, "30", 0, NULL,
	    "how long sessions may go on after SIGTERM" },
	{ "MaxLinks", CONF_COUNT, AT(max_links), 1, 1000000, "10000", 0, NULL,
	    "links of all inners at once" },
	{ "MaxStartups", CONF_TEXT, AT(max_startups), 1, 32, "100:30:1000", 0,
	    NULL, "links that have not authenticated: start:rate:full" },
	{ "BufferSize", CONF_BYTES, AT(buffer_bytes), 16 << 10, 16 << 20,
	    "256K", 0, NULL, "bytes held for a slow reader, each way" },
	{ "MaxBufferMemory", CONF_BYTES, AT(memory_bytes), 1 << 20,
	    1024.0 * (1 << 30), "256M", 0, NULL,
	    "bytes held for slow readers in all" },
	{ "Pump", CONF_CHOICE, AT(pump), 0, 0, "auto", 0, pump_choices,
	    "how bytes are moved: auto, splice, copy or bev" },
	{ "EarlyData", CONF_CHOICE, AT(early_data), 0, 0, "safe", 0,
	    early_choices, "what of a client may go ahead: safe, http or off" },
	{ "Workers", CONF_COUNT, AT(workers), 0, WORKERS_MAX, NULL, 0, NULL,
	    "threads that relay beside the main one; default: up to 4 threads in all" },
	{ "LogLevel", CONF_CHOICE, AT(log_level), 0, 0, "info", 0,
	    conf_log_levels, "error, warn, info or debug" },
	{ "LogFormat", CONF_CHOICE, AT(log_format), 0, 0, "text", 0,
	    conf_log_formats, "text or json" },
	{ "LogFile", CONF_TEXT, AT(log_file), 0, 4095, NULL, 0, NULL,
	    "file to append to instead of standard output" },
	{ "AdminAddress", CONF_ADDR, AT(admin_addr), 0, 0, NULL, 0, NULL,
	    "where the HTTP API listens, such as tcp://127.0.0.1:7500" },
	{ "AdminToken", CONF_TEXT, AT(admin_token), 1, KEY_MAX, NULL,
	    CONF_SECRET, NULL, "what callers of the API must know" },
	{ "AdminTokenFile", CONF_TEXT, AT(admin_token_file), 1, PATH_MAX_BYTES,
	    NULL, 0, NULL, "file with AdminToken, one line" },
	{ "AdminAllowFrom", CONF_NETS, AT(admin_allow), 1, NETS_MAX, NULL, 0,
	    NULL, "who may call the API; everybody if not given" },
	{ "AdminHosts", CONF_NAMES, AT(admin_hosts), 1, ADMIN_HOSTS_MAX, NULL,
	    0, NULL, "names of the API's machine that callers may use" },
	{ "Database", CONF_TEXT, AT(database), 1, PATH_MAX_BYTES, NULL, 0, NULL,
	    "file with the mappings that were made by the API" },
	{ "User", CONF_TEXT, AT(user), 0, 64, NULL, 0, NULL,
	    "user to run as, when started as root" },
	{ "Group", CONF_TEXT, AT(group), 0, 64, NULL, 0, NULL,
	    "group to run as; the user's own if not given" },
};
const size_t outer_config_count = sizeof(outer_config_fields) /
    sizeof(outer_config_fields[0]);

static bool
same_place(const struct addr *a, const struct addr *b)
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

/* What does not go together. */
static bool
check_tls(const char *path, struct outer_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	const char *why = NULL;

	config->require_tls |= config->inner_addr.tls;
	if (config->require_tls)
		config->accept_classic = false;
	if (config->require_tls && !config->tls)
		why = "TLS: found false; expected true, for TLS is required";
	else if (config->cert_file != NULL && config->key_file == NULL)
		why = "KeyFile: found none; expected the key of CertFile";
	else if (config->key_file != NULL && config->cert_file == NULL)
		why = "CertFile: found none; expected the certificate of "
		      "KeyFile";
	if (why == NULL)
		return true;
	snprintf(problem, CONF_PROBLEM_SIZE, "%.400s: %s", path, why);
	return false;
}

/* An outer whose keys fit no classic signal is a good one all the same. */
static void
tell_classic(const char *path, const struct outer_config *config)
{
	const struct outer_key *own = config->keys.items;
	const char *why = config->auth_key != NULL
	    ? signal48_key_problem(config->auth_key)
	    : "there is none";

	for (size_t i = 0; why != NULL && i < config->keys.count; i++)
		if (signal48_key_problem(own[i].key) == NULL)
			return;
	if (config->accept_classic && why != NULL)
		log_info("config",
		    "classic links are switched off: AuthKey fits none "
		    "of their signals",
		    KV_STR("file", path), KV_STR("why", why));
}

/* How many of the keys before number i are that inner's. */
static size_t
keys_before(const struct outer_key *own, size_t i)
{
	size_t count = 0;

	for (size_t j = 0; j < i; j++)
		count += strcmp(own[j].inner, own[i].inner) == 0;
	return count;
}

static bool
find_own_keys(const char *path, struct outer_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	struct outer_key *own = config->keys.items;

	for (size_t i = 0; i < config->keys.count; i++) {
		const struct key_source source = {
			.path = path,
			.key = "Keys: Key",
			.key_file = "Keys: KeyFile",
			.file = own[i].key_file,
		};

		if (!key_find(&source, &own[i].key, problem))
			return false;
		if (own[i].key != NULL && keys_before(own, i) < KEYS_PER_INNER)
			continue;
		snprintf(problem, CONF_PROBLEM_SIZE,
		    own[i].key == NULL
			? "%.400s: Keys: found no key of \"%s\"; expected "
			  "Key or KeyFile beside Inner"
			: "%.400s: Keys: found three keys of \"%s\"; "
			  "expected two at most",
		    path, own[i].inner);
		return false;
	}
	return true;
}

static void
warn_short_keys(const char *path, const struct outer_config *config)
{
	const struct outer_key *own = config->keys.items;

	if (config->auth_key != NULL)
		key_warn_short(path, config->auth_key, NULL,
		    &config->inner_addr);
	for (size_t i = 0; i < config->keys.count; i++)
		key_warn_short(path, own[i].key, own[i].inner,
		    &config->inner_addr);
}

/* An unknown user or group would else be found only when it is too late to
 * call it a mistake in the file. */
static bool
check_names(const char *path, const struct outer_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	const char *owner = config->socket_owner;
	const char *group = config->socket_group;

	if (!sock_unix_possible())
		return true; /* nothing there can have an owner */
	if (owner != NULL && !sys_user_exists(owner))
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: SocketOwner: found \"%.100s\"; expected a user of "
		    "this system",
		    path, owner);
	else if (group != NULL && !sys_group_exists(group))
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: SocketGroup: found \"%.100s\"; expected a group of "
		    "this system",
		    path, group);
	else
		return true;
	return false;
}

/* Also fills in the burst's default, which is another key's value. */
static bool
settle_burst(const char *path, const char *where, uint32_t a_second,
    uint32_t *burst, char problem[CONF_PROBLEM_SIZE])
{
	if (*burst > 0 && a_second == 0) {
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: %sNewSessionsBurst: found it without "
		    "NewSessionsPerSecond; expected both, or neither",
		    path, where);
		return false;
	}
	if (*burst == 0)
		*burst = a_second * BURST_SECONDS;
	if (*burst == 0)
		*burst = 1;
	return true;
}

static bool
check_burst(const char *path, struct outer_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	struct outer_service *own = config->services.items;

	for (size_t i = 0; i < config->services.count; i++)
		if (!settle_burst(path, "Services: ", own[i].new_per_second,
			&own[i].new_burst, problem))
			return false;
	return settle_burst(path, "", config->new_per_second,
	    &config->new_burst, problem);
}

static bool
check_startups(const char *path, struct outer_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	if (startups_parse(config->max_startups, &config->startups))
		return true;
	snprintf(problem, CONF_PROBLEM_SIZE,
	    "%.400s: MaxStartups: found \"%s\"; expected start:rate:full, as "
	    "\"100:30:1000\": start from 1 to full, rate from 1 to 100 per "
	    "cent, full up to 1000000",
	    path, config->max_startups);
	return false;
}

bool
outer_config_has_default(const struct outer_config *config)
{
	return config->outer_addr.kind != ADDR_NONE;
}

bool
outer_config_has_api(const struct outer_config *config)
{
	return config->admin_addr.kind != ADDR_NONE;
}

bool
outer_service_same(const struct outer_service *a, const struct outer_service *b)
{
	char names[1]; /* of what differs: not asked for */

	return conf_changed(service_items.fields, service_items.count, a, b,
		   false, names, sizeof(names)) == 0;
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
		return same_place(&x, &y);
	if (x.port == 0 || y.port == 0 || distance >= a->count ||
	    -distance >= b->count)
		return false;
	x.port = y.port;
	return same_place(&x, &y);
}

static bool
have_common(const struct addr_ranges *a, const struct addr_ranges *b)
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

	if (have_common(&own[i].listen, &inner)) {
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: Services: found the address of InnerServerAddress "
		    "as Listen of \"%s\"; expected another",
		    path, own[i].name);
		return false;
	}
	if (outer_config_has_default(config) &&
	    have_common(&own[i].listen, &the_default.listen) &&
	    !sharing_check(path, &own[i], &the_default, problem))
		return false;
	for (size_t j = 0; j < i; j++)
		if (have_common(&own[i].listen, &own[j].listen) &&
		    !sharing_check(path, &own[i], &own[j], problem))
			return false;
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
		return check_place(path, config, i, problem) &&
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

static bool
check_services(const char *path, const struct outer_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	if (outer_config_has_default(config) &&
	    same_place(&config->inner_addr, &config->outer_addr)) {
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

/* Whether another key has the API's address. */
static const char *
admin_place_is_taken(const struct outer_config *config)
{
	const struct outer_service *own = config->services.items;
	struct addr_range range = { config->admin_addr, 1 };
	const struct addr_ranges admin = { &range, 1 };

	if (same_place(&config->admin_addr, &config->inner_addr))
		return "InnerServerAddress";
	if (outer_config_has_default(config) &&
	    same_place(&config->admin_addr, &config->outer_addr))
		return "OuterServerAddress";
	for (size_t i = 0; i < config->services.count; i++)
		if (have_common(&own[i].listen, &admin))
			return own[i].name;
	return NULL;
}

static bool
find_admin_token(const char *path, struct outer_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	const struct key_source source = {
		.path = path,
		.key = "AdminToken",
		.key_file = "AdminTokenFile",
		.file = config->admin_token_file,
	};

	return key_find(&source, &config->admin_token, problem);
}

static bool
check_admin(const char *path, struct outer_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	const char *place;

	if (!find_admin_token(path, config, problem))
		return false;
	if (!outer_config_has_api(config))
		return true;
	if ((place = admin_place_is_taken(config)) != NULL)
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: AdminAddress: found the address of %s; expected "
		    "another",
		    path, place);
	else if (config->admin_token == NULL &&
	    !addr_is_local(&config->admin_addr))
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: AdminToken: found none; expected one, for other "
		    "machines can reach AdminAddress",
		    path);
	else
		return limits_check_address(path, "AdminAddress",
		    &config->admin_addr, problem);
	return false;
}

static void
warn_short_token(const char *path, const struct outer_config *config)
{
	if (outer_config_has_api(config) && config->admin_token != NULL &&
	    strlen(config->admin_token) < ADMIN_TOKEN_SHORT &&
	    !addr_is_local(&config->admin_addr))
		log_warn("config",
		    "AdminToken is short: a good one comes from "
		    "outer_server --generate-key",
		    KV_STR("file", path));
}

/* Of files that are named beside this one. */
static bool
settle_paths(const char *path, struct outer_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	config->certs_folder = path_of_state(path, "certs");
	if (config->database == NULL)
		config->database = path_of_state(path, "data/mappings.db");
	if (config->certs_folder != NULL && config->database != NULL &&
	    path_settle(path, &config->database) &&
	    path_settle(path, &config->cert_file) &&
	    path_settle(path, &config->key_file) &&
	    path_settle(path, &config->client_ca_file))
		return true;
	snprintf(problem, CONF_PROBLEM_SIZE,
	    "%.400s: there is no memory for it", path);
	return false;
}

static uint32_t
default_workers(void)
{
	unsigned cores = sys_cores();

	return (cores < DEFAULT_THREADS_MAX ? cores : DEFAULT_THREADS_MAX) - 1;
}

int
outer_config_load(const char *path, struct outer_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	memset(config, 0, sizeof(*config));
	config->workers = default_workers();
	if (conf_load(path, outer_config_fields, outer_config_count, config,
		problem) != 0)
		return -1;
	privileges_warn(path,
	    conf_has_secret(outer_config_fields, outer_config_count, config) &&
		!(config->keys.count == 0 && key_is_sample(config->auth_key)));
	if (!check_services(path, config, problem) ||
	    !key_find_shared(path, config->auth_key_file,
		config->keys.count == 0, &config->auth_key, problem) ||
	    !find_own_keys(path, config, problem) ||
	    !check_startups(path, config, problem) ||
	    !limits_check_address(path, "InnerServerAddress",
		&config->inner_addr, problem) ||
	    !check_names(path, config, problem) ||
	    !check_burst(path, config, problem) ||
	    !check_tls(path, config, problem) ||
	    !privileges_check(path, config->user, config->group, problem) ||
	    !pump_choice_check(path, config->pump, problem) ||
	    !check_admin(path, config, problem) ||
	    !settle_paths(path, config, problem))
		return -1;
	warn_short_keys(path, config);
	warn_short_token(path, config);
	tell_classic(path, config);
	return 0;
}

void
outer_config_free(struct outer_config *config)
{
	free(config->certs_folder);
	config->certs_folder = NULL;
	conf_free(outer_config_fields, outer_config_count, config);
}
