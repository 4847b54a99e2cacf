/* store.h - mappings that outlive the program. Floor: ops.
 *
 * A record is on disk when its done callback says so, and not before. Writes go
 * one after the other, in the order in which they were asked for, on a thread
 * of the store's own. */
#ifndef OPS_STORE_H
#define OPS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct store;

enum {
	STORE_PROBLEM_SIZE = 512,
	STORE_QUEUE_MAX = 256,	    /* writes under way */
	STORE_RECORDS_MAX = 65536,  /* in all */
	STORE_TEXT_MAX = 64 * 1024, /* bytes of one text of a record */
};

/* Texts are UTF-8 and never NULL in what store_load gives; NULL given to
 * store_put counts as "". */
struct store_record {
	uint64_t id;	    /* from 1 on, never used again; 0: not yet any */
	int64_t created_at; /* seconds since 1970, UTC: see clock_utc_text */
	bool tunnel;
	const char *name, *listen, *inner, *target;
	const char *extra; /* JSON, for limits and keys to come */
};

/* What store_load gives, by ascending id. Owned: store_records_free. */
struct store_records {
	struct store_record *list;
	size_t count;
};

/*
 * In the main loop, once: the write is on disk, as id; or problem (for the call;
 * never NULL then, one line that names the file) says why not, and the file is
 * as if it had not been asked for.
 */
typedef void store_done_fn(uint64_t id, const char *problem, void *arg);

/*
 * Opens the database at path, or makes it, and the folder that it is in; both
 * are this user's only. Brings an older one up to date. What is no database of
 * ours, is damaged, newer or cannot be written to is left as it is: NULL with
 * one line in problem. Blocks, some seconds at most while another program
 * writes to it: for start-up.
 */
struct store *store_open(const char *path, char problem[STORE_PROBLEM_SIZE]);

/* Reads all records. Blocks: before store_start. False with one line in
 * problem; then there is nothing to free. */
bool store_load(struct store *store, struct store_records *records,
    char problem[STORE_PROBLEM_SIZE]);
void store_records_free(struct store_records *records);

/* Starts the thread that writes; loop is the one that done is called in,
 * borrowed, and outlives the store. False when the system has no more threads,
 * or without memory. */
bool store_start(struct store *store, struct loop *loop);

/*
 * Writes a copy of the record: id 0 makes a new one, any other replaces that of
 * this id, which must be there. False, and done is never called: too many
 * writes are under way, a text is too long, or there is no memory.
 */
bool store_put(struct store *store, const struct store_record *record,
    store_done_fn *done, void *arg);

/* Removes a record; one that is not there is removed already. False as of
 * store_put. */
bool
store_remove(struct store *store, uint64_t id, store_done_fn *done, void *arg);

/* How many writes are under way. */
size_t store_pending(const struct store *store);

/*
 * Waits for what is under way, at most about deadline_ms: what is not begun by
 * then fails. Calls each done before it returns, and runs whatever else other
 * threads have posted to the loop. Then frees the store; NULL is fine.
 */
void store_close(struct store *store, uint64_t deadline_ms);

#endif
