/*
 * config.c - what an operator tells the inner: inner.config.json.
 *
 * Owns:    nothing; the texts belong to the inner_config.
 * Thread:  main, before the loops start.
 * Floor:   inner. A key here is a row in README, README.zh and the man page
 *          too: tests/lint/lint_config.py says where one is missing.
 */
#include "inner/config.h"
#include "inner/offers.h"
#include "ops/limits.h"
#include "ops/options.h"
#include "wire/hello.h"
#include "wire/signal48.h"
#include "ops/key.h"
#include "ops/path.h"
#include "sys/sys.h"
#include "ops/privileges.h"
#include "relay/pump_kit.h"
#include "net/tls.h"
#include "base/log.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct inner_config, member)

static const char *const protocols[] = {
	[INNER_NATIVE] = "native",
	[INNER_CLASSIC] = "classic",
	NULL,
};

enum { ALLOW_MAX = REGISTER_ALLOW_MAX };

#define OF_SERVICE(member) offsetof(struct inner_service, member)

static const char *const header_choices[] = {
	[INNER_HEADER_OFF] = "off",
	[INNER_HEADER_V1] = "v1",
	[INNER_HEADER_V2] = "v2",
	NULL,
};

static const char *const health_choices[] = {
	[INNER_HEALTH_OFF] = "off",
	[INNER_HEALTH_TCP] = "tcp",
	[INNER_HEALTH_HTTP] = "http",
	NULL,
};

static const struct conf_field service_fields[] = {
	{ "Name", CONF_TEXT, OF_SERVICE(name), 1, REGISTER_NAME_MAX, NULL,
	    CONF_REQUIRED | CONF_NAME, NULL, "its name at the outer" },
	{ "Proxy", CONF_RANGE, OF_SERVICE(proxy), 0, 0, NULL,
	    CONF_REQUIRED | CONF_CONNECT, NULL,
	    "the address of its target, such as tcp://127.0.0.1:3000" },
	{ "RemoteListen", CONF_RANGE, OF_SERVICE(remote), 0, 0, NULL, 0, NULL,
	    "the public address that the outer is asked for" },
	{ "Weight", CONF_COUNT, OF_SERVICE(weight), 1, REGISTER_WEIGHT_MAX, "1",
	    0, NULL, "of several inners that have it" },
	{ "SendProxyProtocol", CONF_CHOICE, OF_SERVICE(header), 0, 0, "off", 0,
	    header_choices, "tell the target who the client is: off, v1, v2" },
	{ "HealthCheck", CONF_CHOICE, OF_SERVICE(health), 0, 0, "off", 0,
	    health_choices, "try whether the target answers: off, tcp, http" },
	{ "HealthInterval", CONF_SECONDS, OF_SERVICE(health_ms), 0.1, 3600,
	    "10", 0, NULL, "between two tries" },
	{ "HealthPath", CONF_TEXT, OF_SERVICE(health_path), 1, 255, "/", 0,
	    NULL, "what http asks for" },
	{ "HealthStatus", CONF_COUNT, OF_SERVICE(health_status), 100, 599,
	    "200", 0, NULL, "the status that http expects" },
};
static const struct conf_items service_items = {
	service_fields,
	sizeof(service_fields) / sizeof(service_fields[0]),
	sizeof(struct inner_service),
};

