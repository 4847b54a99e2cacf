/*
 * files.c - files and folders for a while, on any system.
 */
#include "tests/unit/files.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *
files_top(void)
{
	const char *top = getenv("TMPDIR");

	if (top == NULL)
		top = getenv("TEMP");
	return top != NULL && strlen(top) < FILES_PATH_SIZE / 2 ? top : "/tmp";
}

void
files_write(char path[FILES_PATH_SIZE], const char *text)
{
	FILE *file;
	int fd;

	snprintf(path, FILES_PATH_SIZE, "%s/transponder-unit-XXXXXX",
	    files_top());
	fd = mkstemp(path);
	ck_assert_msg(fd >= 0, "%s cannot be made", path);
	close(fd);
	file = fopen(path, "wb");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

void
files_read(const char *path, char *out, size_t size)
{
	FILE *file = fopen(path, "rb");
	size_t len;

	ck_assert_msg(file != NULL, "%s cannot be read", path);
	len = fread(out, 1, size - 1, file);
	out[len] = '\0';
	fclose(file);
}
