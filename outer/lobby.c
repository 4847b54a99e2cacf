/*
 * lobby.c - clients whose first bytes tell whom they are for, or who they are.
 *
 * Owns:    each visitor, and its socket until a session has it.
 * Thread:  main.
 * Floor:   outer.
 *
 * What names the host is only looked at: it stays in the kernel, so that the
 * session finds all of it, and EARLY too. A PROXY header is meant for us and is
 * read. Somebody who sends byte by byte is not looked at for each of them.
 */
#include "outer/lobby.h"
#include "outer/ear.h"
#include "outer/front.h"
#include "outer/hub.h"
#include "outer/session.h"
#include "base/log.h"
#include "net/loop.h"
#include "net/ready.h"
#include "net/watch.h"
#include "sys/sock.h"
#include "wire/peek.h"
#include "wire/proxyproto.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	LOOKS_AT_ONCE = 8, /* after so many, only every LOOK_MS */
	LOOK_MS = 20,
	LINGER_MS = 2000, /* for what we have said to be read */
	LINGER_BYTES = 256 << 10,
};

struct visitor {
	struct list_node node;	 /* lobby.visitors */
	struct list_node at_ear; /* ear.visitors; not LEAVING */
	struct hub *hub;	 /* borrowed */
	struct ear *ear;	 /* borrowed; NULL: LEAVING */
	struct service *held;	 /* held, where it is the only one; or NULL */
	enum visitor_state state;
	struct endpoint peer; /* the proxy, or the client itself */
	struct session_arrival arrival;
	struct watch *watch;	    /* owned; NULL: LEAVING */
	struct loop_timer deadline; /* PeekTimeout; LEAVING: LINGER_MS */
	struct loop_timer again;    /* a look that was put off */
	bool put_off;		    /* that runs */
	unsigned looks;
	struct ready ready; /* LEAVING: throws away what comes */
	size_t thrown;
	struct reap reap;
};

static const char *const state_names[] = {
	[VISITOR_HEADER] = "header",
	[VISITOR_PEEKING] = "peeking",
	[VISITOR_LEAVING] = "leaving",
	[VISITOR_CLOSED] = "closed",
};
_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == VISITOR_NSTATES,
    "every state needs a name");

#define TO(s) (1u << VISITOR_##s)
static const unsigned next_ok[VISITOR_NSTATES] = {
	[VISITOR_HEADER] = TO(PEEKING) | TO(CLOSED),
	[VISITOR_PEEKING] = TO(LEAVING) | TO(CLOSED),
	[VISITOR_LEAVING] = TO(CLOSED),
};

static void look(struct visitor *visitor, bool last);

/* The only writer of the state. */
static void
set_state(struct visitor *visitor, enum visitor_state next)
{
	char client[ENDPOINT_TEXT_SIZE];

	assert(next_ok[visitor->state] & (1u << next));
	endpoint_text(&visitor->arrival.client, true, client);
	log_debug("lobby", "state", KV_STR("client", client),
	    KV_STR("from", state_names[visitor->state]),
	    KV_STR("to", state_names[next]));
	visitor->state = next;
}

/* --- the ways out --------------------------------------------------------- */

/* Nobody looks at its socket any more. */
static void
stop_looking(struct visitor *visitor)
{
	watch_end(visitor->watch);
	visitor->watch = NULL;
	loop_timer_stop(&visitor->again);
	visitor->put_off = false;
}

static void
release(struct visitor *visitor)
{
	if (visitor->held != NULL)
		service_release(visitor->held);
	visitor->held = NULL;
}

/* What every way out has in common; socket and source are the caller's. */
static void
leave(struct visitor *visitor)
{
	struct hub *hub = visitor->hub;

	stop_looking(visitor);
	ready_fini(&visitor->ready);
	loop_timer_fini(&visitor->deadline);
	loop_timer_fini(&visitor->again);
	release(visitor);
	list_remove(&visitor->node);
	list_remove(&visitor->at_ear);
	set_state(visitor, VISITOR_CLOSED);
	loop_reap(hub->loop, &visitor->reap, free, visitor);
	if (hub->on_change != NULL)
		hub->on_change(hub->arg);
}

