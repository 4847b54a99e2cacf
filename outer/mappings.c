/*
 * mappings.c - public addresses that the API has made, kept across restarts.
 *
 * Owns:    every mapping, and the store.
 * Thread:  main; the store has one of its own.
 * Floor:   outer.
 *
 * A mapping listens while it is written, so that a port that is taken is known
 * before anything is on disk; who made it hears of it when both is done. One
 * that is written or removed just now is busy, and takes no other order.
 */
#include "outer/mappings_parts.h"
#include "outer/api_record.h"
#include "outer/config.h"
#include "outer/hub.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "conf/conf_wipe.h"
#include "ops/store.h"
#include "sys/file.h"
#include "sys/keyfile.h"
#include "sys/user.h"

#include <stdlib.h>
#include <string.h>

struct mapping_call {
	mapping_fn *done;
	void *arg;
};

struct mappings {
	struct hub *hub;     /* borrowed; from mappings_start on */
	struct store *store; /* owned */
	struct list all;     /* struct mapping */
	struct loop_timer retry;
	bool draining;
};

void
mapping_wish_free(struct mapping_wish *wish)
{
	free(wish->allow.blocks);
	free(wish->deny.blocks);
	wish->allow = wish->deny = (struct cidr_list){ 0 };
}

static void
mapping_free(struct mapping *mapping)
{
	list_remove(&mapping->node);
	mapping_wish_free(&mapping->wish);
	free(mapping->call);
	free(mapping);
}

static struct mapping *
mapping_of(struct list_node *node)
{
	return node == NULL ? NULL : list_entry(node, struct mapping, node);
}

const struct mapping *
mappings_next(const struct mappings *mappings, const struct mapping *mapping)
{
	return mapping_of(mapping == NULL
		? list_first(&mappings->all)
		: list_next(&mappings->all, &mapping->node));
}

size_t
mappings_count(const struct mappings *mappings)
{
	return mappings->all.length;
}

static struct mapping *
find_port(const struct mappings *mappings, uint16_t port)
{
	struct list_node *node = list_first(&mappings->all);

	while (node != NULL && mapping_of(node)->wish.listen.port != port)
		node = list_next(&mappings->all, node);
	return mapping_of(node);
}

static struct mapping *
find_name(const struct mappings *mappings, const char *name)
{
	struct list_node *node = list_first(&mappings->all);

	while (node != NULL && strcmp(mapping_of(node)->wish.name, name) != 0)
		node = list_next(&mappings->all, node);
	return mapping_of(node);
}

/* --- from the disk -------------------------------------------------------- */

static void
warn_of(const struct mapping *mapping)
{
	log_warn("mapping", "cannot be restored", KV_U64("id", mapping->id),
	    KV_STR("service", mapping->wish.name),
	    KV_U64("port", mapping->wish.listen.port),
	    KV_STR("why", mapping->problem));
}

/* Those whose record cannot be read: they are never tried. */
static size_t
count_broken(const struct mappings *mappings)
{
	const struct mapping *mapping = mappings_next(mappings, NULL);
	size_t count = 0;

	for (; mapping != NULL; mapping = mappings_next(mappings, mapping))
		count += mapping->broken;
	return count;
}

/* Tries those that do not listen yet. Returns how many are left to be tried
 * again. */
static size_t
restore(struct mappings *mappings, bool first)
{
	struct list_node *node = list_first(&mappings->all);
	size_t left = 0;

	for (; node != NULL; node = list_next(&mappings->all, node)) {
		struct mapping *mapping = mapping_of(node);
		char before[SERVICE_PROBLEM_SIZE];

		if (mapping->service != NULL || mapping->busy ||
		    mapping->broken)
			continue;
		str_copy(before, sizeof(before), mapping->problem);
		if (mapping_start(mapping, mappings->hub, false) ==
		    MAPPING_DONE) {
			if (!first)
				log_info("mapping", "restored",
				    KV_STR("service", mapping->wish.name));
			continue;
		}
		left++;
		if (strcmp(before, mapping->problem) != 0)
			warn_of(mapping); /* once, while it is the same */
	}
	return left;
}

static void
on_retry(void *arg)
{
	struct mappings *mappings = arg;

	if (restore(mappings, false) > 0)
		loop_timer_start(&mappings->retry, MAPPINGS_RETRY_MS);
}

static struct mapping *
mapping_new(struct mappings *mappings)
{
	struct mapping *mapping = calloc(1, sizeof(*mapping));

	if (mapping == NULL)
		return NULL;
	mapping->mappings = mappings;
	mapping->wish.tunnel = true;
	list_push_back(&mappings->all, &mapping->node);
	return mapping;
}

static bool
take_record(struct mappings *mappings, const struct store_record *record)
{
	struct mapping *mapping = mapping_new(mappings);
	char why[SERVICE_PROBLEM_SIZE];

	if (mapping == NULL)
		return false;
	mapping->id = record->id;
	mapping->created_at = record->created_at;
	if (api_record_read(record, &mapping->wish, why))
		return true;
	mapping->broken = true;
	mapping_say(mapping->problem,
	    "its record in the database cannot be read: %s", why);
	warn_of(mapping);
	return true;
}