/* key, type, where, min, max, default, flags, choices, help */
const struct conf_field inner_config_fields[] = {
	{ "RegisterAddress", CONF_ADDR, AT(register_addr), 0, 0, NULL,
	    CONF_REQUIRED | CONF_CONNECT | CONF_TLS, NULL,
	    "the outer's InnerServerAddress, such as tls://192.0.2.1:9090" },
	{ "ProxyAddress", CONF_ADDR, AT(proxy_addr), 0, 0, NULL,
	    CONF_CONNECT | CONF_RELOAD, NULL,
	    "the address of the target, such as tcp://127.0.0.1:80" },
	{ "Services", CONF_LIST, AT(services), 0, REGISTER_SERVICES_MAX - 1,
	    NULL, CONF_RELOAD, &service_items,
	    "services by name, and public addresses to ask for" },
	{ "AllowTargets", CONF_TARGETS, AT(allow), 0, ALLOW_MAX, NULL,
	    CONF_RELOAD, NULL, "what else the outer may have this inner dial" },
	{ "AuthKey", CONF_TEXT, AT(auth_key), 1, KEY_MAX, NULL,
	    CONF_SECRET | CONF_RELOAD, NULL,
	    "the key that inners and outer share, 1 to 256 bytes" },
	{ "AuthKeyFile", CONF_TEXT, AT(auth_key_file), 1, 4095, NULL,
	    CONF_RELOAD, NULL, "file with AuthKey, one line" },
	{ "InnerId", CONF_TEXT, AT(inner_id), 1, HELLO_INNER_MAX, NULL,
	    CONF_NAME, NULL,
	    "name of this inner at the outer; the host name if not given" },
	{ "CAFile", CONF_TEXT, AT(ca_file), 1, 4095, NULL, CONF_RELOAD, NULL,
	    "the outer's certificate must be signed by one of these (PEM)" },
	{ "ServerName", CONF_TEXT, AT(server_name), 1, 253, TLS_SERVER_NAME,
	    CONF_RELOAD, NULL, "the name that it must be for" },
	{ "ServerFingerprint", CONF_TEXT, AT(server_fingerprint), 1, 95, NULL,
	    CONF_RELOAD, NULL,
	    "SHA-256 of the outer's certificate, or of its CA's" },
	{ "CertFile", CONF_TEXT, AT(cert_file), 1, 4095, NULL, CONF_RELOAD,
	    NULL, "certificate of this inner (PEM), where the outer asks" },
	{ "KeyFile", CONF_TEXT, AT(key_file), 1, 4095, NULL, CONF_RELOAD, NULL,
	    "private key of CertFile (PEM)" },
	{ "Protocol", CONF_CHOICE, AT(protocol), 0, 0, "native", 0, protocols,
	    "native, or classic to an outer of the Go version" },
	{ "MaxFreeConn", CONF_COUNT, AT(max_free), 1, 10000, "10", 0, NULL,
	    "links that stand by for clients, at most" },
	{ "MinFreeConn", CONF_COUNT, AT(min_free), 1, 10000, NULL, 0, NULL,
	    "links that stand by when nobody comes; MaxFreeConn if not given" },
	{ "MaxDialing", CONF_COUNT, AT(max_dialing), 1, 1000, "64", 0, NULL,
	    "links that are being made at once" },
	{ "Workers", CONF_COUNT, AT(workers), 0, INNER_WORKERS_MAX, "0", 0,
	    NULL, "threads that carry links and sessions; 0: the main one" },
	{ "MaxLinkAge", CONF_SECONDS, AT(link_age_ms), 1, 1e6, "3600", 0, NULL,
	    "replace a link that stood by for so long" },
	{ "MaxRetryInterval", CONF_SECONDS, AT(retry_ms), 0.1, 3600, "60", 0,
	    NULL, "longest wait between tries to reach the outer" },
	{ "HandshakeTimeout", CONF_SECONDS, AT(handshake_ms), 0.1, 60, "10", 0,
	    NULL, "give up a link that has not authenticated by then" },
	{ "DialTimeout", CONF_SECONDS, AT(dial_ms), 0.1, 60, "4", 0, NULL,
	    "how long the target may take to answer; below the outer's "
	    "ForwardTimeout" },
	{ "ForwardTimeout", CONF_SECONDS, AT(forward_ms), 0.1, 60, "5", 0, NULL,
	    "how long the outer may take to start a session that is ready" },
	{ "IdleTimeout", CONF_SECONDS, AT(idle_ms), 0.1, 1e6, "3600", 0, NULL,
	    "end a session after this silence both ways" },
	{ "PeerTimeout", CONF_SECONDS, AT(peer_ms), 1, 3600, "60", 0, NULL,
	    "a peer that acknowledges nothing for so long has vanished" },
	{ "DrainTimeout", CONF_SECONDS, AT(drain_ms), 0, 3600, "30", 0, NULL,
	    "how long sessions may go on after SIGTERM" },
	{ "BufferSize", CONF_BYTES, AT(buffer_bytes), 16 << 10, 16 << 20,
	    "256K", 0, NULL, "bytes held for a slow reader, each way" },
	{ "MaxBufferMemory", CONF_BYTES, AT(memory_bytes), 1 << 20,
	    1024.0 * (1 << 30), "256M", 0, NULL,
	    "bytes held for slow readers in all" },
	{ "Pump", CONF_CHOICE, AT(pump), 0, 0, "auto", 0, pump_choices,
	    "how bytes are moved: auto, splice, copy or bev" },
	{ "LogLevel", CONF_CHOICE, AT(log_level), 0, 0, "info", 0,
	    log_level_names, "error, warn, info or debug" },
	{ "LogFormat", CONF_CHOICE, AT(log_format), 0, 0, "text", 0,
	    log_format_names, "text or json" },
	{ "LogFile", CONF_TEXT, AT(log_file), 0, 4095, NULL, 0, NULL,
	    "file to append to instead of standard output" },
	{ "User", CONF_TEXT, AT(user), 0, 64, NULL, 0, NULL,
	    "user to run as, when started as root" },
	{ "Group", CONF_TEXT, AT(group), 0, 64, NULL, 0, NULL,
	    "group to run as; the user's own if not given" },
};
const size_t inner_config_count = sizeof(inner_config_fields) /
    sizeof(inner_config_fields[0]);

