/* files.h - files and folders for a while, on any system. */
#ifndef TESTS_FILES_H
#define TESTS_FILES_H

#include <stddef.h>

enum { FILES_PATH_SIZE = 256 };

/* Where such things go: $TMPDIR, %TEMP%, or /tmp. Constant. */
const char *files_top(void);

/* Makes a file with that text, byte for byte; the caller unlinks it. */
void files_write(char path[FILES_PATH_SIZE], const char *text);

/* Reads a file byte for byte, up to size - 1 of them, as text. */
void files_read(const char *path, char *out, size_t size);

#endif
