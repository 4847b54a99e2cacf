/*
 * api_record.c - a mapping as the database has it.
 *
 * Owns:    nothing.
 * Thread:  main.
 * Floor:   outer.
 */
#include "outer/api_record.h"
#include "outer/api_json.h"
#include "base/str.h"
#include "ops/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
api_record_write(const struct mapping_wish *wish, struct store_record *record,
    struct api_record_texts *texts)
{
	json_t *extra = json_pack("{s:I, s:o, s:o}", "max_sessions",
	    (json_int_t)wish->max_sessions, "allow_from",
	    api_nets(&wish->allow), "deny_from", api_nets(&wish->deny));

	texts->extra = extra != NULL ? json_dumps(extra, JSON_COMPACT) : NULL;
	json_decref(extra);
	addr_format(&wish->listen, texts->listen, sizeof(texts->listen));
	addr_format(&wish->target, texts->target, sizeof(texts->target));
	record->name = wish->name;
	record->listen = texts->listen;
	record->inner = wish->inner;
	record->target = texts->target;
	record->tunnel = wish->tunnel;
	record->extra = texts->extra;
	return texts->extra != NULL;
}

static const char *
read_addresses(const struct store_record *record, struct mapping_wish *wish)
{
	const char *why = addr_parse(record->listen, &wish->listen);

	if (why == NULL && wish->listen.kind != ADDR_TCP)
		why = "the public address is none of TCP";
	return why != NULL ? why : addr_parse(record->target, &wish->target);
}

bool
api_record_read(const struct store_record *record, struct mapping_wish *wish,
    char problem[SERVICE_PROBLEM_SIZE])
{
	const struct api_field fields[] = {
		{ "max_sessions", API_COUNT, &wish->max_sessions, 0, 1000000,
		    false },
		{ "allow_from", API_NETS, &wish->allow, 0, API_NETS_MAX,
		    false },
		{ "deny_from", API_NETS, &wish->deny, 0, API_NETS_MAX, false },
	};
	const char *why = read_addresses(record, wish);

	_Static_assert((int)SERVICE_PROBLEM_SIZE >= (int)API_PROBLEM_SIZE,
	    "api_read may write there");
	wish->tunnel = record->tunnel;
	if (!str_copy(wish->name, sizeof(wish->name), record->name) ||
	    !str_copy(wish->inner, sizeof(wish->inner), record->inner))
		why = "a name is too long";
	if (why != NULL) {
		(void)snprintf(problem, SERVICE_PROBLEM_SIZE, "%s", why);
		return false;
	}
	if (api_read(record->extra, strlen(record->extra), fields,
		sizeof(fields) / sizeof(fields[0]), problem))
		return true;
	mapping_wish_free(wish);
	return false;
}
