/* mappings.h - public addresses that the API has made, kept across restarts.
 * Floor: outer. */
#ifndef OUTER_MAPPINGS_H
#define OUTER_MAPPINGS_H

#include "base/addr.h"
#include "base/cidr.h"
#include "base/list.h"
#include "outer/service.h"
#include "outer/services.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hub;
struct mapping;
struct mappings;
struct outer_config;

enum {
	MAPPINGS_RETRY_MS = 5000, /* of those that cannot listen */
	MAPPINGS_CLOSE_MS = 5000, /* for writes that are under way at the end */
};

/* What a mapping is to be. All that it points to is borrowed for the call. */
struct mapping_wish {
	char name[SERVICE_NAME_MAX + 1];
	char inner[HELLO_INNER_MAX + 1]; /* "": any */
	struct addr listen, target;
	bool tunnel;
	uint32_t max_sessions; /* 0: no limit of its own */
	struct cidr_list allow, deny;
};

/* Main's. Read only, but for mappings*.c. */
struct mapping {
	struct list_node node; /* mappings.all, in the order they came */
	struct mappings *mappings;
	uint64_t id; /* 0: it is not on disk yet */
	int64_t created_at;
	struct mapping_wish wish; /* its lists are owned */
	struct service *service;  /* borrowed; NULL: it listens nowhere */
	char problem[SERVICE_PROBLEM_SIZE]; /* why it does not */
	bool broken;			    /* its record cannot be read */
	bool busy;			    /* it is being written or removed */
	struct mapping_call *call;	    /* owned; who is told of that */
};

/* What has come of a wish. */
enum mapping_outcome {
	MAPPING_DONE,	   /* it is on disk */
	MAPPING_WRONG,	   /* it would be its own client */
	MAPPING_FORBIDDEN, /* the outer's file does not allow it */
	MAPPING_TAKEN,	   /* somebody has the port or the name */
	MAPPING_UNKNOWN,   /* the API has made none for that port */
	MAPPING_NO_ROOM,   /* not now: too many, or too many writes */
	MAPPING_UNWRITTEN, /* the file could not be written */
};

/* In main's loop. mapping: for the call; NULL unless there is one. problem: one
 * line, "" of MAPPING_DONE. */
typedef void mapping_fn(enum mapping_outcome outcome,
    const struct mapping *mapping, const char *problem, void *arg);

/* Where root starts the program for another user: makes the folder of the
 * database and gives it to him. What fails shows when it is opened. */
void mappings_prepare(const struct outer_config *config);

/*
 * Opens the database, where there is an API or a file of it already. Blocks,
 * with one thread. False with one line in problem; then *mappings is NULL, as
 * it is where there is nothing to keep.
 */
bool mappings_open(const struct outer_config *config,
    struct mappings **mappings, char problem[SERVICE_PROBLEM_SIZE]);

/*
 * Once the services of the file listen: those of the database do, each on its
 * own. One that cannot is told in the log, and tried again. False with one line
 * in problem.
 */
bool mappings_start(struct mappings *mappings, struct hub *hub,
    char problem[SERVICE_PROBLEM_SIZE]);

/* No client is accepted any more: none is made, removed or tried again. NULL is
 * fine, as below. */
void mappings_drain(struct mappings *mappings);

/* Waits for what is under way, and tells who asked for it. Before hub_stop. */
void mappings_close(struct mappings *mappings);

/*
 * Listens, and keeps it. done may be called before it returns: when it is not
 * to be. Else when it is on disk, or cannot be: then it listens no more.
 */
void mappings_create(struct mappings *mappings, const struct mapping_wish *wish,
    mapping_fn *done, void *arg);

/* The other way round: its port is free when done is called. Not from inside a
 * listener's callback. */
void mappings_remove(struct mappings *mappings, uint16_t port, mapping_fn *done,
    void *arg);

/* The next one; NULL begins, and ends. */
const struct mapping *
mappings_next(const struct mappings *mappings, const struct mapping *mapping);
size_t mappings_count(const struct mappings *mappings);

/* Why clients of it find nobody: it does not listen, or the inners that are here
 * refuse its target. "": nothing is known of that. */
void mapping_problem(const struct mapping *mapping,
    char problem[SERVICE_PROBLEM_SIZE]);

/* Of the tests. */
void mapping_wish_free(struct mapping_wish *wish); /* its lists */

#endif
