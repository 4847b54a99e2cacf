/*
 * sys_win32.c - what the operating system knows and limits, on Windows.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys.
 */
#include "sys/sys.h"
#include "sys/text_win32.h"

#include <string.h>
#include <windows.h>

/*
 * Sockets have no limit of their own there, but memory; and they are waited for
 * by select(), which looks at each of them. So this is more than is of use.
 */
enum { SOCKETS_MAX = 65536 };

bool
sys_host_name(char *out, size_t size)
{
	wchar_t name[256];
	DWORD len = sizeof(name) / sizeof(name[0]);

	return GetComputerNameExW(ComputerNameDnsHostname, name, &len) &&
	    name[0] != L'\0' && text_from_wide(name, out, size);
}

bool
sys_exe_dir(char *out, size_t size)
{
	wchar_t path[4096];
	const DWORD room = sizeof(path) / sizeof(path[0]);
	DWORD len = GetModuleFileNameW(NULL, path, room);
	wchar_t *slash;

	if (len == 0 || len >= room)
		return false;
	slash = wcsrchr(path, L'\\');
	if (slash == NULL || slash == path)
		return false;
	*slash = L'\0';
	return text_from_wide(path, out, size);
}

/* Names of owners are only for Unix sockets, of which there are none. */
bool
sys_user_exists(const char *name)
{
	(void)name;
	return false;
}

bool
sys_group_exists(const char *name)
{
	(void)name;
	return false;
}

uint64_t
sys_raise_fd_limit(void)
{
	return SOCKETS_MAX;
}

unsigned
sys_cores(void)
{
	DWORD_PTR mine, all;
	unsigned cores = 0;

	if (!GetProcessAffinityMask(GetCurrentProcess(), &mine, &all))
		return 1;
	for (; mine != 0; mine &= mine - 1)
		cores++;
	return cores > 0 ? cores : 1;
}

/* Files and sockets have nothing to do with one another there. */
int
sys_reserve_fd(void)
{
	return 0;
}

void
sys_release_fd(int fd)
{
	(void)fd;
}

void
sys_give_back_memory(void)
{
}
