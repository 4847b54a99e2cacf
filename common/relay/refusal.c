/*
 * refusal.c - what a dial that failed is called on the wire.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   relay.
 */
#include "relay/refusal.h"

enum wire_code
refusal_of(enum dial_result result)
{
	switch (result) {
	case DIAL_NO_NAME:
		return CODE_NAME_NOT_RESOLVED;
	case DIAL_TIMED_OUT:
		return CODE_TARGET_TIMED_OUT;
	case DIAL_NO_RESOURCES:
		return CODE_LIMIT;
	case DIAL_OK:
	case DIAL_REFUSED:
		break;
	}
	return CODE_TARGET_REFUSED;
}