/* The host name made fit for an id; a machine without one is "inner". */
static char *
default_id(void)
{
	char name[HELLO_INNER_MAX + 1];

	if (!sys_host_name(name, sizeof(name)))
		return strdup("inner");
	for (char *c = name; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && strchr("._-", *c) == NULL)
			*c = '-';
	return strdup(name);
}

static int
check_classic(const char *path, const struct inner_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	const char *why = signal48_key_problem(config->auth_key);

	if (config->protocol != INNER_CLASSIC || why == NULL)
		return 0;
	snprintf(problem, CONF_PROBLEM_SIZE,
	    "%.400s: AuthKey: found one that "
	    "no classic signal can carry: %s; expected another, or "
	    "\"Protocol\": \"native\"",
	    path, why);
	return -1;
}

/* Also fills in its default, which is another key's value. */
static bool
check_min_free(const char *path, struct inner_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	if (config->min_free == 0)
		config->min_free = config->max_free;
	if (config->min_free <= config->max_free)
		return true;
	snprintf(problem, CONF_PROBLEM_SIZE,
	    "%.400s: MinFreeConn: found %u; expected 1 to MaxFreeConn, "
	    "which is %u",
	    path, config->min_free, config->max_free);
	return false;
}

/* A key that only TLS heeds, in a file without it: whoever wrote it takes the
 * links for safe. */
static const char *
first_tls_key(const struct inner_config *config)
{
	return config->ca_file != NULL		 ? "CAFile"
	    : config->server_fingerprint != NULL ? "ServerFingerprint"
	    : config->cert_file != NULL		 ? "CertFile"
	    : config->key_file != NULL		 ? "KeyFile"
						 : NULL;
}

static bool
check_tls(const char *path, const struct inner_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	const char *fingerprint = config->server_fingerprint;
	uint8_t bytes[TLS_FINGERPRINT_SIZE];
	char why[CONF_PROBLEM_SIZE / 2] = "";

	if (config->register_addr.tls && config->protocol == INNER_CLASSIC)
		snprintf(why, sizeof(why),
		    "Protocol: found \"classic\", which there is not over "
		    "tls://; expected \"native\", or tcp://");
	else if (!config->register_addr.tls && first_tls_key(config) != NULL)
		snprintf(why, sizeof(why),
		    "RegisterAddress: found no tls://; expected it, for there "
		    "is %s",
		    first_tls_key(config));
	else if (fingerprint != NULL &&
	    !tls_fingerprint_parse(fingerprint, bytes))
		snprintf(why, sizeof(why),
		    "ServerFingerprint: found \"%.100s\"; expected 64 hex "
		    "digits (SHA-256)",
		    fingerprint);
	else if ((config->cert_file == NULL) != (config->key_file == NULL))
		snprintf(why, sizeof(why),
		    "%s: found none; expected both, CertFile and KeyFile",
		    config->cert_file == NULL ? "CertFile" : "KeyFile");
	if (why[0] == '\0')
		return true;
	snprintf(problem, CONF_PROBLEM_SIZE, "%.400s: %s", path, why);
	return false;
}

/* One line in problem, about one of Services. */
static bool
fail_service(const char *path, const char *name,
    char problem[CONF_PROBLEM_SIZE], const char *text)
{
	snprintf(problem, CONF_PROBLEM_SIZE, "%.400s: Services: \"%.64s\": %s",
	    path, name, text);
	return false;
}

/* Fit for a request line. */
static bool
is_path(const char *text)
{
	if (*text != '/')
		return false;
	for (; *text != '\0'; text++)
		if ((unsigned char)*text <= 0x20 || (unsigned char)*text > 0x7e)
			return false;
	return true;
}

