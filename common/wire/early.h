/* early.h - which first bytes of a client may reach a target twice without
 * harm, so that they may go ahead of READY. Floor: wire. Source: doc/PROTOCOL,
 * "What may go ahead". */
#ifndef WIRE_EARLY_H
#define WIRE_EARLY_H

#include <stddef.h>
#include <stdint.h>

/* EARLY_HTTP: as EARLY_SAFE, and requests with a query. */
enum early_mode { EARLY_OFF, EARLY_SAFE, EARLY_HTTP };

enum early_answer {
	EARLY_NO,    /* not these bytes, nor any that begin with them */
	EARLY_MAYBE, /* not these bytes, but perhaps with more behind them */
	EARLY_SEND,  /* these bytes, and all of them */
};

/*
 * Judges all that a client has sent so far. A pure function: the same bytes
 * get the same answer, so that who gets EARLY_MAYBE asks again when there are
 * more bytes, until READY makes the question idle. Bytes that got EARLY_SEND
 * get EARLY_NO with any byte behind them: whoever sends ahead looks at what is
 * there and sends exactly that.
 *
 * No bytes are EARLY_MAYBE, over FRAME_EARLY_MAX are EARLY_NO, and so is
 * anything with EARLY_OFF. bytes may be NULL when len is 0.
 */
enum early_answer
early_judge(enum early_mode mode, const uint8_t *bytes, size_t len);

#endif
