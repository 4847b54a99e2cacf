/*
 * file_win32.c - small files, whole and safely, on Windows.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys. CreateFileW, MoveFileExW, FlushFileBuffers: Microsoft's
 *          documentation of files; the access lists are written in its
 *          security descriptor definition language.
 */
#define _CRT_RAND_S /* rand_s, in stdlib.h */
#include "sys/file.h"
#include "sys/text_win32.h"
#include "sys/user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <aclapi.h>
#include <sddl.h>
#include <windows.h>

/* For its owner, the system, administrators and LocalService, which runs us as
 * a service after somebody has tried us in a console; nothing inherited. */
static const wchar_t secret_file[] =
    L"D:P(A;;FA;;;OW)(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;LS)";
static const wchar_t secret_folder[] =
    L"D:P(A;OICI;FA;;;OW)(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;LS)";

/* In a few words of ours, for they are kept by nobody. */
static const char *
reason(DWORD error)
{
	switch (error) {
	case ERROR_FILE_NOT_FOUND:
	case ERROR_PATH_NOT_FOUND:
	case ERROR_INVALID_NAME:
		return "No such file or directory";
	case ERROR_ACCESS_DENIED:
	case ERROR_SHARING_VIOLATION:
		return "Permission denied";
	case ERROR_ALREADY_EXISTS:
	case ERROR_FILE_EXISTS:
		return "File exists";
	case ERROR_DISK_FULL:
		return "No space left on device";
	default:
		return "Input/output error";
	}
}

static bool
read_all(HANDLE file, char *out, size_t size, size_t *len)
{
	DWORD n = 1;

	*len = 0;
	while (*len < size && n > 0) {
		if (!ReadFile(file, out + *len, (DWORD)(size - *len), &n, NULL))
			return false;
		*len += n;
	}
	return true;
}

