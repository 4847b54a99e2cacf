/* pump_kit.h - what the pumps of one loop share. Floor: relay. */
#ifndef RELAY_PUMP_KIT_H
#define RELAY_PUMP_KIT_H

#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct pump_kit;
struct pump_memory;

/* How bytes are moved: the best that fits, or one for all. */
enum pump_choice { PUMP_AUTO, PUMP_SPLICE, PUMP_COPY, PUMP_BEV };

/* Their names, for the table of the configuration. NULL at the end. */
extern const char *const pump_choices[];

/* Whether this system can do what the key Pump of the file at path says; else
 * problem says what to write instead. */
bool pump_choice_check(const char *path, int choice,
    char problem[CONF_PROBLEM_SIZE]);

/*
 * choice: enum pump_choice, which has no problem. max_fds: the descriptors of
 * the program, of which the pipes of all its loops may take a small part, as of
 * the pages that a user may have in pipes (pipe(7)). memory: borrowed, shared
 * by all loops. For start-up: ends the program without memory.
 */
struct pump_kit *pump_kit_new(struct loop *loop, int choice, uint64_t max_fds,
    unsigned loops, struct pump_memory *memory);

/* When all its pumps are done, before the loop is freed. NULL is fine. */
void pump_kit_free(struct pump_kit *kit);

/* A link of the loop has ended that no pump has had. */
void pump_kit_missed(struct pump_kit *kit);

/* How many descriptors its pipes have. From any thread. */
size_t pump_kit_fds(const struct pump_kit *kit);

#endif
