/* direct.h - sessions that need no inner: the outer dials the target itself.
 * Floor: outer. */
#ifndef OUTER_DIRECT_H
#define OUTER_DIRECT_H

#include "base/addr.h"

#include <stdbool.h>

struct direct;
struct session;
struct shard;

/* Why a session of a target that leads back here ends. */
extern const char direct_goes_round[];

/* The shard's: false if the target leads back here, which the log is told of. */
bool direct_may_start(struct shard *shard, const struct addr *target);

/*
 * The shard's: dials the target, for ForwardTimeout at most, and tells the
 * session by session_on_target, once, never before this returns, unless
 * direct_cancel comes first. NULL without memory.
 */
struct direct *direct_start(struct shard *shard, const struct addr *target,
    struct session *session);

/* Gives up. NULL is fine. */
void direct_cancel(struct direct *direct);

#endif
