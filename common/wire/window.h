/* window.h - accepts each counter of a peer once, in about the right order.
 * Floor: wire. Source: doc/PROTOCOL, "Quick join". */
#ifndef WIRE_WINDOW_H
#define WIRE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

enum { WINDOW_SIZE = 1024 };

/* Shared by any number of threads, without a lock. All zero is a fresh one. */
struct window {
	_Atomic uint64_t slot[WINDOW_SIZE]; /* the highest accepted there */
};

/* A window that has accepted nothing; before any other thread knows it. */
void window_init(struct window *window);

/*
 * Whether counter is accepted now. True at most once for each counter, in all
 * threads together, until window_init. False: used, 0, or so old that it can
 * no longer be told. A counter that was never accepted is accepted as long as
 * none over counter + WINDOW_SIZE - 1 has been.
 */
bool window_accept(struct window *window, uint64_t counter);

#endif