static void
reset(struct visitor *visitor, const char *why)
{
	char client[ENDPOINT_TEXT_SIZE];

	endpoint_text(&visitor->arrival.client, true, client);
	log_debug("lobby", "reset", KV_STR("client", client),
	    KV_STR("why", why));
	leave(visitor);
	sock_reset(visitor->arrival.fd);
	source_leave(visitor->arrival.source);
}

/* The same with the line that refused clients get. */
static void
refuse(struct visitor *visitor, const struct endpoint *who, enum denial denial)
{
	struct ear *ear = visitor->ear;

	leave(visitor);
	ear_refuse(ear, visitor->arrival.fd, who, denial);
	source_leave(visitor->arrival.source);
}

/* Where several services share the address only now it is known by whose limits
 * the client counts. */
static enum denial
count_anew(struct visitor *visitor, const struct front *front)
{
	struct session_arrival *arrival = &visitor->arrival;
	struct sources *own = front->service->sources;
	struct source *source;
	enum denial denial;

	if (own == NULL || !ear_has_hosts(visitor->ear))
		return DENIAL_NONE;
	denial = front_count(own, &arrival->client, &source);
	if (denial == DENIAL_NONE) {
		source_leave(arrival->source);
		arrival->source = source;
	}
	return denial;
}

static void
hand_over(struct visitor *visitor, struct front *front)
{
	struct session_arrival *arrival = &visitor->arrival;
	enum denial denial = front_judge(front, &arrival->client);

	release(visitor); /* it counts itself no more */
	if (denial == DENIAL_NONE && service_is_full(front->service))
		denial = DENIAL_FULL;
	if (denial == DENIAL_NONE)
		denial = count_anew(visitor, front);
	if (denial != DENIAL_NONE) {
		refuse(visitor, &arrival->client, denial);
		return;
	}
	leave(visitor);
	front_take(front, arrival);
}

/* --- LEAVING -------------------------------------------------------------- */

/* A reset would overtake our words, and so it ends when the client does. */
static void
on_ready(sock_fd fd, short what, void *arg)
{
	struct visitor *visitor = arg;
	uint8_t bytes[4096];
	ssize_t n = sock_recv(fd, bytes, sizeof(bytes));

	(void)what;
	if (n == SOCK_AGAIN)
		return;
	if (n > 0 && (visitor->thrown += (size_t)n) <= LINGER_BYTES)
		return;
	leave(visitor);
	sock_close(fd);
	source_leave(visitor->arrival.source);
}

static void
say(struct visitor *visitor, const uint8_t *words, size_t len)
{
	sock_fd fd = visitor->arrival.fd;

	stop_looking(visitor);
	release(visitor);
	list_remove(&visitor->at_ear);
	visitor->ear = NULL;
	set_state(visitor, VISITOR_LEAVING);
	ready_init(&visitor->ready, visitor->hub->loop, fd, on_ready, visitor);
	if (sock_send(fd, words, len, NULL, 0) != (ssize_t)len ||
	    !ready_want(&visitor->ready, READY_READ)) {
		reset(visitor, "it does not take what it is told");
		return;
	}
	sock_finish(fd);
	loop_timer_start(&visitor->deadline, LINGER_MS);
}

/* --- PEEKING -------------------------------------------------------------- */

static const char *
why_away(enum peek_answer answer, const struct peek *peek)
{
	if (answer == PEEK_BAD)
		return peek->why;
	return answer == PEEK_FOUND ? "nobody serves this host"
				    : "it names no host";
}

