/*
 * target.c - what the inner dials for a session.
 *
 * Owns:    nothing.
 * Thread:  the loop's.
 * Floor:   inner.
 */
#include "inner/target.h"

/* The text of FORWARD is checked every time: an outer cannot be trusted to
 * name only what this inner lets it. */
static unsigned
choose_named(const struct offers *offers, const struct request *request,
    struct target *target, const char **why)
{
	size_t own;

	if (addr_parse(request->target, &target->addr) != NULL) {
		*why = "what FORWARD names is no address";
		return CODE_TARGET_NOT_ALLOWED;
	}
	own = offers_find_target(offers, &target->addr);
	if (own == offers->count &&
	    !targets_allow(&offers->allow, &target->addr)) {
		*why = "neither a target in this inner's file nor in its "
		       "AllowTargets";
		return CODE_TARGET_NOT_ALLOWED;
	}
	target->offer = own < offers->count ? &offers->list[own] : NULL;
	return 0;
}

/* Of a range: as many ports behind its first as the public one is. */
static unsigned
choose_port(const struct offer *offer, uint16_t first_public,
    uint16_t public_port, struct target *target, const char **why)
{
	if (offer->target.count == 1) {
		target->addr = offer->target.first;
		return 0;
	}
	if (first_public == 0 || public_port < first_public ||
	    !addr_range_nth(&offer->target,
		(unsigned)public_port - first_public, &target->addr)) {
		*why = "the public port is none of the service's";
		return CODE_TARGET_NOT_ALLOWED;
	}
	return 0;
}

unsigned
target_choose(const struct offers *offers, const struct request *request,
    struct target *target, const char **why)
{
	size_t i;

	*target = (struct target){ 0 };
	if (request->protocol != REQUEST_TCP) {
		*why = "this inner serves TCP only";
		return CODE_TARGET_NOT_ALLOWED;
	}
	if (request->target[0] != '\0')
		return choose_named(offers, request, target, why);
	i = offers_find_id(offers, request->service);
	if (i == offers->count) {
		*why = "this inner has no such service";
		return CODE_NO_SUCH_SERVICE;
	}
	target->offer = &offers->list[i];
	return choose_port(target->offer, offers->ports[i],
	    request->public_port, target, why);
}
