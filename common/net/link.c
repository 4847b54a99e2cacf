/*
 * link.c - a byte stream over a connected socket: on a bufferevent, or TLS.
 *
 * Owns:    the socket and its buffers.
 * Thread:  the loop's.
 * Floor:   net.
 *
 * Input has no high-water mark here, for libevent 2.1 crashes when it cannot
 * allocate one (bufferevent_setwatermark). Handlers bound it: they take off
 * all but the beginning of one message, or stop reading.
 */
#include "net/link_parts.h"
#include "net/secure.h"
#include "net/tls.h"
#include "sys/inet.h"
#include "sys/sock.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

/* Who cannot be waited for would never be heard again: it ends instead, after
 * the callbacks that run now. */
static void
enable(struct link *link, short what)
{
	if (bufferevent_enable(link->bev, what) == 0)
		return;
	link->starved = true;
	bufferevent_trigger_event(link->bev, BEV_EVENT_ERROR,
	    BEV_TRIG_DEFER_CALLBACKS);
}

/* Each callback ends with its handler: that may have freed the link. */
static void
on_bev_read(struct bufferevent *bev, void *arg)
{
	struct link *link = arg;

	(void)bev;
	if (link->handler->on_input != NULL)
		link->handler->on_input(link->arg);
}

static void
on_bev_write(struct bufferevent *bev, void *arg)
{
	struct link *link = arg;

	if (!link->automatic && evbuffer_get_length(link_output(link)) == 0)
		bufferevent_disable(bev, EV_WRITE);
	if (link->handler->on_drained != NULL)
		link->handler->on_drained(link->arg);
}

static void
on_bev_event(struct bufferevent *bev, short what, void *arg)
{
	struct link *link = arg;
	int error = inet_error();

	(void)bev;
	if ((what & BEV_EVENT_EOF) != 0 && (what & BEV_EVENT_READING) != 0) {
		if (link->handler->on_eof != NULL)
			link->handler->on_eof(link->arg);
	} else if ((what & (BEV_EVENT_ERROR | BEV_EVENT_EOF)) != 0) {
		if (link->handler->on_error != NULL)
			link->handler->on_error(link->arg,
			    link->starved ? "out of memory"
					  : inet_error_text(error));
	}
}

static void
on_secured(void *arg)
{
	struct link *link = arg;

	secure_flush(link->secure);
	if (link->handler->on_secured != NULL)
		link->handler->on_secured(link->arg);
}

static void
on_secure_input(void *arg)
{
	on_bev_read(NULL, arg);
}

static void
on_secure_drained(void *arg)
{
	struct link *link = arg;

	if (link->handler->on_drained != NULL)
		link->handler->on_drained(link->arg);
}

static void
on_secure_eof(void *arg)
{
	struct link *link = arg;

	if (link->handler->on_eof != NULL)
		link->handler->on_eof(link->arg);
}

static void
on_secure_error(void *arg, const char *why)
{
	struct link *link = arg;

	if (link->handler->on_error != NULL)
		link->handler->on_error(link->arg, why);
}

static void
on_secure_held(void *arg, size_t bytes)
{
	struct link *link = arg;

	if (link->handler != NULL && link->handler->on_held != NULL)
		link->handler->on_held(link->arg, bytes);
}

static const struct secure_handler secure_handler = {
	.on_secured = on_secured,
	.on_input = on_secure_input,
	.on_drained = on_secure_drained,
	.on_eof = on_secure_eof,
	.on_error = on_secure_error,
	.on_held = on_secure_held,
};

struct link *
link_new(struct loop *loop, sock_fd fd)
{
	struct link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	loop_prepare_fd(loop, fd);
	link->bev = bufferevent_socket_new(loop_base(loop), fd, 0);
	if (link->bev == NULL) {
		free(link);
		return NULL;
	}
	link->loop = loop;
	link->fd = fd;

	bufferevent_disable(link->bev, EV_WRITE);
	return link;
}

/* Takes tls, in the bufferevent's place. */
static bool
become_secure(struct link *link, struct tls *tls)
{
	struct secure *secure = tls == NULL
	    ? NULL
	    : secure_new(link->loop, link->fd, tls, &secure_handler, link);

	if (secure == NULL) {
		tls_free(tls);
		return false;
	}
	bufferevent_free(link->bev);
	link->bev = NULL;
	link->secure = secure;
	return true;
}

bool
link_accept_tls(struct link *link, struct tls_context *context)
{
	struct evbuffer *input = link_input(link);
	size_t len = evbuffer_get_length(input);
	unsigned char *bytes = evbuffer_pullup(input, -1);

	bufferevent_disable(link->bev, EV_READ | EV_WRITE);
	return bytes != NULL &&
	    become_secure(link, tls_accept(context, link->fd, bytes, len));
}

bool
link_connect_tls(struct link *link, struct tls_context *context,
    const struct tls_ticket *ticket)
{
	bufferevent_disable(link->bev, EV_READ | EV_WRITE);
	return become_secure(link, tls_connect(context, link->fd, ticket));
}

bool
link_is_tls(const struct link *link)
{
	return link->secure != NULL;
}

bool
link_binding(struct link *link, uint8_t out[LINK_BINDING_SIZE])
{
	memset(out, 0, LINK_BINDING_SIZE);
	return link->secure == NULL ||
	    tls_binding(secure_tls(link->secure), out);
}

