/*
 * test_store_crash.c - stores whose program is killed, whose disk is full, or
 * whose file may not be written to: what only POSIX systems let us do to them.
 */
#include "tests/unit/suites.h"
#include "tests/unit/system.h"
#include "net/loop.h"
#include "ops/store.h"

#include <event2/event.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH = FILES_PATH_SIZE + 16, KILLS = 12, NOBODY = 65534, LIMIT = 65536 };

static char dir[FILES_PATH_SIZE], path[PATH], problem[STORE_PROBLEM_SIZE];
static struct loop *loop;
static struct store *store;
static unsigned calls, failures;

static void
set_up(void)
{
	system_folder(dir);
	snprintf(path, sizeof(path), "%s/m.db", dir);
	calls = failures = 0;
	store = NULL;
	loop = NULL;
}

static void
remove_with(const char *ending)
{
	char name[PATH + 16];

	snprintf(name, sizeof(name), "%s%s", path, ending);
	unlink(name);
}

static void
tear_down(void)
{
	remove_with("");
	remove_with("-wal");
	remove_with("-shm");
	rmdir(dir);
}

/* What the child tells: a mapping is there, a mapping is gone. */
struct word {
	uint64_t id, removed;
};

struct asked {
	int to;
	bool remove;
};

static void
on_done(uint64_t id, const char *why, void *arg)
{
	struct asked *asked = arg;
	struct word word = { .id = id, .removed = asked->remove };

	if (why != NULL || write(asked->to, &word, sizeof(word)) < 0)
		_exit(1);
	if (!asked->remove && id % 3 == 0) {
		asked->remove = true;
		if (!store_remove(store, id, on_done, asked))
			_exit(1);
		return;
	}
	free(asked);
	loop_stop(loop);
}

/* Makes mappings, and removes each third one, until it is killed. */
static void
write_for_ever(int to)
{
	struct store_record record = { .name = "n", .listen = "tcp://:1" };

	loop = loop_new();
	store = store_open(path, problem);
	if (store == NULL || !store_start(store, loop))
		_exit(1);
	for (;;) {
		struct asked *asked = calloc(1, sizeof(*asked));

		asked->to = to;
		if (!store_put(store, &record, on_done, asked))
			_exit(1);
		loop_run(loop);
	}
}

static bool
holds(const struct store_records *records, uint64_t id)
{
	for (size_t i = 0; i < records->count; i++)
		if (records->list[i].id == id)
			return true;
	return false;
}

/* All that was told is so; of the rest there is one write at most. */
static void
check_words(int from, const struct store_records *records, uint64_t *last)
{
	struct word word;

	while (read(from, &word, sizeof(word)) == (ssize_t)sizeof(word)) {
		*last = word.id;
		/* a removal may have been on disk, and not yet told */
		if (word.removed || word.id % 3 != 0)
			ck_assert_msg(holds(records, word.id) != word.removed,
			    "mapping %u", (unsigned)word.id);
	}
	for (size_t i = 0; i < records->count; i++)
		ck_assert_uint_le(records->list[i].id, *last + 1);
}

START_TEST(killed_while_it_writes)
{
	uint64_t last = 0;

	for (int i = 0; i < KILLS; i++) {
		struct store_records records;
		int ends[2], status;
		char byte[sizeof(struct word)];
		pid_t child;

		ck_assert_int_eq(pipe(ends), 0);
		if ((child = fork()) == 0)
			write_for_ever(ends[1]);
		close(ends[1]);
		ck_assert_int_eq(read(ends[0], byte, sizeof(byte)),
		    sizeof(byte)); /* it runs */
		usleep((useconds_t)(i * 1700));
		kill(child, SIGKILL);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert(WIFSIGNALED(status));
		store = store_open(path, problem);
		ck_assert_msg(store != NULL, "%s", problem);
		ck_assert_msg(store_load(store, &records, problem), "%s",
		    problem);
		last = *(uint64_t *)(void *)byte > last
		    ? *(uint64_t *)(void *)byte
		    : last;
		check_words(ends[0], &records, &last);
		ck_assert_uint_gt(last, 0);
		store_records_free(&records);
		store_close(store, 0);
		close(ends[0]);
	}
}
END_TEST

