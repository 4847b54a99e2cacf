/*
 * console_event.c - console_event EXE NUMBER: has a running program hear an
 * event of its console (CTRL_CLOSE_EVENT and the like, wincon.h), as the system
 * does it: CtrlRoutine on a thread of that program. Exit status 0: it was begun.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>
#include <tlhelp32.h>

static DWORD
find(const char *exe)
{
	PROCESSENTRY32 at = { .dwSize = sizeof(at) };
	HANDLE all = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
	BOOL more = Process32First(all, &at);

	while (more && _stricmp(at.szExeFile, exe) != 0)
		more = Process32Next(all, &at);
	CloseHandle(all);
	return more ? at.th32ProcessID : 0;
}

int
main(int argc, char **argv)
{
	HMODULE base = GetModuleHandleA("kernelbase");
	FARPROC routine = GetProcAddress(base, "CtrlRoutine");
	LPTHREAD_START_ROUTINE start;
	HANDLE process;

	if (argc != 3 || routine == NULL)
		return 2;
	memcpy(&start, &routine, sizeof(start));
	process = OpenProcess(PROCESS_ALL_ACCESS, FALSE, find(argv[1]));
	return CreateRemoteThread(process, NULL, 0, start,
		   (void *)(intptr_t)atoi(argv[2]), 0, NULL) == NULL;
}
