/*
 * sys_posix.c - what the operating system knows and limits, on Linux and
 * other POSIX systems.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys.
 */
#include "sys/sys.h"

#include <fcntl.h>
#include <grp.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <pwd.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

bool
sys_host_name(char *out, size_t size)
{
	if (gethostname(out, size) != 0)
		return false;
	out[size - 1] = '\0'; /* POSIX leaves a cut name open */
	return out[0] != '\0';
}

bool
sys_exe_dir(char *out, size_t size)
{
	ssize_t len = readlink("/proc/self/exe", out, size);
	char *slash;

	if (len <= 0 || (size_t)len >= size)
		return false;
	out[len] = '\0';
	slash = strrchr(out, '/');
	if (slash == NULL || slash == out)
		return false;
	*slash = '\0';
	return true;
}

bool
sys_user_exists(const char *name)
{
	return getpwnam(name) != NULL;
}

bool
sys_group_exists(const char *name)
{
	return getgrnam(name) != NULL;
}

uint64_t
sys_raise_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 1024; /* what POSIX systems start with */
	if (limit.rlim_cur != limit.rlim_max) {
		struct rlimit raised = { limit.rlim_max, limit.rlim_max };

		if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
			limit = raised;
	}
	return (uint64_t)limit.rlim_cur;
}

unsigned
sys_cores(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef CPU_COUNT
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		cores = CPU_COUNT(&set);
#endif
	return cores > 0 ? (unsigned)cores : 1;
}

int
sys_reserve_fd(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void
sys_release_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void
sys_give_back_memory(void)
{
#ifdef __GLIBC__
	(void)malloc_trim(0);
#endif
}
