/*
 * conf_wipe.c - what held a key is overwritten before it is freed.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   conf.
 */
#include "conf/conf_wipe.h"
#include "base/forget.h"

#include <jansson.h>

void
conf_forget(void *memory, size_t len)
{
	forget(memory, len);
}

void
conf_free_json(char *text)
{
	json_malloc_t give;
	json_free_t take;

	json_get_alloc_funcs(&give, &take);
	if (text != NULL)
		take(text);
}
