/*
 * conf_text.c - a configuration file as bytes: comments and tokens.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   conf. JSON itself (RFC 8259) is left to the library; here is only
 *          what it does not do: comments, and the place of each key.
 */
#include "conf/conf_text.h"

#include <string.h>

void
conf_scan_start(struct conf_scan *scan, const char *text, size_t len)
{
	scan->text = text;
	scan->len = len;
	scan->at = 0;
	scan->pos = (struct conf_pos){ 1, 1 };
}

void
conf_scan_inside(struct conf_scan *scan, const char *text,
    const struct conf_token *token)
{
	scan->text = text;
	scan->len = token->end;
	scan->at = token->start;
	scan->pos = token->pos;
}

static int
peek(const struct conf_scan *scan, size_t ahead)
{
	return scan->at + ahead < scan->len
	    ? (unsigned char)scan->text[scan->at + ahead]
	    : -1;
}

/* Only the first byte of a character is a column. */
static void
step(struct conf_scan *scan)
{
	unsigned char c = (unsigned char)scan->text[scan->at++];

	if (c == '\n') {
		scan->pos.line++;
		scan->pos.column = 1;
	} else if ((c & 0xc0) != 0x80) {
		scan->pos.column++;
	}
}

/* How many bytes the character at scan has, 0 when it is none: RFC 3629, so
 * no overlong form, no surrogate, nothing over U+10FFFF. */
static size_t
utf8_length(const struct conf_scan *scan)
{
	int c = peek(scan, 0), next = peek(scan, 1), least = 0x80, most = 0xbf;
	size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (len == 1)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	if (c == 0xe0)
		least = 0xa0;
	if (c == 0xed)
		most = 0x9f;
	if (c == 0xf0)
		least = 0x90;
	if (c == 0xf4)
		most = 0x8f;
	if (next < least || next > most)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((peek(scan, i) & ~0x3f) != 0x80)
			return 0;
	return len;
}

static const char *
check_bytes(struct conf_scan *scan)
{
	int first = peek(scan, 0), second = peek(scan, 1);

	if ((first == 0xff && second == 0xfe) ||
	    (first == 0xfe && second == 0xff))
		return "UTF-16; save the file as UTF-8";
	while (scan->at < scan->len) {
		size_t len = utf8_length(scan);

		if (peek(scan, 0) == '\0')
			return "a NUL byte; expected text";
		if (len == 0)
			return "a byte that is not UTF-8; "
			       "save the file as UTF-8";
		while (len-- > 0)
			step(scan);
	}
	return NULL;
}

/* Copies text in double quotes as it is: // in it is no comment. */
static bool
keep_quoted(struct conf_scan *scan, char *out, size_t *used)
{
	do {
		if (peek(scan, 0) == '\\' && peek(scan, 1) != '\n') {
			out[(*used)++] = '\\';
			step(scan);
		}
		if (peek(scan, 0) == '\n' || peek(scan, 0) < 0)
			return false;
		out[(*used)++] = scan->text[scan->at];
		step(scan);
	} while (peek(scan, 0) != '"');
	out[(*used)++] = '"';
	step(scan);
	return true;
}

/* One space for each character; line ends stay. */
static void
blank(struct conf_scan *scan, char *out, size_t *used)
{
	int c = peek(scan, 0);

	if (c == '\n' || c == '\r')
		out[(*used)++] = (char)c;
	else if ((c & 0xc0) != 0x80)
		out[(*used)++] = ' ';
	step(scan);
}

static bool
blank_block(struct conf_scan *scan, char *out, size_t *used)
{
	blank(scan, out, used);
	blank(scan, out, used);
	while (peek(scan, 0) != '*' || peek(scan, 1) != '/') {
		if (peek(scan, 0) < 0)
			return false;
		blank(scan, out, used);
	}
	blank(scan, out, used);
	blank(scan, out, used);
	return true;
}

/* Reads and writes the same bytes: what is written is never ahead of what is
 * read. */
static const char *
take_comments_out(struct conf_scan *scan, char *text, size_t *used,
    struct conf_pos *where)
{
	while (scan->at < scan->len) {
		int c = peek(scan, 0), next = peek(scan, 1);

		*where = scan->pos;
		if (c == '"') {
			if (!keep_quoted(scan, text, used))
				return "text without a closing quote "
				       "on the same line";
		} else if (c == '/' && next == '*') {
			if (!blank_block(scan, text, used))
				return "a comment without its end, */";
		} else if (c == '/' && next == '/') {
			while (peek(scan, 0) >= 0 && peek(scan, 0) != '\n')
				blank(scan, text, used);
		} else {
			text[(*used)++] = (char)c;
			step(scan);
		}
	}
	return NULL;
}

static bool
is_mark(const struct conf_scan *scan, const struct conf_token *token,
    const char *marks)
{
	return token->kind == CONF_TOKEN_MARK &&
	    strchr(marks, scan->text[token->start]) != NULL;
}

