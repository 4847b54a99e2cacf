/* store_db.h - the database behind a store; for store.c alone. Floor: ops.
 *
 * One thread at a time uses it, but for store_db_hurry. Problems are one line
 * that names the file. */
#ifndef OPS_STORE_DB_H
#define OPS_STORE_DB_H

#include "ops/store.h"

struct store_db;

/* See store_open. */
struct store_db *
store_db_open(const char *path, char problem[STORE_PROBLEM_SIZE]);

/* Frees it; NULL is fine. */
void store_db_close(struct store_db *db);

/* See store_load. Knows how many records there are from then on. */
bool store_db_load(struct store_db *db, struct store_records *records,
    char problem[STORE_PROBLEM_SIZE]);

/* On disk when it returns true; *id is the record's. */
bool store_db_put(struct store_db *db, const struct store_record *record,
    uint64_t *id, char problem[STORE_PROBLEM_SIZE]);
bool store_db_remove(struct store_db *db, uint64_t id,
    char problem[STORE_PROBLEM_SIZE]);

/* From any thread: writes fail that have not begun at that time of clock_ms,
 * and none waits longer for another program. */
void store_db_hurry(struct store_db *db, uint64_t until_ms);

#endif
