/* api_wish.h - what a caller wants a mapping to be. Floor: outer. */
#ifndef OUTER_API_WISH_H
#define OUTER_API_WISH_H

#include "outer/api_json.h"
#include "outer/mappings.h"

#include <stdbool.h>
#include <stddef.h>

/* Reads the body of create; give *wish to mapping_wish_free. False with one
 * line in problem: then there is nothing to free. */
bool api_wish_read(const char *json, size_t len, struct mapping_wish *wish,
    char problem[API_PROBLEM_SIZE]);

#endif
