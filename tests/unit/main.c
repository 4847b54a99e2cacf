/*
 * main.c - runs every unit suite, or those named on the command line.
 *
 * Prints Check's own summary; exits 1 when a test failed. CK_FORK=no runs all
 * in one process, for valgrind and for systems without fork.
 */
#include "tests/unit/suites.h"
#include "sys/service.h"
#include "tests/unit/scarce.h"
#include "tests/unit/system.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	Suite *(*make)(void);
} suites[] = {
	{ "addr", addr_suite },
	{ "armour", armour_suite },
	{ "armour_bars", armour_bars_suite },
	{ "cidr", cidr_suite },
	{ "denials", denials_suite },
	{ "pump_memory", pump_memory_suite },
	{ "rate", rate_suite },
	{ "sources", sources_suite },
	{ "list", list_suite },
	{ "log", log_suite },
	{ "str", str_suite },
	{ "conf", conf_suite },
	{ "config", config_suite },
	{ "demand", demand_suite },
	{ "early", early_suite },
	{ "frame", frame_suite },
	{ "hello", hello_suite },
	{ "hello_values", hello_values_suite },
	{ "httpd", httpd_suite },
	{ "httpd_guard", httpd_guard_suite },
	{ "host", host_suite },
	{ "keeper", keeper_suite },
	{ "key_sources", key_sources_suite },
	{ "keys", keys_suite },
	{ "loop", loop_suite },
	{ "net", net_suite },
	{ "peek", peek_suite },
	{ "offers", offers_suite },
	{ "pool", pool_suite },
	{ "posix", posix_suite },
	{ "proof", proof_suite },
	{ "proxyproto", proxyproto_suite },
	{ "pump", pump_suite },
	{ "pump_pipes", pump_pipes_suite },
	{ "pump_raw", pump_raw_suite },
	{ "wheel", wheel_suite },
	{ "register", register_suite },
	{ "request", request_suite },
	{ "signal48", signal48_suite },
	{ "targets", targets_suite },
	{ "store", store_suite },
	{ "store_crash", store_crash_suite },
	{ "tls", tls_suite },
	{ "tls_held", tls_held_suite },
	{ "tls_hello", tls_hello_suite },
	{ "tls_links", tls_links_suite },
	{ "tls_tickets", tls_tickets_suite },
	{ "window", window_suite },
};

static bool
wanted(const char *name, int argc, char **argv)
{
	if (argc < 2)
		return true;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return false;
}

void
skip_test(const char *suite, const char *test, const char *why)
{
	printf("skipped: %s: %s: %s\n", suite, test, why);
}

int
main(int argc, char **argv)
{
	SRunner *runner = srunner_create(NULL);
	int failed, run;

	if (getenv("CK_DEFAULT_TIMEOUT") == NULL) /* else 4 s */
		system_variable("CK_DEFAULT_TIMEOUT", "60");
	scarce_prepare();
	if (!service_prepare()) {
		fputs("the system has no sockets to give\n", stderr);
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		if (wanted(suites[i].name, argc, argv))
			srunner_add_suite(runner, suites[i].make());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	run = srunner_ntests_run(runner);
	srunner_free(runner);
	if (run == 0)
		fputs("no suite of that name\n", stderr);
	return failed == 0 && run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
