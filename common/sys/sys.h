/* sys.h - what the operating system knows and limits. Floor: sys. */
#ifndef SYS_SYS_H
#define SYS_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The machine's name, cut at size. False when the system has none. */
bool sys_host_name(char *out, size_t size);

/* The folder of the running executable, without a slash at its end. False
 * when the system does not tell or size is too small. */
bool sys_exe_dir(char *out, size_t size);

/* Whether the system knows a user, a group, of that name. */
bool sys_user_exists(const char *name);
bool sys_group_exists(const char *name);

/* Raises the limit of open descriptors as far as this process may, and
 * returns what it is then (setrlimit(2), RLIMIT_NOFILE). */
uint64_t sys_raise_fd_limit(void);

/* How many cores this process may use; 1 where the system does not tell. */
unsigned sys_cores(void);

/* Opens a descriptor that stands for nothing, to keep in reserve. -1 when
 * there is none left. */
int sys_reserve_fd(void);
void sys_release_fd(int fd);

/* Gives memory that was freed back to the system, where the allocator keeps
 * it. Takes milliseconds: for calm times. The first call is service_prepare's. */
void sys_give_back_memory(void);

#endif
