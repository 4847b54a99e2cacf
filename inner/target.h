/* target.h - what the inner dials for a session. Floor: inner. */
#ifndef INNER_TARGET_H
#define INNER_TARGET_H

#include "inner/offers.h"
#include "wire/frame.h"
#include "wire/request.h"

struct target {
	const struct offer *offer; /* borrowed: the offers; NULL: none of them,
				    * but AllowTargets allows it */
	struct addr addr;
};

/*
 * What the request asks to dial, if this inner allows it: looked up in each
 * request anew, by the text in it. 0 and *target; or the code to refuse it
 * with, and *why, a constant text. CODE_NO_SUCH_SERVICE: perhaps the outer's
 * word on it is still on its way.
 */
unsigned target_choose(const struct offers *offers,
    const struct request *request, struct target *target, const char **why);

#endif
