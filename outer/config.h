/* config.h - what an operator tells the outer: outer.config.json. Floor: outer. */
#ifndef OUTER_CONFIG_H
#define OUTER_CONFIG_H

#include "base/addr.h"
#include "base/cidr.h"
#include "conf/conf.h"
#include "outer/armour.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One of Keys: an inner and a key of its own. */
struct outer_key {
	char *inner;	/* Inner; owned */
	char *key;	/* Key; owned, secret; from load on never NULL */
	char *key_file; /* KeyFile; owned, NULL: none */
	struct conf_names services; /* Services; none: all */
	struct conf_ports ports;    /* Ports it may ask for; none: all */
};

/* PortRange: of ports that inners and the API may ask for. */
struct outer_ports {
	uint32_t from, end;
};

/* One of Services. */
struct outer_service {
	char *name;		      /* Name; owned */
	struct addr_ranges listen;    /* Listen */
	struct conf_names hosts;      /* Host: patterns; none: all clients */
	char *inner;		      /* Inner; owned, NULL: any */
	struct addr_range target;     /* Target; ADDR_NONE: the inner's own */
	struct cidr_list allow, deny; /* AllowFrom, DenyFrom */
	struct cidr_list proxies;     /* AcceptProxyProtocol */
	uint32_t max_sessions;	      /* MaxSessions; 0: no limit of its own */
	uint32_t address_sessions;    /* MaxSessionsPerAddress, and so on: as in
				       * outer_config; 0: as there */
	uint32_t new_per_second, new_burst;
	uint64_t rate, session_rate;
	bool tunnel; /* Tunnel; false: the outer dials Target itself */
};

struct outer_config {
	struct addr inner_addr;	   /* InnerServerAddress: links */
	struct addr outer_addr;	   /* OuterServerAddress: clients; see
				     * outer_config_has_default */
	struct conf_list services; /* Services: struct outer_service */
	struct conf_list
	    port_range; /* PortRange: struct outer_ports, or none */
	struct conf_ports port_blacklist; /* PortBlacklist */
	uint32_t release_ms;		  /* ReleaseAfter */
	char *auth_key;		    /* AuthKey; owned, secret; NULL: none */
	char *auth_key_file;	    /* AuthKeyFile; owned, NULL: none */
	struct conf_list keys;	    /* Keys: struct outer_key */
	uint32_t socket_mode;	    /* SocketMode */
	char *socket_owner;	    /* SocketOwner; owned, NULL: unchanged */
	char *socket_group;	    /* SocketGroup; owned, NULL: unchanged */
	struct cidr_list allow;	    /* AllowFrom; none: from everywhere */
	struct cidr_list deny;	    /* DenyFrom */
	struct cidr_list proxies;   /* AcceptProxyProtocol, of the default */
	uint32_t peek_ms;	    /* PeekTimeout */
	uint32_t max_sessions;	    /* MaxSessions; 0: no limit, as below */
	uint32_t address_sessions;  /* MaxSessionsPerAddress */
	uint32_t new_per_second;    /* NewSessionsPerSecond, of an address */
	uint32_t new_burst;	    /* NewSessionsBurst; 0: not given */
	uint64_t rate;		    /* RateLimit: bytes a second; 0: none */
	uint64_t session_rate;	    /* RateLimitPerSession: the same */
	bool accept_classic;	    /* AcceptClassic */
	bool tls;		    /* TLS: offered on the link port */
	bool require_tls;	    /* RequireTLS, or a tls:// address */
	char *cert_file, *key_file; /* CertFile, KeyFile; owned, NULL: ours */
	char *client_ca_file;	    /* ClientCAFile; owned, NULL: none asked */
	char *certs_folder;	    /* not in the table: for our own; owned */
	uint32_t handshake_ms;	    /* HandshakeTimeout */
	uint32_t ping_ms;	    /* PingInterval */
	uint32_t forward_ms;	    /* ForwardTimeout */
	uint32_t queue_length;	    /* QueueLength */
	uint32_t queue_ms;	    /* QueueTimeout */
	uint32_t idle_ms;	    /* IdleTimeout */
	uint32_t peer_ms;	    /* PeerTimeout */
	uint32_t drain_ms;	    /* DrainTimeout */
	uint32_t max_links;	    /* MaxLinks: links at once, all kinds */
	char *max_startups;	    /* MaxStartups; owned */
	struct startups startups;   /* the same, as numbers; not in the table */
	uint64_t buffer_bytes;	    /* BufferSize: high-water mark */
	uint64_t memory_bytes;	    /* MaxBufferMemory: of all sessions */
	int pump;		    /* Pump: enum pump_choice */
	int early_data;		    /* EarlyData: enum early_mode */
	uint32_t workers;	    /* Workers: threads; 0: the main loop */
	int log_level, log_format;  /* LogLevel, LogFormat: enums of base/log */
	char *log_file;		    /* LogFile; owned, NULL: standard output */
	char *user, *group;	    /* User, Group; owned, NULL: who we are */
	struct addr admin_addr;	    /* AdminAddress; ADDR_NONE: no API */
	char *admin_token; /* AdminToken; owned, secret; NULL: none asked */
	char *admin_token_file;	       /* AdminTokenFile; owned, NULL: none */
	struct cidr_list admin_allow;  /* AdminAllowFrom; none: everywhere */
	struct conf_names admin_hosts; /* AdminHosts */
	char *database; /* Database; owned; from load on never NULL */
};

extern const struct conf_field outer_config_fields[];
extern const size_t outer_config_count;

/*
 * Reads the file and those with keys, checks what one key alone does not show, and warns in the
 * log of what works but is unwise. Returns 0, or -1 with one line in problem.
 * Give *config to outer_config_free either way.
 */
int outer_config_load(const char *path, struct outer_config *config,
    char problem[CONF_PROBLEM_SIZE]);

/* Whether OuterServerAddress was given: the service "default". */
bool outer_config_has_default(const struct outer_config *config);

/* Whether two of Services are one and the same. */
bool outer_service_same(const struct outer_service *a,
    const struct outer_service *b);

/* Whether there is an HTTP API. */
bool outer_config_has_api(const struct outer_config *config);

void outer_config_free(struct outer_config *config);

#endif
