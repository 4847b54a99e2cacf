/* system.h - what tests need of the system; one file each. */
#ifndef TESTS_SYSTEM_H
#define TESTS_SYSTEM_H

#include "tests/unit/files.h"

#include <stdbool.h>

/* Makes an empty folder; the caller removes it. */
void system_folder(char path[FILES_PATH_SIZE]);

/* Whether loops that are made from now on may wait for edges (EV_ET), as they
 * do where the system can. */
void system_edges(bool on);

/* Sets a variable of the environment; NULL takes it away. */
void system_variable(const char *name, const char *value);

/* Whether files have modes, for their owner and for others. */
bool system_has_modes(void);

#endif