static bool
load(struct mappings *mappings, char problem[SERVICE_PROBLEM_SIZE])
{
	struct store_records records;
	bool good = true;

	_Static_assert((int)SERVICE_PROBLEM_SIZE >= (int)STORE_PROBLEM_SIZE,
	    "the store may write there");
	if (!store_load(mappings->store, &records, problem))
		return false;
	for (size_t i = 0; good && i < records.count; i++)
		good = take_record(mappings, &records.list[i]);
	store_records_free(&records);
	if (!good)
		mapping_say(problem, "out of memory");
	return good;
}

void
mappings_prepare(const struct outer_config *config)
{
	size_t len = keyfile_folder(config->database);
	struct user_id id;
	char *folder;

	if (!outer_config_has_api(config) || config->user == NULL ||
	    !user_may_change() || len < 2 ||
	    user_find(config->user, config->group, &id) != NULL ||
	    (folder = strdup(config->database)) == NULL)
		return;
	folder[len - 1] = '\0';
	if (!file_exists(folder) && file_make_folder(folder) == NULL)
		(void)file_give(folder, &id);
	free(folder);
}

bool
mappings_open(const struct outer_config *config, struct mappings **mappings,
    char problem[SERVICE_PROBLEM_SIZE])
{
	struct mappings *one;

	*mappings = NULL;
	if (!outer_config_has_api(config) && !file_exists(config->database))
		return true;
	if ((one = calloc(1, sizeof(*one))) == NULL) {
		mapping_say(problem, "out of memory");
		return false;
	}
	list_init(&one->all);
	one->store = store_open(config->database, problem);
	if (one->store != NULL && load(one, problem)) {
		*mappings = one;
		return true;
	}
	mappings_close(one);
	return false;
}

bool
mappings_start(struct mappings *mappings, struct hub *hub,
    char problem[SERVICE_PROBLEM_SIZE])
{
	size_t left, broken;

	if (mappings == NULL)
		return true;
	mappings->hub = hub;
	loop_timer_init(&mappings->retry, hub->loop, on_retry, mappings);
	if (!store_start(mappings->store, hub->loop)) {
		mapping_say(problem, "no memory or threads for the database");
		return false;
	}
	left = restore(mappings, true);
	broken = count_broken(mappings);
	if (mappings->all.length > 0)
		log_info("mapping", "restored from the database",
		    KV_U64("count", mappings->all.length - left - broken),
		    KV_U64("left", left + broken));
	if (left > 0)
		loop_timer_start(&mappings->retry, MAPPINGS_RETRY_MS);
	return true;
}

void
mappings_drain(struct mappings *mappings)
{
	if (mappings == NULL)
		return;
	mappings->draining = true;
	loop_timer_stop(&mappings->retry);
}

void
mappings_close(struct mappings *mappings)
{
	struct list_node *node;

	if (mappings == NULL)
		return;
	store_close(mappings->store, MAPPINGS_CLOSE_MS);
	loop_timer_fini(&mappings->retry);
	while ((node = list_first(&mappings->all)) != NULL)
		mapping_free(mapping_of(node)); /* services are the hub's */
	free(mappings);
}

/* --- making and removing --------------------------------------------------- */

/* The mapping may be gone after it. */
static void
tell(struct mapping *mapping, enum mapping_outcome outcome, const char *problem)
{
	struct mapping_call *call = mapping->call;

	mapping->call = NULL;
	call->done(outcome, mapping, problem, call->arg);
	free(call);
}

static void
log_change(const struct mapping *mapping, const char *what)
{
	char target[ADDR_TEXT_SIZE];

	addr_format(&mapping->wish.target, target, sizeof(target));
	log_info("mapping", what, KV_U64("id", mapping->id),
	    KV_STR("service", mapping->wish.name),
	    KV_U64("port", mapping->wish.listen.port),
	    KV_STR("inner", mapping->wish.inner), KV_STR("target", target));
}

static void
on_created(uint64_t id, const char *problem, void *arg)
{
	struct mapping *mapping = arg;

	mapping->busy = false;
	if (problem != NULL) {
		log_error("mapping", "not kept, so it is closed again",
		    KV_STR("service", mapping->wish.name),
		    KV_STR("why", problem));
		mapping_stop(mapping, "its mapping could not be written");
		tell(mapping, MAPPING_UNWRITTEN, problem);
		mapping_free(mapping);
		return;
	}
	mapping->id = id;
	log_change(mapping, "created");
	tell(mapping, MAPPING_DONE, "");
}

static void
on_removed(uint64_t id, const char *problem, void *arg)
{
	struct mapping *mapping = arg;

	(void)id;
	mapping->busy = false;
	if (problem != NULL) {
		log_error("mapping", "cannot be removed from the database",
		    KV_STR("service", mapping->wish.name),
		    KV_STR("why", problem));
		tell(mapping, MAPPING_UNWRITTEN, problem);
		return;
	}
	mapping_stop(mapping, "its mapping was removed");
	log_change(mapping, "removed");
	tell(mapping, MAPPING_DONE, "");
	mapping_free(mapping);
}

