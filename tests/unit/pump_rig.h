/* pump_rig.h - a pump between two TCP pairs, of which the test holds the outer
 * ends: left <-> pump <-> right. */
#ifndef TESTS_PUMP_RIG_H
#define TESTS_PUMP_RIG_H

#include "net/link.h"
#include "net/loop.h"
#include "net/rate.h"
#include "relay/pump.h"
#include "relay/pump_kit.h"
#include "relay/pump_memory.h"
#include "sys/sock.h"

#include <check.h>
#include <stdbool.h>

enum { RIG_SMALL = 16 * 1024, RIG_LONG_MS = 10000 };

/* What the test that runs has: rig_set_up makes it anew. */
struct pump_rig {
	struct loop *loop;    /* owned */
	struct pump_kit *kit; /* owned */
	struct pump_memory memory;
	struct rate *rate;   /* owned; NULL: no limits */
	sock_fd left, right; /* owned, or SOCK_NONE */
	struct pump *pump;   /* NULL: not started */
	struct pump_result result;
	bool done; /* rig_on_done was called, once */
};
extern struct pump_rig rig;

/* Large buffers, and nobody is idle; done is rig_on_done. */
extern const struct pump_options rig_plain;

/* Buffers of RIG_SMALL, idle after RIG_LONG_MS, and rig.rate. */
struct pump_options rig_small(void);

void rig_set_up(enum pump_choice choice);
void rig_tear_down(void);

void rig_on_done(const struct pump_result *result, void *arg);

/* The pump's ends: *a and the link, from the first of each pair. Takes both
 * pairs; left and right are the others. */
struct link *rig_take(const sock_fd one[2], const sock_fd other[2], sock_fd *a);

/* The same of new TCP pairs. */
struct link *rig_ends(sock_fd *a);

/* rig_ends, and the pump between them. */
void rig_start(const struct pump_options *options);
void rig_start_small(void); /* with rig_small */

/* Turns the loop once, without waiting. */
void rig_turn(void);
void rig_turn_until_done(void);

/* Turns the loop until fd has something, then reads. 0 = FIN, SOCK_FAILED =
 * reset. */
ssize_t rig_read_some(sock_fd fd, void *out, size_t size);

/* That this comes next. */
void rig_expect(sock_fd fd, const char *text);
void rig_expect_fin(sock_fd fd);
void rig_expect_reset(sock_fd fd);

/* Sends all of it at once. */
void rig_say(sock_fd fd, const char *text);

/* Of test_pump_peers.c: adds its tests. */
void pump_peers_add(TCase *tc);

#endif
