/*
 * skipped.c - suites that only POSIX systems can run: here they are empty.
 */
#include "tests/unit/suites.h"

#include <stddef.h>
#include <string.h>

static const char no_unix[] = "this system has no Unix sockets";
static const char no_fork[] = "this system cannot fork";
static const char no_splice[] = "this system cannot splice";

static const struct {
	const char *suite, *test, *why;
} tests[] = {
	{ "posix", "unix_listener_has_its_mode_and_goes", no_unix },
	{ "posix", "stale_socket_is_taken_over", no_unix },
	{ "posix", "live_socket_is_left_alone", no_unix },
	{ "posix", "other_file_is_left_alone", no_unix },
	{ "posix", "watch_sees_only_the_full_hang_up", no_unix },
	{ "posix", "file_not_ours", "files have no mode here" },
	{ "posix", "log_reopen_fails",
	    "a folder cannot be moved while a file in it is open" },
	{ "posix", "temporary_names_are_nobody_elses",
	    "the number of a process is asked for in another way" },
	{ "posix", "unique_names", "beside the one above" },
	{ "pump_pipes", "first_bytes_share_a_segment", no_unix },
	{ "pump_pipes", "lingering_is_bounded", no_unix },
	{ "pump_pipes", "reset_behind_an_end_that_is_not_read_yet",
	    "this system does not tell the two resets apart" },
	{ "pump_pipes", "large_pieces_are_spliced", no_splice },
	{ "pump_pipes", "quiet_sessions_hold_no_pipe", no_splice },
	{ "pump_pipes", "small_pieces_are_copied_again", no_splice },
	{ "pump_pipes", "end_with_bytes_in_the_pipe", no_splice },
	{ "pump_pipes", "full_pipe_is_never_used_again", no_splice },
	{ "pump_pipes", "tiny_segments", no_splice },
	{ "pump_pipes", "without_pipes_it_copies", no_splice },
	{ "pump_pipes", "pipes_come_back", no_splice },
	{ "store_crash", "killed_while_it_writes", no_fork },
	{ "store_crash", "no_room", "files have no limit of size here" },
	{ "store_crash", "may_not_be_written", no_fork },
};

static Suite *
empty(const char *name)
{
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		if (strcmp(tests[i].suite, name) == 0)
			skip_test(name, tests[i].test, tests[i].why);
	return suite_create(name);
}

Suite *
posix_suite(void)
{
	return empty("posix");
}

Suite *
pump_pipes_suite(void)
{
	return empty("pump_pipes");
}

Suite *
store_crash_suite(void)
{
	return empty("store_crash");
}
