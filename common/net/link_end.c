/*
 * link_end.c - how a link ends: in one direction, given away, closed, reset, or
 * retired, when it still says its last words.
 *
 * Owns:    links whose owner is gone, until they are closed.
 * Thread:  the loop's.
 * Floor:   net.
 */
#include "net/link_parts.h"
#include "net/secure.h"
#include "net/tls.h"
#include "sys/sock.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>

/* What a link needs only while it says its last words. */
struct retirement {
	struct loop_timer timer;
	unsigned more;	    /* how often it may be given as much time again */
	struct reap at_end; /* with the loop */
};

bool
link_finish(struct link *link)
{
	if (link->secure != NULL)
		return secure_finish(link->secure);
	sock_finish(link_fd(link));
	return true;
}

static void
end_retirement(struct link *link)
{
	struct retirement *retirement = link->retirement;

	if (retirement == NULL)
		return;
	loop_timer_fini(&retirement->timer);
	loop_forget(link->loop, &retirement->at_end);
	free(retirement);
}

struct stream
link_detach(struct link *link)
{
	sock_fd fd = link->fd;
	struct tls *tls = NULL;

	end_retirement(link);
	list_remove(&link->flush.node);
	if (link->bev != NULL)
		bufferevent_free(link->bev);
	else
		tls = secure_take(link->secure);
	free(link);
	return (struct stream){ tls, fd };
}

/* So that the peer can tell it from a connection that was cut. */
static void
say_goodbye(struct link *link)
{
	if (link->secure != NULL && evbuffer_get_length(link_output(link)) == 0)
		(void)tls_finish(secure_tls(link->secure));
}

void
link_free(struct link *link)
{
	struct stream stream;

	if (link == NULL)
		return;
	say_goodbye(link);
	stream = link_detach(link);
	stream_close(&stream);
}

void
link_reset(struct link *link)
{
	struct stream stream;

	if (link == NULL)
		return;
	stream = link_detach(link);
	stream_reset(&stream);
}

static void
retire_on_input(void *arg)
{
	struct link *link = arg;
	struct evbuffer *input = link_input(link);

	evbuffer_drain(input, evbuffer_get_length(input));
}

static void
retire_on_drained(void *arg)
{
	(void)link_finish(arg);
}

static void
retire_end(void *arg)
{
	link_free(arg);
}

/* Bytes that the peer's system has not taken yet would be lost, should the peer
 * still be sending: what comes to a closed socket is answered by a reset. */
static void
retire_on_time(void *arg)
{
	struct link *link = arg;
	struct retirement *retirement = link->retirement;

	if (retirement->more == 0 || !sock_has_unsent(link->fd)) {
		link_free(link);
		return;
	}
	retirement->more--;
	loop_timer_start(&retirement->timer, LINK_RETIRE_MS);
}

static void
retire_on_error(void *arg, const char *why)
{
	(void)why;
	link_free(arg);
}

static const struct link_handler retire_handler = {
	.on_input = retire_on_input,
	.on_drained = retire_on_drained,
	.on_eof = retire_end,
	.on_error = retire_on_error,
};

static void
retire(struct link *link, unsigned more)
{
	struct retirement *retirement = calloc(1, sizeof(*retirement));

	if (retirement == NULL) {
		link_free(link);
		return;
	}
	link->retirement = retirement;
	retirement->more = more;
	loop_timer_init(&retirement->timer, link->loop, retire_on_time, link);
	loop_timer_start(&retirement->timer, LINK_RETIRE_MS);
	loop_free_with(link->loop, &retirement->at_end, retire_end, link);
	link_set_output_low(link, 0);
	retire_on_input(link);
	link_set_handler(link, &retire_handler, link);
	link_flush(link); /* the loop may end before it turns again */
	link_write_always(link);
	if (evbuffer_get_length(link_output(link)) == 0)
		(void)link_finish(link);
}

void
link_retire(struct link *link)
{
	retire(link, 0);
}

void
link_linger(struct link *link)
{
	retire(link, LINK_LINGER_TIMES - 1);
}
