/*
 * manager_win32.c - a program as a service of Windows.
 *
 * Owns:    the state that the manager knows.
 * Thread:  manager_run on main, which it keeps; the program on a thread of the
 *          system's; on_control on main.
 * Floor:   sys. CreateServiceW, StartServiceCtrlDispatcherW, HandlerEx:
 *          Microsoft's documentation of services.
 */
#include "sys/manager.h"
#include "sys/service_win32.h"
#include "sys/text_win32.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>

enum {
	START_MS = 30 * 1000,	  /* what the manager is told to wait */
	STOP_MS = 10 * 60 * 1000, /* for sessions to end */
	SHUTDOWN_MS = 4000,	  /* then the system ends us */
	AGAIN_MS = 5000,	  /* after a failure */
	CALM_S = 24 * 60 * 60,	  /* failures before are forgotten */
	REMOVE_MS = 60 * 1000,
	LOOK_MS = 100,
	NAME_MAX_WIDE = 64,
};

static struct {
	SERVICE_STATUS_HANDLE handle; /* NULL: no manager started us */
	DWORD state;
	int (*run)(void *arg);
	void *arg;
	int code;
	wchar_t name[NAME_MAX_WIDE];
	wchar_t folder[PATH_MAX_WIDE];
} running;

static const char *
hint_for(DWORD error)
{
	switch (error) {
	case ERROR_ACCESS_DENIED:
		return "; open the console with \"Run as administrator\"";
	case ERROR_FAILED_SERVICE_CONTROLLER_CONNECT:
		return "; only the service manager runs it so: install it, "
		       "then net start";
	default:
		return "";
	}
}

/* What the system says of its error. */
static bool
fail(char problem[MANAGER_PROBLEM_SIZE], const char *what, DWORD error)
{
	char why[256];

	text_of_error(error, why, sizeof(why));
	snprintf(problem, MANAGER_PROBLEM_SIZE, "%s: %s%s", what, why,
	    hint_for(error));
	return false;
}

bool
manager_possible(void)
{
	return true;
}

/* "EXE" --service run -c "CONFIG", both with their whole paths. */
static bool
command_line(const char *config, wchar_t *out, size_t room)
{
	wchar_t exe[PATH_MAX_WIDE], given[PATH_MAX_WIDE], file[PATH_MAX_WIDE];
	DWORD len = GetModuleFileNameW(NULL, exe, PATH_MAX_WIDE);

	if (len == 0 || len >= PATH_MAX_WIDE ||
	    !text_to_wide(config, given, PATH_MAX_WIDE))
		return false;
	len = GetFullPathNameW(given, PATH_MAX_WIDE, file, NULL);
	if (len == 0 || len >= PATH_MAX_WIDE)
		return false;
	return swprintf(out, room, L"\"%ls\" --service run -c \"%ls\"", exe,
		   file) > 0;
}

/* What it is, and what the manager does when it fails. Neither stops it from
 * being of use. */
static void
describe(SC_HANDLE handle, const char *purpose)
{
	wchar_t text[512];
	SERVICE_DESCRIPTIONW description = { .lpDescription = text };
	SC_ACTION again = { .Type = SC_ACTION_RESTART, .Delay = AGAIN_MS };
	SC_ACTION actions[] = { again, again, again };
	SERVICE_FAILURE_ACTIONSW on_failure = {
		.dwResetPeriod = CALM_S,
		.cActions = sizeof(actions) / sizeof(actions[0]),
		.lpsaActions = actions,
	};
	/* else they are for crashes only, not for an exit status */
	SERVICE_FAILURE_ACTIONS_FLAG any = { TRUE };

	if (text_to_wide(purpose, text, sizeof(text) / sizeof(text[0])))
		(void)ChangeServiceConfig2W(handle, SERVICE_CONFIG_DESCRIPTION,
		    &description);
	(void)ChangeServiceConfig2W(handle, SERVICE_CONFIG_FAILURE_ACTIONS,
	    &on_failure);
	(void)ChangeServiceConfig2W(handle, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG,
	    &any);
}

static bool
create(SC_HANDLE manager, const struct manager_service *service,
    char problem[MANAGER_PROBLEM_SIZE])
{
	wchar_t name[NAME_MAX_WIDE], command[3 * PATH_MAX_WIDE];
	SC_HANDLE handle;

	if (!text_to_wide(service->name, name, NAME_MAX_WIDE) ||
	    !command_line(service->config, command,
		sizeof(command) / sizeof(command[0])))
		return fail(problem, "the configuration file's path",
		    ERROR_FILENAME_EXCED_RANGE);
	handle = CreateServiceW(manager, name, name, SERVICE_ALL_ACCESS,
	    SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START, SERVICE_ERROR_NORMAL,
	    command, NULL, NULL, L"Tcpip\0", L"NT AUTHORITY\\LocalService",
	    L"");
	if (handle == NULL)
		return fail(problem, service->name, GetLastError());
	describe(handle, service->purpose);
	CloseServiceHandle(handle);
	return true;
}

bool
manager_install(const struct manager_service *service,
    char problem[MANAGER_PROBLEM_SIZE])
{
	SC_HANDLE manager = OpenSCManagerW(NULL, NULL,
	    SC_MANAGER_CREATE_SERVICE);
	bool made;

	if (manager == NULL)
		return fail(problem, "the service manager", GetLastError());
	made = create(manager, service, problem);
	CloseServiceHandle(manager);
	return made;
}

