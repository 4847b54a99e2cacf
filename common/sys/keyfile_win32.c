/*
 * keyfile_win32.c - a small file with a secret in it, on Windows.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys. CreateFileW, GetFileType: Microsoft's documentation of files.
 *          Who else may read it is for the folder's permissions to say.
 */
#include "sys/keyfile.h"
#include "sys/text_win32.h"

#include <errno.h>
#include <string.h>
#include <windows.h>

size_t
keyfile_folder(const char *path)
{
	size_t len = strlen(path);

	while (len > 0 && strchr("/\\:", path[len - 1]) == NULL)
		len--;
	return len;
}

/* With a drive, too: what that means depends on it alone. */
bool
keyfile_is_absolute(const char *path)
{
	return path[0] == '/' || path[0] == '\\' ||
	    (path[0] != '\0' && path[1] == ':');
}

static int
error_of(DWORD error)
{
	switch (error) {
	case ERROR_FILE_NOT_FOUND:
	case ERROR_PATH_NOT_FOUND:
	case ERROR_INVALID_NAME:
		return ENOENT;
	case ERROR_ACCESS_DENIED:
	case ERROR_SHARING_VIOLATION:
		return EACCES;
	default:
		return EIO;
	}
}

static int
read_all(HANDLE file, char *out, size_t size, size_t *len)
{
	DWORD n = 1;

	*len = 0;
	while (*len < size && n > 0) {
		if (!ReadFile(file, out + *len, (DWORD)(size - *len), &n, NULL))
			return error_of(GetLastError());
		*len += n;
	}
	return 0;
}

int
keyfile_read(const char *path, char *out, size_t size, size_t *len,
    bool *exposed)
{
	wchar_t wide[PATH_MAX_WIDE];
	HANDLE file;
	DWORD what;
	int error;

	*exposed = false;
	if (!text_to_wide(path, wide, PATH_MAX_WIDE))
		return ENOENT;
	what = GetFileAttributesW(wide);
	if (what == INVALID_FILE_ATTRIBUTES)
		return error_of(GetLastError());
	if ((what & FILE_ATTRIBUTE_DIRECTORY) != 0)
		return EISDIR;
	file = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ, NULL,
	    OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
	if (file == INVALID_HANDLE_VALUE)
		return error_of(GetLastError());
	error = GetFileType(file) == FILE_TYPE_DISK
	    ? read_all(file, out, size, len)
	    : EINVAL;
	CloseHandle(file);
	return error;
}
