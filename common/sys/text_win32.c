/*
 * text_win32.c - text as Windows has it, and as we have it.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys.
 */
#include "sys/text_win32.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>

bool
text_to_wide(const char *text, wchar_t *out, size_t size)
{
	return size <= INT_MAX &&
	    MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, out,
		(int)size) > 0;
}

bool
text_from_wide(const wchar_t *text, char *out, size_t size)
{
	return size <= INT_MAX &&
	    WideCharToMultiByte(CP_UTF8, 0, text, -1, out, (int)size, NULL,
		NULL) > 0;
}

bool
text_folder_of(const char *file, wchar_t out[PATH_MAX_WIDE])
{
	wchar_t given[PATH_MAX_WIDE], *name = NULL;
	DWORD len;

	if (!text_to_wide(file, given, PATH_MAX_WIDE))
		return false;
	len = GetFullPathNameW(given, PATH_MAX_WIDE, out, &name);
	if (len == 0 || len >= PATH_MAX_WIDE || name == NULL)
		return false;
	*name = L'\0';
	return true;
}

void
text_of_error(unsigned long error, char *out, size_t size)
{
	wchar_t text[256];
	DWORD len = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM |
		FORMAT_MESSAGE_IGNORE_INSERTS,
	    NULL, error, 0, text, sizeof(text) / sizeof(text[0]), NULL);

	while (len > 0 && (text[len - 1] == L'.' || text[len - 1] <= L' '))
		len--;
	text[len] = L'\0';
	if (len == 0 || !text_from_wide(text, out, size))
		snprintf(out, size, "error %lu", error);
}
