/*
 * spare_session.c - what a spare does for a client: from FORWARD to its end.
 *
 * Owns:    the dial of the target and its socket, until the pump has it.
 * Thread:  the loop's.
 * Floor:   inner. See doc/PROTOCOL, "The life of a standby".
 */
#include "inner/spare_codec.h"
#include "inner/shard.h"
#include "inner/keeper.h"
#include "inner/target.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "net/dial.h"
#include "net/link.h"
#include "relay/refusal.h"
#include "wire/proxyproto.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HOLD_FIN_MS = 1000, /* the answer is complete; who waits for its end
			     * must not wait for ever */
	PUZZLED_MS = 1000,  /* for the outer's word on a service */
	PUZZLED_LOOK_MS = 20,
};

/* The service's name; what the file does not name, by its number. */
static void
service_text(const struct spare_session *session,
    char out[REGISTER_NAME_MAX + 1])
{
	if (session->offer != NULL)
		str_copy(out, REGISTER_NAME_MAX + 1, session->offer->name);
	else if (session->service == 0)
		str_copy(out, REGISTER_NAME_MAX + 1, REGISTER_DEFAULT);
	else
		snprintf(out, REGISTER_NAME_MAX + 1, "%" PRIu32,
		    session->service);
}

/* The request, as far as it is kept. */
static void
kept_request(const struct spare *spare, struct request *request)
{
	const struct spare_session *session = spare->session;

	*request = (struct request){
		.session = spare->session_id,
		.service = session->service,
		.family = (enum request_family)session->family,
		.client_port = session->client_port,
		.public_port = session->public_port,
	};
	memcpy(request->client_addr, session->client_addr,
	    sizeof(session->client_addr));
	memcpy(request->public_addr, session->public_addr,
	    sizeof(session->public_addr));
}

void
spare_log_finished(const struct spare *spare, uint64_t up, uint64_t down,
    const char *why)
{
	const struct spare_session *session = spare->session;
	char client[REQUEST_CLIENT_SIZE], service[REGISTER_NAME_MAX + 1];
	char target[ADDR_TEXT_SIZE] = "";
	struct request request;

	kept_request(spare, &request);
	request_client_text(&request, client);
	service_text(session, service);
	if (session->asked != NULL)
		str_copy(target, sizeof(target), session->asked);
	else if (session->offer != NULL)
		addr_format(&session->offer->target.first, target,
		    sizeof(target));
	log_info("session", "finished", KV_U64("id", spare->session_id),
	    KV_STR("client", client), KV_STR("service", service),
	    KV_STR("target", target), KV_U64("up", up), KV_U64("down", down),
	    KV_MS("duration", clock_ms() - session->began_ms),
	    KV_STR("why", why));
}

void
spare_forget_session(struct spare *spare)
{
	struct spare_session *session = spare->session;

	if (session == NULL)
		return;
	if (session->early != NULL)
		evbuffer_free(session->early);
	if (session->target_fd != SOCK_NONE)
		sock_close(session->target_fd);
	free(session->asked);
	offers_release(session->offers);
	free(session);
	spare->session = NULL;
}

/* No target for this client. The link stays good, unless its format has no
 * word for that, or it has already said that it goes. */
static void
refuse(struct spare *spare, enum wire_code code, const char *text)
{
	char why[256];

	snprintf(why, sizeof(why), "%s: %s", wire_code_text(code), text);
	spare_log_finished(spare, 0, 0, why);
	if (spare->codec->send_refused == NULL ||
	    !spare->codec->send_refused(spare, code, text) || spare->leaving) {
		spare_end_politely(spare, why);
		return;
	}
	spare_forget_session(spare);
	spare_set_state(spare, SPARE_IDLE);
	spare_arm_idle(spare);
}

static void
on_pump_done(const struct pump_result *result, void *arg)
{
	struct spare *spare = arg;
	char text[PUMP_END_SIZE];
	const char *why = result->end == PUMP_STOPPED
	    ? spare->session->stop_why
	    : pump_end_text(result->end, "target", "outer", text);

	spare->session->pump = NULL;
	spare_log_finished(spare, result->b_to_a, result->a_to_b, why);
	spare_leave(spare, SPARE_END_NORMAL, why);
}

/* Joins target and link. False without memory. */
static bool
relay(struct spare *spare)
{
	const struct inner_config *config = spare->shard->config;
	struct spare_session *session = spare->session;
	const struct pump_options options = {
		.buffer_bytes = (size_t)config->buffer_bytes,
		.idle_ms = config->idle_ms,
		.peer_ms = config->peer_ms,
		.whole_close_b = spare->codec->whole_close,
		.hold_fin_ms = spare->codec->whole_close ? HOLD_FIN_MS : 0,
		.gate = spare->codec->gate,
		.early = session->early,
		.done = on_pump_done,
		.arg = spare,
	};

	session->pump = pump_start(spare->shard->pumps, session->target_fd,
	    spare->link, &options);
	if (session->pump == NULL)
		return false;
	session->target_fd = SOCK_NONE;
	spare->link = NULL;
	return true;
}

/* READY, and the target's bytes flow. */
static void
go(struct spare *spare)
{
	struct link *link = spare->link;

	if (!spare->codec->send_ready(spare) || !relay(spare)) {
		/* READY may be in the output: it must not leave, nor a FIN */
		spare_log_finished(spare, 0, 0, "out of memory");
		spare_leave(spare, SPARE_END_NORMAL, "out of memory");
		link_reset(link);
		return;
	}
	spare_set_state(spare, SPARE_STARTED);
	if (spare->codec->gate == NULL)
		spare_on_start(spare);
	else
		loop_timer_start(&spare->timer,
		    spare->shard->config->forward_ms);
}

