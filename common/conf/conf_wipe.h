/* conf_wipe.h - what held a key is overwritten before it is freed. Floor:
 * conf. */
#ifndef CONF_CONF_WIPE_H
#define CONF_CONF_WIPE_H

#include <stddef.h>

/* Overwrites memory by a way that no compiler may leave out. */
void conf_forget(void *memory, size_t len);

/* Frees a text that this library has made, which free() may not. NULL is
 * fine. */
void conf_free_json(char *text);

#endif
