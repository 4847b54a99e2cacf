/* conf.h - a JSON configuration file read by one table of keys. Floor: conf.
 *
 * One table per program says it all: key, type, where the value goes, range,
 * default, flags, help. The same table loads the file, prints --check, and
 * feeds the test that README, man pages and sample files name the same keys. */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_type {
	CONF_TEXT,    /* char *; owned by the settings; min, max: bytes.
			 * Empty text, where min is 0, is none: NULL */
	CONF_ADDR,    /* struct addr */
	CONF_RANGE,   /* struct addr_range: an address, or ports in a row */
	CONF_BOOL,    /* bool */
	CONF_COUNT,   /* uint32_t; whole number, min..max */
	CONF_SECONDS, /* uint32_t in ms; JSON number of seconds, min..max s */
	CONF_BYTES,   /* uint64_t; whole number, or text like "64K", "1M" */
	CONF_CHOICE,  /* int; index into choices */
	CONF_MODE,    /* uint32_t; file mode: octal text "0660", or a number
			 * whose decimal digits are read as octal (660) */
	CONF_NETS,    /* struct cidr_list; owned by the settings. A list of
			 * text, min..max of them; left out: none */
	CONF_TARGETS, /* struct targets; owned by the settings. A list of
			 * text, min..max of them; left out: none */
	CONF_RANGES,  /* struct addr_ranges; owned by the settings. An address,
			 * perhaps with a range of ports, or a list of 1 to max
			 * of them; left out: none */
	CONF_NAMES,   /* struct conf_names; owned by the settings. A list of
			 * min..max of what CONF_NAME allows */
	CONF_HOSTS,   /* struct conf_names; owned by the settings. A list of
			 * min..max host names and patterns of them, written
			 * as host_read_pattern writes them */
	CONF_PORTS,   /* struct conf_ports; owned by the settings. A list of
			 * min..max ports and ranges of them, as "8000-8099" */
	CONF_LIST,    /* struct conf_list: JSON objects, min..max of them;
			 * where there is one at most it needs no list */
};

enum {
	CONF_REQUIRED = 1, /* must be in the file */
	CONF_SECRET = 2,   /* never shown: messages and --check say *** */
	CONF_CONNECT = 4,  /* an address to connect to: no port 0 and no
				 * empty host ("" becomes localhost's) */
	CONF_NAME = 8,	   /* text of letters, digits, '.', '_' and '-' */
	CONF_RELOAD = 16,  /* a running program takes a new value */
	CONF_TLS = 32,	   /* an address that may begin with tls:// */
};

struct conf_field {
	const char *key;
	enum conf_type type;
	size_t offset;		/* of the value in the settings */
	double min, max;	/* in the units that the file uses */
	const char *by_default; /* as it would stand in the file, without
					 * quotes; NULL: zero, empty or required */
	unsigned flags;
	const void *more; /* CONF_CHOICE: const char *const[], the names and
			   * NULL; CONF_LIST: struct conf_items; else NULL */
	const char *help; /* one line for people */
};

/* What each object of a CONF_LIST is made of: keys of its own. */
struct conf_items {
	const struct conf_field *fields; /* offsets are within one item */
	size_t count, size;		 /* fields; bytes of one item */
};

/* The value of a CONF_LIST in the settings. */
struct conf_list {
	void *items; /* owned; NULL: none */
	size_t count;
};

/* The values of CONF_NAMES, CONF_HOSTS and CONF_PORTS in the settings. Zeroed is none. */
enum { CONF_NAME_MAX = 64 };

struct conf_names {
	char **items; /* owned, and each */
	size_t count;
};

struct conf_port_range {
	uint16_t first, last;
};

struct conf_ports {
	struct conf_port_range *ranges; /* owned */
	size_t count;
};

enum { CONF_PROBLEM_SIZE = 1024 };

/* Whether it is nothing that ends when it is read, or keeps who opens it
 * waiting, as a fifo does. False with one line in problem. */
bool conf_can_reread(const char *path, char problem[CONF_PROBLEM_SIZE]);

/*
 * Reads the file at path into settings (zeroed by the caller). Every field
 * gets its default first. Accepts: // and block comments, a byte order mark,
 * CRLF. A key in other case and a duplicate key (the last one wins) are taken
 * with a warning in the log that names file, line and column. Returns 0; or
 * -1 with one line in problem, "FILE:LINE:COLUMN: KEY: FOUND; EXPECTED", the
 * value of a secret key left out. What was set so far is then still to be
 * given to conf_free. The file is at most 1 MiB and 32 levels deep.
 */
int conf_load(const char *path, const struct conf_field *fields, size_t count,
    void *settings, char problem[CONF_PROBLEM_SIZE]);

/* The same for text in memory; name stands for the file in messages. */
int conf_parse(const char *name, const char *text, size_t len,
    const struct conf_field *fields, size_t count, void *settings,
    char problem[CONF_PROBLEM_SIZE]);

/* A text for one key that comes from elsewhere than a file, such as the command
 * line. */
struct conf_pair {
	const char *key;
	const char *shown; /* what messages call it */
	const char *text;  /* NULL: not given */
};

/*
 * The same without a file: every field gets its default, then those of the
 * pairs their text, for which they must be of a type that is text in a file. A
 * required key that no pair has is not missed. name: as in conf_parse.
 */
int conf_take_pairs(const char *name, const struct conf_pair *pairs,
    size_t pair_count, const struct conf_field *fields, size_t count,
    void *settings, char problem[CONF_PROBLEM_SIZE]);

/* Whether the settings have a secret (CONF_SECRET), in a list too: asked right
 * after the load, whether the file has one. */
bool conf_has_secret(const struct conf_field *fields, size_t count,
    const void *settings);

/* One line "Key = value" per field to standard output, secrets as ***. */
void
conf_print(const struct conf_field *fields, size_t count, const void *settings);

/* Frees the texts and lists that the settings own (secrets are overwritten
 * first). */
void conf_free(const struct conf_field *fields, size_t count, void *settings);

/*
 * The file to read: given if not NULL; else name beside the executable in
 * exe_dir (may be NULL), if it is there; else name in the working directory.
 * Returns a path that the caller frees, or NULL without memory.
 */
char *conf_find(const char *given, const char *exe_dir, const char *name);

#endif
