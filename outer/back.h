/* back.h - listens for inners. Floor: outer. */
#ifndef OUTER_BACK_H
#define OUTER_BACK_H

#include "net/listen.h"

struct back;
struct hub;

/* Starts to accept links for the shards. NULL with one line in problem. */
struct back *back_start(struct hub *hub, char problem[LISTEN_PROBLEM_SIZE]);
void back_stop(struct back *back); /* NULL is fine */

#endif