static bool
check_service(const char *path, const struct inner_service *service,
    char problem[CONF_PROBLEM_SIZE])
{
	char text[160];

	if (!limits_check_address(path, "Services: Proxy",
		&service->proxy.first, problem))
		return false;
	if (!is_path(service->health_path))
		return fail_service(path, service->name, problem,
		    "HealthPath: found no path; expected one as \"/health\", "
		    "printable ASCII without spaces");
	if (service->remote.first.kind == ADDR_NONE)
		return true;
	if (service->remote.first.kind != ADDR_TCP)
		return fail_service(path, service->name, problem,
		    "RemoteListen: found a Unix socket; expected tcp://");
	if (service->remote.count == service->proxy.count)
		return true;
	snprintf(text, sizeof(text),
	    "RemoteListen: found %u port%s; expected as many as Proxy has, "
	    "which is %u",
	    (unsigned)service->remote.count,
	    service->remote.count == 1 ? "" : "s",
	    (unsigned)service->proxy.count);
	return fail_service(path, service->name, problem, text);
}

/* Whether the name stands before the place in the list, too, or is that which
 * ProxyAddress has. */
static bool
is_taken(const struct inner_config *config, size_t place)
{
	const struct inner_service *services = config->services.items;

	if (config->proxy_addr.kind != ADDR_NONE &&
	    strcmp(services[place].name, REGISTER_DEFAULT) == 0)
		return true;
	for (size_t i = 0; i < place; i++)
		if (strcmp(services[i].name, services[place].name) == 0)
			return true;
	return false;
}

/* What is longer than one REGISTER could not be told to the outer. */
static bool
check_length(const char *path, const struct inner_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	struct offers *offers = offers_new(config);
	char *payload = malloc(REGISTER_PAYLOAD_MAX);
	bool room = offers != NULL && payload != NULL;
	bool fits = room && offers_encode(offers, NULL, payload) > 0;

	free(payload);
	offers_release(offers);
	if (!fits)
		snprintf(problem, CONF_PROBLEM_SIZE,
		    room ? "%.400s: Services: found more than can be told to "
			   "the outer, or no memory to write it; expected less "
			   "than 64 KiB of names and addresses, with "
			   "AllowTargets"
			 : "%.400s: there is no memory for it",
		    path);
	return fits;
}

static bool
check_services(const char *path, const struct inner_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	const struct inner_service *services = config->services.items;
	size_t count = config->services.count;

	if (config->proxy_addr.kind == ADDR_NONE && count == 0) {
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: ProxyAddress: missing; expected the address of "
		    "the target, such as tcp://127.0.0.1:80, or Services",
		    path);
		return false;
	}
	if (config->protocol == INNER_CLASSIC &&
	    count + config->allow.count > 0) {
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: Protocol: found \"classic\", which has one target "
		    "only; expected \"native\", for there is %s",
		    path, count > 0 ? "Services" : "AllowTargets");
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (!check_service(path, &services[i], problem))
			return false;
		if (is_taken(config, i))
			return fail_service(path, services[i].name, problem,
			    "found it twice (ProxyAddress is \"default\"); "
			    "expected a name of its own");
	}
	return check_length(path, config, problem);
}

/* What one key alone does not show, and defaults that need looking up. */
static int
settle(const char *path, struct inner_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	if (!key_find_shared(path, config->auth_key_file, true,
		&config->auth_key, problem) ||
	    !limits_check_address(path, "RegisterAddress",
		&config->register_addr, problem) ||
	    !limits_check_address(path, "ProxyAddress", &config->proxy_addr,
		problem) ||
	    !check_services(path, config, problem) ||
	    check_classic(path, config, problem) != 0 ||
	    !privileges_check(path, config->user, config->group, problem) ||
	    !pump_choice_check(path, config->pump, problem) ||
	    !check_tls(path, config, problem) ||
	    !check_min_free(path, config, problem))
		return -1;
	config->id_configured = config->inner_id != NULL;
	if ((!config->id_configured &&
		(config->inner_id = default_id()) == NULL) ||
	    !path_settle(path, &config->ca_file) ||
	    !path_settle(path, &config->cert_file) ||
	    !path_settle(path, &config->key_file)) {
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: there is no memory for it", path);
		return -1;
	}
	key_warn_short(path, config->auth_key, NULL, &config->register_addr);
	return 0;
}

