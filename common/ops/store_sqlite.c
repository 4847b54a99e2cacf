/*
 * store_sqlite.c - the database of a store: SQLite.
 *
 * Owns:    the connection and its statements.
 * Thread:  one at a time; store_db_hurry from any.
 * Floor:   ops. A file is ours by its application_id and knows its schema by
 *          its user_version: sqlite.org/pragma.html, fileformat2.html.
 */
#include "ops/store_db.h"
#include "base/clock.h"
#include "sys/file.h"
#include "sys/keyfile.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OUR_ID = 0x54706d70, /* "Tpmp" */
	BUSY_MS = 3000,	     /* how long another program may hold the file */
	BUSY_STEP_MS = 20,
	PATH_SIZE = 1024,
	TEXTS = 5,
};

struct store_db {
	sqlite3 *sqlite;			/* owned */
	sqlite3_stmt *insert, *update, *remove; /* owned */
	char path[PATH_SIZE];			/* for problems */
	size_t count;				/* records */
	uint64_t busy_since;
	atomic_uint_fast64_t until_ms; /* see store_db_hurry */
};

/* Each brings the schema from its place in this table to the next one. What was
 * released never changes: later ones are added behind. */
static const char *const steps[] = {
	"CREATE TABLE mappings ("
	"id INTEGER PRIMARY KEY AUTOINCREMENT, " /* none is used twice */
	"name TEXT NOT NULL, listen TEXT NOT NULL, inner_id TEXT NOT NULL, "
	"target TEXT NOT NULL, tunnel INTEGER NOT NULL, "
	"created_at INTEGER NOT NULL, extra TEXT NOT NULL)",
};
enum { SCHEMA = sizeof(steps) / sizeof(steps[0]) };

/* One line: SQLite tells of damage in several, and in a file that was tampered
 * with there may be anything. */