/* Asks it to stop, once it runs, and waits; a second time would cut sessions. */
static void
stop(SC_HANDLE handle)
{
	ULONGLONG until = GetTickCount64() + REMOVE_MS;
	SERVICE_STATUS now;
	bool asked = false;

	while (QueryServiceStatus(handle, &now) &&
	    now.dwCurrentState != SERVICE_STOPPED && GetTickCount64() < until) {
		if (now.dwCurrentState == SERVICE_RUNNING && !asked)
			asked = ControlService(handle, SERVICE_CONTROL_STOP,
			    &now);
		Sleep(LOOK_MS);
	}
}

bool
manager_remove(const struct manager_service *service,
    char problem[MANAGER_PROBLEM_SIZE])
{
	SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
	SC_HANDLE handle;
	wchar_t name[NAME_MAX_WIDE];
	bool gone;

	if (manager == NULL)
		return fail(problem, "the service manager", GetLastError());
	handle = text_to_wide(service->name, name, NAME_MAX_WIDE)
	    ? OpenServiceW(manager, name,
		  SERVICE_STOP | SERVICE_QUERY_STATUS | DELETE)
	    : NULL;
	if (handle == NULL) {
		(void)fail(problem, service->name, GetLastError());
		CloseServiceHandle(manager);
		return false;
	}
	stop(handle);
	gone = DeleteService(handle) != 0;
	if (!gone)
		(void)fail(problem, service->name, GetLastError());
	CloseServiceHandle(handle);
	CloseServiceHandle(manager);
	return gone;
}

static void
tell(DWORD state, DWORD wait_ms, int code)
{
	SERVICE_STATUS status = {
		.dwServiceType = SERVICE_WIN32_OWN_PROCESS,
		.dwCurrentState = state,
		.dwControlsAccepted = state == SERVICE_RUNNING ||
			state == SERVICE_STOP_PENDING
		    ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN
		    : 0,
		.dwWin32ExitCode = code == 0 ? NO_ERROR
					     : ERROR_SERVICE_SPECIFIC_ERROR,
		.dwServiceSpecificExitCode = (DWORD)code,
		.dwWaitHint = wait_ms,
	};

	running.state = state;
	(void)SetServiceStatus(running.handle, &status);
}

void
manager_notify(const char *state)
{
	if (running.handle == NULL)
		return;
	if (strcmp(state, "READY=1") == 0)
		tell(SERVICE_RUNNING, 0, 0);
	else if (strcmp(state, "STOPPING=1") == 0)
		tell(SERVICE_STOP_PENDING, STOP_MS, 0);
}

bool
manager_runs(void)
{
	return running.handle != NULL;
}

static DWORD WINAPI
on_control(DWORD control, DWORD event, void *data, void *arg)
{
	(void)event;
	(void)data;
	(void)arg;
	switch (control) {
	case SERVICE_CONTROL_STOP:
		(void)service_pass_on("the service manager", 0);
		return NO_ERROR;
	case SERVICE_CONTROL_SHUTDOWN:
		(void)service_pass_on("the system shuts down", SHUTDOWN_MS);
		return NO_ERROR;
	case SERVICE_CONTROL_INTERROGATE:
		return NO_ERROR;
	default:
		return ERROR_CALL_NOT_IMPLEMENTED;
	}
}

/* Its thread is the program's main thread from here on. */
static void WINAPI
service_main(DWORD argc, wchar_t **argv)
{
	(void)argc;
	running.handle = RegisterServiceCtrlHandlerExW(argv[0], on_control,
	    NULL);
	if (running.handle == NULL)
		return;
	tell(SERVICE_START_PENDING, START_MS, 0);
	(void)SetCurrentDirectoryW(running.folder);
	running.code = running.run(running.arg);
	tell(SERVICE_STOPPED, 0, running.code);
}

bool
manager_run(const struct manager_service *service, int (*run)(void *arg),
    void *arg, int *code, char problem[MANAGER_PROBLEM_SIZE])
{
	SERVICE_TABLE_ENTRYW table[] = { { running.name, service_main },
		{ NULL, NULL } };

	running.run = run;
	running.arg = arg;
	running.code = -1;
	if (!text_to_wide(service->name, running.name, NAME_MAX_WIDE) ||
	    !text_folder_of(service->config, running.folder))
		return fail(problem, service->config,
		    ERROR_FILENAME_EXCED_RANGE);
	if (!StartServiceCtrlDispatcherW(table))
		return fail(problem, service->name, GetLastError());
	*code = running.code;
	return true;
}

void
manager_report(const char *text)
{
	wchar_t wide[MANAGER_PROBLEM_SIZE];
	const wchar_t *lines[] = { wide };
	HANDLE events;

	if (running.handle == NULL ||
	    !text_to_wide(text, wide, MANAGER_PROBLEM_SIZE))
		return;
	events = RegisterEventSourceW(NULL, running.name);
	if (events == NULL)
		return;
	(void)ReportEventW(events, EVENTLOG_ERROR_TYPE, 0, 0, NULL, 1, 0, lines,
	    NULL);
	DeregisterEventSource(events);
}
