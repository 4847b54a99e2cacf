/* instance.h - one run of an inner process, as the outer knows it.
 * Floor: outer. */
#ifndef OUTER_INSTANCE_H
#define OUTER_INSTANCE_H

#include "base/list.h"
#include "wire/hello.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct loop_timer;

struct instance {
	struct list_node node;	      /* instance_table.all */
	struct instance_table *table; /* borrowed */
	uint64_t serial;	      /* never reused; younger is larger */
	char inner[HELLO_INNER_MAX + 1];
	char id[HELLO_INSTANCE_SIZE + 1]; /* "classic" of classic links */
	struct list standbys;	  /* all its links that are not relaying */
	struct loop_timer *grace; /* owned: without links, not yet gone */
	bool suspect;		  /* did not answer: taken last */
	bool replaced;		  /* a younger run took its place */
};

enum {
	INSTANCE_REPLACED_MAX = 64,
	INSTANCE_GRACE_MS = 3000, /* for a refill after all links are taken */
};

struct instance_table {
	struct loop *loop;	    /* borrowed */
	void (*on_gone)(void *arg); /* an instance is forgotten; or NULL */
	void *arg;
	struct list all;
	uint64_t next_serial;
	char replaced[INSTANCE_REPLACED_MAX][HELLO_INSTANCE_SIZE + 1];
	unsigned next_replaced; /* where the next id goes, in turn */
};

void instance_table_init(struct instance_table *table, struct loop *loop);

/* Frees every instance; none has links any more. */
void instance_table_fini(struct instance_table *table);

/*
 * The instance of that id, made when it is new; logged then. It lives while it
 * has standbys and INSTANCE_GRACE_MS longer: when a burst takes its last link
 * it is still there, to be waited for. NULL without memory.
 */
struct instance *
instance_get(struct instance_table *table, const char *inner, const char *id);

/* Puts a standby's node on, takes it off. */
void instance_join(struct instance *instance, struct list_node *standby);
void instance_leave(struct instance *instance, struct list_node *standby);

/*
 * This run takes the place of all others of its inner's id: they are marked
 * replaced, which is logged, and instance_must_yield remembers the last
 * INSTANCE_REPLACED_MAX of them.
 */
void instance_replace_others(struct instance_table *table,
    const struct instance *young);

/* Whether a run must stay away: it was replaced, and another run of its
 * inner's id is here. */
bool instance_must_yield(const struct instance_table *table, const char *inner,
    const char *id);

/* How many instances have links and are neither suspect nor replaced. */
size_t instance_serving(const struct instance_table *table);

#endif
