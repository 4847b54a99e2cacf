/* api_record.h - a mapping as the database has it. Floor: outer. */
#ifndef OUTER_API_RECORD_H
#define OUTER_API_RECORD_H

#include "base/addr.h"
#include "outer/mappings.h"
#include "outer/services.h"

#include <stdbool.h>

struct store_record;

/* What a record points to, besides the wish. */
struct api_record_texts {
	char listen[ADDR_TEXT_SIZE], target[ADDR_TEXT_SIZE];
	char *extra; /* the caller's: conf_free_json */
};

/* Fills in all but id and created_at. What it points to is in texts and in the
 * wish. False without memory. */
bool api_record_write(const struct mapping_wish *wish,
    struct store_record *record, struct api_record_texts *texts);

/*
 * The same the other way; give *wish to mapping_wish_free. False with one line
 * in problem: then there is nothing to free, and of *wish the name is what the
 * record says, if it may be one.
 */
bool api_record_read(const struct store_record *record,
    struct mapping_wish *wish, char problem[SERVICE_PROBLEM_SIZE]);

#endif