bool
link_was_refused(const struct link *link)
{
	return link->secure != NULL &&
	    tls_was_refused(secure_tls(link->secure));
}

bool
link_peer_is_at_fault(const struct link *link)
{
	return link->secure != NULL &&
	    tls_peer_is_at_fault(secure_tls(link->secure));
}

void
link_let_resume(struct link *link)
{
	if (link->secure != NULL)
		tls_let_resume(secure_tls(link->secure));
}

struct tls_ticket *
link_take_ticket(struct link *link)
{
	return link->secure == NULL ? NULL
				    : tls_take_ticket(secure_tls(link->secure));
}

const char *
link_tls_version(const struct link *link)
{
	return link->secure == NULL ? ""
				    : tls_version(secure_tls(link->secure));
}

bool
link_is_resumed(const struct link *link)
{
	return link->secure != NULL && tls_is_resumed(secure_tls(link->secure));
}

void
link_set_handler(struct link *link, const struct link_handler *handler,
    void *arg)
{
	link->handler = handler;
	link->arg = arg;
	if (link->secure != NULL) {
		secure_read(link->secure, true);
		return;
	}
	bufferevent_setcb(link->bev, on_bev_read, on_bev_write, on_bev_event,
	    link);
	enable(link, EV_READ);
}

void
link_kick(struct link *link)
{
	if (link->secure != NULL)
		secure_kick(link->secure);
	else
		bufferevent_trigger(link->bev, EV_READ,
		    BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

size_t
link_held(const struct link *link)
{
	return link->secure == NULL ? 0 : secure_held(link->secure);
}

struct evbuffer *
link_input(struct link *link)
{
	return link->secure != NULL ? secure_input(link->secure)
				    : bufferevent_get_input(link->bev);
}

struct evbuffer *
link_output(struct link *link)
{
	return link->secure != NULL ? secure_output(link->secure)
				    : bufferevent_get_output(link->bev);
}

void
link_copy_unsent(struct link *link, void *out, size_t len)
{
	struct evbuffer *output = link_output(link);

	evbuffer_unfreeze(output, 1); /* only the bufferevent may take off it */
	(void)evbuffer_copyout(output, out, len);
	evbuffer_freeze(output, 1);
}

void
link_flush(struct link *link)
{
	struct evbuffer *output = link_output(link);

	if (link->secure != NULL) {
		secure_flush(link->secure);
		return;
	}
	evbuffer_unfreeze(output, 1); /* only the bufferevent may take off it */
	(void)evbuffer_write(output, link_fd(link));
	evbuffer_freeze(output, 1);
	if (evbuffer_get_length(output) > 0)
		enable(link, EV_WRITE);
}

static void
flush(void *object)
{
	link_flush(object);
}

bool
link_write(struct link *link, const void *bytes, size_t len)
{
	if (!link->automatic)
		loop_reap(link->loop, &link->flush, flush, link);
	return evbuffer_add(link_output(link), bytes, len) == 0;
}

void
link_write_always(struct link *link)
{
	link->automatic = true;
	list_remove(&link->flush.node);
	if (link->secure != NULL)
		secure_flush_always(link->secure);
	else
		enable(link, EV_WRITE);
}

/* TLS sees to that itself. */
void
link_wrote(struct link *link)
{
	if (link->secure == NULL && evbuffer_get_length(link_output(link)) > 0)
		enable(link, EV_WRITE);
}

void
link_read(struct link *link, bool on)
{
	if (link->secure != NULL)
		secure_read(link->secure, on);
	else if (on)
		enable(link, EV_READ);
	else
		bufferevent_disable(link->bev, EV_READ);
}

void
link_set_output_low(struct link *link, size_t bytes)
{
	if (link->secure != NULL)
		secure_set_low(link->secure, bytes);
	else
		bufferevent_setwatermark(link->bev, EV_WRITE, bytes, 0);
}

bool
link_limit(struct link *link, struct ev_token_bucket_cfg *each,
    struct bufferevent_rate_limit_group *all)
{
	if ((each == NULL ||
		bufferevent_set_rate_limit(link->bev, each) == 0) &&
	    (all == NULL ||
		bufferevent_add_to_rate_limit_group(link->bev, all) == 0))
		return true;
	link_unlimit(link);
	return false;
}

void
link_unlimit(struct link *link)
{
	(void)bufferevent_remove_from_rate_limit_group(link->bev);
	(void)bufferevent_set_rate_limit(link->bev, NULL);
}

bool
link_is_quiet(struct link *link)
{
	if (link->secure != NULL)
		return secure_is_quiet(link->secure);
	return evbuffer_get_length(link_input(link)) == 0 &&
	    sock_peek(link_fd(link)) == SOCK_DRY;
}

bool
link_is_gone(struct link *link)
{
	return sock_gone(link_fd(link));
}

bool
link_is_broken(struct link *link)
{
	return sock_broken(link_fd(link));
}

void
link_guard(struct link *link, uint32_t ms)
{
	if (link->guarded)
		return;
	link->guarded = true;
	sock_set_keepalive(link_fd(link), ms);
	sock_set_user_timeout(link_fd(link), ms);
}

uint32_t
link_rtt_us(struct link *link)
{
	return sock_rtt_us(link_fd(link));
}

uint32_t
link_unanswered_ms(struct link *link)
{
	return sock_unanswered_ms(link_fd(link));
}

sock_fd
link_fd(const struct link *link)
{
	return link->fd;
}
