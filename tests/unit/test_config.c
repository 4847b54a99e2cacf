/*
 * test_config.c - the two programs' files: each key, its default and how it is
 * printed; the samples, and the Go version's own files.
 */
#include "tests/unit/files.h"
#include "tests/unit/suites.h"
#include "tests/unit/test_config.h"
#include "base/log.h"
#include "base/str.h"
#include "sys/sock_unix.h"
#include "wire/hello.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef TOP_SRCDIR
#define TOP_SRCDIR "."
#endif

static void
load(const char *path, struct outer_config *outer, struct inner_config *inner,
    struct config_said *said)
{
	char log_path[FILES_PATH_SIZE], problem[CONF_PROBLEM_SIZE] = "";
	size_t skip = strlen(path);
	int result;

	files_write(log_path, "");
	ck_assert_int_eq(log_open(LOG_INFO, LOG_TEXT, log_path), 0);
	result = outer != NULL ? outer_config_load(path, outer, problem)
			       : inner_config_load(path, inner, problem);
	log_close();
	files_read(log_path, said->log, CONFIG_TEXT_SIZE);
	unlink(log_path);
	ck_assert_int_eq(result, problem[0] == '\0' ? 0 : -1);
	if (problem[0] != '\0')
		ck_assert_int_eq(strncmp(problem, path, skip), 0);
	str_copy(said->problem, sizeof(said->problem),
	    problem[0] == '\0' ? "" : problem + skip);
}

void
config_load_text(const char *text, struct outer_config *outer,
    struct inner_config *inner, struct config_said *said)
{
	char path[FILES_PATH_SIZE];

	files_write(path, text);
	load(path, outer, inner, said);
	unlink(path);
}

/* Of a file in the source, which everybody may read: one of our own. */
static void
load_copy(const char *path, struct outer_config *outer,
    struct inner_config *inner, struct config_said *said)
{
	char text[CONFIG_TEXT_SIZE];

	files_read(path, text, sizeof(text));
	config_load_text(text, outer, inner, said);
}

START_TEST(go_outer)
{
	struct outer_config outer;
	struct config_said said;

	load_copy(TOP_SRCDIR "/tests/data/go-outer.config.json", &outer, NULL,
	    &said);
	if (sock_unix_possible())
		ck_assert_str_eq(said.problem, "");
	else
		ck_assert_ptr_nonnull(strstr(said.problem, "no Unix sockets"));
	ck_assert_str_eq(outer.inner_addr.host, "0.0.0.0");
	ck_assert_uint_eq(outer.inner_addr.port, 9090);
	ck_assert_int_eq(outer.outer_addr.kind, ADDR_UNIX);
	ck_assert_str_eq(outer.outer_addr.path,
	    "/var/run/transponderouter.sock");
	ck_assert_str_eq(outer.auth_key, "123456");
	ck_assert(outer.accept_classic);
	ck_assert_ptr_nonnull(strstr(said.log, "key given again"));
	ck_assert_ptr_nonnull(
	    strstr(said.log, "line=4 column=9 key=OuterServerAddress"));
	if (sock_unix_possible())
		ck_assert_ptr_nonnull(strstr(said.log, "shorter than 16"));
	ck_assert_ptr_null(strstr(said.log, "123456"));
	outer_config_free(&outer);
}
END_TEST

START_TEST(go_inner)
{
	struct inner_config inner;
	struct config_said said;

	load_copy(TOP_SRCDIR "/tests/data/go-inner.config.json", NULL, &inner,
	    &said);
	ck_assert_str_eq(said.problem, "");
	ck_assert_ptr_nonnull(strstr(said.log, "shorter than 16"));
	ck_assert_ptr_null(strstr(said.log, "123456"));
	ck_assert_str_eq(inner.register_addr.host, "127.0.0.1");
	ck_assert_uint_eq(inner.register_addr.port, 9090);
	ck_assert_uint_eq(inner.proxy_addr.port, 80);
	ck_assert_str_eq(inner.auth_key, "123456");
	ck_assert_uint_eq(inner.max_free, 50);
	ck_assert_uint_eq(inner.min_free, 50);
	inner_config_free(&inner);
}
END_TEST

