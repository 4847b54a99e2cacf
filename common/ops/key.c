/*
 * key.c - where a shared key comes from.
 *
 * Owns:    the text of a key file while it is read; overwritten afterwards.
 * Thread:  main; warnings go to the log.
 * Floor:   ops. What a source holds is never shown, not even in part.
 */
#include "ops/key.h"
#include "ops/path.h"
#include "base/log.h"
#include "sys/keyfile.h"
#include "wire/proof.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SHORT = 16, LINE_END = 2, MARK = 3 };

const char key_variable[] = "TRANSPONDER_AUTH_KEY";

static bool
fail(const struct key_source *source, const char *key, const char *where,
    const char *what, char problem[CONF_PROBLEM_SIZE])
{
	snprintf(problem, CONF_PROBLEM_SIZE, "%.300s: %s:%s%.300s%s %s",
	    source->path, key, where[0] != '\0' ? " " : "", where,
	    where[0] != '\0' ? ":" : "", what);
	return false;
}

static const char *
error_text(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return "no such file; expected one line with the key";
	case EISDIR:
		return "found a directory; expected a file with the key";
	case EINVAL:
		return "found no regular file; expected one with the key";
	case EACCES:
		return "permission denied; expected a file that this user "
		       "may read";
	default:
		return "cannot be read; expected a file with the key";
	}
}

/* What is wrong with len bytes as a key, or NULL. */
static const char *
key_problem(const char *text, size_t len)
{
	if (len == 0)
		return "found nothing; expected a key of 1 to 256 bytes";
	if (len > KEY_MAX)
		return "found more than 256 bytes; expected a key of 1 to 256 "
		       "bytes";
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\0')
			return "found a NUL byte; expected text";
		if (text[i] == '\n' || text[i] == '\r')
			return "found more than one line; expected the key "
			       "alone";
	}
	return NULL;
}

/* One line end is no part of the key: editors and echo write one. */
static size_t
without_line_end(const char *text, size_t len)
{
	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len > 0 && text[len - 1] == '\r')
		len--;
	return len;
}

/* Nor is what Windows writes in front of a text in UTF-8. */
static size_t
mark_len(const char *text, size_t len)
{
	static const char mark[] = { '\xef', '\xbb', '\xbf' };

	return len >= sizeof(mark) && memcmp(text, mark, sizeof(mark)) == 0
	    ? sizeof(mark)
	    : 0;
}

static bool
read_file(const struct key_source *source, char **key,
    char problem[CONF_PROBLEM_SIZE])
{
	char *path = path_beside(source->path, source->file);
	char text[MARK + KEY_MAX + LINE_END + 1];
	const char *wrong = "out of memory";
	bool exposed = false;
	size_t len = 0, mark = 0;
	int error;

	if (path != NULL) {
		error = keyfile_read(path, text, sizeof(text), &len, &exposed);
		if (len < sizeof(text)) /* else it is too long anyway */
			len = without_line_end(text, len);
		mark = mark_len(text, len);
		len -= mark;
		wrong = error != 0 ? error_text(error)
				   : key_problem(text + mark, len);
	}
	if (wrong == NULL && (*key = calloc(1, len + 1)) == NULL)
		wrong = "out of memory";
	if (wrong == NULL)
		memcpy(*key, text + mark, len);
	proof_forget(text, sizeof(text));
	if (wrong == NULL && exposed)
		log_warn("config",
		    "a key file that everybody may read or change: chmod 600",
		    KV_STR("file", path), KV_STR("key", source->key_file));
	if (wrong != NULL)
		(void)fail(source, source->key_file,
		    path != NULL ? path : source->file, wrong, problem);
	free(path);
	return wrong == NULL;
}

static bool
read_variable(const struct key_source *source, char **key,
    char problem[CONF_PROBLEM_SIZE])
{
	const char *text = getenv(source->variable), *wrong;

	if (text == NULL)
		return true;
	wrong = key_problem(text, strlen(text));
	if (wrong == NULL && (*key = strdup(text)) == NULL)
		wrong = "out of memory";
	return wrong == NULL ||
	    fail(source, source->key, source->variable, wrong, problem);
}

/* Takes other into *key, unless there is one already that says the same. */
static bool
merge(const struct key_source *source, char **key, char *other,
    const char *where, char problem[CONF_PROBLEM_SIZE])
{
	bool same = *key == NULL || other == NULL || strcmp(*key, other) == 0;

	if (*key == NULL) {
		*key = other;
		return true;
	}
	if (other != NULL)
		proof_forget(other, strlen(other));
	free(other);
	if (same)
		return true;
	snprintf(problem, CONF_PROBLEM_SIZE,
	    "%.300s: %s: found another key in %s; expected only one of the "
	    "two, or the same in both",
	    source->path, source->key, where);
	return false;
}

bool
key_find(const struct key_source *source, char **key,
    char problem[CONF_PROBLEM_SIZE])
{
	char *other = NULL;

	if (source->file != NULL &&
	    (!read_file(source, &other, problem) ||
		!merge(source, key, other, source->key_file, problem)))
		return false;
	other = NULL;
	return source->variable == NULL ||
	    (read_variable(source, &other, problem) &&
		merge(source, key, other, source->variable, problem));
}

bool
key_find_shared(const char *path, const char *file, bool needed, char **key,
    char problem[CONF_PROBLEM_SIZE])
{
	const struct key_source source = {
		.path = path,
		.key = "AuthKey",
		.key_file = "AuthKeyFile",
		.file = file,
		.variable = key_variable,
	};

	if (!key_find(&source, key, problem))
		return false;
	if (*key != NULL || !needed)
		return true;
	snprintf(problem, CONF_PROBLEM_SIZE,
	    "%.400s: AuthKey: missing; expected the key that inners and "
	    "outer share, 1 to 256 bytes, or AuthKeyFile, or "
	    "TRANSPONDER_AUTH_KEY in the environment",
	    path);
	return false;
}

bool
key_is_sample(const char *key)
{
	return key != NULL && strcmp(key, "please-change-this-key") == 0;
}

/* What is wrong with it for who reaches the address; NULL: nothing. Our samples
 * are good enough to try them on one machine. */
static const char *
weakness(const char *key, bool of_all, const struct addr *link)
{
	if (key_is_sample(key) && addr_is_local(link))
		return NULL;
	if (key_is_sample(key))
		return of_all ? "AuthKey is still that of the sample file: "
				"everybody knows it"
			      : "a key of Keys is that of the sample file: "
				"everybody knows it";
	if (strlen(key) >= KEY_SHORT)
		return NULL;
	return of_all ? "AuthKey is shorter than 16 characters: who reaches "
			"the address may guess it"
		      : "a key of Keys is shorter than 16 characters: who "
			"reaches the address may guess it";
}

void
key_warn_short(const char *path, const char *key, const char *inner,
    const struct addr *link)
{
	const char *weak = weakness(key, inner == NULL, link);
	char address[ADDR_TEXT_SIZE];

	if (weak == NULL)
		return;
	addr_format(link, address, sizeof(address));
	log_warn("config", weak, KV_STR("file", path),
	    KV_STR("inner", inner != NULL ? inner : "any"),
	    KV_STR("address", address),
	    KV_STR("make_a_good_one", "outer_server --generate-key"));
}
