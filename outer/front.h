/* front.h - listens for clients. Floor: outer. */
#ifndef OUTER_FRONT_H
#define OUTER_FRONT_H

#include "net/listen.h"

struct front;
struct hub;

/* NULL with one line in problem. */
struct front *front_start(struct hub *hub, char problem[LISTEN_PROBLEM_SIZE]);
void front_stop(struct front *front); /* NULL is fine */

/* Something ended: accepts again if there is room for one more session. */
void front_look(struct front *front);

#endif