/* The files beside the programs find each other, and nothing is odd. */
START_TEST(samples)
{
	struct outer_config outer;
	struct inner_config inner;
	struct config_said said;

	load_copy(TOP_SRCDIR "/outer.config.json", &outer, NULL, &said);
	ck_assert_str_eq(said.problem, "");
	ck_assert_str_eq(said.log, "");
	load_copy(TOP_SRCDIR "/inner.config.json", NULL, &inner, &said);
	ck_assert_str_eq(said.problem, "");
	ck_assert_str_eq(said.log, "");
	ck_assert_str_eq(outer.auth_key, inner.auth_key);
	ck_assert_uint_ge(strlen(outer.auth_key), 16);
	ck_assert_str_eq(outer.inner_addr.host, inner.register_addr.host);
	ck_assert_uint_eq(outer.inner_addr.port, inner.register_addr.port);
	ck_assert(outer.accept_classic);
	outer_config_free(&outer);
	inner_config_free(&inner);
}
END_TEST

START_TEST(outer_defaults)
{
	struct outer_config outer;
	struct config_said said;

	config_load_text("{" IN OUT KEY "}", &outer, NULL, &said);
	ck_assert_uint_eq(outer.socket_mode, 0666);
	ck_assert_ptr_null(outer.socket_owner);
	ck_assert_ptr_null(outer.socket_group);
	ck_assert(outer.accept_classic);
	ck_assert_uint_eq(outer.handshake_ms, 10000);
	ck_assert_uint_eq(outer.ping_ms, 10000);
	ck_assert_uint_eq(outer.forward_ms, 5000);
	ck_assert_uint_eq(outer.queue_length, 1024);
	ck_assert_uint_eq(outer.queue_ms, 5000);
	ck_assert_uint_eq(outer.idle_ms, 3600000);
	ck_assert_uint_eq(outer.drain_ms, 30000);
	ck_assert_uint_eq(outer.max_links, 10000);
	ck_assert_uint_eq(outer.buffer_bytes, 256 << 10);
	ck_assert_int_eq(outer.log_level, LOG_INFO);
	ck_assert_int_eq(outer.log_format, LOG_TEXT);
	ck_assert_ptr_null(outer.log_file);
	outer_config_free(&outer);
}
END_TEST

START_TEST(inner_defaults)
{
	struct inner_config inner;
	struct config_said said;

	config_load_text("{" REG TO KEY "}", NULL, &inner, &said);
	ck_assert(hello_inner_ok(inner.inner_id));
	ck_assert(!inner.id_configured);
	ck_assert_int_eq(inner.protocol, INNER_NATIVE);
	ck_assert_uint_eq(inner.max_free, 10);
	ck_assert_uint_eq(inner.min_free, 10);
	ck_assert_uint_eq(inner.max_dialing, 64);
	ck_assert_uint_eq(inner.link_age_ms, 3600000);
	ck_assert_uint_eq(inner.retry_ms, 60000);
	ck_assert_uint_eq(inner.handshake_ms, 10000);
	ck_assert_uint_eq(inner.dial_ms, 4000);
	ck_assert_uint_eq(inner.forward_ms, 5000);
	ck_assert_uint_eq(inner.idle_ms, 3600000);
	ck_assert_uint_eq(inner.drain_ms, 30000);
	ck_assert_uint_eq(inner.buffer_bytes, 256 << 10);
	ck_assert_int_eq(inner.log_level, LOG_INFO);
	ck_assert_int_eq(inner.log_format, LOG_TEXT);
	ck_assert_ptr_null(inner.log_file);
	inner_config_free(&inner);
}
END_TEST

START_TEST(every_outer_key)
{
	struct outer_config outer;
	struct config_said said;

	config_load_text(
	    "{" IN OUT KEY ", \"SocketMode\": \"0600\", \"SocketOwner\": "
	    "\"root\", \"SocketGroup\": \"daemon\", \"AcceptClassic\": false, "
	    "\"HandshakeTimeout\": 0.1, \"PingInterval\": 0.2, "
	    "\"ForwardTimeout\": 0.3, \"QueueLength\": 0, \"QueueTimeout\": "
	    "0.4, \"IdleTimeout\": 1e6, \"DrainTimeout\": 0, \"MaxLinks\": 1, "
	    "\"BufferSize\": \"16K\", \"Workers\": 0, \"LogLevel\": \"debug\", \"LogFormat\": "
	    "\"json\", \"LogFile\": \"/l\"}",
	    &outer, NULL, &said);
	ck_assert_str_eq(said.problem, "");
	ck_assert_uint_eq(outer.socket_mode, 0600);
	ck_assert_str_eq(outer.socket_owner, "root");
	ck_assert_str_eq(outer.socket_group, "daemon");
	ck_assert(!outer.accept_classic);
	ck_assert_uint_eq(outer.handshake_ms, 100);
	ck_assert_uint_eq(outer.ping_ms, 200);
	ck_assert_uint_eq(outer.forward_ms, 300);
	ck_assert_uint_eq(outer.queue_length, 0);
	ck_assert_uint_eq(outer.queue_ms, 400);
	ck_assert_uint_eq(outer.idle_ms, 1000000000);
	ck_assert_uint_eq(outer.drain_ms, 0);
	ck_assert_uint_eq(outer.max_links, 1);
	ck_assert_uint_eq(outer.buffer_bytes, 16384);
	ck_assert_uint_eq(outer.workers, 0);
	ck_assert_int_eq(outer.log_level, LOG_DEBUG);
	ck_assert_int_eq(outer.log_format, LOG_JSON);
	ck_assert_str_eq(outer.log_file, "/l");
	outer_config_free(&outer);
}
END_TEST

