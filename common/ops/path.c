/*
 * path.c - paths that stand in a configuration file.
 *
 * Owns:    nothing.
 * Thread:  main.
 * Floor:   ops.
 */
#include "ops/path.h"
#include "sys/keyfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *
path_beside(const char *config, const char *name)
{
	size_t folder = keyfile_is_absolute(name) ? 0 : keyfile_folder(config);
	size_t size = folder + strlen(name) + 1;
	char *path = malloc(size);

	if (path == NULL)
		return NULL;
	memcpy(path, config, folder);
	memcpy(path + folder, name, strlen(name) + 1);
	return path;
}

bool
path_settle(const char *config, char **name)
{
	char *path;

	if (*name == NULL)
		return true;
	if ((path = path_beside(config, *name)) == NULL)
		return false;
	free(*name);
	*name = path;
	return true;
}

char *
path_of_state(const char *config, const char *name)
{
	const char *state = getenv("STATE_DIRECTORY");
	size_t len = state == NULL ? 0 : strcspn(state, ":"); /* the first */
	size_t size = len + 1 + strlen(name) + 1;
	char *path;

	if (len == 0)
		return path_beside(config, name);
	if ((path = malloc(size)) != NULL)
		(void)snprintf(path, size, "%.*s/%s", (int)len, state, name);
	return path;
}
