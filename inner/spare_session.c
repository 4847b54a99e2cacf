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
service_text(const struct spare *spare, char out[REGISTER_NAME_MAX + 1])
{
	if (spare->offer != NULL)
		str_copy(out, REGISTER_NAME_MAX + 1, spare->offer->name);
	else if (spare->client.service == 0)
		str_copy(out, REGISTER_NAME_MAX + 1, REGISTER_DEFAULT);
	else
		snprintf(out, REGISTER_NAME_MAX + 1, "%" PRIu32,
		    spare->client.service);
}

/* The request, as far as it is kept. */
static void
client_request(const struct spare *spare, struct request *request)
{
	const struct spare_client *client = &spare->client;

	*request = (struct request){
		.session = spare->session,
		.service = client->service,
		.family = (enum request_family)client->family,
		.client_port = client->port,
		.public_port = client->public_port,
	};
	memcpy(request->client_addr, client->addr, sizeof(client->addr));
	memcpy(request->public_addr, client->public_addr,
	    sizeof(client->public_addr));
}

void
spare_log_finished(const struct spare *spare, uint64_t up, uint64_t down,
    const char *why)
{
	char client[REQUEST_CLIENT_SIZE], service[REGISTER_NAME_MAX + 1];
	char target[ADDR_TEXT_SIZE] = "";
	struct request request;

	client_request(spare, &request);
	request_client_text(&request, client);
	service_text(spare, service);
	if (spare->asked != NULL)
		str_copy(target, sizeof(target), spare->asked);
	else if (spare->offer != NULL)
		addr_format(&spare->offer->target.first, target,
		    sizeof(target));
	log_info("session", "finished", KV_U64("id", spare->session),
	    KV_STR("client", client), KV_STR("service", service),
	    KV_STR("target", target), KV_U64("up", up), KV_U64("down", down),
	    KV_MS("duration", clock_ms() - spare->began_ms),
	    KV_STR("why", why));
}

void
spare_forget_session(struct spare *spare)
{
	if (spare->early != NULL)
		evbuffer_free(spare->early);
	spare->early = NULL;
	free(spare->asked);
	spare->asked = NULL;
	offers_release(spare->offers);
	spare->offers = NULL;
	spare->offer = NULL;
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
	    ? spare->stop_why
	    : pump_end_text(result->end, "target", "outer", text);

	spare->pump = NULL;
	spare_log_finished(spare, result->b_to_a, result->a_to_b, why);
	spare_leave(spare, SPARE_END_NORMAL, why);
}

/* Joins target and link. False without memory. */
static bool
relay(struct spare *spare)
{
	const struct inner_config *config = spare->shard->config;
	const struct pump_options options = {
		.buffer_bytes = (size_t)config->buffer_bytes,
		.idle_ms = config->idle_ms,
		.peer_ms = config->peer_ms,
		.whole_close_b = spare->codec->whole_close,
		.hold_fin_ms = spare->codec->whole_close ? HOLD_FIN_MS : 0,
		.gate = spare->codec->gate,
		.early = spare->early,
		.done = on_pump_done,
		.arg = spare,
	};

	spare->pump = pump_start(spare->shard->pumps, spare->target_fd,
	    spare->link, &options);
	if (spare->pump == NULL)
		return false;
	spare->target_fd = SOCK_NONE;
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
	spare->target_fd = fd;

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
		spare->asked = strdup(request->target);
	} else if (target->offer != NULL && target->offer->target.count > 1) {
		addr_format(&target->addr, text, sizeof(text));
		spare->asked = strdup(text);
	}
}

/* What the newest offers say: see target_choose. */
static unsigned
choose(struct spare *spare, const struct request *request,
    struct target *target, const char **why)
{
	unsigned code;

	offers_release(spare->offers);
	spare->offers = offers_slot_get(spare->shard->keeper->offers);
	code = target_choose(spare->offers, request, target, why);
	spare->offer = target->offer;
	return code;
}

/* What a target wants to hear before all else, where it was told to. An EARLY
 * that is here already comes after it. False without memory. */
static bool
put_header(struct spare *spare)
{
	const struct offer *offer = spare->offer;
	uint8_t header[PROXYPROTO_ENCODED_MAX];
	struct request request;
	size_t len;

	if (offer == NULL || offer->header == INNER_HEADER_OFF)
		return true;
	client_request(spare, &request);
	len = offer->header == INNER_HEADER_V1
	    ? proxyproto_encode_v1(&request, header)
	    : proxyproto_encode_v2(&request, offer->name, header);
	if (spare->early == NULL)
		spare->early = evbuffer_new();
	return spare->early != NULL &&
	    evbuffer_prepend(spare->early, header, len) == 0;
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
	spare->puzzled = true;
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

	client_request(spare, &request);
	code = choose(spare, &request, &target, &why);
	if (code == CODE_NO_SUCH_SERVICE &&
	    clock_ms() - spare->began_ms < PUZZLED_MS) {
		loop_timer_start(&spare->timer, PUZZLED_LOOK_MS);
		return;
	}
	spare->puzzled = false;
	keep_asked(spare, &request, &target);
	if (code == 0)
		dial_target(spare, &target.addr);
	else
		refuse(spare, (enum wire_code)code, why);
}

static void
note_client(struct spare *spare, const struct request *request)
{
	spare->session = request->session;
	spare->client.family = (uint8_t)request->family;
	spare->client.port = request->client_port;
	spare->client.public_port = request->public_port;
	spare->client.service = request->service;
	memcpy(spare->client.addr, request->client_addr,
	    sizeof(spare->client.addr));
	memcpy(spare->client.public_addr, request->public_addr,
	    sizeof(spare->client.public_addr));
	spare->began_ms = clock_ms();
	spare->has_early = false;
}

void
spare_on_forward(struct spare *spare, const struct request *request)
{
	struct target target;
	const char *why = NULL;
	unsigned code;

	note_client(spare, request);
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