START_TEST(every_inner_key)
{
	struct inner_config inner;
	struct config_said said;

	config_load_text(
	    "{" REG TO KEY ", \"InnerId\": \"a.b-c_9\", \"Protocol\": "
	    "\"classic\", \"MaxFreeConn\": 10000, \"MinFreeConn\": 9999, "
	    "\"MaxDialing\": 1, "
	    "\"Workers\": 64, \"MaxLinkAge\": 1, \"MaxRetryInterval\": 0.1, "
	    "\"HandshakeTimeout\": 0.2, \"DialTimeout\": 0.3, "
	    "\"ForwardTimeout\": 0.4, \"IdleTimeout\": 0.5, "
	    "\"DrainTimeout\": 0.6, \"BufferSize\": 65536, \"LogLevel\": "
	    "\"error\", \"LogFormat\": \"json\", \"LogFile\": \"/l\"}",
	    NULL, &inner, &said);
	ck_assert_str_eq(said.problem, "");
	ck_assert_str_eq(inner.inner_id, "a.b-c_9");
	ck_assert(inner.id_configured);
	ck_assert_int_eq(inner.protocol, INNER_CLASSIC);
	ck_assert_uint_eq(inner.max_free, 10000);
	ck_assert_uint_eq(inner.min_free, 9999);
	ck_assert_uint_eq(inner.max_dialing, 1);
	ck_assert_uint_eq(inner.workers, 64);
	ck_assert_uint_eq(inner.link_age_ms, 1000);
	ck_assert_uint_eq(inner.retry_ms, 100);
	ck_assert_uint_eq(inner.handshake_ms, 200);
	ck_assert_uint_eq(inner.dial_ms, 300);
	ck_assert_uint_eq(inner.forward_ms, 400);
	ck_assert_uint_eq(inner.idle_ms, 500);
	ck_assert_uint_eq(inner.drain_ms, 600);
	ck_assert_uint_eq(inner.buffer_bytes, 65536);
	ck_assert_int_eq(inner.log_level, LOG_ERROR);
	ck_assert_int_eq(inner.log_format, LOG_JSON);
	ck_assert_str_eq(inner.log_file, "/l");
	inner_config_free(&inner);
}
END_TEST

static const char *const unix_files[] = {
	"{" OUT KEY ", \"InnerServerAddress\": \"unix:///run/t\"}",
	"{" IN KEY ", \"OuterServerAddress\": \"unix:///run/t\"}",
	"{" TO KEY ", \"RegisterAddress\": \"unix:///run/t\"}",
	"{" REG KEY ", \"ProxyAddress\": \"unix:///run/t\"}",
};

/* Taken where the system has Unix sockets, else refused with what to do. */
START_TEST(unix_addresses)
{
	struct outer_config outer;
	struct inner_config inner;
	struct config_said said;

	config_load_text(unix_files[_i], _i < 2 ? &outer : NULL, &inner, &said);
	if (sock_unix_possible())
		ck_assert_str_eq(said.problem, "");
	else
		ck_assert_ptr_nonnull(strstr(said.problem,
		    "Address: found \"unix:///run/t\", but this system has no "
		    "Unix sockets; expected tcp://host:port"));
	if (_i < 2)
		outer_config_free(&outer);
	else
		inner_config_free(&inner);
}
END_TEST

