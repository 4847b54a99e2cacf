/*
 * resolve.c - host names to addresses without blocking a loop.
 *
 * Owns:    questions until they are answered.
 * Thread:  the loop's, but for ask(), which runs on threads of its own. They
 *          share struct crew, under its mutex; whoever leaves it last frees it.
 * Floor:   net.
 */
#include "net/resolve.h"
#include "net/inbox.h"
#include "net/loop.h"
#include "base/str.h"
#include "sys/inet.h"
#include "sys/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One name that is being looked up, for all who want it. */
struct question {
	struct inbox_message message; /* carries the answer back */
	struct list_node node;	      /* crew.queue */
	struct list_node open_node;   /* resolver.open */
	struct resolver *resolver;    /* borrowed: NULL once that is gone */
	struct list lookups;
	char host[ADDR_HOST_MAX + 1];
	char port[6];
	struct addrinfo *found; /* owned */
	const char *why;
};

struct lookup {
	struct list_node node;	   /* question.lookups */
	struct resolver *resolver; /* borrowed */
	resolve_fn *done;
	void *arg;
};

/* What the resolver and its threads share. */
struct crew {
	struct mutex *mutex; /* owned; guards all below */
	struct list queue;   /* struct question */
	struct inbox *inbox; /* borrowed: NULL once the loop ends */
	unsigned threads;
};

struct resolver {
	struct crew *crew;
	struct loop *loop; /* borrowed */
	struct list open;  /* questions without an answer */
	size_t lookups;
};

static struct addrinfo *
ask_system(const char *host, const char *port, int flags, const char **why)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = flags };
	struct addrinfo *found = NULL;
	int error = getaddrinfo(host, port, &hints, &found);

	*why = error == 0 ? NULL : inet_lookup_text(error);
	return error == 0 ? found : NULL;
}

static void
crew_free(struct crew *crew)
{
	mutex_free(crew->mutex);
	free(crew);
}

static void
question_free(struct question *question)
{
	if (question->found != NULL)
		freeaddrinfo(question->found);
	free(question);
}

/* Back on the loop: hands the answer to everybody who still wants it. */
static void
on_answer(struct inbox_message *message)
{
	struct question *question = list_entry(message, struct question,
	    message);
	struct list_node *node;

	if (question->resolver != NULL)
		list_remove(&question->open_node);
	while ((node = list_pop(&question->lookups)) != NULL) {
		struct lookup *lookup = list_entry(node, struct lookup, node);
		resolve_fn *done = lookup->done;
		void *arg = lookup->arg;

		lookup->resolver->lookups--;
		free(lookup);
		done(question->found, question->why, arg);
	}
	question_free(question);
}

/* A thread's life: questions until none is left. */
static void
ask(void *arg)
{
	struct crew *crew = arg;
	struct list_node *node;
	bool last;

	mutex_lock(crew->mutex);
	while ((node = list_pop(&crew->queue)) != NULL) {
		struct question *question = list_entry(node, struct question,
		    node);

		mutex_unlock(crew->mutex);
		question->found = ask_system(question->host, question->port, 0,
		    &question->why);
		mutex_lock(crew->mutex);
		if (crew->inbox != NULL)
			inbox_post(crew->inbox, &question->message);
		else
			question_free(question);
	}
	last = --crew->threads == 0 && crew->inbox == NULL;
	mutex_unlock(crew->mutex);
	if (last)
		crew_free(crew);
}

struct resolver *
resolver_new(struct loop *loop)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	struct crew *crew = calloc(1, sizeof(*crew));

	if (resolver == NULL || crew == NULL ||
	    (crew->mutex = mutex_new()) == NULL) {
		free(resolver);
		free(crew);
		return NULL;
	}
	list_init(&crew->queue);
	crew->inbox = loop_inbox(loop);
	list_init(&resolver->open);
	resolver->crew = crew;
	resolver->loop = loop;
	return resolver;
}