static void
on_counted(uint64_t id, const char *why, void *arg)
{
	(void)id;
	calls++;
	failures += why != NULL;
	if (why != NULL)
		snprintf(arg, STORE_PROBLEM_SIZE, "%s", why);
}

static void
put_and_wait(const struct store_record *record)
{
	unsigned want = calls + 1;

	ck_assert(store_put(store, record, on_counted, problem));
	while (calls < want)
		event_base_loop(loop_base(loop), EVLOOP_ONCE);
}

/* A limit on the size of files stands for a full disk. */
START_TEST(no_room)
{
	struct rlimit before, limit;
	struct store_record record = { .name = "n" };
	struct store_records records;
	char *text = calloc(1, 8192);
	unsigned good;

	memset(text, 'x', 8191);
	record.extra = text;
	loop = loop_new();
	store = store_open(path, problem);
	ck_assert_ptr_nonnull(store);
	ck_assert(store_start(store, loop));
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = LIMIT;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	while (failures == 0)
		put_and_wait(&record);
	good = calls - 1;
	setrlimit(RLIMIT_FSIZE, &before);
	ck_assert_msg(strstr(problem, "cannot write to it") != NULL, "%s",
	    problem);
	put_and_wait(&record); /* and on it goes */
	ck_assert_uint_eq(failures, 1);
	store_close(store, 1000);
	store = store_open(path, problem);
	ck_assert_ptr_nonnull(store);
	ck_assert(store_load(store, &records, problem));
	ck_assert_uint_eq(records.count, good + 1);
	store_records_free(&records);
	store_close(store, 0);
	loop_free(loop);
	free(text);
}
END_TEST

/* Root may write anywhere: a child is somebody else. */
static int
open_as_nobody(void)
{
	int ends[2], status;
	pid_t child;
	ssize_t len;

	ck_assert_int_eq(pipe(ends), 0);
	if ((child = fork()) == 0) {
		if (geteuid() == 0 &&
		    (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
			_exit(2);
		store = store_open(path, problem);
		if (write(ends[1], problem, sizeof(problem)) < 0)
			_exit(2);
		_exit(store != NULL);
	}
	close(ends[1]);
	len = read(ends[0], problem, sizeof(problem));
	ck_assert_int_eq(len, sizeof(problem));
	close(ends[0]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(may_not_be_written)
{
	store = store_open(path, problem);
	ck_assert_ptr_nonnull(store);
	store_close(store, 0);
	chmod(dir, 0777);
	chmod(path, 0444);
	ck_assert_int_eq(open_as_nobody(), 0);
	ck_assert_msg(strstr(problem, "found a file that is read-only") != NULL,
	    "%s", problem);
	remove_with("-wal");
	remove_with("-shm");
	chmod(path, 0666); /* but nothing may be made beside it */
	chmod(dir, 0555);
	ck_assert_int_eq(open_as_nobody(), 0);
	ck_assert_msg(strstr(problem, "m.db: ") != NULL, "%s", problem);
	chmod(path, 0000);
	ck_assert_int_eq(open_as_nobody(), 0);
	ck_assert_msg(strstr(problem, "m.db: ") != NULL, "%s", problem);
	chmod(dir, 0700);
}
END_TEST

Suite *
store_crash_suite(void)
{
	Suite *suite = suite_create("store_crash");
	TCase *tc = tcase_create("crash");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, killed_while_it_writes);
	tcase_add_test(tc, no_room);
	tcase_add_test(tc, may_not_be_written);
	suite_add_tcase(suite, tc);
	return suite;
}