static void
say(const struct store_db *db, char problem[STORE_PROBLEM_SIZE],
    const char *text)
{
	(void)snprintf(problem, STORE_PROBLEM_SIZE, "%.200s: %.280s", db->path,
	    text);
	for (char *at = problem; *at != '\0'; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = ' ';
}

/* Why the last call failed, in words that tell what to do. */
static void
explain(const struct store_db *db, char problem[STORE_PROBLEM_SIZE],
    const char *doing)
{
	int code = sqlite3_extended_errcode(db->sqlite), error;
	char text[STORE_PROBLEM_SIZE];

	switch (code & 0xff) {
	case SQLITE_NOTADB:
		say(db, problem,
		    "found no SQLite database; expected one of this program, "
		    "or no file, then one is made; it is left as it is");
		return;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		say(db, problem,
		    "another program is writing to it; expected to be the only "
		    "one");
		return;
	case SQLITE_FULL:
		(void)snprintf(text, sizeof(text),
		    "cannot %s: no space left on the disk", doing);
		break;
	case SQLITE_READONLY:
		(void)snprintf(text, sizeof(text),
		    "cannot %s: the file or its folder is read-only", doing);
		break;
	case SQLITE_CORRUPT:
		(void)snprintf(text, sizeof(text),
		    "cannot %s: it is damaged; expected a sound database: "
		    "bring one back from a backup, or move it away",
		    doing);
		break;
	default:
		error = sqlite3_system_errno(db->sqlite);
		(void)snprintf(text, sizeof(text), "cannot %s: %s%s%s", doing,
		    sqlite3_errmsg(db->sqlite), error != 0 ? ": " : "",
		    error != 0 ? strerror(error) : "");
	}
	say(db, problem, text);
}

static bool
hurried(const struct store_db *db)
{
	return clock_ms() >= atomic_load(&db->until_ms);
}

/* Another program holds the file. */
static int
on_busy(void *arg, int calls)
{
	struct store_db *db = arg;
	uint64_t now = clock_ms();

	if (calls == 0)
		db->busy_since = now;
	if (now - db->busy_since >= BUSY_MS || hurried(db))
		return 0;
	(void)sqlite3_sleep(BUSY_STEP_MS);
	return 1;
}

static bool
run(struct store_db *db, const char *sql)
{
	return sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* The first column of the first row of a query. False: see explain. */
static bool
ask_text(struct store_db *db, const char *sql, char *out, size_t size)
{
	sqlite3_stmt *query = NULL;
	bool good = sqlite3_prepare_v2(db->sqlite, sql, -1, &query, NULL) ==
		SQLITE_OK &&
	    sqlite3_step(query) == SQLITE_ROW;
	const char *text = good ? (const char *)sqlite3_column_text(query, 0)
				: NULL;

	(void)snprintf(out, size, "%s", text != NULL ? text : "");
	return sqlite3_finalize(query) == SQLITE_OK && good;
}

static bool
ask_number(struct store_db *db, const char *sql, long long *out)
{
	char text[32];

	if (!ask_text(db, sql, text, sizeof(text)))
		return false;
	*out = strtoll(text, NULL, 10);
	return true;
}

/* Reads alone: whatever is not ours, or not sound, is left as it is. */
static bool
is_ours(struct store_db *db, char problem[STORE_PROBLEM_SIZE])
{
	long long id, version, tables;
	char text[300], found[200];

	if (!ask_number(db, "PRAGMA application_id", &id) ||
	    !ask_number(db, "PRAGMA user_version", &version) ||
	    !ask_number(db, "SELECT count(*) FROM sqlite_master", &tables)) {
		explain(db, problem, "read it");
		return false;
	}
	if (id != OUR_ID && (id != 0 || version != 0 || tables != 0)) {
		say(db, problem,
		    "found the database of another program; expected one of "
		    "this program, or no file, then one is made");
		return false;
	}
	if (version < 0 || version > SCHEMA) {
		(void)snprintf(text, sizeof(text),
		    "found schema version %lld; expected at most %d, which is "
		    "what this program knows: a newer one has written it",
		    version, (int)SCHEMA);
		say(db, problem, text);
		return false;
	}
	if (!ask_text(db, "PRAGMA quick_check(1)", found, sizeof(found))) {
		explain(db, problem, "check it");
		return false;
	}
	if (strcmp(found, "ok") == 0)
		return true;
	(void)snprintf(text, sizeof(text),
	    "it is damaged (%.100s); expected a sound database: bring one back "
	    "from a backup, or move it away",
	    found);
	say(db, problem, text);
	return false;
}

/* A commit is on the disk when it returns: the log is synced each time. */
static bool
set_modes(struct store_db *db, char problem[STORE_PROBLEM_SIZE])
{
	char mode[16];

	if (sqlite3_db_readonly(db->sqlite, "main") != 0) {
		say(db, problem,
		    "found a file that is read-only; expected one that this "
		    "program's user may write to");
		return false;
	}
	if (!ask_text(db, "PRAGMA journal_mode=WAL", mode, sizeof(mode)) ||
	    !run(db, "PRAGMA synchronous=FULL") ||
	    !run(db, "PRAGMA fullfsync=ON")) {
		explain(db, problem, "keep a log beside it");
		return false;
	}
	if (strcmp(mode, "wal") == 0)
		return true;
	say(db, problem,
	    "cannot keep a log beside it (WAL); expected a folder on a local "
	    "disk that can be written to");
	return false;
}

static bool
take_steps(struct store_db *db)
{
	char pragma[96];
	long long version;

	/* once more: another one of us may have been first */
	if (!ask_number(db, "PRAGMA user_version", &version))
		return false;
	for (; version < SCHEMA; version++)
		if (!run(db, steps[version]))
			return false;
	(void)snprintf(pragma, sizeof(pragma),
	    "PRAGMA user_version=%d; PRAGMA application_id=%d", (int)SCHEMA,
	    (int)OUR_ID);
	return run(db, pragma);
}

static bool
bring_up_to_date(struct store_db *db, char problem[STORE_PROBLEM_SIZE])
{
	long long version, id;

	if (ask_number(db, "PRAGMA user_version", &version) &&
	    ask_number(db, "PRAGMA application_id", &id) && version == SCHEMA &&
	    id == OUR_ID)
		return true;
	if (run(db, "BEGIN IMMEDIATE") && take_steps(db) && run(db, "COMMIT"))
		return true;
	explain(db, problem, "bring it up to date");
	(void)run(db, "ROLLBACK");
	return false;
}

static bool
prepare(struct store_db *db, char problem[STORE_PROBLEM_SIZE])
{
	static const char insert[] =
	    "INSERT INTO mappings (name, listen, inner_id, target, extra, tunnel, "
	    "created_at) VALUES (?, ?, ?, ?, ?, ?, ?)";
	static const char update[] =
	    "UPDATE mappings SET name = ?, listen = ?, inner_id = ?, target = ?, "
	    "extra = ?, tunnel = ?, created_at = ? WHERE id = ?";
	static const char delete[] = "DELETE FROM mappings WHERE id = ?";

	if (sqlite3_prepare_v3(db->sqlite, insert, -1,
		SQLITE_PREPARE_PERSISTENT, &db->insert, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v3(db->sqlite, update, -1,
		SQLITE_PREPARE_PERSISTENT, &db->update, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v3(db->sqlite, delete, -1,
		SQLITE_PREPARE_PERSISTENT, &db->remove, NULL) == SQLITE_OK)
		return true;
	explain(db, problem, "use it");
	return false;
}

/* Makes an empty file, this user's only, where there is none: that is an empty
 * database, and what SQLite makes beside it has the same mode. */
static bool
make_file(struct store_db *db, char problem[STORE_PROBLEM_SIZE])
{
	size_t folder = keyfile_folder(db->path);
	char name[PATH_SIZE], text[200];
	const char *why = NULL;

	(void)snprintf(name, sizeof(name), "%.*s",
	    folder > 1 ? (int)folder - 1 : 0, db->path);
	if (name[0] != '\0' && !file_exists(name))
		why = file_make_folder(name);
	if (why == NULL)
		why = file_make_empty(db->path);
	if (why == NULL)
		return true;
	(void)snprintf(text, sizeof(text), "cannot be made: %.150s", why);
	say(db, problem, text);
	return false;
}

static bool
open_file(struct store_db *db, char problem[STORE_PROBLEM_SIZE])
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;

	if (sqlite3_open_v2(db->path, &db->sqlite, flags, NULL) != SQLITE_OK) {
		explain(db, problem, "open it");
		return false;
	}
	(void)sqlite3_extended_result_codes(db->sqlite, 1);
	(void)sqlite3_busy_handler(db->sqlite, on_busy, db);
	(void)sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* a file that was tampered with: nothing in it runs */
	return run(db, "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON");
}

struct store_db *
store_db_open(const char *path, char problem[STORE_PROBLEM_SIZE])
{
	struct store_db *db = calloc(1, sizeof(*db));

	if (db == NULL) {
		(void)snprintf(problem, STORE_PROBLEM_SIZE, "out of memory");
		return NULL;
	}
	atomic_init(&db->until_ms, UINT64_MAX);
	problem[0] = '\0';
	/* a name like ":memory:" means something else to SQLite */
	if (snprintf(db->path, sizeof(db->path), "%s%s",
		keyfile_is_absolute(path) ? "" : "./",
		path) >= (int)sizeof(db->path))
		say(db, problem, "the path is too long");
	else if (make_file(db, problem) && open_file(db, problem) &&
	    is_ours(db, problem) && set_modes(db, problem) &&
	    bring_up_to_date(db, problem) && prepare(db, problem))
		return db;
	if (problem[0] == '\0')
		explain(db, problem, "open it");
	store_db_close(db);
	return NULL;
}

void
store_db_close(struct store_db *db)
{
	if (db == NULL)
		return;
	(void)sqlite3_finalize(db->insert);
	(void)sqlite3_finalize(db->update);
	(void)sqlite3_finalize(db->remove);
	(void)sqlite3_close(db->sqlite);
	free(db);
}

void
store_db_hurry(struct store_db *db, uint64_t until_ms)
{
	atomic_store(&db->until_ms, until_ms);
}

/* The texts of a row, one behind the other in one block. */
static bool
read_texts(sqlite3_stmt *row, const char *texts[TEXTS])
{
	size_t sizes[TEXTS], size = 0;
	char *block;

	for (int i = 0; i < TEXTS; i++) {
		texts[i] = (const char *)sqlite3_column_text(row, i);
		if (texts[i] == NULL)
			texts[i] = "";
		sizes[i] = strlen(texts[i]) + 1;
		if (sizes[i] > STORE_TEXT_MAX + 1)
			return false;
		size += sizes[i];
	}
	if ((block = malloc(size)) == NULL)
		return false;
	for (int i = 0; i < TEXTS; i++) {
		memcpy(block, texts[i], sizes[i]);
		texts[i] = block;
		block += sizes[i];
	}
	return true;
}

static bool
read_row(sqlite3_stmt *row, struct store_record *record)
{
	const char *texts[TEXTS];

	if (!read_texts(row, texts))
		return false;
	*record = (struct store_record){ .name = texts[0],
		.listen = texts[1],
		.inner = texts[2],
		.target = texts[3],
		.extra = texts[4],
		.tunnel = sqlite3_column_int(row, 5) != 0,
		.created_at = sqlite3_column_int64(row, 6),
		.id = (uint64_t)sqlite3_column_int64(row, 7) };
	return true;
}

bool
store_db_load(struct store_db *db, struct store_records *records,
    char problem[STORE_PROBLEM_SIZE])
{
	sqlite3_stmt *rows = NULL;
	long long count;
	int result = SQLITE_ERROR;

	*records = (struct store_records){ NULL, 0 };
	if (!ask_number(db, "SELECT count(*) FROM mappings", &count))
		goto out;
	if (count > STORE_RECORDS_MAX) {
		say(db, problem, "found more than 65536 mappings");
		return false;
	}
	db->count = (size_t)count;
	records->list = calloc((size_t)count + 1, sizeof(*records->list));
	if (records->list == NULL ||
	    sqlite3_prepare_v2(db->sqlite,
		"SELECT name, listen, inner_id, target, extra, tunnel, created_at,"
		" id FROM mappings ORDER BY id LIMIT ?",
		-1, &rows, NULL) != SQLITE_OK)
		goto out;
	(void)sqlite3_bind_int64(rows, 1, count);
	while ((result = sqlite3_step(rows)) == SQLITE_ROW &&
	    read_row(rows, &records->list[records->count]))
		records->count++;
out:
	if (result != SQLITE_DONE && result != SQLITE_ROW)
		explain(db, problem, "read it");
	else if (result == SQLITE_ROW)
		say(db, problem, "a mapping is too long, or memory too short");
	(void)sqlite3_finalize(rows);
	if (result != SQLITE_DONE)
		store_records_free(records);
	return result == SQLITE_DONE;
}

/* A statement is a transaction: it is on the disk, or has not been. */
static bool
execute(struct store_db *db, sqlite3_stmt *statement,
    char problem[STORE_PROBLEM_SIZE])
{
	bool good = false;

	if (hurried(db)) {
		say(db, problem,
		    "nothing is written any more: the program "
		    "ends");
	} else if (sqlite3_step(statement) == SQLITE_DONE) {
		good = true;
	} else {
		explain(db, problem, "write to it");
	}
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	return good;
}

static void
bind_record(sqlite3_stmt *statement, const struct store_record *record)
{
	const char *texts[TEXTS] = { record->name, record->listen,
		record->inner, record->target, record->extra };

	for (int i = 0; i < TEXTS; i++)
		(void)sqlite3_bind_text(statement, i + 1, texts[i], -1,
		    SQLITE_STATIC);
	(void)sqlite3_bind_int(statement, 6, record->tunnel);
	(void)sqlite3_bind_int64(statement, 7, record->created_at);
}

static bool
update(struct store_db *db, const struct store_record *record,
    char problem[STORE_PROBLEM_SIZE])
{
	bind_record(db->update, record);
	(void)sqlite3_bind_int64(db->update, 8, (sqlite3_int64)record->id);
	if (!execute(db, db->update, problem))
		return false;
	if (sqlite3_changes(db->sqlite) > 0)
		return true;
	say(db, problem, "there is no mapping of that id");
	return false;
}

bool
store_db_put(struct store_db *db, const struct store_record *record,
    uint64_t *id, char problem[STORE_PROBLEM_SIZE])
{
	if (record->id != 0)
		return update(db, record, problem);
	if (db->count >= STORE_RECORDS_MAX) {
		say(db, problem, "there are 65536 mappings, and room for none");
		return false;
	}
	bind_record(db->insert, record);
	if (!execute(db, db->insert, problem))
		return false;
	*id = (uint64_t)sqlite3_last_insert_rowid(db->sqlite);
	db->count++;
	return true;
}

bool
store_db_remove(struct store_db *db, uint64_t id,
    char problem[STORE_PROBLEM_SIZE])
{
	(void)sqlite3_bind_int64(db->remove, 1, (sqlite3_int64)id);
	if (!execute(db, db->remove, problem))
		return false;
	if (sqlite3_changes(db->sqlite) > 0 && db->count > 0)
		db->count--;
	return true;
}
