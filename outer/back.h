/* back.h - listens for inners. Floor: outer. */
#ifndef OUTER_BACK_H
#define OUTER_BACK_H

#include "net/listen.h"

struct hub;

/* Starts to accept links for the shards. NULL with one line in problem. End it
 * with listen_stop. */
struct listen *back_start(struct hub *hub, char problem[LISTEN_PROBLEM_SIZE]);

#endif
