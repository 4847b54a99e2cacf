/* health.h - whether the targets of services answer. Floor: inner. */
#ifndef INNER_HEALTH_H
#define INNER_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct health;
struct loop;
struct offers;
struct resolver;

enum {
	HEALTH_FAILURES = 2
}; /* in a row make a target bad; one success makes
				* it good again */

/* Some have become bad or good. Never called from inside a call to this
 * module. */
typedef void health_fn(void *arg);

/* Checks nothing yet. loop, resolver: borrowed. timeout_ms: for the connection,
 * and as much for the answer. NULL without memory. */
struct health *health_new(struct loop *loop, struct resolver *resolver,
    uint32_t timeout_ms, health_fn *changed, void *arg);

/* Ends all checks. NULL is fine. */
void health_free(struct health *health);

/*
 * From now on the services of these are checked, those with HealthCheck; holds
 * offers. What is known of one of the same name, target and kind of check goes
 * on to hold. False without memory: then all stays as it was.
 */
bool health_take(struct health *health, struct offers *offers);

/* Which are bad, in the order of the offers that were taken last; good until
 * proven bad. Borrowed until the next health_take. */
const bool *health_bad(const struct health *health);

#endif