/* SetLastError says why not. */
static HANDLE
open_to_read(const wchar_t *path)
{
	return CreateFileW(path, GENERIC_READ, FILE_SHARE_READ, NULL,
	    OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
}

char *
file_read(const char *path, size_t max, size_t *len, const char **why)
{
	wchar_t wide[PATH_MAX_WIDE];
	HANDLE file;
	char *bytes;
	bool good;
	DWORD what;

	*why = "the path is too long";
	if (!text_to_wide(path, wide, PATH_MAX_WIDE))
		return NULL;
	what = GetFileAttributesW(wide);
	*why = "Is a directory";
	if (what != INVALID_FILE_ATTRIBUTES &&
	    (what & FILE_ATTRIBUTE_DIRECTORY) != 0)
		return NULL;
	file = open_to_read(wide);
	*why = reason(GetLastError());
	if (file == INVALID_HANDLE_VALUE)
		return NULL;
	bytes = malloc(max + 2);
	good = bytes != NULL && read_all(file, bytes, max + 1, len);
	*why = good ? "it is too long" : "it cannot be read";
	CloseHandle(file);
	if (!good || *len > max) {
		free(bytes);
		return NULL;
	}
	bytes[*len] = '\0';
	return bytes;
}

/* NULL: no memory. The caller frees it with LocalFree. */
static PSECURITY_DESCRIPTOR
descriptor_of(const wchar_t *text)
{
	PSECURITY_DESCRIPTOR descriptor = NULL;

	return ConvertStringSecurityDescriptorToSecurityDescriptorW(text,
		   SDDL_REVISION_1, &descriptor, NULL)
	    ? descriptor
	    : NULL;
}

static bool
write_all(HANDLE file, const char *bytes, size_t len)
{
	while (len > 0) {
		DWORD n;

		if (!WriteFile(file, bytes, (DWORD)len, &n, NULL))
			return false;
		bytes += n;
		len -= n;
	}
	return FlushFileBuffers(file);
}

static const char *
write_new(const wchar_t *path, const void *bytes, size_t len, bool secret)
{
	SECURITY_ATTRIBUTES attributes = { .nLength = sizeof(attributes) };
	const char *why = NULL;
	HANDLE file;

	if (secret) {
		attributes.lpSecurityDescriptor = descriptor_of(secret_file);
		if (attributes.lpSecurityDescriptor == NULL)
			return "out of memory";
	}
	file = CreateFileW(path, GENERIC_WRITE, 0, secret ? &attributes : NULL,
	    CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
	if (file == INVALID_HANDLE_VALUE) {
		why = reason(GetLastError());
	} else {
		if (!write_all(file, bytes, len))
			why = reason(GetLastError());
		CloseHandle(file);
	}
	LocalFree(attributes.lpSecurityDescriptor);
	return why;
}

const char *
file_write(const char *path, const void *bytes, size_t len, bool secret)
{
	wchar_t to[PATH_MAX_WIDE], aside[PATH_MAX_WIDE + 32];
	char unique[FILE_UNIQUE_SIZE];
	const char *why;

	if (!text_to_wide(path, to, PATH_MAX_WIDE))
		return "the path is too long";
	if (!file_unique(unique))
		return "no random numbers";
	(void)swprintf(aside, PATH_MAX_WIDE + 32, L"%ls.tmp.%hs", to, unique);
	why = write_new(aside, bytes, len, secret);
	if (why == NULL &&
	    !MoveFileExW(aside, to,
		MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
		why = reason(GetLastError());
	if (why != NULL)
		(void)DeleteFileW(aside);
	return why;
}

const char *
file_make_empty(const char *path)
{
	wchar_t wide[PATH_MAX_WIDE];

	if (!text_to_wide(path, wide, PATH_MAX_WIDE))
		return "the path is too long";
	return file_exists(path) ? NULL : write_new(wide, "", 0, true);
}

const char *
file_make_folder(const char *path)
{
	SECURITY_ATTRIBUTES attributes = { .nLength = sizeof(attributes) };
	wchar_t wide[PATH_MAX_WIDE];
	const char *why = NULL;

	if (!text_to_wide(path, wide, PATH_MAX_WIDE))
		return "the path is too long";
	attributes.lpSecurityDescriptor = descriptor_of(secret_folder);
	if (attributes.lpSecurityDescriptor == NULL)
		return "out of memory";
	if (!CreateDirectoryW(wide, &attributes))
		why = reason(GetLastError());
	LocalFree(attributes.lpSecurityDescriptor);
	return why;
}

const char *
file_name_folder(const char *from, const char *to)
{
	wchar_t wide_from[PATH_MAX_WIDE], wide_to[PATH_MAX_WIDE];
	DWORD error, what;

	if (!text_to_wide(from, wide_from, PATH_MAX_WIDE) ||
	    !text_to_wide(to, wide_to, PATH_MAX_WIDE))
		return "the path is too long";
	(void)RemoveDirectoryW(wide_to); /* if it is empty */
	if (MoveFileExW(wide_from, wide_to, MOVEFILE_WRITE_THROUGH))
		return NULL;
	error = GetLastError();
	what = GetFileAttributesW(wide_to);
	if (what != INVALID_FILE_ATTRIBUTES &&
	    (what & FILE_ATTRIBUTE_DIRECTORY) != 0)
		return NULL;
	return reason(error);
}

void
file_remove(const char *path)
{
	wchar_t wide[PATH_MAX_WIDE];

	if (text_to_wide(path, wide, PATH_MAX_WIDE) && !DeleteFileW(wide))
		(void)RemoveDirectoryW(wide);
}

bool
file_exists(const char *path)
{
	wchar_t wide[PATH_MAX_WIDE];

	return text_to_wide(path, wide, PATH_MAX_WIDE) &&
	    GetFileAttributesW(wide) != INVALID_FILE_ATTRIBUTES;
}

/* That is for the folder's permissions to say. */
bool
file_is_open_to_others(const char *path)
{
	(void)path;
	return false;
}

bool
file_is_written_by_others(const char *path)
{
	(void)path;
	return false;
}

bool
file_give(const char *path, const struct user_id *id)
{
	(void)path;
	(void)id;
	return false; /* there are no such users */
}

bool
file_unique(char out[FILE_UNIQUE_SIZE])
{
	unsigned first, second;

	if (rand_s(&first) != 0 || rand_s(&second) != 0)
		return false;
	(void)snprintf(out, FILE_UNIQUE_SIZE, "%08x%08x", first, second);
	return true;
}
