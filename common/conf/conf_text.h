/* conf_text.h - a configuration file as bytes: comments taken out, tokens and
 * their places found. Knows nothing of keys and types. Floor: conf. */
#ifndef CONF_CONF_TEXT_H
#define CONF_CONF_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum { CONF_DEPTH_MAX = 32 };

/* Both count from 1; a column is one character, however many bytes. */
struct conf_pos {
	unsigned line, column;
};

enum conf_token_kind {
	CONF_TOKEN_END,	 /* of the file; zeroed memory is such a one */
	CONF_TOKEN_TEXT, /* in double quotes */
	CONF_TOKEN_MARK, /* one of { } [ ] : , */
	CONF_TOKEN_WORD, /* all else: a number, true, a slip */
};

struct conf_token {
	enum conf_token_kind kind;
	struct conf_pos pos;
	size_t start, end; /* bytes start..end-1 of the text */
};

/* One key of the outermost object, and its value with all inside it. */
struct conf_entry {
	struct conf_token key, value;
};

struct conf_scan {
	const char *text; /* borrowed: outlives the scan */
	size_t len, at;
	struct conf_pos pos; /* of the byte at */
};

/*
 * Takes the byte order mark and the comments out of text, in place; *len
 * shrinks where a comment has characters of several bytes, so that columns
 * stay true. Returns NULL, or a constant text and *where it is wrong: a NUL,
 * a byte that is not UTF-8, a comment or text without an end, over
 * CONF_DEPTH_MAX levels.
 */
const char *conf_text_clean(char *text, size_t *len, struct conf_pos *where);

void conf_scan_start(struct conf_scan *scan, const char *text, size_t len);

/* Starts at the token and ends where that does. */
void conf_scan_inside(struct conf_scan *scan, const char *text,
    const struct conf_token *token);

struct conf_token conf_scan_next(struct conf_scan *scan);

/* The next entry of a text that is known to be one JSON object. Returns false
 * behind the last. */
bool conf_entry_next(struct conf_scan *scan, struct conf_entry *entry);

/* Starts at a list, which is a token of the same text; then the next item of
 * it. conf_item_next returns false behind the last. */
void conf_scan_list(struct conf_scan *scan, const char *text, size_t len,
    const struct conf_token *list);
bool conf_item_next(struct conf_scan *scan, struct conf_token *item);

/* A place in a text that may be no JSON at all. */
struct conf_spot {
	struct conf_token token;  /* holds the byte before the offset */
	struct conf_token before; /* the one before that, or END */
	struct conf_token key;	  /* the outermost key above it, or END */
};
void conf_spot_find(const char *text, size_t len, size_t offset,
    struct conf_spot *spot);

#endif
