/*
 * json_safe.c - JSON is read as it stands or not at all.
 *
 * Owns:    a reserve, for the reader that has met the end of memory.
 * Thread:  any; json_safe_prepare: main, before there are others.
 * Floor:   base.
 *
 * A reader that gets no memory gets it from the reserve, so that the library
 * comes to an end in good order; what it has read is thrown away. It is given
 * no more text then, so what it still takes is bounded.
 */
#include "base/json_safe.h"
#include "base/forget.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESERVE = 1 << 20 }; /* of which no page is there before it is used */

/* Each block has its size in front, as large as any alignment. */
union block {
	size_t size;
	max_align_t align;
};

static union block reserve[RESERVE / sizeof(union block)];
static size_t reserve_used; /* blocks; of the thread that has it */
static atomic_flag reserve_taken = ATOMIC_FLAG_INIT;

static _Thread_local struct json_safe *current;

static union block *
from_reserve(size_t blocks)
{
	union block *block = &reserve[reserve_used];

	if (!current->failed) {
		while (atomic_flag_test_and_set(&reserve_taken))
			continue; /* another thread is about to be done */
		current->failed = true;
		block = reserve;
		reserve_used = 0;
	}
	if (blocks > sizeof(reserve) / sizeof(reserve[0]) - reserve_used)
		return NULL;
	reserve_used += blocks;
	return block;
}

static void *
get(size_t size)
{
	size_t blocks = 1 + size / sizeof(union block) +
	    (size % sizeof(union block) != 0);
	union block *block = blocks > SIZE_MAX / sizeof(*block)
	    ? NULL
	    : malloc(blocks * sizeof(*block));

	if (block == NULL && current != NULL)
		block = from_reserve(blocks);
	if (block == NULL)
		return NULL;
	block->size = size;
	return block + 1;
}

static void
give_back(void *memory)
{
	union block *block = memory;

	if (block == NULL)
		return;
	block--;
	forget(memory, block->size);
	if ((uintptr_t)block < (uintptr_t)reserve ||
	    (uintptr_t)block >= (uintptr_t)reserve + sizeof(reserve))
		free(block);
}

void
json_safe_prepare(void)
{
	json_set_alloc_funcs(get, give_back);
}

void
json_safe_begin(struct json_safe *safe)
{
	safe->failed = false;
	current = safe;
}

bool
json_safe_end(struct json_safe *safe)
{
	current = NULL;
	if (safe->failed)
		atomic_flag_clear(&reserve_taken);
	return !safe->failed;
}

struct source {
	const char *text;
	size_t left;
	struct json_safe safe;
};

/* For json_load_callback(3). */
static size_t
read_on(void *buffer, size_t size, void *arg)
{
	struct source *source = arg;
	size_t len = source->left < size ? source->left : size;

	if (source->safe.failed || len == 0)
		return 0;
	memcpy(buffer, source->text, len);
	source->text += len;
	source->left -= len;
	return len;
}

/* As json_error_code(3) reads it. */
static void
say_no_memory(json_error_t *error)
{
	if (error == NULL)
		return;
	(void)snprintf(error->text, sizeof(error->text), "out of memory");
	error->text[sizeof(error->text) - 1] = json_error_out_of_memory;
}

json_t *
json_safe_load(const char *text, size_t len, size_t flags, json_error_t *error)
{
	struct source source = { .text = text, .left = len };
	json_t *root;

	json_safe_begin(&source.safe);
	root = json_load_callback(read_on, &source, flags, error);
	if (source.safe.failed) {
		json_decref(root);
		root = NULL;
	}
	if (!json_safe_end(&source.safe))
		say_no_memory(error);
	return root;
}
