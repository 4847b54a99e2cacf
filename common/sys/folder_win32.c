/*
 * folder_win32.c - who may write to a service's files, on Windows.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys. GetNamedSecurityInfoW, ACCESS_ALLOWED_ACE: Microsoft's
 *          documentation of access control.
 */
#include "sys/manager.h"
#include "sys/text_win32.h"

#include <stdio.h>
#include <aclapi.h>
#include <sddl.h>
#include <windows.h>

/* To change what is in a folder or a file, or who may. */
#define WRITING \
	(FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_DELETE_CHILD | DELETE | \
	    WRITE_DAC | WRITE_OWNER | GENERIC_WRITE | GENERIC_ALL)

/* winnt.h's list has no TrustedInstaller: by its name's hash. */
static const wchar_t *const trusted[] = {
	L"S-1-5-18",	 /* SYSTEM */
	L"S-1-5-19",	 /* LocalService, which we run as */
	L"S-1-5-32-544", /* Administrators */
	L"S-1-3-0",	 /* CREATOR OWNER: who makes something in it */
	L"S-1-3-4",	 /* OWNER RIGHTS */
	L"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",
};

static bool
is_trusted(PSID who, PSID owner)
{
	bool found = owner != NULL && EqualSid(who, owner);
	PSID other;

	for (size_t i = 0; !found && i < sizeof(trusted) / sizeof(trusted[0]);
	     i++) {
		if (!ConvertStringSidToSidW(trusted[i], &other))
			continue;
		found = EqualSid(who, other);
		LocalFree(other);
	}
	return found;
}

/* "BUILTIN\Users", or its number where it has no name. */
static void
name_of(PSID who, char *out, size_t size)
{
	wchar_t name[128], domain[128], whole[260], *number;
	DWORD name_size = 128, domain_size = 128;
	SID_NAME_USE use;

	if (LookupAccountSidW(NULL, who, name, &name_size, domain, &domain_size,
		&use)) {
		(void)swprintf(whole, 260, L"%ls%ls%ls", domain,
		    domain[0] != L'\0' ? L"\\" : L"", name);
		if (text_from_wide(whole, out, size))
			return;
	}
	if (ConvertSidToStringSidW(who, &number)) {
		if (!text_from_wide(number, out, size))
			out[0] = '\0';
		LocalFree(number);
	} else {
		snprintf(out, size, "somebody");
	}
}

/* Both kinds begin alike; conditions of the second count as met. */
static bool
allows(const ACCESS_ALLOWED_ACE *entry)
{
	return entry->Header.AceType == ACCESS_ALLOWED_ACE_TYPE ||
	    entry->Header.AceType == ACCESS_ALLOWED_CALLBACK_ACE_TYPE;
}

/* The first who may write and should not; NULL: nobody. A list of nothing lets
 * nobody in, none at all lets in everybody. */
static PSID
find_stranger(PACL list, PSID owner)
{
	for (DWORD i = 0; i < list->AceCount; i++) {
		ACCESS_ALLOWED_ACE *entry;

		if (!GetAce(list, i, (void **)&entry) || !allows(entry) ||
		    (entry->Header.AceFlags & INHERIT_ONLY_ACE) != 0)
			continue;
		if ((entry->Mask & WRITING) != 0 &&
		    !is_trusted(&entry->SidStart, owner))
			return &entry->SidStart;
	}
	return NULL;
}

/* Whose list this is: of a folder, or of a file in one. */
static bool
check(const char *path, bool folder, PACL list, PSID owner,
    char problem[MANAGER_PROBLEM_SIZE])
{
	PSID stranger = list != NULL ? find_stranger(list, owner) : NULL;
	char name[200] = "everybody";

	if (list != NULL && stranger == NULL)
		return true;
	if (stranger != NULL)
		name_of(stranger, name, sizeof(name));
	snprintf(problem, MANAGER_PROBLEM_SIZE,
	    "%.300s: %.150s may write there, and so decide what the service "
	    "does; as administrator: icacls \"%.300s\" %s",
	    path, name, path,
	    folder ? "/inheritance:r /grant:r \"*S-1-5-32-544:(OI)(CI)F\" "
		     "\"*S-1-5-18:(OI)(CI)F\" \"*S-1-5-19:(OI)(CI)RX\""
		   : "/reset");
	return false;
}

static bool
check_path(wchar_t *wide, bool folder, char problem[MANAGER_PROBLEM_SIZE])
{
	PSECURITY_DESCRIPTOR whole = NULL;
	char path[PATH_MAX_WIDE], why[256];
	PSID owner = NULL;
	PACL list = NULL;
	DWORD error;
	bool good;

	if (!text_from_wide(wide, path, sizeof(path)))
		snprintf(path, sizeof(path), "the service's folder");
	error = GetNamedSecurityInfoW(wide, SE_FILE_OBJECT,
	    OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, &owner,
	    NULL, &list, NULL, &whole);
	if (error != ERROR_SUCCESS) {
		text_of_error(error, why, sizeof(why));
		snprintf(problem, MANAGER_PROBLEM_SIZE,
		    "%.300s: who may write there cannot be told: %s", path,
		    why);
		return false;
	}
	good = check(path, folder, list, owner, problem);
	LocalFree(whole);
	return good;
}

/* A file, which may have permissions of its own, and the folder it is in. */
static bool
check_both(const char *file, char problem[MANAGER_PROBLEM_SIZE])
{
	wchar_t wide[PATH_MAX_WIDE];
	size_t len;

	if (!text_folder_of(file, wide)) {
		snprintf(problem, MANAGER_PROBLEM_SIZE,
		    "%.300s: the path is too long", file);
		return false;
	}
	len = wcslen(wide);
	if (len > 3) /* not C:\ */
		wide[len - 1] = L'\0';
	return check_path(wide, true, problem) &&
	    text_to_wide(file, wide, PATH_MAX_WIDE) &&
	    check_path(wide, false, problem);
}

bool
manager_check_files(const char *config, char problem[MANAGER_PROBLEM_SIZE])
{
	wchar_t wide[PATH_MAX_WIDE];
	char exe[PATH_MAX_WIDE];
	DWORD len = GetModuleFileNameW(NULL, wide, PATH_MAX_WIDE);

	if (len == 0 || len >= PATH_MAX_WIDE ||
	    !text_from_wide(wide, exe, sizeof(exe))) {
		snprintf(problem, MANAGER_PROBLEM_SIZE,
		    "the program's path is too long");
		return false;
	}
	return check_both(config, problem) && check_both(exe, problem);
}
