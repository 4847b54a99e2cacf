/*
 * system_posix.c - what tests need of a POSIX system.
 */
#include "tests/unit/suites.h"
#include "tests/unit/system.h"

#include <stdio.h>
#include <stdlib.h>

void
system_folder(char path[FILES_PATH_SIZE])
{
	snprintf(path, FILES_PATH_SIZE, "%s/transponder-unit-XXXXXX",
	    files_top());
	ck_assert_ptr_nonnull(mkdtemp(path));
}

/* libevent asks the environment; without epoll it takes poll(2). */
void
system_edges(bool on)
{
	if (on)
		unsetenv("EVENT_NOEPOLL");
	else
		setenv("EVENT_NOEPOLL", "1", 1);
}

void
system_variable(const char *name, const char *value)
{
	if (value != NULL)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

bool
system_has_modes(void)
{
	return true;
}
