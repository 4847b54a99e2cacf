/* mappings_parts.h - what the files of the mappings share. Floor: outer; only
 * outer/mappings*.c include this. */
#ifndef OUTER_MAPPINGS_PARTS_H
#define OUTER_MAPPINGS_PARTS_H

#include "outer/mappings.h"

/* Writes one line, cut where it is too long. */
void mapping_say(char problem[SERVICE_PROBLEM_SIZE], const char *format, ...)
    __attribute__((format(FORMAT_OF_PRINTF, 2, 3)));

/*
 * Has it listen, as a service of the hub, if services and the outer's file leave
 * it its port and its name. fresh: it is being made just now, so inners are
 * asked as well. Unless it is MAPPING_DONE, mapping->problem says why not.
 */
enum mapping_outcome
mapping_start(struct mapping *mapping, struct hub *hub, bool fresh);

/* It listens no more; nor need it have. why: for the log. */
void mapping_stop(struct mapping *mapping, const char *why);

/* Why there is no mapping of that port: what has it instead. */
void mapping_say_whose(const struct hub *hub, uint16_t port,
    char problem[SERVICE_PROBLEM_SIZE]);

#endif
