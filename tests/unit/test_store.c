/*
 * test_store.c - mappings that outlive the program, in real files.
 */
#include "tests/unit/suites.h"
#include "tests/unit/system.h"
#include "base/clock.h"
#include "base/str.h"
#include "net/loop.h"
#include "ops/store.h"
#include "sys/file.h"

#include <event2/event.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { PATH = FILES_PATH_SIZE + 64, CLOSE_MS = 20000, AT_ONCE_MS = 0 };

static char dir[FILES_PATH_SIZE], path[PATH], problem[STORE_PROBLEM_SIZE];
static struct loop *loop;
static struct store *store;

/* What done was told, by turns. */
static unsigned calls, failures;
static uint64_t ids[STORE_QUEUE_MAX + 8];
static char last_problem[STORE_PROBLEM_SIZE];

static const struct store_record plain = {
	.created_at = 1709208000,
	.tunnel = true,
	.name = "web \"\xc3\xa9\" ' ; --",
	.listen = "tcp://0.0.0.0:8080",
	.inner = "office",
	.target = "tcp://127.0.0.1:80",
	.extra = "{\"MaxSessions\":3}",
};

static void
set_up(void)
{
	system_folder(dir);
	snprintf(path, sizeof(path), "%s/data/mappings.db", dir);
	loop = loop_new();
	calls = failures = 0;
	store = NULL;
}

static void
tear_down(void)
{
	static const char *const names[] = { "", "-wal", "-shm", "-journal" };
	char name[PATH + 16];

	store_close(store, CLOSE_MS);
	loop_free(loop);
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(name, sizeof(name), "%s%s", path, names[i]);
		chmod(name, 0600);
		unlink(name);
	}
	snprintf(name, sizeof(name), "%s/data", dir);
	rmdir(name);
	rmdir(dir);
}

static void
on_done(uint64_t id, const char *why, void *arg)
{
	ck_assert_ptr_eq(arg, &calls);
	if (calls < COUNT(ids))
		ids[calls] = id;
	calls++;
	failures += why != NULL;
	str_copy(last_problem, sizeof(last_problem), why != NULL ? why : "");
}

static void
turn_until(unsigned want)
{
	while (calls < want)
		event_base_loop(loop_base(loop), EVLOOP_ONCE);
}

static void
open_store(void)
{
	store = store_open(path, problem);
	ck_assert_msg(store != NULL, "%s", problem);
}

static void
start_store(void)
{
	open_store();
	ck_assert(store_start(store, loop));
}

static void
close_store(void)
{
	store_close(store, CLOSE_MS);
	store = NULL;
}

static uint64_t
put(const struct store_record *record)
{
	unsigned before = calls;

	ck_assert(store_put(store, record, on_done, &calls));
	turn_until(before + 1);
	ck_assert_str_eq(last_problem, "");
	return ids[before];
}

static struct store_records
load(void)
{
	struct store_records records;

	ck_assert_msg(store_load(store, &records, problem), "%s", problem);
	return records;
}

static size_t
count_after_opening(void)
{
	struct store_records records;
	size_t count;

	open_store();
	records = load();
	count = records.count;
	store_records_free(&records);
	return count;
}

/* SQL done by somebody else. */
static sqlite3 *
other(const char *sql)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK,
	    "%s: %s", sql, sqlite3_errmsg(db));
	return db;
}

static void
change_by_other(const char *sql)
{
	sqlite3_close(other(sql));
}

static void
make_folder(void)
{
	char name[PATH + 16];

	snprintf(name, sizeof(name), "%s/data", dir);
	ck_assert_pstr_eq(file_make_folder(name), NULL);
}

