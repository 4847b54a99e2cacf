/*
 * log.c - one line per event, as text or JSON.
 *
 * Owns:    the log file's descriptor.
 * Thread:  any; log_open, log_reopen and log_close from the main one.
 * Floor:   base.
 */
#include "base/log.h"
#include "base/os.h"
#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 2048, WHEN_SIZE = 40, ESCAPED_SIZE = 8 };

const char *const log_level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
	NULL,
};
const char *const log_format_names[] = {
	[LOG_TEXT] = "text",
	[LOG_JSON] = "json",
	NULL,
};

static struct {
	atomic_int fd; /* owned unless standard output */
	enum log_level level;
	enum log_format format;
	char *path; /* owned; NULL: standard output */
	bool holding;
	unsigned held_count;
	struct held {
		enum log_level level;
		char *lines[2]; /* owned; [LOG_TEXT], [LOG_JSON] */
	} held[LOG_HELD_MAX];
} sink = { STDOUT_FILENO, LOG_INFO, LOG_TEXT, NULL, false, 0, { { 0 } } };

/*
 * Makes fd the sink. A file that is open already keeps its number, and only
 * what is behind that is swapped: so no other thread writes to a closed one.
 */
static int
adopt(int fd)
{
	int old = atomic_load(&sink.fd);

	if (old == STDOUT_FILENO) {
		atomic_store(&sink.fd, fd);
		return 0;
	}
	return os_swap_file(fd, old);
}

int
log_open(enum log_level level, enum log_format format, const char *path)
{
	char *copy = NULL;
	int fd;

	if (path != NULL && path[0] != '\0') {
		if ((copy = strdup(path)) == NULL)
			return -1;
		if ((fd = os_open_log(path)) < 0 || adopt(fd) != 0) {
			free(copy);
			return -1;
		}
	} else {
		log_close();
	}
	free(sink.path);
	sink.path = copy;
	sink.level = level;
	sink.format = format;
	return 0;
}

int
log_reopen(void)
{
	int fd;

	if (sink.path == NULL)
		return 0;
	if ((fd = os_open_log(sink.path)) < 0)
		return -1;
	return adopt(fd) == 0 ? 1 : -1;
}

void
log_close(void)
{
	int old = atomic_exchange(&sink.fd, STDOUT_FILENO);

	if (old != STDOUT_FILENO)
		close(old);
	free(sink.path);
	sink.path = NULL;
}

bool
log_wants(enum log_level level)
{
	return level <= sink.level;
}

/*
 * Writes the character at text as it stands between quotes, and says how many
 * bytes of text that was. Control characters, those of Latin-1 too, must not
 * reach a terminal, and what is not UTF-8 would spoil JSON.
 */
static size_t
escape(const char *text, char out[ESCAPED_SIZE])
{
	unsigned char c = (unsigned char)text[0];
	size_t len = str_utf8_length(text);

	if (len == 0) {
		str_copy(out, ESCAPED_SIZE, "\\ufffd");
		return 1;
	}
	if (c == 0xc2 && (unsigned char)text[1] < 0xa0)
		c = (unsigned char)text[1];
	if (c == '"' || c == '\\') {
		snprintf(out, ESCAPED_SIZE, "\\%c", c);
	} else if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
		snprintf(out, ESCAPED_SIZE, "\\u%04x", c);
	} else {
		memcpy(out, text, len);
		out[len] = '\0';
	}
	return len;
}

/* Text for a JSON string, or for a quoted value; whole characters only. */
static void
append_escaped(char *out, size_t size, size_t *used, const char *text)
{
	char piece[ESCAPED_SIZE];

	while (*text != '\0') {
		text += escape(text, piece);
		if (*used + strlen(piece) >= size)
			return;
		str_append(out, size, used, "%s", piece);
	}
}

static bool
needs_quotes(const char *text)
{
	if (text[0] == '\0')
		return true;
	for (; *text != '\0'; text++)
		if ((unsigned char)*text <= 0x20 || *text == '"' ||
		    *text == '\\' || *text == '=' ||
		    (unsigned char)*text >= 0x7f)
			return true;
	return false;
}

static void
append_string(char *out, size_t size, size_t *used, const char *text,
    bool quoted)
{
	if (text == NULL)
		text = "-";
	if (!quoted && !needs_quotes(text)) {
		str_append(out, size, used, "%s", text);
		return;
	}
	str_append(out, size, used, "\"");
	append_escaped(out, size - 1, used, text); /* room for the quote */
	str_append(out, size, used, "\"");
}

