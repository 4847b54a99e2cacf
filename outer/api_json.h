/* api_json.h - what API callers send, by a table of keys, and what they are
 * told. Floor: outer. */
#ifndef OUTER_API_JSON_H
#define OUTER_API_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct httpd_request;

enum { API_PROBLEM_SIZE = 512, API_NETS_MAX = 1024 };

enum api_type {
	API_TEXT,  /* char[]; min..max printable ASCII, then a NUL */
	API_NAME,  /* the same of letters, digits, '.', '_' and '-' */
	API_COUNT, /* uint32_t; whole number, min..max */
	API_BOOL,  /* bool */
	API_NETS,  /* struct cidr_list, the caller's; a list of text */
};

/* One key that may be there. A key that is null counts as not given. */
struct api_field {
	const char *key;
	enum api_type type;
	void *to; /* filled in where the key is given */
	uint32_t min, max;
	bool needed;
};

/*
 * Reads a JSON object with these keys and no others. An empty body is one
 * without keys. False with one line in problem that names the key; lists that
 * were filled in are still the caller's to free.
 */
bool api_read(const char *json, size_t len, const struct api_field *fields,
    size_t count, char problem[API_PROBLEM_SIZE]);

/* Takes data, which may be NULL: without memory that is what it is, and the
 * answer is 503. */
void api_reply(struct httpd_request *request, int status, const char *message,
    json_t *data);

/* A list with its addresses as text: a new reference, NULL without memory. */
struct cidr_list;
json_t *api_nets(const struct cidr_list *list);

#endif
