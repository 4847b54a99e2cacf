/*
 * api_sessions.c - sessions are listed and ended, on whatever thread they are.
 *
 * Owns:    questions that are under way.
 * Thread:  main, but for look, which runs on each shard.
 * Floor:   outer.
 *
 * A question goes to all shards, one message each, and the answer leaves when
 * all are back. A session that is just on its way from main to a shard is seen
 * by neither.
 */
#include "outer/api_json.h"
#include "outer/api_parts.h"
#include "outer/hub.h"
#include "outer/session.h"
#include "outer/shard.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SESSIONS_TOLD_MAX = 1000 };

/* What one shard is asked, and says. */
struct part {
	struct inbox_message message;
	struct question *question; /* borrowed: the one it is a part of */
	struct shard *shard;
	json_t *found; /* owned, a list; NULL: no memory */
	bool more;     /* than SESSIONS_TOLD_MAX */
	bool killed;
};

struct question {
	struct httpd_request *request; /* the answer is due */
	struct hub *hub;	       /* borrowed */
	uint64_t kill;		       /* id of the session to end; 0: none */
	unsigned left;		       /* parts that are under way */
	struct part main;	       /* of those that wait there */
	unsigned count;
	struct part parts[];
};

static json_t *
describe(const struct session *session)
{
	char client[ENDPOINT_TEXT_SIZE];
	struct session_info info;

	session_describe(session, &info);
	endpoint_text(&info.client, true, client);
	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:f}", "id",
	    (json_int_t)info.id, "client", client, "service", info.service,
	    "inner", info.inner, "state", info.state, "age",
	    (double)info.age_ms / 1000.0);
}

static void
look_at(struct part *part, const struct list *list)
{
	uint64_t kill = part->question->kill;
	struct list_node *node = list_first(list), *next;

	for (; node != NULL; node = next) {
		struct session *session = session_of(node);

		next = list_next(list, node);
		if (kill != 0 && session_id(session) == kill) {
			session_close(session, "ended over the API");
			part->killed = true;
			return;
		}
		if (kill != 0)
			continue;
		if (json_array_size(part->found) == SESSIONS_TOLD_MAX) {
			part->more = true;
			return;
		}
		(void)json_array_append_new(part->found, describe(session));
	}
}

/* Those that wait for a standby. */
static void
look_on_main(struct question *question)
{
	struct services *services = &question->hub->services;
	struct list_node *node = list_first(&services->busy), *next;

	for (; node != NULL; node = next) {
		struct dispatch *dispatch = list_entry(node, struct dispatch,
		    busy);

		next = list_next(&services->busy, node);
		look_at(&question->main, &dispatch->waiting);
	}
}

static void
question_free(struct question *question)
{
	for (unsigned i = 0; i < question->count; i++)
		json_decref(question->parts[i].found);
	json_decref(question->main.found);
	free(question);
}

static void
answer_kill(struct question *question)
{
	bool killed = question->main.killed;

	for (unsigned i = 0; i < question->count; i++)
		killed |= question->parts[i].killed;
	if (!killed)
		httpd_reply(question->request, 404,
		    "id: there is no such session", NULL);
	else
		api_reply(question->request, 200, "",
		    json_pack("{s:I}", "id", (json_int_t)question->kill));
}

static void
take_from(json_t *all, const struct part *part, bool *more)
{
	size_t index;
	json_t *one;

	*more |= part->more;
	json_array_foreach(part->found, index, one)
	{
		if (json_array_size(all) == SESSIONS_TOLD_MAX) {
			*more = true;
			return;
		}
		(void)json_array_append(all, one);
	}
}

static void
answer_list(struct question *question)
{
	json_t *all = json_array();
	bool more = false;

	take_from(all, &question->main, &more);
	for (unsigned i = 0; i < question->count; i++)
		take_from(all, &question->parts[i], &more);
	api_reply(question->request, 200, "",
	    json_pack("{s:I, s:b, s:o}", "count",
		(json_int_t)json_array_size(all), "truncated", (int)more,
		"sessions", all));
}

/* Main: one part is back. */
static void
on_back(struct inbox_message *message)
{
	struct question *question =
	    list_entry(message, struct part, message)->question;

	if (--question->left > 0)
		return;
	look_on_main(question); /* last: what has just come back too */
	if (question->kill != 0)
		answer_kill(question);
	else
		answer_list(question);
	question_free(question);
}

/* On the shard. */
static void
look(struct inbox_message *message)
{
	struct part *part = list_entry(message, struct part, message);

	look_at(part, &part->shard->setting_up);
	if (!part->killed)
		look_at(part, &part->shard->relaying);
	part->message.run = on_back;
	shard_post_main(part->shard, &part->message);
}

static void
ask(const struct api *api, struct httpd_request *request, uint64_t kill)
{
	struct hub *hub = api->hub;
	unsigned count = hub->shard_count;
	struct question *question = calloc(1,
	    sizeof(*question) + count * sizeof(question->parts[0]));

	if (question == NULL) {
		httpd_reply(request, 503, "out of memory", NULL);
		return;
	}
	question->request = request;
	question->hub = hub;
	question->kill = kill;
	question->left = question->count = count;
	question->main.question = question;
	question->main.found = json_array();
	for (unsigned i = 0; i < count; i++) {
		struct part *part = &question->parts[i];

		part->question = question;
		part->shard = &hub->shards[i];
		part->found = json_array();
		part->message.run = look;
	}
	for (unsigned i = 0; i < count; i++) /* the last may free it */
		shard_post(&hub->shards[i], &question->parts[i].message);
}

void
api_list_sessions(struct httpd_request *request, void *arg)
{
	ask(arg, request, 0);
}

void
api_kill_session(struct httpd_request *request, void *arg)
{
	const char *text = httpd_name(request);
	char *end;
	uint64_t id;

	errno = 0;
	id = strtoumax(text, &end, 10);
	if (errno != 0 || *end != '\0' || text[0] < '1' || text[0] > '9')
		httpd_reply(request, 400,
		    "id: expected the number of a session, as "
		    "/api/sessions tells it",
		    NULL);
	else
		ask(arg, request, id);
}
