/* outer.h - builds the outer from its parts and takes it down. Floor: outer. */
#ifndef OUTER_OUTER_H
#define OUTER_OUTER_H

struct outer_config;
struct reload;

/* Runs until it is told to stop. Returns the exit code; what could not be
 * started has then been said in one line to standard error. reload:
 * what SIGHUP reads. */
int outer_run(const struct outer_config *config, const struct reload *reload);

#endif
