/* suites.h - one function per suite; main.c runs them all. */
#ifndef TESTS_SUITES_H
#define TESTS_SUITES_H

#include <check.h>

/* A test that this system cannot run, and why: main says so. */
void skip_test(const char *suite, const char *test, const char *why);

Suite *addr_suite(void);
Suite *armour_suite(void);
Suite *armour_bars_suite(void);
Suite *cidr_suite(void);
Suite *denials_suite(void);
Suite *pump_memory_suite(void);
Suite *rate_suite(void);
Suite *sources_suite(void);
Suite *list_suite(void);
Suite *log_suite(void);
Suite *str_suite(void);
Suite *conf_suite(void);
Suite *config_suite(void);
Suite *demand_suite(void);
Suite *early_suite(void);
Suite *frame_suite(void);
Suite *hello_suite(void);
Suite *hello_values_suite(void);
Suite *httpd_suite(void);
Suite *httpd_guard_suite(void);
Suite *host_suite(void);
Suite *keeper_suite(void);
Suite *key_sources_suite(void);
Suite *keys_suite(void);
Suite *loop_suite(void);
Suite *net_suite(void);
Suite *peek_suite(void);
Suite *offers_suite(void);
Suite *pool_suite(void);
Suite *posix_suite(void);
Suite *proof_suite(void);
Suite *proxyproto_suite(void);
Suite *pump_suite(void);
Suite *pump_pipes_suite(void);
Suite *pump_raw_suite(void);
Suite *wheel_suite(void);
Suite *register_suite(void);
Suite *request_suite(void);
Suite *signal48_suite(void);
Suite *targets_suite(void);
Suite *store_suite(void);
Suite *store_crash_suite(void);
Suite *tls_suite(void);
Suite *tls_held_suite(void);
Suite *tls_hello_suite(void);
Suite *tls_links_suite(void);
Suite *tls_tickets_suite(void);
Suite *window_suite(void);

#endif