int
inner_config_load(const char *path, struct inner_config *config,
    char problem[CONF_PROBLEM_SIZE])
{
	memset(config, 0, sizeof(*config));
	if (conf_load(path, inner_config_fields, inner_config_count, config,
		problem) != 0)
		return -1;
	privileges_warn(path,
	    conf_has_secret(inner_config_fields, inner_config_count, config) &&
		!key_is_sample(config->auth_key));
	return settle(path, config, problem);
}

#define REMOTE_NAME "remote-"
enum {
	REMOTE_PORTS_MAX = 11, /* "60000-60099" */
	REMOTE_NAME_SIZE = sizeof(REMOTE_NAME) + REMOTE_PORTS_MAX,
};

const struct options_value inner_config_values[INNER_VALUE_COUNT] = {
	[INNER_VALUE_REGISTER] = { "register", "ADDRESS",
	    "the outer, such as tls://host:9090" },
	[INNER_VALUE_KEY_FILE] = { "auth-key-file", "FILE",
	    "file with AuthKey, one line" },
	[INNER_VALUE_PROXY] = { "proxy", "ADDRESS",
	    "the target: tcp://127.0.0.1:3000" },
	[INNER_VALUE_REMOTE] = { "remote", "ADDRESS",
	    "public address to ask the outer for" },
	[INNER_VALUE_ID] = { "inner-id", "NAME",
	    "its name; else that of the host" },
};

/* "remote-6180" of "tcp://:6180": so several on one machine have names of their
 * own. What is no address is told by who reads it. */
static void
remote_name(const char *address, char out[REMOTE_NAME_SIZE])
{
	const char *colon = strrchr(address, ':');
	const char *ports = colon != NULL ? colon + 1 : "";
	size_t len = strspn(ports, "0123456789-");

	snprintf(out, REMOTE_NAME_SIZE, "%s%.*s", REMOTE_NAME,
	    len < REMOTE_PORTS_MAX ? (int)len : REMOTE_PORTS_MAX, ports);
}

/* --proxy and --remote: the one service, which has a name that clients of the
 * outer's own address do not ask for. */
static int
take_service(const char *name, const char *const *values,
    struct inner_config *config, char problem[CONF_PROBLEM_SIZE])
{
	char service[REMOTE_NAME_SIZE];
	const struct conf_pair pairs[] = {
		{ "Name", "Name", service },
		{ "Proxy", "--proxy", values[INNER_VALUE_PROXY] },
		{ "RemoteListen", "--remote", values[INNER_VALUE_REMOTE] },
	};
	void *item = calloc(1, sizeof(struct inner_service));

	remote_name(values[INNER_VALUE_REMOTE], service);
	if (item == NULL) {
		snprintf(problem, CONF_PROBLEM_SIZE,
		    "%.400s: there is no memory for it", name);
		return -1;
	}
	config->services = (struct conf_list){ item, 1 };
	return conf_take_pairs(name, pairs, sizeof(pairs) / sizeof(pairs[0]),
	    service_items.fields, service_items.count, item, problem);
}

int
inner_config_load_values(const char *name, const char *const *values,
    struct inner_config *config, char problem[CONF_PROBLEM_SIZE])
{
	static const int required[] = { INNER_VALUE_REGISTER,
		INNER_VALUE_PROXY };
	const bool asks = values[INNER_VALUE_REMOTE] != NULL;
	const struct conf_pair pairs[] = {
		{ "RegisterAddress", "--register",
		    values[INNER_VALUE_REGISTER] },
		{ "AuthKeyFile", "--auth-key-file",
		    values[INNER_VALUE_KEY_FILE] },
		{ "InnerId", "--inner-id", values[INNER_VALUE_ID] },
		{ "ProxyAddress", "--proxy",
		    asks ? NULL : values[INNER_VALUE_PROXY] },
	};

	memset(config, 0, sizeof(*config));
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if (values[required[i]] == NULL) {
			snprintf(problem, CONF_PROBLEM_SIZE,
			    "%.400s: --%s: missing; expected %s", name,
			    inner_config_values[required[i]].name,
			    inner_config_values[required[i]].help);
			return -1;
		}
	if (conf_take_pairs(name, pairs, sizeof(pairs) / sizeof(pairs[0]),
		inner_config_fields, inner_config_count, config,
		problem) != 0 ||
	    (asks && take_service(name, values, config, problem) != 0))
		return -1;
	return settle(name, config, problem);
}

void
inner_config_free(struct inner_config *config)
{
	conf_free(inner_config_fields, inner_config_count, config);
}
