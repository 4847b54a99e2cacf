/*
 * target.c - what the inner dials for a session.
 *
 * Owns:    nothing.
 * Thread:  the loop's.
 * Floor:   inner.
 */
#include "inner/target.h"

#include <string.h>

/* The text of FORWARD is checked every time: an outer cannot be trusted to
 * name only what this inner offers. */
unsigned
target_check(const struct inner_config *config, const struct request *request,
    const char **why)
{
	char own[ADDR_TEXT_SIZE];

	if (request->service != 0 && request->target[0] == '\0') {
		*why = "this inner has only the default service";
		return CODE_NO_SUCH_SERVICE;
	}
	if (request->protocol != REQUEST_TCP) {
		*why = "this inner serves TCP only";
		return CODE_TARGET_NOT_ALLOWED;
	}
	addr_format(&config->proxy_addr, own, sizeof(own));
	if (request->target[0] != '\0' && strcmp(request->target, own) != 0) {
		*why = "this inner serves only its own ProxyAddress";
		return CODE_TARGET_NOT_ALLOWED;
	}
	return 0;
}

struct dial *
target_dial(struct loop *loop, struct resolver *resolver,
    const struct inner_config *config, dial_fn *done, void *arg)
{
	return dial_start(loop, resolver, &config->proxy_addr, config->dial_ms,
	    done, arg);
}

enum wire_code
target_code(enum dial_result result)
{
	switch (result) {
	case DIAL_NO_NAME:
		return CODE_NAME_NOT_RESOLVED;
	case DIAL_TIMED_OUT:
		return CODE_TARGET_TIMED_OUT;
	case DIAL_NO_RESOURCES:
		return CODE_LIMIT;
	case DIAL_OK:
	case DIAL_REFUSED:
		break;
	}
	return CODE_TARGET_REFUSED;
}