static const char *
check_depth(const char *text, size_t len, struct conf_pos *where)
{
	struct conf_scan scan;
	struct conf_token token;
	int depth = 0;

	conf_scan_start(&scan, text, len);
	do {
		token = conf_scan_next(&scan);
		if (is_mark(&scan, &token, "{["))
			depth++;
		else if (is_mark(&scan, &token, "}]"))
			depth--;
		if (depth > CONF_DEPTH_MAX) {
			*where = token.pos;
			return "more than 32 levels deep";
		}
	} while (token.kind != CONF_TOKEN_END);
	return NULL;
}

const char *
conf_text_clean(char *text, size_t *len, struct conf_pos *where)
{
	struct conf_scan scan;
	const char *wrong;
	size_t used = 0;

	if (*len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		*len -= 3;
		memmove(text, text + 3, *len);
	}
	conf_scan_start(&scan, text, *len);
	wrong = check_bytes(&scan);
	*where = scan.pos;
	if (wrong != NULL)
		return wrong;
	conf_scan_start(&scan, text, *len);
	if ((wrong = take_comments_out(&scan, text, &used, where)) != NULL)
		return wrong;
	*len = used;
	return check_depth(text, used, where);
}

static bool
is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_quoted(struct conf_scan *scan)
{
	step(scan);
	while (peek(scan, 0) >= 0 && peek(scan, 0) != '"') {
		if (peek(scan, 0) == '\\' && peek(scan, 1) >= 0)
			step(scan);
		step(scan);
	}
	if (peek(scan, 0) == '"')
		step(scan);
}

struct conf_token
conf_scan_next(struct conf_scan *scan)
{
	struct conf_token token = { 0 };
	int c;

	while (is_space(peek(scan, 0)))
		step(scan);
	token.pos = scan->pos;
	token.start = scan->at;
	if ((c = peek(scan, 0)) == '"') {
		token.kind = CONF_TOKEN_TEXT;
		skip_quoted(scan);
	} else if (c >= 0 && strchr("{}[]:,", c) != NULL) {
		token.kind = CONF_TOKEN_MARK;
		step(scan);
	} else if (c >= 0) {
		token.kind = CONF_TOKEN_WORD;
		do {
			step(scan);
			c = peek(scan, 0);
		} while (
		    c >= 0 && !is_space(c) && strchr("{}[]:,\"", c) == NULL);
	}
	token.end = scan->at;
	return token;
}

/* Moves *value's end behind the bracket that closes what it has opened. */
static void
skip_nested(struct conf_scan *scan, struct conf_token *value)
{
	struct conf_token token = *value;
	int depth = 0;

	for (;;) {
		if (is_mark(scan, &token, "{["))
			depth++;
		else if (is_mark(scan, &token, "}]"))
			depth--;
		if (depth <= 0 || token.kind == CONF_TOKEN_END)
			break;
		token = conf_scan_next(scan);
	}
	value->end = token.end;
}

bool
conf_entry_next(struct conf_scan *scan, struct conf_entry *entry)
{
	conf_scan_next(scan); /* { or , or } */
	entry->key = conf_scan_next(scan);
	if (entry->key.kind != CONF_TOKEN_TEXT)
		return false;
	conf_scan_next(scan); /* : */
	entry->value = conf_scan_next(scan);
	skip_nested(scan, &entry->value);
	return true;
}

void
conf_scan_list(struct conf_scan *scan, const char *text, size_t len,
    const struct conf_token *list)
{
	*scan = (struct conf_scan){ text, len, list->start, list->pos };
}

bool
conf_item_next(struct conf_scan *scan, struct conf_token *item)
{
	struct conf_token mark = conf_scan_next(scan); /* [ or , or ] */

	if (!is_mark(scan, &mark, "[,"))
		return false;
	*item = conf_scan_next(scan);
	if (is_mark(scan, item, "]"))
		return false; /* an empty list */
	skip_nested(scan, item);
	return true;
}

void
conf_spot_find(const char *text, size_t len, size_t offset,
    struct conf_spot *spot)
{
	struct conf_scan scan;
	int depth = 0;

	memset(spot, 0, sizeof(*spot));
	conf_scan_start(&scan, text, len);
	for (;;) {
		spot->token = conf_scan_next(&scan);
		if (spot->token.kind == CONF_TOKEN_END ||
		    spot->token.end >= offset)
			return;
		if (is_mark(&scan, &spot->token, "{["))
			depth++;
		else if (is_mark(&scan, &spot->token, "}]"))
			depth--;
		else if (depth == 1 && is_mark(&scan, &spot->token, ","))
			spot->key = (struct conf_token){ 0 };
		else if (depth == 1 && is_mark(&scan, &spot->token, ":"))
			spot->key = spot->before;
		spot->before = spot->token;
	}
}
