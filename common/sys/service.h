/* service.h - a daemon's place in its system. Floor: sys. */
#ifndef SYS_SERVICE_H
#define SYS_SERVICE_H

#include <stdbool.h>

/*
 * Prepares the process: writing to a closed connection is an error of that
 * write, never a signal. Call first thing in main.
 */
void service_prepare(void);

/* Whether SIGHUP came ignored from the parent, as nohup(1) leaves it. */
bool service_hangup_ignored(void);

/*
 * Tells the service manager the state, as sd_notify(3) does: "READY=1",
 * "STOPPING=1". Does nothing where NOTIFY_SOCKET names no socket.
 */
void service_notify(const char *state);

#endif
