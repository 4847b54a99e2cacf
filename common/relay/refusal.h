/* refusal.h - what a dial that failed is called on the wire. Floor: relay. */
#ifndef RELAY_REFUSAL_H
#define RELAY_REFUSAL_H

#include "net/dial.h"
#include "wire/frame.h"

/* The refusal code for a dial that failed; of DIAL_OK it has no meaning. */
enum wire_code refusal_of(enum dial_result result);

#endif
