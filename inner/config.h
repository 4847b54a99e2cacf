/* config.h - what an operator tells the inner: inner.config.json. Floor: inner. */
#ifndef INNER_CONFIG_H
#define INNER_CONFIG_H

#include "base/addr.h"
#include "base/targets.h"
#include "conf/conf.h"
#include "ops/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INNER_WORKERS_MAX = 64 };

enum inner_protocol { INNER_NATIVE, INNER_CLASSIC };

/* SendProxyProtocol: the header that tells the target who the client is. */
enum inner_header { INNER_HEADER_OFF, INNER_HEADER_V1, INNER_HEADER_V2 };

/* HealthCheck: how it is tried whether a target answers. */
enum inner_health { INNER_HEALTH_OFF, INNER_HEALTH_TCP, INNER_HEALTH_HTTP };

/* One of Services. */
struct inner_service {
	char *name;		  /* Name; owned */
	struct addr_range proxy;  /* Proxy: the target */
	struct addr_range remote; /* RemoteListen; ADDR_NONE: none */
	uint32_t weight;	  /* Weight */
	int header;		  /* SendProxyProtocol: enum inner_header */
	int health;		  /* HealthCheck: enum inner_health */
	uint32_t health_ms;	  /* HealthInterval */
	char *health_path;	  /* HealthPath; owned */
	uint32_t health_status;	  /* HealthStatus */
};

struct inner_config {
	struct addr register_addr; /* RegisterAddress: the outer */
	struct addr proxy_addr;	   /* ProxyAddress: the target of the service
				    * "default"; ADDR_NONE: none */
	struct conf_list services; /* Services: struct inner_service */
	struct targets allow;	   /* AllowTargets */
	char *auth_key;		   /* AuthKey; owned, secret; from load on
				    * never NULL */
	char *auth_key_file;	   /* AuthKeyFile; owned, NULL: none */
	char *inner_id;		   /* InnerId; owned; from load on never NULL */
	bool id_configured;	   /* not in the table: InnerId was there */
	char *ca_file;		   /* CAFile; owned, NULL: none */
	char *server_name;	   /* ServerName; owned */
	char *server_fingerprint;  /* ServerFingerprint; owned, NULL: none */
	char *cert_file, *key_file; /* CertFile, KeyFile; owned, NULL: none */
	int protocol;		    /* Protocol: enum inner_protocol */
	uint32_t max_free;	    /* MaxFreeConn */
	uint32_t min_free;	    /* MinFreeConn; from load on never 0 */
	uint32_t max_dialing;	    /* MaxDialing */
	uint32_t workers;	    /* Workers: 0, on the main loop */
	uint32_t link_age_ms;	    /* MaxLinkAge */
	uint32_t retry_ms;	    /* MaxRetryInterval */
	uint32_t handshake_ms;	    /* HandshakeTimeout */
	uint32_t dial_ms;	    /* DialTimeout: to the target */
	uint32_t forward_ms;	    /* ForwardTimeout: READY to START */
	uint32_t idle_ms;	    /* IdleTimeout */
	uint32_t peer_ms;	    /* PeerTimeout */
	uint32_t drain_ms;	    /* DrainTimeout */
	uint64_t buffer_bytes;	    /* BufferSize: high-water mark */
	uint64_t memory_bytes;	    /* MaxBufferMemory: of all sessions */
	int pump;		    /* Pump: enum pump_choice */
	int log_level, log_format;  /* LogLevel, LogFormat: enums of base/log */
	char *log_file;		    /* LogFile; owned, NULL: standard output */
	char *user, *group;	    /* User, Group; owned, NULL: who we are */
};

extern const struct conf_field inner_config_fields[];
extern const size_t inner_config_count;

/*
 * Reads the file and that with the key, checks what one key alone does not show
 * (a classic link's key, services of one name), takes the host name for a
 * missing InnerId, and warns in the log of what works but is unwise. Returns 0, or -1 with one line in problem. Give
 * *config to inner_config_free either way.
 */
int inner_config_load(const char *path, struct inner_config *config,
    char problem[CONF_PROBLEM_SIZE]);

/* Options in the place of a file, in the order of inner_config_values. */
enum {
	INNER_VALUE_REGISTER,
	INNER_VALUE_KEY_FILE,
	INNER_VALUE_PROXY,
	INNER_VALUE_REMOTE,
	INNER_VALUE_ID,
	INNER_VALUE_COUNT,
};
extern const struct options_value inner_config_values[INNER_VALUE_COUNT];

/* As inner_config_load, of these texts; NULL: not given. name stands for the
 * file in messages. A key file that is not absolute is in the working
 * directory. */
int inner_config_load_values(const char *name, const char *const *values,
    struct inner_config *config, char problem[CONF_PROBLEM_SIZE]);
void inner_config_free(struct inner_config *config);

#endif
