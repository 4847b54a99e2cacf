/* service.h - a name, public addresses, and whom their clients are for.
 * Floor: outer. */
#ifndef OUTER_SERVICE_H
#define OUTER_SERVICE_H

#include "base/cidr.h"
#include "base/list.h"
#include "conf/conf.h"
#include "net/listen.h"
#include "net/rate.h"
#include "outer/dispatch.h"
#include "outer/instance.h"
#include "outer/sources.h"
#include "wire/hello.h"
#include "wire/request.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct front;
struct hub;

enum {
	SERVICE_NAME_MAX = 64,
	SERVICE_SLOT_DEFAULT = 0, /* of the service "default" */
};

#define SERVICE_DEFAULT "default"

/* Whose wish it is, and so whose to withdraw. */
enum service_origin {
	SERVICE_OF_FILE,
	SERVICE_OF_INNER, /* asked for over a control link */
	SERVICE_OF_API,
	SERVICE_NORIGINS,
};

/* What a service is to be. All is borrowed for the call. */
struct service_options {
	const char *name;
	enum service_origin origin;
	const char *inner;		      /* "": any that offers it */
	const struct addr_range *target;      /* for FORWARD; NULL: what the
					  * inner's file says */
	const struct conf_names *hosts;	      /* patterns; NULL, none: all */
	const struct cidr_list *allow, *deny; /* NULL, none: the top level's */
	const struct cidr_list *proxies;      /* NULL: none; see below */
	uint32_t max_sessions;		      /* 0: no limit of its own */
	struct source_limits sources; /* of an address; 0: as at the top level,
				       * all 0: and counted there */
	uint64_t rate, session_rate;  /* bytes a second; the same of both */
	bool direct;		      /* the outer dials the target itself */
};

/* Public ports, one after the other. */
struct service_ports {
	uint16_t first, last;
};

/*
 * Main alone touches it, but for what is said to be constant, and sessions.
 * Whoever has a session of it holds it (service_hold).
 */
struct service {
	/* constant */
	struct hub *hub; /* borrowed */
	uint32_t id;	 /* on the wire: 0 is the default; never reused */
	uint16_t slot;	 /* instance.serves; free again after the service */
	enum service_origin origin;
	char name[SERVICE_NAME_MAX + 1];
	char inner[HELLO_INNER_MAX + 1];
	struct addr_range target;  /* of kind ADDR_NONE: the inner's own */
	struct addr_range listen;  /* main's: the first that it listens on */
	unsigned ports;		   /* main's: how many addresses, ever */
	struct service_ports *tcp; /* owned, main's: their TCP ports, ever */
	size_t tcp_count;
	struct conf_names hosts; /* owned; whom its clients ask for */
	struct cidr_list allow, deny, proxies; /* owned */
	uint32_t max_sessions;
	struct rate_limits rates; /* its own, shared by all shards; or none */
	struct sources *sources;  /* owned, main's; NULL: the top level's */
	bool direct;

	atomic_size_t sessions; /* that hold it, on all threads */
	struct list fronts;	/* struct front: where its clients come in */
	struct dispatch dispatch;
	bool full;		   /* MaxSessions: its fronts pause */
	bool removed;		   /* nobody comes any more */
	struct loop_timer release; /* its inner has gone: ReleaseAfter */
	bool releasing;		   /* that runs */
	struct list_node node;	   /* services.all or .leaving */
};

/* One that listens nowhere yet. NULL without memory; services_add makes it. */
struct service *service_new(struct hub *hub,
    const struct service_options *options, uint32_t id, uint16_t slot);

/* Nobody holds it, and it has been stopped. NULL is fine. */
void service_free(struct service *service);

/*
 * Listens on all addresses of one more range: the first of them goes to the
 * next address of a target that is a range too. False with one line in problem;
 * it may listen on some of them then.
 */
bool service_listen(struct service *service, const struct addr_range *range,
    char problem[LISTEN_PROBLEM_SIZE]);

/*
 * What FORWARD says for a client of the nth of its addresses. "": what the
 * inner's file says.
 */
void service_target(const struct service *service, unsigned nth,
    char out[REQUEST_TARGET_MAX + 1]);

/* The same as an address, of a service that has a target. */
void service_target_addr(const struct service *service, unsigned nth,
    struct addr *addr);

/* Whether these are its addresses, all of them; whether one of them is within
 * the range. */
bool service_listens_on(const struct service *service,
    const struct addr_range *range);
bool service_listens_within(const struct service *service,
    const struct addr_range *range);

/* Where it listens, with the port it really got; "": nowhere. Of several ranges
 * the first. */
void
service_address(const struct service *service, char out[ADDR_RANGE_TEXT_SIZE]);

/* Of an inner's: it is removed in ReleaseAfter, unless service_keep comes
 * before. */
void service_release_later(struct service *service);
void service_keep(struct service *service);
bool service_is_released(const struct service *service);

/* Accepts no more clients; those who wait stay. Idempotent. */
void service_stop_listening(struct service *service);

/* What FORWARD to that instance calls the service: one that registers none by
 * name has the default alone. From any thread. */
uint32_t
service_wire_id(const struct service *service, const struct instance *instance);

/* A session begins, and ends: from any thread. */
void service_hold(struct service *service);
void service_release(struct service *service);

/* The proxies that say first who their client is: those of the default are the
 * top level's. */
const struct cidr_list *service_proxies(const struct service *service);

/* Whether its own MaxSessions is reached. */
bool service_is_full(const struct service *service);

/* Constant words for logs and API: "file", "inner", "api". */
const char *service_origin_name(enum service_origin origin);

#endif
