/*
 * service_win32.c - what a console says to its program, on Windows.
 *
 * Owns:    who hears it, under a lock.
 * Thread:  main, but for on_console and service_pass_on, which run on one of
 *          the system's.
 * Floor:   sys. HandlerRoutine, SetConsoleCtrlHandler: Microsoft's
 *          documentation of the console.
 */
#include "sys/service.h"
#include "sys/service_win32.h"

#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <windows.h>
#include <winsock2.h>

/*
 * When its window is closed, a program has about 5 s from then on
 * (HungAppTimeout, WaitToKillTimeout), and ends at once when its handler
 * returns.
 */
enum { CLOSE_MS = 4000, CLOSED_MS = 10000 };

static struct {
	SRWLOCK lock;
	service_stop_fn *on_stop; /* NULL: nobody hears */
	void *arg;
} hearer = { SRWLOCK_INIT, NULL, NULL };

/*
 * That somebody logs off and that the system shuts down are told only to
 * services. By the first a service must not end: whoever it was, it goes on. Of
 * the second the service manager tells it, too (sys/manager).
 */
static const struct {
	DWORD event;
	const char *name;
	uint32_t within_ms;
} events[] = {
	{ CTRL_C_EVENT, "Ctrl-C", 0 },
	{ CTRL_BREAK_EVENT, "Ctrl-Break", 0 },
	{ CTRL_CLOSE_EVENT, "the window was closed", CLOSE_MS },
};

bool
service_pass_on(const char *name, uint32_t within_ms)
{
	bool heard;

	AcquireSRWLockExclusive(&hearer.lock);
	heard = hearer.on_stop != NULL;
	if (heard)
		hearer.on_stop(name, within_ms, hearer.arg);
	ReleaseSRWLockExclusive(&hearer.lock);
	return heard;
}

static BOOL WINAPI
on_console(DWORD event)
{
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (events[i].event != event)
			continue;
		if (!service_pass_on(events[i].name, events[i].within_ms))
			return FALSE;
		if (events[i].within_ms > 0)
			Sleep(CLOSED_MS); /* the end of main ends this too */
		return TRUE;
	}
	return manager_runs();
}

/* Text goes out as it is: no CR is added, and a console reads it as UTF-8. */
bool
service_prepare(void)
{
	WSADATA about;

	(void)_setmode(_fileno(stdout), _O_BINARY);
	(void)_setmode(_fileno(stderr), _O_BINARY);
	(void)SetConsoleOutputCP(CP_UTF8);
	return WSAStartup(MAKEWORD(2, 2), &about) == 0;
}

const struct service_signal *
service_signals(size_t *count)
{
	*count = 0;
	return NULL;
}

bool
service_hear(service_stop_fn *on_stop, void *arg)
{
	AcquireSRWLockExclusive(&hearer.lock);
	hearer.on_stop = on_stop;
	hearer.arg = arg;
	ReleaseSRWLockExclusive(&hearer.lock);
	return SetConsoleCtrlHandler(on_console, TRUE) != 0;
}

void
service_end_hearing(void)
{
	AcquireSRWLockExclusive(&hearer.lock);
	hearer.on_stop = NULL;
	ReleaseSRWLockExclusive(&hearer.lock);
}

void
service_notify(const char *state)
{
	manager_notify(state);
}