static const struct {
	const char *json, *problem;
} owners[] = {
	{ "{" IN OUT KEY ", \"SocketOwner\": \"no such user\"}",
	    ": SocketOwner: found \"no such user\"; expected a user of this "
	    "system" },
	{ "{" IN OUT KEY ", \"SocketGroup\": \"no such group\"}",
	    ": SocketGroup: found \"no such group\"; expected a group of this "
	    "system" },
};

START_TEST(unknown_owner)
{
	struct outer_config outer;
	struct config_said said;

	config_load_text(owners[_i].json, &outer, NULL, &said);
	ck_assert_str_eq(said.problem, owners[_i].problem);
	outer_config_free(&outer);
}
END_TEST

/* A default must pass its own field's check; help stands in one line. */
START_TEST(table_rows)
{
	const struct conf_field *tables[] = {
		outer_config_fields,
		inner_config_fields,
	};
	const size_t counts[] = { outer_config_count, inner_config_count };

	for (size_t t = 0; t < COUNT(tables); t++)
		for (size_t i = 0; i < counts[t]; i++) {
			const struct conf_field *field = &tables[t][i];

			ck_assert_msg(field->help != NULL &&
				strlen(field->help) < 80,
			    "%s", field->key);
			ck_assert_msg((field->type == CONF_CHOICE ||
					  field->type == CONF_LIST) ==
				(field->more != NULL),
			    "%s", field->key);
			for (size_t j = 0; j < i; j++)
				ck_assert_str_ne(field->key, tables[t][j].key);
		}
}
END_TEST

/* What --check prints: every key, and no secret. */
START_TEST(print)
{
	char path[FILES_PATH_SIZE], text[CONFIG_TEXT_SIZE];
	struct outer_config outer;
	struct config_said said;
	int saved = dup(STDOUT_FILENO);

	config_load_text(
	    "{" IN OUT KEY ", \"Workers\": 3, \"Keys\": [" EDGE ", "
	    "{\"Inner\": \"shop\", \"Key\": \"sixteen-or-more!\"}]}",
	    &outer, NULL, &said);
	files_write(path, "");
	fflush(stdout);
	ck_assert_ptr_nonnull(freopen(path, "wb", stdout));
	conf_print(outer_config_fields, outer_config_count, &outer);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	files_read(path, text, CONFIG_TEXT_SIZE);
	unlink(path);
	ck_assert_ptr_nonnull(
	    strstr(text, "InnerServerAddress = tcp://127.0.0.1:9090\n"));
	ck_assert_ptr_nonnull(strstr(text,
	    "AuthKey = ***\nAuthKeyFile = (none)\nKeys = { Inner = edge, Key = "
	    "***, KeyFile = (none), Services = (none), Ports = (none) }, { "
	    "Inner = shop, Key = ***, KeyFile = (none), Services = (none), "
	    "Ports = (none) }\nPortRange = (none)\n"));
	ck_assert_ptr_nonnull(
	    strstr(text, "SocketMode = 0666\nSocketOwner = (none)\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nMaxSessions = (none)\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nRateLimit = (none)\n"));
	ck_assert_ptr_nonnull(
	    strstr(text, "AdminToken = (none)\nAdminTokenFile = (none)\n"));
	ck_assert_ptr_nonnull(strstr(text,
	    "BufferSize = 256K\nMaxBufferMemory = 256M\nPump = auto\n"
	    "EarlyData = safe\nWorkers = 3\n"
	    "LogLevel = info\nLogFormat = text\nLogFile = (none)\n"));
	ck_assert_ptr_null(strstr(text, "sixteen"));
	outer_config_free(&outer);
}
END_TEST

Suite *
config_suite(void)
{
	Suite *suite = suite_create("config");
	TCase *tc = tcase_create("single");

	suite_add_tcase(suite, config_rows_case());
	tcase_add_test(tc, go_outer);
	tcase_add_test(tc, go_inner);
	tcase_add_test(tc, samples);
	tcase_add_test(tc, outer_defaults);
	tcase_add_test(tc, inner_defaults);
	tcase_add_test(tc, every_outer_key);
	tcase_add_test(tc, every_inner_key);
	tcase_add_loop_test(tc, unix_addresses, 0, (int)COUNT(unix_files));
	if (sock_unix_possible())
		tcase_add_loop_test(tc, unknown_owner, 0, (int)COUNT(owners));
	else
		skip_test("config", "unknown_owner",
		    "without Unix sockets nothing has an owner");
	tcase_add_test(tc, table_rows);
	tcase_add_test(tc, print);
	suite_add_tcase(suite, tc);
	return suite;
}