static void
write_file(const char *bytes, size_t len)
{
	FILE *file;

	make_folder();
	file = fopen(path, "wb");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

START_TEST(comes_back_as_it_was)
{
	struct store_records records;
	struct store_record bare = { .listen = "tcp://:1" };

	start_store();
	ck_assert_uint_eq(put(&plain), 1);
	ck_assert_uint_eq(put(&bare), 2);
	close_store();
	open_store();
	records = load();
	ck_assert_uint_eq(records.count, 2);
	ck_assert_uint_eq(records.list[0].id, 1);
	ck_assert_int_eq(records.list[0].created_at, plain.created_at);
	ck_assert(records.list[0].tunnel);
	ck_assert_str_eq(records.list[0].name, plain.name);
	ck_assert_str_eq(records.list[0].listen, plain.listen);
	ck_assert_str_eq(records.list[0].inner, plain.inner);
	ck_assert_str_eq(records.list[0].target, plain.target);
	ck_assert_str_eq(records.list[0].extra, plain.extra);
	ck_assert(!records.list[1].tunnel);
	ck_assert_str_eq(records.list[1].name, "");
	ck_assert_str_eq(records.list[1].extra, "");
	store_records_free(&records);
}
END_TEST

START_TEST(is_this_users_only)
{
	struct stat st;
	char name[PATH + 16];

	start_store();
	put(&plain);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	snprintf(name, sizeof(name), "%s-wal", path);
	ck_assert_int_eq(stat(name, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	snprintf(name, sizeof(name), "%s/data", dir);
	ck_assert_int_eq(stat(name, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
}
END_TEST

START_TEST(ids_are_never_used_again)
{
	start_store();
	for (uint64_t id = 1; id <= 3; id++)
		ck_assert_uint_eq(put(&plain), id);
	ck_assert(store_remove(store, 3, on_done, &calls));
	ck_assert(store_remove(store, 2, on_done, &calls));
	turn_until(5);
	ck_assert_uint_eq(ids[3], 3);
	ck_assert_uint_eq(put(&plain), 4);
	ck_assert(store_remove(store, 4, on_done, &calls));
	turn_until(7);
	close_store();
	start_store();
	ck_assert_uint_eq(put(&plain), 5);
	ck_assert_uint_eq(failures, 0);
}
END_TEST

START_TEST(writes_keep_their_order)
{
	struct store_record later = plain;
	struct store_records records;

	start_store();
	ck_assert(store_put(store, &plain, on_done, &calls));
	later.id = 1;
	later.name = "later";
	ck_assert(store_put(store, &later, on_done, &calls));
	ck_assert(store_put(store, &plain, on_done, &calls));
	ck_assert(store_remove(store, 2, on_done, &calls));
	ck_assert_uint_eq(store_pending(store), 4);
	ck_assert_uint_eq(calls, 0); /* never before it returns */
	turn_until(4);
	ck_assert_uint_eq(store_pending(store), 0);
	ck_assert_uint_eq(failures, 0);
	ck_assert_uint_eq(ids[0], 1);
	ck_assert_uint_eq(ids[1], 1);
	ck_assert_uint_eq(ids[2], 2);
	close_store();
	open_store();
	records = load();
	ck_assert_uint_eq(records.count, 1);
	ck_assert_str_eq(records.list[0].name, "later");
	store_records_free(&records);
}
END_TEST

START_TEST(what_is_not_there)
{
	struct store_record record = plain;

	start_store();
	ck_assert(store_remove(store, 77, on_done, &calls));
	turn_until(1);
	ck_assert_uint_eq(failures, 0);
	record.id = 77;
	ck_assert(store_put(store, &record, on_done, &calls));
	turn_until(2);
	ck_assert_uint_eq(failures, 1);
	ck_assert_ptr_nonnull(strstr(last_problem, "no mapping of that id"));
}
END_TEST

START_TEST(queue_has_an_end)
{
	sqlite3 *db;

	start_store();
	db = other("BEGIN IMMEDIATE"); /* nobody gets on */
	for (unsigned i = 0; i < STORE_QUEUE_MAX; i++)
		ck_assert(store_put(store, &plain, on_done, &calls));
	ck_assert(!store_put(store, &plain, on_done, &calls));
	ck_assert(!store_remove(store, 1, on_done, &calls));
	sqlite3_close(db);
	turn_until(STORE_QUEUE_MAX);
	ck_assert_uint_eq(failures, 0);
	ck_assert(store_remove(store, 1, on_done, &calls));
	turn_until(STORE_QUEUE_MAX + 1);
	close_store();
	ck_assert_uint_eq(count_after_opening(), STORE_QUEUE_MAX - 1);
}
END_TEST

START_TEST(texts_have_an_end)
{
	char *text = malloc(STORE_TEXT_MAX + 2);
	struct store_record record = plain;

	memset(text, 'x', STORE_TEXT_MAX + 1);
	text[STORE_TEXT_MAX + 1] = '\0';
	start_store();
	record.extra = text + 1;
	put(&record);
	record.extra = text;
	ck_assert(!store_put(store, &record, on_done, &calls));
	close_store();
	ck_assert_uint_eq(count_after_opening(), 1);
	free(text);
}
END_TEST

START_TEST(closing_writes_what_waits)
{
	start_store();
	for (int i = 0; i < 20; i++)
		ck_assert(store_put(store, &plain, on_done, &calls));
	close_store();
	ck_assert_uint_eq(calls, 20);
	ck_assert_uint_eq(failures, 0);
	ck_assert_uint_eq(count_after_opening(), 20);
}
END_TEST

START_TEST(closing_has_a_deadline)
{
	uint64_t begin;
	sqlite3 *db;

	start_store();
	db = other("BEGIN IMMEDIATE");
	for (unsigned i = 0; i < 50; i++)
		ck_assert(store_put(store, &plain, on_done, &calls));
	begin = clock_ms();
	store_close(store, AT_ONCE_MS);
	store = NULL;
	ck_assert_uint_lt(clock_ms() - begin, 2000); /* not 50 times 3 s */
	ck_assert_uint_eq(calls, 50);
	ck_assert_uint_eq(failures, 50);
	sqlite3_close(db);
	ck_assert_uint_eq(count_after_opening(), 0);
}
END_TEST

static void
on_done_ask_again(uint64_t id, const char *why, void *arg)
{
	on_done(id, why, &calls);
	ck_assert(!store_put(arg, &plain, on_done_ask_again, arg));
}

START_TEST(closing_takes_nothing_new)
{
	start_store();
	ck_assert(store_put(store, &plain, on_done_ask_again, store));
	close_store();
	ck_assert_uint_eq(calls, 1);
}
END_TEST

START_TEST(other_program_holds_it)
{
	sqlite3 *db;

	start_store();
	db = other("BEGIN IMMEDIATE");
	ck_assert(store_put(store, &plain, on_done, &calls));
	turn_until(1);
	ck_assert_uint_eq(failures, 1);
	ck_assert_ptr_nonnull(strstr(last_problem, "another program"));
	sqlite3_close(db);
	put(&plain);
}
END_TEST

/* What stands at the path before it is opened: bytes, or what is done to a good
 * file by SQL. want: part of the problem. */
static const struct {
	const char *name, *bytes, *sql, *want;
} strange[] = {
	{ "text", "this is not a database, but a text of some length\n", NULL,
	    "found no SQLite database" },
	{ "newer", NULL, "PRAGMA user_version=7", "found schema version 7" },
	{ "before all", NULL, "PRAGMA user_version=-1",
	    "found schema version -1" },
	{ "another program's", NULL, "PRAGMA application_id=17",
	    "the database of another program" },
	{ "nobody's", NULL, "PRAGMA application_id=0",
	    "the database of another program" },
	{ "ours, half made", NULL, "PRAGMA user_version=0",
	    "cannot bring it up to date: table mappings already exists" },
	{ "without a table", NULL, "DROP TABLE mappings", "no such table" },
};

START_TEST(strange_file_is_left_alone)
{
	char before[512], after[512];

	if (strange[_i].sql != NULL) {
		start_store();
		put(&plain);
		close_store();
		change_by_other(strange[_i].sql);
	} else {
		write_file(strange[_i].bytes, strlen(strange[_i].bytes));
	}
	files_read(path, before, sizeof(before));
	store = store_open(path, problem);
	ck_assert_msg(store == NULL, "%s", strange[_i].name);
	ck_assert_msg(strstr(problem, strange[_i].want) != NULL &&
		strncmp(problem, path, strlen(path)) == 0 &&
		strchr(problem, '\n') == NULL,
	    "%s: %s", strange[_i].name, problem);
	files_read(path, after, sizeof(after));
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(damaged_file_is_left_alone)
{
	static const char junk[] = "rubbish rubbish rubbish rubbish rubbish";
	struct store_record record = plain;
	FILE *file;
	long size;

	start_store();
	for (int i = 0; i < 200; i++)
		put(&record);
	close_store();
	file = fopen(path, "r+b");
	ck_assert_ptr_nonnull(file);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	for (long at = 4096; at < size; at += 512) { /* behind the schema */
		fseek(file, at, SEEK_SET);
		fwrite(junk, 1, sizeof(junk), file);
	}
	fclose(file);
	store = store_open(path, problem);
	ck_assert_ptr_null(store);
	ck_assert_msg(strstr(problem, "it is damaged") != NULL, "%s", problem);
}
END_TEST

/* SQLite tells of it in two lines; what is to be done stands behind them. */
START_TEST(damaged_page_is_told_in_one_line)
{
	FILE *file;

	start_store();
	put(&plain);
	close_store();
	file = fopen(path, "r+b");
	ck_assert_ptr_nonnull(file);
	fseek(file, 4096, SEEK_SET);
	for (int i = 0; i < 60; i++)
		fputc(0xff, file);
	fclose(file);
	store = store_open(path, problem);
	ck_assert_ptr_null(store);
	ck_assert_msg(strstr(problem, "it is damaged (") != NULL &&
		strstr(problem,
		    "); expected a sound database: bring one back from a "
		    "backup, or move it away") != NULL,
	    "%s", problem);
	for (const char *at = problem; *at != '\0'; at++)
		ck_assert_uint_ge((unsigned char)*at, 0x20);
}
END_TEST

START_TEST(empty_file_is_a_new_one)
{
	write_file("", 0);
	start_store();
	ck_assert_uint_eq(put(&plain), 1);
}
END_TEST

/* Version 0 is what was never written to: ours, or nobody's yet. */
START_TEST(version_0_is_brought_up)
{
	make_folder();
	change_by_other("PRAGMA application_id=1416654192"); /* "Tpmp" */
	start_store();
	put(&plain);
	close_store();
	ck_assert_uint_eq(count_after_opening(), 1);
}
END_TEST

START_TEST(folder_cannot_be_made)
{
	snprintf(path, sizeof(path), "%s/not/there/mappings.db", dir);
	ck_assert_ptr_null(store_open(path, problem));
	ck_assert_msg(strstr(problem, "cannot be made") != NULL, "%s", problem);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ck_assert_ptr_null(store_open(path, problem));
	ck_assert_ptr_nonnull(strstr(problem, "cannot be made"));
}
END_TEST

START_TEST(utc)
{
	static const struct {
		int64_t at;
		const char *want;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ -1, "1969-12-31T23:59:59Z" },
		{ 951782399, "2000-02-28T23:59:59Z" },
		{ 951782400, "2000-02-29T00:00:00Z" },
		{ 1709208000, "2024-02-29T12:00:00Z" },
		{ 1735689599, "2024-12-31T23:59:59Z" },
		{ 4107542400, "2100-03-01T00:00:00Z" },
		{ -62135596800, "0001-01-01T00:00:00Z" },
		{ INT64_MIN, "0001-01-01T00:00:00Z" },
		{ 253402300799, "9999-12-31T23:59:59Z" },
		{ INT64_MAX, "9999-12-31T23:59:59Z" },
	};
	char text[CLOCK_UTC_SIZE];

	for (size_t i = 0; i < COUNT(rows); i++) {
		clock_utc_text(rows[i].at, text);
		ck_assert_str_eq(text, rows[i].want);
	}
}
END_TEST

Suite *
store_suite(void)
{
	Suite *suite = suite_create("store");
	TCase *tc = tcase_create("files");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, comes_back_as_it_was);
	if (system_has_modes())
		tcase_add_test(tc, is_this_users_only);
	else
		skip_test("store", "is_this_users_only",
		    "files have no mode here");
	tcase_add_test(tc, ids_are_never_used_again);
	tcase_add_test(tc, writes_keep_their_order);
	tcase_add_test(tc, what_is_not_there);
	tcase_add_test(tc, queue_has_an_end);
	tcase_add_test(tc, texts_have_an_end);
	tcase_add_test(tc, closing_writes_what_waits);
	tcase_add_test(tc, closing_has_a_deadline);
	tcase_add_test(tc, closing_takes_nothing_new);
	tcase_add_test(tc, other_program_holds_it);
	tcase_add_loop_test(tc, strange_file_is_left_alone, 0,
	    (int)COUNT(strange));
	tcase_add_test(tc, damaged_file_is_left_alone);
	tcase_add_test(tc, damaged_page_is_told_in_one_line);
	tcase_add_test(tc, empty_file_is_a_new_one);
	tcase_add_test(tc, version_0_is_brought_up);
	tcase_add_test(tc, folder_cannot_be_made);
	tcase_add_test(tc, utc);
	suite_add_tcase(suite, tc);
	return suite;
}
