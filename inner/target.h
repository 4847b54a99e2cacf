/* target.h - what the inner dials for a session. Floor: inner. */
#ifndef INNER_TARGET_H
#define INNER_TARGET_H

#include "inner/config.h"
#include "net/dial.h"
#include "wire/frame.h"
#include "wire/request.h"

struct loop;
struct resolver;

/* Whether this inner serves the request. 0, or the code to refuse it with and
 * *why, a constant text. */
unsigned target_check(const struct inner_config *config,
    const struct request *request, const char **why);

/* As dial_start, to the target of the configuration. */
struct dial *target_dial(struct loop *loop, struct resolver *resolver,
    const struct inner_config *config, dial_fn *done, void *arg);

/* The refusal code for a dial that failed. */
enum wire_code target_code(enum dial_result result);

#endif
