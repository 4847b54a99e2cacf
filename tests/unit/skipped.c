/*
 * skipped.c - suites that only POSIX systems can run: here they are empty.
 */
#include "tests/unit/suites.h"

#include <stddef.h>
#include <string.h>

static const char no_unix[] = "this system has no Unix sockets";
static const char no_key_files[] = "made by calls that it has not";
static const char no_pairs[] = "made by calls that it has not";
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
	{ "key_sources", "source", no_key_files },
	{ "key_sources", "length_of_a_key_file", no_key_files },
	{ "key_sources", "what_is_no_key_file", no_key_files },
	{ "key_sources", "exposed_file_is_warned_about",
	    "files have no mode here" },
	{ "tls", "bytes_both_ways", no_pairs },
	{ "tls", "a_full_socket", no_pairs },
	{ "tls", "close_notify_is_one_way", no_pairs },
	{ "tls", "a_cut_is_no_end", no_pairs },
	{ "tls", "both_sides_have_the_same_binding", no_pairs },
	{ "tls", "a_ticket_serves_often_and_for_its_context", no_pairs },
	{ "tls", "the_client_checks", no_pairs },
	{ "tls", "made_once", no_pairs },
	{ "tls", "renewed_when_it_ends_soon", no_pairs },
	{ "tls", "made_anew_when_lost", no_pairs },
	{ "tls", "a_lost_ca_is_not_replaced", no_pairs },
	{ "tls", "text_of_fingerprints", no_pairs },
	{ "tls", "a_link_becomes_tls", no_pairs },
	{ "tls", "a_link_that_is_not_quiet", no_pairs },
	{ "tls", "a_link_ends_in_order_or_not", no_pairs },
	{ "tls", "half_closed_and_still_writing", no_pairs },
	{ "tls", "what_is_not_read_waits", no_pairs },
	{ "pump_pipes", "first_bytes_share_a_segment", no_unix },
	{ "pump_pipes", "large_pieces_are_spliced", no_splice },
	{ "pump_pipes", "quiet_sessions_hold_no_pipe", no_splice },
	{ "pump_pipes", "small_pieces_are_copied_again", no_splice },
	{ "pump_pipes", "end_with_bytes_in_the_pipe", no_splice },
	{ "pump_pipes", "full_pipe_is_never_used_again", no_splice },
	{ "pump_pipes", "tiny_segments", no_splice },
	{ "pump_pipes", "without_pipes_it_copies", no_splice },
	{ "pump_pipes", "pipes_come_back", no_splice },
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
key_sources_suite(void)
{
	return empty("key_sources");
}

Suite *
tls_suite(void)
{
	return empty("tls");
}

Suite *
pump_pipes_suite(void)
{
	return empty("pump_pipes");
}
