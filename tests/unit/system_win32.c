/*
 * system_win32.c - what tests need of Windows.
 */
#include "tests/unit/suites.h"
#include "tests/unit/system.h"

#include <direct.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>

void
system_folder(char path[FILES_PATH_SIZE])
{
	snprintf(path, FILES_PATH_SIZE, "%s/transponder-unit-XXXXXX",
	    files_top());
	ck_assert_ptr_nonnull(_mktemp(path));
	ck_assert_int_eq(_mkdir(path), 0);
}

/* There are none. */
void
system_edges(bool on)
{
	(void)on;
}

/* An empty value takes it away there. */
void
system_variable(const char *name, const char *value)
{
	_putenv_s(name, value != NULL ? value : "");
}

bool
system_has_modes(void)
{
	return false;
}