void
resolver_free(struct resolver *resolver)
{
	struct crew *crew;
	struct list_node *node;
	bool last;

	if (resolver == NULL)
		return;
	crew = resolver->crew;
	mutex_lock(crew->mutex);
	crew->inbox = NULL;
	while ((node = list_pop(&resolver->open)) != NULL)
		list_entry(node, struct question, open_node)->resolver = NULL;
	while ((node = list_pop(&crew->queue)) != NULL)
		question_free(list_entry(node, struct question, node));
	last = crew->threads == 0;
	mutex_unlock(crew->mutex);
	if (last)
		crew_free(crew);
	free(resolver);
}

static struct question *
find_open(struct resolver *resolver, const char *host, const char *port)
{
	struct list_node *node = list_first(&resolver->open);

	for (; node != NULL; node = list_next(&resolver->open, node)) {
		struct question *question = list_entry(node, struct question,
		    open_node);

		if (strcmp(question->host, host) == 0 &&
		    strcmp(question->port, port) == 0)
			return question;
	}
	return NULL;
}

/* Puts the question to the crew; false when it cannot be asked. */
static bool
put(struct crew *crew, struct question *question)
{
	bool asked = true;

	mutex_lock(crew->mutex);
	list_push_back(&crew->queue, &question->node);
	if (crew->threads < RESOLVE_THREADS_MAX) {
		crew->threads++;
		if (!thread_detach(ask, crew)) {
			crew->threads--;
			asked = crew->threads > 0; /* they get to it */
		}
	}
	if (!asked)
		list_remove(&question->node);
	mutex_unlock(crew->mutex);
	return asked;
}

static struct question *
question_new(struct resolver *resolver, const char *host, const char *port)
{
	struct question *question = calloc(1, sizeof(*question));

	if (question == NULL)
		return NULL;
	list_init(&question->lookups);
	question->message.run = on_answer;
	question->resolver = resolver;
	str_copy(question->host, sizeof(question->host), host);
	str_copy(question->port, sizeof(question->port), port);
	if (!put(resolver->crew, question)) {
		free(question);
		return NULL;
	}
	list_push_back(&resolver->open, &question->open_node);
	return question;
}

struct lookup *
lookup_start(struct resolver *resolver, const struct addr *addr,
    resolve_fn *done, void *arg)
{
	struct question *question;
	struct lookup *lookup;
	char port[6];

	if (resolver->lookups >= RESOLVE_QUEUE_MAX ||
	    (lookup = calloc(1, sizeof(*lookup))) == NULL)
		return NULL;
	snprintf(port, sizeof(port), "%u", (unsigned)addr->port);
	question = find_open(resolver, addr->host, port);
	if (question == NULL)
		question = question_new(resolver, addr->host, port);
	if (question == NULL) {
		free(lookup);
		return NULL;
	}
	lookup->resolver = resolver;
	lookup->done = done;
	lookup->arg = arg;
	list_push_back(&question->lookups, &lookup->node);
	resolver->lookups++;
	return lookup;
}

void
lookup_cancel(struct lookup *lookup)
{
	if (lookup == NULL)
		return;
	list_remove(&lookup->node);
	lookup->resolver->lookups--;
	free(lookup);
}

struct addrinfo *
resolve_numeric(const struct addr *addr)
{
	const char *why;
	char port[6];

	snprintf(port, sizeof(port), "%u", (unsigned)addr->port);
	return ask_system(addr->host[0] == '\0' ? NULL : addr->host, port,
	    AI_NUMERICHOST | AI_NUMERICSERV, &why);
}

struct addrinfo *
resolve_to_listen(const struct addr *addr, const char **why)
{
	char port[6];

	snprintf(port, sizeof(port), "%u", (unsigned)addr->port);
	return ask_system(addr->host[0] == '\0' ? NULL : addr->host, port,
	    AI_PASSIVE | AI_NUMERICSERV, why);
}
