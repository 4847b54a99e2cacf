/* path.h - paths that stand in a configuration file. Floor: ops. */
#ifndef OPS_PATH_H
#define OPS_PATH_H

#include <stdbool.h>

/* The path of a file that is named in the configuration file at config: one
 * that is not absolute is beside that. The caller frees it; NULL without
 * memory. */
char *path_beside(const char *config, const char *name);

/* The same in place of *name, which is freed; NULL stays. False without
 * memory. */
bool path_settle(const char *config, char **name);

/* Where the program keeps what it makes: the folder that the service manager
 * gives it (STATE_DIRECTORY, systemd.exec(5)), else beside config. As
 * path_beside. */
char *path_of_state(const char *config, const char *name);

#endif