/* Nobody is there for it: it is told so in its own words, where it has some. */
static void
turn_away(struct visitor *visitor, enum peek_answer answer,
    const struct peek *peek)
{
	char client[ENDPOINT_TEXT_SIZE];
	size_t len;
	const uint8_t *words = peek_refusal(answer, peek->protocol, &len);

	if (words == NULL) {
		refuse(visitor, &visitor->arrival.client, DENIAL_NO_NAME);
		return;
	}
	endpoint_text(&visitor->arrival.client, true, client);
	if (hub_may_log(&visitor->hub->strangers))
		log_info("front", "turned away", KV_STR("client", client),
		    KV_STR("host", peek->name),
		    KV_STR("why", why_away(answer, peek)));
	say(visitor, words, len);
}

/* Who names nobody for certain might be another's client: it is nobody's. */
static void
decide(struct visitor *visitor, enum peek_answer answer,
    const struct peek *peek)
{
	struct front *front = NULL;

	if (answer == PEEK_FOUND)
		front = ear_find(visitor->ear, peek->name);
	if (front == NULL && answer != PEEK_BAD)
		front = ear_fallback(visitor->ear);
	if (front != NULL)
		hand_over(visitor, front);
	else
		turn_away(visitor, answer, peek);
}

/* False: there is more to wait for. over: nothing more comes, or it comes too
 * late. */
static bool
look_for_host(struct visitor *visitor, bool over)
{
	uint8_t bytes[PEEK_MAX];
	size_t len = sock_peek_bytes(visitor->arrival.fd, bytes, sizeof(bytes));
	struct peek peek;
	enum peek_answer answer = peek_look(bytes, len, &peek);

	if (answer == PEEK_MORE && !over)
		return false;
	decide(visitor, answer, &peek);
	return true;
}

/* --- HEADER --------------------------------------------------------------- */

static struct endpoint
endpoint_of(const struct proxyproto_end *end)
{
	struct endpoint out = { .family = end->family, .port = end->port };

	_Static_assert(sizeof(out.bytes) == sizeof(end->bytes),
	    "both are an IPv6 address");
	memcpy(out.bytes, end->bytes, sizeof(out.bytes));
	return out;
}

/* Takes the header off the socket, and its word for who the client is. */
static void
take_header(struct visitor *visitor, const struct proxyproto *proxy,
    size_t size)
{
	struct session_arrival *arrival = &visitor->arrival;
	uint8_t bytes[PROXYPROTO_V2_MAX];
	enum denial denial;

	stop_looking(visitor); /* before it is read from */
	if (sock_recv(arrival->fd, bytes, size) != (ssize_t)size) {
		reset(visitor, "reset by the client");
		return;
	}
	if (proxy->client.family != 0) {
		arrival->client = endpoint_of(&proxy->client);
		arrival->public = endpoint_of(&proxy->public);
	}
	denial = ear_admit(visitor->ear, &arrival->client, &arrival->source);
	if (denial != DENIAL_NONE) {
		refuse(visitor, &arrival->client, denial);
		return;
	}
	set_state(visitor, VISITOR_PEEKING);
	if (ear_has_hosts(visitor->ear))
		look(visitor, false);
	else
		hand_over(visitor, ear_fallback(visitor->ear));
}

static void
refuse_header(struct visitor *visitor, const char *why)
{
	char proxy[ENDPOINT_TEXT_SIZE];

	endpoint_text(&visitor->peer, true, proxy);
	log_debug("lobby", "no PROXY header", KV_STR("proxy", proxy),
	    KV_STR("why", why));
	refuse(visitor, &visitor->peer, DENIAL_HEADER);
}

static bool
look_for_header(struct visitor *visitor, bool ended, bool last)
{
	uint8_t bytes[PROXYPROTO_V2_MAX];
	size_t size,
	    len = sock_peek_bytes(visitor->arrival.fd, bytes, sizeof(bytes));
	struct proxyproto proxy;
	const char *why;

	switch (proxyproto_decode(bytes, len, &proxy, &size, &why)) {
	case WIRE_OK:
		take_header(visitor, &proxy, size);
		return true;
	case WIRE_BAD:
		refuse_header(visitor, why);
		return true;
	case WIRE_MORE:
		break;
	}
	if (ended && len == 0) /* as checks of health do */
		reset(visitor, "the proxy left without a word");
	else if (ended || last)
		refuse_header(visitor, "it does not end");
	else
		return false;
	return true;
}

