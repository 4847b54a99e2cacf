/*
 * log.h - one line per event, as text or JSON. Floor: base.
 *
 * A line is: time with milliseconds, level, part, message, key=value fields.
 * Messages are constant texts, so that a line can be searched for; all that
 * varies is a field. Never pass a secret.
 *
 *	log_info("standby", "closed", KV_U64("link", id), KV_STR("why", why));
 *
 * The sink is the one piece of process-wide state in the project (libevent's
 * own log callback has no argument to carry it). Each line leaves in one
 * write(2), so lines of several threads never mix.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

/* As choices of a configuration: NULL behind the last. */
extern const char *const log_level_names[], *const log_format_names[];

enum log_kind { LOG_KV_NONE, LOG_KV_STR, LOG_KV_U64, LOG_KV_MS };

struct log_field {
	const char *key;
	enum log_kind kind;
	const char *text;
	uint64_t number;
};

/* clang-format off: one line each reads best */
#define KV_NONE \
	{ \
		NULL, LOG_KV_NONE, NULL, 0 \
	}
#define KV_STR(k, v) \
	{ \
		(k), LOG_KV_STR, (v), 0 \
	}
#define KV_U64(k, v) \
	{ \
		(k), LOG_KV_U64, NULL, (uint64_t)(v) \
	}
/* A duration in milliseconds, written in seconds with three decimals. */
#define KV_MS(k, v) \
	{ \
		(k), LOG_KV_MS, NULL, (uint64_t)(v) \
	}
/* clang-format on */

#define LOG_FIELDS(...) \
	((const struct log_field[]){ KV_NONE, ##__VA_ARGS__, KV_NONE } + 1)
#define log_at(level, part, message, ...) \
	do { \
		if (log_wants(level)) \
			log_write((level), (part), (message), \
			    LOG_FIELDS(__VA_ARGS__)); \
	} while (0)
#define log_error(part, message, ...) \
	log_at(LOG_ERROR, part, message, ##__VA_ARGS__)
#define log_warn(part, message, ...) \
	log_at(LOG_WARN, part, message, ##__VA_ARGS__)
#define log_info(part, message, ...) \
	log_at(LOG_INFO, part, message, ##__VA_ARGS__)
#define log_debug(part, message, ...) \
	log_at(LOG_DEBUG, part, message, ##__VA_ARGS__)

/*
 * Before the first call lines go to standard output, level info, as text.
 * path: the file to append to, or NULL or "" for standard output (copied).
 * Returns 0, or -1 with errno when the file cannot be opened; then nothing
 * has changed.
 */
int log_open(enum log_level level, enum log_format format, const char *path);

/* Opens the file anew, for log rotation: 1, or 0 when there is none. On -1
 * (errno) the old one stays. */
int log_reopen(void);

/* Gives up the file; lines go to standard output again. */
void log_close(void);

bool log_wants(enum log_level level);

/*
 * Keeps lines, at most LOG_HELD_MAX of them, until it is known where the log
 * goes; then log_release writes them there. For start-up, with one thread.
 */
enum { LOG_HELD_MAX = 64 };
void log_hold(void);
void log_release(void);

/* fields: ended by KV_NONE. Use the macros. */
void log_write(enum log_level level, const char *part, const char *message,
    const struct log_field *fields);

/*
 * One line, without its newline, into out (always terminated, cut at size).
 * Returns its length. Quoted values hold no control characters and valid UTF-8
 * only. JSON stays JSON when it is cut: a message is cut inside its quotes,
 * fields are left out whole; size must hold the head, 128 bytes do.
 * The pure half of log_write, for tests.
 */
size_t log_format_line(char *out, size_t size, enum log_format format,
    const char *when, enum log_level level, const char *part,
    const char *message, const struct log_field *fields);

/*
 * A bound for lines that strangers can cause: a burst of LOG_LIMIT_BURST,
 * then as many a second on average. Zeroed is ready. Returns whether to write
 * now; then *suppressed is how many were not written since the last.
 */
enum { LOG_LIMIT_BURST = 20 };
struct log_limit {
	uint64_t second;
	unsigned used;
	uint64_t suppressed;
};
bool log_allow(struct log_limit *limit, uint64_t now_ms, uint64_t *suppressed);

#endif
