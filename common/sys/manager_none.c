/*
 * manager_none.c - there is none: units are installed as files (systemd).
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys.
 */
#include "sys/manager.h"

#include <stdio.h>

static bool
refuse(char problem[MANAGER_PROBLEM_SIZE])
{
	snprintf(problem, MANAGER_PROBLEM_SIZE,
	    "--service is for Windows; here a unit of systemd runs the "
	    "program: see outer.service and inner.service");
	return false;
}

bool
manager_possible(void)
{
	return false;
}

bool
manager_check_files(const char *config, char problem[MANAGER_PROBLEM_SIZE])
{
	(void)config;
	return refuse(problem);
}

bool
manager_install(const struct manager_service *service,
    char problem[MANAGER_PROBLEM_SIZE])
{
	(void)service;
	return refuse(problem);
}

bool
manager_remove(const struct manager_service *service,
    char problem[MANAGER_PROBLEM_SIZE])
{
	(void)service;
	return refuse(problem);
}

bool
manager_run(const struct manager_service *service, int (*run)(void *arg),
    void *arg, int *code, char problem[MANAGER_PROBLEM_SIZE])
{
	(void)service;
	(void)run;
	(void)arg;
	(void)code;
	return refuse(problem);
}

void
manager_report(const char *text)
{
	(void)text;
}