/* Lists of its own. False without memory. */
static bool
copy_wish(struct mapping_wish *to, const struct mapping_wish *from)
{
	*to = *from;
	to->allow = to->deny = (struct cidr_list){ 0 };
	return cidr_list_copy(&to->allow, &from->allow) &&
	    cidr_list_copy(&to->deny, &from->deny);
}

static bool
write_record(struct mapping *mapping)
{
	struct store_record record = { .created_at = mapping->created_at };
	struct api_record_texts texts;
	bool good = api_record_write(&mapping->wish, &record, &texts) &&
	    store_put(mapping->mappings->store, &record, on_created, mapping);

	conf_free_json(texts.extra);
	return good;
}

/* Whether others of the API leave it its port and its name: they may listen
 * nowhere. */
static enum mapping_outcome
judge_others(const struct mappings *mappings, const struct mapping_wish *wish,
    char problem[SERVICE_PROBLEM_SIZE])
{
	const struct mapping *other = find_port(mappings, wish->listen.port);

	if (mappings->draining) {
		mapping_say(problem, "the outer is stopping");
		return MAPPING_NO_ROOM;
	}
	if (other != NULL)
		mapping_say(problem,
		    "port: found %u, the port of the mapping %s%s",
		    (unsigned)wish->listen.port, other->wish.name,
		    other->busy ? ", which is just being written" : "");
	else if ((other = find_name(mappings, wish->name)) != NULL)
		mapping_say(problem,
		    "name: found \"%s\", the name of the mapping of "
		    "port %u",
		    wish->name, (unsigned)other->wish.listen.port);
	return other == NULL ? MAPPING_DONE : MAPPING_TAKEN;
}

/* The mapping is gone if it is not to be. */
static enum mapping_outcome
create(struct mapping *mapping, const struct mapping_wish *wish,
    char problem[SERVICE_PROBLEM_SIZE])
{
	enum mapping_outcome outcome = MAPPING_NO_ROOM;

	mapping->created_at = clock_wall_s();
	mapping_say(mapping->problem, "out of memory");
	if (copy_wish(&mapping->wish, wish) &&
	    (mapping->call = calloc(1, sizeof(*mapping->call))) != NULL)
		outcome = mapping_start(mapping, mapping->mappings->hub, true);
	if (outcome == MAPPING_DONE && !write_record(mapping)) {
		mapping_stop(mapping, "its mapping could not be written");
		mapping_say(mapping->problem,
		    "too many writes are under way: try again");
		outcome = MAPPING_NO_ROOM;
	}
	if (outcome == MAPPING_DONE) {
		mapping->busy = true;
	} else {
		str_copy(problem, SERVICE_PROBLEM_SIZE, mapping->problem);
		mapping_free(mapping);
	}
	return outcome;
}

void
mappings_create(struct mappings *mappings, const struct mapping_wish *wish,
    mapping_fn *done, void *arg)
{
	char problem[SERVICE_PROBLEM_SIZE] = "out of memory";
	enum mapping_outcome outcome = judge_others(mappings, wish, problem);
	struct mapping *mapping = NULL;

	if (outcome == MAPPING_DONE) {
		outcome = MAPPING_NO_ROOM;
		if ((mapping = mapping_new(mappings)) != NULL)
			outcome = create(mapping, wish, problem);
	}
	if (outcome == MAPPING_DONE)
		*mapping->call = (struct mapping_call){ done, arg };
	else
		done(outcome, NULL, problem, arg);
}

void
mappings_remove(struct mappings *mappings, uint16_t port, mapping_fn *done,
    void *arg)
{
	struct mapping *mapping = find_port(mappings, port);
	enum mapping_outcome outcome = MAPPING_NO_ROOM;
	char problem[SERVICE_PROBLEM_SIZE] = "out of memory";

	if (mapping == NULL) {
		mapping_say_whose(mappings->hub, port, problem);
		outcome = MAPPING_UNKNOWN;
	} else if (mappings->draining) {
		mapping_say(problem, "the outer is stopping");
	} else if (mapping->busy) {
		mapping_say(problem,
		    "port: found %u, whose mapping is just being written: try "
		    "again",
		    (unsigned)port);
		outcome = MAPPING_TAKEN;
	} else if ((mapping->call = calloc(1, sizeof(*mapping->call))) !=
	    NULL) {
		*mapping->call = (struct mapping_call){ done, arg };
		mapping->busy = true;
		if (store_remove(mappings->store, mapping->id, on_removed,
			mapping))
			return;
		mapping->busy = false;
		free(mapping->call);
		mapping->call = NULL;
		mapping_say(problem,
		    "too many writes are under way: try again");
	}
	done(outcome, NULL, problem, arg);
}
