/*
 * direct.c - sessions that need no inner: the outer dials the target itself.
 *
 * Owns:    the dial, and the target's socket until the session has it.
 * Thread:  the shard's loop only.
 * Floor:   outer.
 *
 * A shard has a resolver from its first such session on.
 *
 * A target that is an address of such a service here would make each client one
 * more client, without end. So it is not dialed; what a name means is known
 * afterwards only: then what came of it is reset at once, and a client that has
 * been reset is not served any more.
 */
#include "outer/direct.h"
#include "outer/hub.h"
#include "outer/session.h"
#include "outer/shard.h"
#include "base/log.h"
#include "base/str.h"
#include "net/dial.h"
#include "net/link.h"
#include "net/resolve.h"
#include "relay/refusal.h"
#include "wire/frame.h"

#include <stdio.h>
#include <stdlib.h>

enum { WHY_SIZE = 192 };

const char direct_goes_round[] =
    "the target is an address of a service with Tunnel false of this outer";

struct direct {
	struct shard *shard;	 /* borrowed */
	struct session *session; /* borrowed: it cancels before its end */
	struct dial *dial;	 /* owned; NULL: it is over */
	struct addr target;
};

static void
direct_free(struct direct *direct)
{
	atomic_fetch_sub(&direct->shard->dialing_count, 1);
	free(direct);
}

/* fd: see circle_holds. */
static bool
goes_round(struct shard *shard, const struct addr *target, sock_fd fd)
{
	char text[ADDR_TEXT_SIZE];

	if (!circle_holds(&shard->hub->circle, target, fd))
		return false;
	addr_format(target, text, sizeof(text));
	if (hub_may_log(&shard->strangers))
		log_warn("session", direct_goes_round, KV_STR("target", text));
	return true;
}

bool
direct_may_start(struct shard *shard, const struct addr *target)
{
	return !goes_round(shard, target, SOCK_NONE);
}

static void
on_dialed(enum dial_result result, sock_fd fd, const char *why, void *arg)
{
	struct direct *direct = arg;
	struct session *session = direct->session;
	struct link *link = NULL;
	char text[WHY_SIZE] = "out of memory";

	if (result != DIAL_OK)
		(void)snprintf(text, sizeof(text), "%s: %s",
		    wire_code_text(refusal_of(result)), why);
	else if (goes_round(direct->shard, &direct->target, fd)) {
		str_copy(text, sizeof(text), direct_goes_round);
		sock_reset(fd);
	} else if ((link = link_new(direct->shard->loop, fd)) == NULL)
		sock_close(fd);
	direct_free(direct);
	session_on_target(session, link, text);
}

struct direct *
direct_start(struct shard *shard, const struct addr *target,
    struct session *session)
{
	struct direct *direct = calloc(1, sizeof(*direct));

	if (shard->resolver == NULL)
		shard->resolver = resolver_new(shard->loop);
	if (direct == NULL || shard->resolver == NULL) {
		free(direct);
		return NULL;
	}
	direct->shard = shard;
	direct->session = session;
	direct->target = *target;
	atomic_fetch_add(&shard->dialing_count, 1);
	direct->dial = dial_start(shard->loop, shard->resolver, target,
	    shard->config->forward_ms, on_dialed, direct);
	if (direct->dial != NULL)
		return direct;
	direct_free(direct);
	return NULL;
}

void
direct_cancel(struct direct *direct)
{
	if (direct == NULL)
		return;
	dial_cancel(direct->dial);
	direct_free(direct);
}
