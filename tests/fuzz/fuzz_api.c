/*
 * fuzz_api.c - what callers of the API want a mapping to be.
 *
 * What holds: a wish that is taken is within its bounds, FORWARD can carry its
 * target, and the database gives it back as it was; of one that is not, one
 * line says why.
 */
#undef NDEBUG
#include "outer/api_record.h"
#include "outer/api_wish.h"
#include "conf/conf_wipe.h"
#include "ops/store.h"
#include "wire/request.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void
assert_same_addr(const struct addr *a, const struct addr *b)
{
	char a_text[ADDR_TEXT_SIZE], b_text[ADDR_TEXT_SIZE];

	addr_format(a, a_text, sizeof(a_text));
	addr_format(b, b_text, sizeof(b_text));
	assert(strcmp(a_text, b_text) == 0);
	assert(strlen(a_text) <= REQUEST_TARGET_MAX);
}

static void
assert_same_list(const struct cidr_list *a, const struct cidr_list *b)
{
	assert(a->count == b->count && a->count <= API_NETS_MAX);
	for (size_t i = 0; i < a->count; i++) {
		assert(a->blocks[i].family == b->blocks[i].family);
		assert(a->blocks[i].bits == b->blocks[i].bits);
		assert(memcmp(a->blocks[i].bytes, b->blocks[i].bytes,
			   sizeof(a->blocks[i].bytes)) == 0);
	}
}

static void
assert_kept(const struct mapping_wish *wish)
{
	struct mapping_wish again = { .tunnel = true };
	struct store_record record = { .id = 1 };
	struct api_record_texts texts;
	char problem[SERVICE_PROBLEM_SIZE];

	assert(api_record_write(wish, &record, &texts));
	assert(api_record_read(&record, &again, problem));
	conf_free_json(texts.extra);
	assert(strcmp(wish->name, again.name) == 0);
	assert(strcmp(wish->inner, again.inner) == 0);
	assert_same_addr(&wish->listen, &again.listen);
	assert_same_addr(&wish->target, &again.target);
	assert(wish->tunnel == again.tunnel);
	assert(wish->max_sessions == again.max_sessions);
	assert_same_list(&wish->allow, &again.allow);
	assert_same_list(&wish->deny, &again.deny);
	mapping_wish_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	char problem[API_PROBLEM_SIZE];
	struct mapping_wish wish;

	if (!api_wish_read((const char *)input, size, &wish, problem)) {
		assert(problem[0] != '\0' && strchr(problem, '\n') == NULL);
		return 0;
	}
	assert(wish.name[0] != '\0');
	assert(wish.listen.kind == ADDR_TCP && wish.listen.port != 0);
	assert(wish.target.kind == ADDR_TCP && wish.target.port != 0);
	assert(wish.tunnel || wish.inner[0] == '\0');
	assert_kept(&wish);
	mapping_wish_free(&wish);
	return 0;
}
