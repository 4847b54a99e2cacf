/* service_win32.h - between the files that hear the system's wishes on Windows.
 * Floor: sys. */
#ifndef SYS_SERVICE_WIN32_H
#define SYS_SERVICE_WIN32_H

#include <stdbool.h>
#include <stdint.h>

/* Calls who hears, on any thread. False: nobody does. */
bool service_pass_on(const char *name, uint32_t within_ms);

/* Tells the service manager what service_notify says; nothing where it did not
 * start this process. */
void manager_notify(const char *state);

/* Whether the service manager started this process. */
bool manager_runs(void);

#endif
