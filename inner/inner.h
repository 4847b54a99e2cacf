/* inner.h - builds the inner from its parts and takes it down. Floor: inner. */
#ifndef INNER_INNER_H
#define INNER_INNER_H

struct inner_config;
struct reload;

/* Runs until it is told to stop, whatever the network does. Returns the exit
 * code; what could not be started has then been said to standard error.
 * reload: what SIGHUP reads. */
int inner_run(const struct inner_config *config, const struct reload *reload);

#endif