/* --- looking -------------------------------------------------------------- */

static void
on_gone(void *arg)
{
	reset(arg, "it left before it said whom it asks for");
}

static void
on_again(void *arg)
{
	struct visitor *visitor = arg;

	visitor->put_off = false;
	look(visitor, false);
}

static void
on_more(void *arg)
{
	struct visitor *visitor = arg;

	if (visitor->put_off)
		return;
	if (visitor->looks++ < LOOKS_AT_ONCE) {
		look(visitor, false);
		return;
	}
	visitor->put_off = true;
	loop_timer_start(&visitor->again, LOOK_MS);
}

static const struct watch_handler handler = { on_gone, on_more };

static void
look(struct visitor *visitor, bool last)
{
	bool ended = sock_ended(visitor->arrival.fd); /* before the bytes */
	bool done;

	if (ended && sock_gone(visitor->arrival.fd)) {
		on_gone(visitor);
		return;
	}
	done = visitor->state == VISITOR_HEADER
	    ? look_for_header(visitor, ended, last)
	    : look_for_host(visitor, ended || last);
	if (done || visitor->watch != NULL)
		return;
	visitor->watch = watch_start(visitor->hub->loop, visitor->arrival.fd,
	    &handler, visitor);
	if (visitor->watch == NULL)
		refuse(visitor, &visitor->peer, DENIAL_NO_MEMORY);
}

static void
on_deadline(void *arg)
{
	struct visitor *visitor = arg;

	if (visitor->state == VISITOR_LEAVING)
		reset(visitor, "it did not close");
	else
		look(visitor, true);
}

/* --- coming and going ----------------------------------------------------- */

void
lobby_init(struct lobby *lobby)
{
	list_init(&lobby->visitors);
}

void
lobby_end(struct lobby *lobby)
{
	struct list_node *node;

	while ((node = list_first(&lobby->visitors)) != NULL)
		reset(list_entry(node, struct visitor, node),
		    "the outer stops");
}

static struct service *
only_service(const struct ear *ear)
{
	const struct front *front = list_entry(list_first(&ear->fronts),
	    struct front, at_ear);

	return ear->fronts.length == 1 ? front->service : NULL;
}

void
lobby_enter(struct ear *ear, const struct session_arrival *arrival, bool header)
{
	struct visitor *visitor = calloc(1, sizeof(*visitor));
	struct hub *hub = ear->hub;

	if (visitor == NULL) {
		ear_refuse(ear, arrival->fd, &arrival->client,
		    DENIAL_NO_MEMORY);
		source_leave(arrival->source);
		return;
	}
	visitor->hub = hub;
	visitor->ear = ear;
	visitor->arrival = *arrival;
	visitor->peer = arrival->client;
	visitor->state = header ? VISITOR_HEADER : VISITOR_PEEKING;
	visitor->held = only_service(ear);
	if (visitor->held != NULL)
		service_hold(visitor->held);
	loop_timer_init(&visitor->deadline, hub->loop, on_deadline, visitor);
	loop_timer_init(&visitor->again, hub->loop, on_again, visitor);
	list_push_back(&hub->services.lobby.visitors, &visitor->node);
	list_push_back(&ear->visitors, &visitor->at_ear);
	loop_timer_start(&visitor->deadline, hub->config->peek_ms);
	intake_on_client(&hub->services.intake, visitor->held);
	look(visitor, false);
}

void
lobby_let_go(struct ear *ear, const struct service *service)
{
	struct list_node *node = list_first(&ear->visitors);

	for (; node != NULL; node = list_next(&ear->visitors, node)) {
		struct visitor *visitor = list_entry(node, struct visitor,
		    at_ear);

		if (visitor->held == service)
			release(visitor);
	}
}

void
lobby_close(struct ear *ear)
{
	struct list_node *node;

	while ((node = list_first(&ear->visitors)) != NULL)
		reset(list_entry(node, struct visitor, at_ear),
		    "its service ended");
}
