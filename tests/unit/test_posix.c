/*
 * test_posix.c - what not every system has: Unix sockets, modes of files, open
 * files that can be moved.
 */
#include "tests/unit/files.h"
#include "tests/unit/suites.h"
#include "tests/unit/system.h"
#include "tests/unit/test_conf.h"
#include "base/log.h"
#include "net/listen.h"
#include "net/loop.h"
#include "net/watch.h"
#include "sys/file.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LONGER = FILES_PATH_SIZE + 8 };

static struct loop *loop;
static int calls;

static void
set_up(void)
{
	loop = loop_new();
	calls = 0;
}

static void
tear_down(void)
{
	loop_free(loop);
}

static void
on_accept(sock_fd fd, const struct endpoint *peer, void *arg)
{
	(void)peer;
	(void)arg;
	close(fd);
	calls++;
}

static char folder[FILES_PATH_SIZE], at[ADDR_PATH_MAX];

static struct listen *
listen_unix(char problem[LISTEN_PROBLEM_SIZE])
{
	static struct addr addr;
	struct listen_options options = { .addr = &addr,
		.what = "clients",
		.socket_mode = 0640 };

	addr.kind = ADDR_UNIX;
	snprintf(addr.path, sizeof(addr.path), "%s", at);
	return listen_start(loop, &options, on_accept, NULL, problem);
}

static void
make_folder(void)
{
	system_folder(folder);
	snprintf(at, sizeof(at), "%.90s/socket", folder);
}

START_TEST(unix_listener_has_its_mode_and_goes)
{
	char problem[LISTEN_PROBLEM_SIZE];
	struct listen *listen;
	struct stat st;

	make_folder();
	listen = listen_unix(problem);
	ck_assert_ptr_nonnull(listen);
	ck_assert_int_eq(stat(at, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0640);
	listen_stop(listen);
	ck_assert_int_eq(stat(at, &st), -1);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(stale_socket_is_taken_over)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char problem[LISTEN_PROBLEM_SIZE];
	struct listen *listen;
	sock_fd fd = socket(AF_UNIX, SOCK_STREAM, 0);

	make_folder();
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", at);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd); /* the file stays, nobody listens */
	listen = listen_unix(problem);
	ck_assert_ptr_nonnull(listen);
	listen_stop(listen);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(live_socket_is_left_alone)
{
	char problem[LISTEN_PROBLEM_SIZE];
	struct listen *first;
	struct stat st;

	make_folder();
	first = listen_unix(problem);
	ck_assert_ptr_null(listen_unix(problem));
	ck_assert_ptr_nonnull(strstr(problem, "another program listens"));
	ck_assert_int_eq(stat(at, &st), 0);
	listen_stop(first);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(other_file_is_left_alone)
{
	char problem[LISTEN_PROBLEM_SIZE];
	FILE *file;

	make_folder();
	file = fopen(at, "w");
	fclose(file);
	ck_assert_ptr_null(listen_unix(problem));
	ck_assert_ptr_nonnull(strstr(problem, "not a socket"));
	ck_assert_int_eq(unlink(at), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

static void
on_gone(void *arg)
{
	(void)arg;
	calls++;
}

START_TEST(watch_sees_only_the_full_hang_up)
{
	static const struct watch_handler watched = { on_gone, NULL };
	struct watch *watch;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	watch = watch_start(loop, pair[0], &watched, NULL);
	ck_assert_int_eq(write(pair[1], "bytes", 5), 5);
	event_base_loop(loop_base(loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
	shutdown(pair[1], SHUT_WR);
	event_base_loop(loop_base(loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
	ck_assert_int_eq(calls, 0);
	close(pair[1]);
	while (calls == 0)
		event_base_loop(loop_base(loop), EVLOOP_ONCE);
	watch_end(watch);
	close(pair[0]);
}
END_TEST

START_TEST(file_not_ours)
{
	char problem[CONF_PROBLEM_SIZE], path[FILES_PATH_SIZE];
	struct settings s = { 0 };

	files_write(path, "{}");
	ck_assert_int_eq(chmod(path, 0), 0);
	if (geteuid() != 0) {
		ck_assert_int_eq(conf_load(path, fields, FIELD_COUNT, &s,
				     problem),
		    -1);
		ck_assert_ptr_nonnull(strstr(problem, ": permission denied; "));
	}
	unlink(path);
	settings_free(&s);
}
END_TEST

/* Rotation with the folder gone: the old file goes on. */
START_TEST(log_reopen_fails)
{
	char dir[FILES_PATH_SIZE], away[LONGER], path[LONGER], text[512];

	system_folder(dir);
	snprintf(away, sizeof(away), "%s.away", dir);
	snprintf(path, sizeof(path), "%s/log", dir);
	ck_assert_int_eq(log_open(LOG_INFO, LOG_TEXT, path), 0);
	ck_assert_int_eq(rename(dir, away), 0);
	ck_assert_int_eq(log_reopen(), -1);
	ck_assert_int_eq(errno, ENOENT);
	log_info("p", "still here");
	ck_assert_int_eq(rename(away, dir), 0);
	log_close();
	files_read(path, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "still here\n"));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

/* Another machine that shares the folder may have a process of our number: what
 * it is writing is not ours. */
START_TEST(temporary_names_are_nobody_elses)
{
	char dir[FILES_PATH_SIZE], path[LONGER], other[LONGER + 32], text[16];
	FILE *file;

	system_folder(dir);
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(other, sizeof(other), "%s.tmp.%ld", path, (long)getpid());
	ck_assert_ptr_nonnull(file = fopen(other, "w"));
	ck_assert_int_ge(fputs("other's", file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_ptr_null(file_write(path, "ours", 4, true));
	ck_assert_ptr_null(file_write(path, "again", 5, true));
	files_read(other, text, sizeof(text));
	ck_assert_str_eq(text, "other's");
	files_read(path, text, sizeof(text));
	ck_assert_str_eq(text, "again");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(unlink(other), 0);
	ck_assert_int_eq(rmdir(dir), 0); /* and nothing is left over */
}
END_TEST

START_TEST(unique_names)
{
	char one[FILE_UNIQUE_SIZE], other[FILE_UNIQUE_SIZE];

	ck_assert(file_unique(one) && file_unique(other));
	ck_assert_uint_eq(strlen(one), FILE_UNIQUE_SIZE - 1);
	ck_assert_str_ne(one, other);
}
END_TEST

Suite *
posix_suite(void)
{
	Suite *suite = suite_create("posix");
	TCase *sockets = tcase_create("sockets"),
	      *files = tcase_create("files");

	tcase_add_checked_fixture(sockets, set_up, tear_down);
	tcase_add_test(sockets, unix_listener_has_its_mode_and_goes);
	tcase_add_test(sockets, stale_socket_is_taken_over);
	tcase_add_test(sockets, live_socket_is_left_alone);
	tcase_add_test(sockets, other_file_is_left_alone);
	tcase_add_test(sockets, watch_sees_only_the_full_hang_up);
	suite_add_tcase(suite, sockets);
	tcase_add_test(files, temporary_names_are_nobody_elses);
	tcase_add_test(files, unique_names);
	tcase_add_test(files, file_not_ours);
	tcase_add_test(files, log_reopen_fails);
	suite_add_tcase(suite, files);
	return suite;
}
