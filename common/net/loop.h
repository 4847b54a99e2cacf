/* loop.h - one event loop, what is freed after it, and its timers. Floor: net. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/list.h"
#include "sys/sock.h"

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct loop;
struct inbox;

/*
 * Embedded in whatever the loop frees later. Zeroed is ready.
 */
struct reap {
	struct list_node node;
	void (*release)(void *object);
	void *object;
};

/* NULL without memory. libevent's own messages go to the log from then on. */
struct loop *loop_new(void);

/* Frees what still waits to be freed, then the loop. */
void loop_free(struct loop *loop);

/* Borrowed: lives as long as the loop. */
struct event_base *loop_base(struct loop *loop);

/*
 * Before the first event of a descriptor that may be one of thousands: libevent
 * keeps a small block for each number for ever. Made by turns, they would lie
 * between what sessions free, and no page could be given back to the system;
 * this makes them for many numbers at a time, side by side.
 */
void loop_prepare_fd(struct loop *loop, sock_fd fd);

/* Where other threads post to this loop. Borrowed. */
struct inbox *loop_inbox(struct loop *loop);

/* Runs until loop_stop. Returns 0, or -1 when libevent fails. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Calls on_quiet(arg) once, when all that loop_free_with has taken is gone:
 * links that still say their last words. Now, if there are none. One waits at
 * a time. */
void loop_when_quiet(struct loop *loop, void (*on_quiet)(void *arg), void *arg);

/* Stops when it is quiet. */
void loop_stop_when_quiet(struct loop *loop);

/*
 * Calls release(object) once, after the callbacks that run now. Does nothing
 * when reap waits already.
 */
void loop_reap(struct loop *loop, struct reap *reap, void (*release)(void *),
    void *object);

/*
 * Calls release(object) when the loop is freed, unless loop_forget came before:
 * for what ends by itself, some time.
 */
void loop_free_with(struct loop *loop, struct reap *reap,
    void (*release)(void *), void *object);
void loop_forget(struct loop *loop, struct reap *reap);

/* How many of them there are. From any thread. */
size_t loop_ending(const struct loop *loop);

/* Calls release of the one that has been there for longest. */
void loop_free_oldest(struct loop *loop);

/* A one-shot timer, embedded in what it is for. Its members are the loop's. */
struct loop_timer {
	struct event event;
	struct loop *loop; /* borrowed; NULL: not initialised */
	void (*on_time)(void *arg);
	void *arg;
};

/* on_time runs in the loop and may end the timer. Nothing is allocated. */
void loop_timer_init(struct loop_timer *timer, struct loop *loop,
    void (*on_time)(void *arg), void *arg);

/* Stops it; one that is zeroed is fine. */
void loop_timer_fini(struct loop_timer *timer);

/* The same on the heap. NULL without memory. */
struct loop_timer *
loop_timer_new(struct loop *loop, void (*on_time)(void *arg), void *arg);
void loop_timer_free(struct loop_timer *timer); /* NULL is fine */

/* (Re)arm; a running timer is set anew. Without memory it goes off at once: a
 * deadline that comes early is better than none. */
void loop_timer_start(struct loop_timer *timer, uint64_t ms);

/* Goes off after the callbacks that run now, in the same wake-up: no trip
 * through the system. */
void loop_timer_soon(struct loop_timer *timer);
void loop_timer_stop(struct loop_timer *timer);

/*
 * Many timers will be started with just so many ms: from then on they share a
 * queue, and none of them costs a place in the heap of all timers. At most
 * LOOP_CLASSES_MAX; later ones, and those that find no memory, are timers like
 * any other.
 */
enum { LOOP_CLASSES_MAX = 16 };
void loop_timer_class(struct loop *loop, uint64_t ms);

/* Calls on_signal in the loop for every signal of that number, from now on;
 * one loop of the process at most. NULL without memory. */
struct loop_signal;
struct loop_signal *loop_signal_new(struct loop *loop, int number,
    void (*on_signal)(int number, void *arg), void *arg);
void loop_signal_free(struct loop_signal *sig); /* NULL is fine */

/* ms, moved by up to percent of itself either way, by chance. */
uint64_t loop_jitter(uint64_t ms, unsigned percent);

#endif
