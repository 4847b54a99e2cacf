/*
 * config.c - what an operator tells the outer: outer.config.json.
 *
 * Owns:    nothing; the texts belong to the outer_config.
 * Thread:  main, before the loops start.
 * Floor:   outer. A key here is a row in README, README.zh and the man page
 *          too: tests/lint/lint_config.py says where one is missing.
 */
#include "outer/config_parts.h"
#include "ops/limits.h"
#include "wire/early.h"
#include "wire/signal48.h"
#include "sys/sock_unix.h"
#include "ops/key.h"
#include "ops/path.h"
#include "outer/keys.h"
#include "sys/sys.h"
#include "ops/privileges.h"
#include "relay/pump_kit.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS_MAX = 64, DEFAULT_THREADS_MAX = 4 };
enum { ADMIN_HOSTS_MAX = 64, ADMIN_TOKEN_SHORT = 16 };
enum { KEYS_MAX = 1000, KEY_NAMES_MAX = 1000, PATH_MAX_BYTES = 4095 };

#define AT(member) offsetof(struct outer_config, member)

static const char *const early_choices[] = {
	[EARLY_OFF] = "off",
	[EARLY_SAFE] = "safe",
	[EARLY_HTTP] = "http",
	NULL,
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
	    CONF_RELOAD, &config_service_items, "further public addresses" },
	{ "AuthKey", CONF_TEXT, AT(auth_key), 1, KEY_MAX, NULL,
	    CONF_SECRET | CONF_RELOAD, NULL,
	    "the key that inners and outer share, 1 to 256 bytes" },
	{ "AuthKeyFile", CONF_TEXT, AT(auth_key_file), 1, PATH_MAX_BYTES, NULL,
	    CONF_RELOAD, NULL, "file with AuthKey, one line" },
	{ "Keys", CONF_LIST, AT(keys), 0, KEYS_MAX, NULL, CONF_RELOAD,
	    &key_items, "keys of single inners, instead of AuthKey" },
	{ "PortRange", CONF_LIST, AT(port_range), 0, 1, NULL, CONF_RELOAD,
	    &config_port_range_items, "public ports that inners may ask for" },
	{ "PortBlacklist", CONF_PORTS, AT(port_blacklist), 1, PORTS_MAX, NULL,
	    CONF_RELOAD, NULL, "public ports that nobody may ask for" },
	{ "ReleaseAfter", CONF_SECONDS, AT(release_ms), 0, 86400, "60",
	    CONF_RELOAD, NULL,
	    "close ports that an inner asked for when it is gone so long" },
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
	    log_level_names, "error, warn, info or debug" },
	{ "LogFormat", CONF_CHOICE, AT(log_format), 0, 0, "text", 0,
	    log_format_names, "text or json" },
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

/* Whether another key has the API's address. */
static const char *
admin_place_is_taken(const struct outer_config *config)
{
	const struct outer_service *own = config->services.items;
	struct addr_range range = { config->admin_addr, 1 };
	const struct addr_ranges admin = { &range, 1 };

	if (config_same_place(&config->admin_addr, &config->inner_addr))
		return "InnerServerAddress";
	if (outer_config_has_default(config) &&
	    config_same_place(&config->admin_addr, &config->outer_addr))
		return "OuterServerAddress";
	for (size_t i = 0; i < config->services.count; i++)
		if (config_have_common(&own[i].listen, &admin))
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
	bool settled = path_settle(path, &config->database);

	config->certs_folder = path_of_state(path, "certs");
	if (config->database == NULL)
		config->database = path_of_state(path, "data/mappings.db");
	if (settled && config->certs_folder != NULL &&
	    config->database != NULL && path_settle(path, &config->cert_file) &&
	    path_settle(path, &config->key_file) &&
	    path_settle(path, &config->client_ca_file))
		return true;
	snprintf(problem, CONF_PROBLEM_SIZE,
	    "%.400s: there is no memory for it", path);
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
	if (!config_check_services(path, config, problem) ||
	    !key_find_shared(path, config->auth_key_file,
		config->keys.count == 0, &config->auth_key, problem) ||
	    !find_own_keys(path, config, problem) ||
	    !check_startups(path, config, problem) ||
	    !limits_check_address(path, "InnerServerAddress",
		&config->inner_addr, problem) ||
	    !check_names(path, config, problem) ||
	    !config_check_burst(path, config, problem) ||
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
