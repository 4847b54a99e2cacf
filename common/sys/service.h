/* service.h - a daemon's place in its system. Floor: sys. */
#ifndef SYS_SERVICE_H
#define SYS_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Prepares the process: writing to a closed connection is an error of that
 * write, never a signal; sockets can be had; what is printed is printed as it
 * is, in UTF-8. Call first thing in main. False when the system has no sockets.
 */
bool service_prepare(void);

/* What the system may want of a program that runs. */
enum service_wish { WISH_STOP, WISH_RELOAD };

/* signal(7): those that stand for a wish. */
struct service_signal {
	int number;
	enum service_wish wish;
	const char *name;
};

/* Which of them this process is to hear, *count of them. SIGHUP is none when it
 * came ignored from the parent, as nohup(1) leaves it. Constant. */
const struct service_signal *service_signals(size_t *count);

/*
 * Wishes to stop that come as no signal: from the console, on Windows. on_stop
 * is called on a thread of the system's, one call at a time, with a name for it
 * and, where the system soon ends the program by itself, how long that takes;
 * else 0. One hearer a process. False when the system refuses.
 */
typedef void service_stop_fn(const char *name, uint32_t within_ms, void *arg);
bool service_hear(service_stop_fn *on_stop, void *arg);

/* on_stop is not called any more, and does not run. */
void service_end_hearing(void);

/*
 * Tells the service manager the state, as sd_notify(3) does: "READY=1",
 * "STOPPING=1". Does nothing where NOTIFY_SOCKET names no socket, or, on
 * Windows, no manager started this process (sys/manager).
 */
void service_notify(const char *state);

#endif