void
spare_on_start(struct spare *spare)
{
	spare_set_state(spare, SPARE_RELAYING);
	loop_timer_stop(&spare->timer);
}

/*
 * The target is there. Early bytes may reach it only if the outer is still
 * there too, for it may have sent them elsewhere since; and what is on its way
 * may be such bytes: so the link is read dry first.
 */
void
spare_go_if_dry(struct spare *spare)
{
	if (link_is_quiet(spare->link))
		go(spare);
}

static void
on_target(enum dial_result result, sock_fd fd, const char *why, void *arg)
{
	struct spare *spare = arg;

	spare->dial = NULL;
	if (result != DIAL_OK) {
		refuse(spare, refusal_of(result), why);
		return;
	}
	spare->session->target_fd = fd;

	loop_timer_start(&spare->timer, spare->shard->config->forward_ms);
	spare_go_if_dry(spare);
}

/* The target that is not simply the service's, for the log. Without memory it
 * is not told. */
static void
keep_asked(struct spare *spare, const struct request *request,
    const struct target *target)
{
	char text[ADDR_TEXT_SIZE];

	if (request->target[0] != '\0') {
		spare->session->asked = strdup(request->target);
	} else if (target->offer != NULL && target->offer->target.count > 1) {
		addr_format(&target->addr, text, sizeof(text));
		spare->session->asked = strdup(text);
	}
}

/* What the newest offers say: see target_choose. */
static unsigned
choose(struct spare *spare, const struct request *request,
    struct target *target, const char **why)
{
	struct spare_session *session = spare->session;
	unsigned code;

	offers_release(session->offers);
	session->offers = offers_slot_get(spare->shard->keeper->offers);
	code = target_choose(session->offers, request, target, why);
	session->offer = target->offer;
	return code;
}

/* What a target wants to hear before all else, where it was told to. An EARLY
 * that is here already comes after it. False without memory. */
static bool
put_header(struct spare *spare)
{
	struct spare_session *session = spare->session;
	const struct offer *offer = session->offer;
	uint8_t header[PROXYPROTO_ENCODED_MAX];
	struct request request;
	size_t len;

	if (offer == NULL || offer->header == INNER_HEADER_OFF)
		return true;
	kept_request(spare, &request);
	len = offer->header == INNER_HEADER_V1
	    ? proxyproto_encode_v1(&request, header)
	    : proxyproto_encode_v2(&request, offer->name, header);
	if (session->early == NULL)
		session->early = evbuffer_new();
	return session->early != NULL &&
	    evbuffer_prepend(session->early, header, len) == 0;
}

static void
dial_target(struct spare *spare, const struct addr *addr)
{
	struct inner_shard *shard = spare->shard;

	if (!put_header(spare)) {
		refuse(spare, CODE_LIMIT, "out of memory");
		return;
	}
	spare->dial = dial_start(shard->loop, shard->resolver, addr,
	    shard->config->dial_ms, on_target, spare);
	if (spare->dial == NULL)
		refuse(spare, CODE_LIMIT, "out of memory");
	else if (!dial_is_over(spare->dial) &&
	    spare->codec->send_dialing != NULL &&
	    !spare->codec->send_dialing(spare))
		spare_close(spare, SPARE_END_NORMAL, "out of memory");
}

/* The outer has answered REGISTER and sent FORWARD, over two links: the second
 * may be here first. So what is unknown is looked up again for a while. */
static void
wait_for_word(struct spare *spare)
{
	spare->session->puzzled = true;
	if (spare->codec->send_dialing(spare))
		loop_timer_start(&spare->timer, PUZZLED_LOOK_MS);
	else
		spare_close(spare, SPARE_END_NORMAL, "out of memory");
}

void
spare_look_again(struct spare *spare)
{
	const char *why = NULL;
	struct request request;
	struct target target;
	unsigned code;

	kept_request(spare, &request);
	code = choose(spare, &request, &target, &why);
	if (code == CODE_NO_SUCH_SERVICE &&
	    clock_ms() - spare->session->began_ms < PUZZLED_MS) {
		loop_timer_start(&spare->timer, PUZZLED_LOOK_MS);
		return;
	}
	spare->session->puzzled = false;
	keep_asked(spare, &request, &target);
	if (code == 0)
		dial_target(spare, &target.addr);
	else
		refuse(spare, (enum wire_code)code, why);
}

/* False without memory. */
static bool
begin_session(struct spare *spare, const struct request *request)
{
	struct spare_session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		return false;
	session->began_ms = clock_ms();
	session->target_fd = SOCK_NONE;
	session->service = request->service;
	session->family = (uint8_t)request->family;
	session->client_port = request->client_port;
	session->public_port = request->public_port;
	memcpy(session->client_addr, request->client_addr,
	    sizeof(session->client_addr));
	memcpy(session->public_addr, request->public_addr,
	    sizeof(session->public_addr));
	spare->session = session;
	spare->session_id = request->session;
	spare->has_early = false;
	return true;
}

void
spare_on_forward(struct spare *spare, const struct request *request)
{
	struct target target;
	const char *why = NULL;
	unsigned code;

	if (!begin_session(spare, request)) {
		spare_close(spare, SPARE_END_NORMAL, "out of memory");
		return;
	}
	spare_set_state(spare, SPARE_DIALING);
	loop_timer_stop(&spare->timer); /* the dial has its own */
	inner_shard_on_taken(spare->shard, request->waiting);
	code = choose(spare, request, &target, &why);
	if (code == CODE_NO_SUCH_SERVICE && request->service != 0) {
		wait_for_word(spare);
		return;
	}
	keep_asked(spare, request, &target);
	if (code == 0)
		dial_target(spare, &target.addr);
	else
		refuse(spare, (enum wire_code)code, why);
}
