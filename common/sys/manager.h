/* manager.h - a program as a service that the system's manager starts, where a
 * program registers itself (Windows). Floor: sys. */
#ifndef SYS_MANAGER_H
#define SYS_MANAGER_H

#include <stdbool.h>
#include <stddef.h>

enum { MANAGER_PROBLEM_SIZE = 1024 };

/* One service. All borrowed; UTF-8. */
struct manager_service {
	const char *name;    /* "TransponderOuter": no spaces */
	const char *purpose; /* a line or two that the manager shows */
	const char *config;  /* the configuration file */
};

/* Whether this system has such a manager; else everything below fails. */
bool manager_possible(void);

/*
 * Whether nobody may write to the configuration file, to this program's own or
 * to the folders of both but their owners, the system, its administrators and
 * the account of services: who can write there decides what the service does.
 * Else problem says who may, and the command that mends it. The folders above
 * are not looked at.
 */
bool
manager_check_files(const char *config, char problem[MANAGER_PROBLEM_SIZE]);

/*
 * Registers this executable with "--service run -c CONFIG", to be started with
 * the system as LocalService, and 5 s after it failed. False with a problem: is
 * there already, or may not.
 */
bool manager_install(const struct manager_service *service,
    char problem[MANAGER_PROBLEM_SIZE]);

/* Stops the service, waits until its sessions have ended (no more than a
 * minute: then it ends some time later), and removes it. */
bool manager_remove(const struct manager_service *service,
    char problem[MANAGER_PROBLEM_SIZE]);

/*
 * To be called by a process that the manager has started: calls run(arg) on a
 * thread of its own, in the folder of the configuration file, and stores what it
 * returns. What service_notify says goes to the manager, what the manager wants
 * to the hearer of service_hear. False with a problem when no manager has
 * started this process; run is not called then.
 */
bool manager_run(const struct manager_service *service, int (*run)(void *arg),
    void *arg, int *code, char problem[MANAGER_PROBLEM_SIZE]);

/* Writes one line to the system's event log, when the manager has started this
 * process: there is nobody to read its standard error. */
void manager_report(const char *text);

#endif
