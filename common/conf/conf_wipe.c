/*
 * conf_wipe.c - what held a key is overwritten before it is freed.
 *
 * Owns:    nothing.
 * Thread:  any; conf_wipe_json: main, before there are others.
 * Floor:   conf.
 */
#include "conf/conf_wipe.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

void
conf_forget(void *memory, size_t len)
{
	volatile unsigned char *byte = memory;

	while (len-- > 0)
		*byte++ = 0;
}

/* Each block has its size in front, as large as any alignment. */
union block {
	size_t size;
	max_align_t align;
};

static void *
wiped_alloc(size_t size)
{
	union block *block = size > SIZE_MAX - sizeof(*block)
	    ? NULL
	    : malloc(sizeof(*block) + size);

	if (block == NULL)
		return NULL;
	block->size = size;
	return block + 1;
}

static void
wiped_free(void *memory)
{
	union block *block = memory;

	if (block == NULL)
		return;
	block--;
	conf_forget(memory, block->size);
	free(block);
}

void
conf_wipe_json(void)
{
	json_set_alloc_funcs(wiped_alloc, wiped_free);
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
