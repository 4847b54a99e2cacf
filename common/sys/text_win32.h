/* text_win32.h - text as Windows has it, and as we have it. Floor: sys. */
#ifndef SYS_TEXT_WIN32_H
#define SYS_TEXT_WIN32_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

enum { PATH_MAX_WIDE = 4096 }; /* of a path, with its end */

/* Between UTF-8 and UTF-16, with the end; sizes in units of out. False when it
 * does not fit, or is not text. */
bool text_to_wide(const char *text, wchar_t *out, size_t size);
bool text_from_wide(const wchar_t *text, char *out, size_t size);

/* The whole path of the folder that a file is in. False when it is too long. */
bool text_folder_of(const char *file, wchar_t out[PATH_MAX_WIDE]);

/* What the system says of an error of GetLastError, without a full stop. */
void text_of_error(unsigned long error, char *out, size_t size);

#endif
