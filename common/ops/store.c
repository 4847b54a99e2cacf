/*
 * store.c - the thread that writes mappings, and the way there and back.
 *
 * Owns:    the database, the thread, writes under way.
 * Thread:  main; run_put and run_remove on the store's own.
 * Floor:   ops.
 */
#include "ops/store.h"
#include "ops/store_db.h"
#include "base/clock.h"
#include "base/list.h"
#include "net/inbox.h"
#include "net/loop.h"
#include "net/worker.h"

#include <stdlib.h>
#include <string.h>

enum { TEXTS = 5 };

struct store {
	struct store_db *db;   /* owned; the worker's while that runs */
	struct worker *worker; /* owned; NULL: not started */
	struct loop *loop;     /* borrowed: main's */
	size_t pending;	       /* main only */
	bool closing;
};

/* A write, on its way there and back. */
struct write {
	struct inbox_message message;
	struct store *store;	    /* borrowed: waits for its writes */
	struct store_record record; /* texts: in the bytes behind */
	store_done_fn *done;
	void *arg;
	bool good;
	char problem[STORE_PROBLEM_SIZE];
	char texts[];
};

struct store *
store_open(const char *path, char problem[STORE_PROBLEM_SIZE])
{
	struct store *store = calloc(1, sizeof(*store));

	if (store == NULL) {
		problem[0] = '\0';
		strncat(problem, "out of memory", STORE_PROBLEM_SIZE - 1);
		return NULL;
	}
	if ((store->db = store_db_open(path, problem)) == NULL) {
		free(store);
		return NULL;
	}
	return store;
}

bool
store_load(struct store *store, struct store_records *records,
    char problem[STORE_PROBLEM_SIZE])
{
	return store_db_load(store->db, records, problem);
}

bool
store_start(struct store *store, struct loop *loop)
{
	store->loop = loop;
	if ((store->worker = worker_new()) == NULL)
		return false;
	if (worker_start(store->worker))
		return true;
	worker_free(store->worker);
	store->worker = NULL;
	return false;
}

size_t
store_pending(const struct store *store)
{
	return store->pending;
}

/* Main: back from the disk. */
static void
on_written(struct inbox_message *message)
{
	struct write *write = list_entry(message, struct write, message);

	write->store->pending--;
	write->done(write->record.id, write->good ? NULL : write->problem,
	    write->arg);
	free(write);
}

static void
go_back(struct write *write)
{
	write->message.run = on_written;
	inbox_post(loop_inbox(write->store->loop), &write->message);
}

static void
run_put(struct inbox_message *message)
{
	struct write *write = list_entry(message, struct write, message);

	write->good = store_db_put(write->store->db, &write->record,
	    &write->record.id, write->problem);
	go_back(write);
}

static void
run_remove(struct inbox_message *message)
{
	struct write *write = list_entry(message, struct write, message);

	write->good = store_db_remove(write->store->db, write->record.id,
	    write->problem);
	go_back(write);
}

/* NULL: no room, or no memory. */
static struct write *
write_new(struct store *store, size_t texts_size, store_done_fn *done,
    void *arg)
{
	struct write *write;

	if (store->worker == NULL || store->closing ||
	    store->pending >= STORE_QUEUE_MAX)
		return NULL;
	if ((write = calloc(1, sizeof(*write) + texts_size)) == NULL)
		return NULL;
	write->store = store;
	write->done = done;
	write->arg = arg;
	return write;
}

static void
send_off(struct write *write, void (*run)(struct inbox_message *message))
{
	struct store *store = write->store;

	store->pending++;
	write->message.run = run;
	inbox_post(loop_inbox(worker_loop(store->worker)), &write->message);
}

bool
store_put(struct store *store, const struct store_record *record,
    store_done_fn *done, void *arg)
{
	const char *from[TEXTS] = { record->name, record->listen, record->inner,
		record->target, record->extra };
	size_t sizes[TEXTS], size = 0;
	struct write *write;
	char *text;

	for (int i = 0; i < TEXTS; i++) {
		if (from[i] == NULL)
			from[i] = "";
		sizes[i] = strnlen(from[i], STORE_TEXT_MAX + 1) + 1;
		if (sizes[i] > STORE_TEXT_MAX + 1)
			return false;
		size += sizes[i];
	}
	if ((write = write_new(store, size, done, arg)) == NULL)
		return false;
	write->record = *record;
	text = write->texts;
	for (int i = 0; i < TEXTS; i++) {
		memcpy(text, from[i], sizes[i]);
		from[i] = text;
		text += sizes[i];
	}
	write->record.name = from[0];
	write->record.listen = from[1];
	write->record.inner = from[2];
	write->record.target = from[3];
	write->record.extra = from[4];
	send_off(write, run_put);
	return true;
}

bool
store_remove(struct store *store, uint64_t id, store_done_fn *done, void *arg)
{
	struct write *write = write_new(store, 0, done, arg);

	if (write == NULL)
		return false;
	write->record.id = id;
	send_off(write, run_remove);
	return true;
}

void
store_records_free(struct store_records *records)
{
	for (size_t i = 0; i < records->count; i++)
		free((char *)records->list[i].name); /* with the others */
	free(records->list);
	records->list = NULL;
	records->count = 0;
}

void
store_close(struct store *store, uint64_t deadline_ms)
{
	if (store == NULL)
		return;
	store->closing = true;
	if (store->worker != NULL) {
		store_db_hurry(store->db, clock_ms() + deadline_ms);
		worker_join(store->worker);
		inbox_drain(loop_inbox(store->loop)); /* what came back */
		worker_free(store->worker);
	}
	store_db_close(store->db);
	free(store);
}