static void
append_value(char *out, size_t size, size_t *used,
    const struct log_field *field, bool quoted)
{
	switch (field->kind) {
	case LOG_KV_STR:
		append_string(out, size, used, field->text, quoted);
		break;
	case LOG_KV_U64:
		str_append(out, size, used, "%" PRIu64, field->number);
		break;
	case LOG_KV_MS:
		str_append(out, size, used, "%" PRIu64 ".%03u",
		    field->number / 1000, (unsigned)(field->number % 1000));
		break;
	case LOG_KV_NONE:
		break;
	}
}

size_t
log_format_line(char *out, size_t size, enum log_format format,
    const char *when, enum log_level level, const char *part,
    const char *message, const struct log_field *fields)
{
	bool json = format == LOG_JSON;
	size_t used = 0, room = json ? size - 1 : size; /* for the brace */

	str_append(out, room, &used,
	    json
		? "{\"time\":\"%s\",\"level\":\"%s\",\"part\":\"%s\",\"message\":"
		: "%s %-5s %s: ",
	    when, log_level_names[level], part);
	if (json)
		append_string(out, room, &used, message, true);
	else
		str_append(out, room, &used, "%s", message);
	for (; fields->kind != LOG_KV_NONE; fields++) {
		size_t before = used;

		str_append(out, room, &used,
		    json ? ",\"%s\":" : " %s=", fields->key);
		append_value(out, room, &used, fields, json);
		if (used == room - 1 && json) {
			used = before; /* whole fields only */
			out[used] = '\0';
			break;
		}
	}
	if (json)
		str_append(out, size, &used, "}");
	return used;
}

/* Local time as RFC 3339 has it: 2026-01-31T12:00:00.123+01:00. */
static void
format_now(char *out, size_t size)
{
	static _Thread_local struct {
		time_t second; /* that the rest is of; 0: none */
		char date[20], zone[OS_ZONE_SIZE];
	} last;
	struct timespec now;
	struct tm tm;
	size_t used = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != last.second) { /* the dear half */
		os_local_time(now.tv_sec, &tm, last.zone);
		strftime(last.date, sizeof(last.date), "%Y-%m-%dT%H:%M:%S",
		    &tm);
		last.second = now.tv_sec;
	}
	str_append(out, size, &used, "%s.%03d%.3s:%s", last.date,
	    (int)(now.tv_nsec / 1000000), last.zone, last.zone + 3);
}

/* Writes len bytes; a log must never stop us, so failure is the end of it. */
static void
put(const char *line, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = os_write(atomic_load(&sink.fd), line + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		done += (size_t)n;
	}
}

static char *
render(enum log_format format, const char *when, enum log_level level,
    const char *part, const char *message, const struct log_field *fields)
{
	char line[LINE_SIZE];
	size_t len = log_format_line(line, sizeof(line) - 1, format, when,
	    level, part, message, fields);

	line[len] = '\n';
	line[len + 1] = '\0';
	return strdup(line);
}

/* The format is not known yet, so a held line is rendered in both. */
static void
hold(const char *when, enum log_level level, const char *part,
    const char *message, const struct log_field *fields)
{
	struct held *held;

	if (sink.held_count == LOG_HELD_MAX)
		return;
	held = &sink.held[sink.held_count++];
	held->level = level;
	for (int i = LOG_TEXT; i <= LOG_JSON; i++)
		held->lines[i] = render((enum log_format)i, when, level, part,
		    message, fields);
}

void
log_hold(void)
{
	sink.holding = true;
}

void
log_release(void)
{
	sink.holding = false;
	for (unsigned i = 0; i < sink.held_count; i++) {
		struct held *held = &sink.held[i];
		const char *line = held->lines[sink.format];

		if (line != NULL && log_wants(held->level))
			put(line, strlen(line));
		free(held->lines[LOG_TEXT]);
		free(held->lines[LOG_JSON]);
	}
	sink.held_count = 0;
}

void
log_write(enum log_level level, const char *part, const char *message,
    const struct log_field *fields)
{
	char line[LINE_SIZE], when[WHEN_SIZE];
	size_t len;

	format_now(when, sizeof(when));
	if (sink.holding) {
		hold(when, level, part, message, fields);
		return;
	}
	len = log_format_line(line, sizeof(line) - 1, sink.format, when, level,
	    part, message, fields);
	line[len++] = '\n';
	put(line, len);
}

bool
log_allow(struct log_limit *limit, uint64_t now_ms, uint64_t *suppressed)
{
	uint64_t second = now_ms / 1000;

	if (limit->second != second) {
		limit->second = second;
		limit->used = 0;
	}
	if (limit->used >= LOG_LIMIT_BURST) {
		limit->suppressed++;
		return false;
	}
	limit->used++;
	*suppressed = limit->suppressed;
	limit->suppressed = 0;
	return true;
}
