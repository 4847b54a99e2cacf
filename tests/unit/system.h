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

#endif
