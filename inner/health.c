/*
 * health.c - whether the targets of services answer: tried at intervals.
 *
 * Owns:    the checks, and the connection that each is making.
 * Thread:  main.
 * Floor:   inner.
 *
 * A target is dialed as for a session. "http" asks it for a path as well, and
 * reads no more than the status.
 */
#include "inner/health.h"
#include "inner/offers.h"
#include "base/log.h"
#include "net/dial.h"
#include "net/link.h"
#include "net/loop.h"
#include "wire/proxyproto.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	JITTER_PERCENT = 10,
	STATUS_SIZE = 12, /* "HTTP/1.1 200" */
	REQUEST_SIZE = 1024,
};

struct check {
	struct health *health;	   /* borrowed */
	const struct offer *offer; /* borrowed: health.offers */
	bool *bad;		   /* borrowed: health.bad */
	struct loop_timer timer;   /* the next one; or the answer's deadline */
	struct dial *dial;	   /* owned; NULL: none */
	struct link *link;	   /* owned: waits for the answer; NULL: none */
	unsigned failures;	   /* in a row */
};

struct health {
	struct loop *loop;
	struct resolver *resolver;
	uint32_t timeout_ms;
	health_fn *changed;
	void *arg;
	struct offers *offers; /* held; NULL: none yet */
	struct check *checks;  /* owned, as many as offers */
	bool *bad;	       /* owned, likewise */
};

static void
log_change(const struct check *check, const char *why)
{
	if (*check->bad)
		log_warn("service", "the target is bad",
		    KV_STR("name", check->offer->name), KV_STR("why", why));
	else
		log_info("service", "the target is good again",
		    KV_STR("name", check->offer->name));
}

/* One attempt is over. why: NULL, it was good. */
static void
finish(struct check *check, const char *why)
{
	struct health *health = check->health;
	bool was = *check->bad;

	link_free(check->link);
	check->link = NULL;
	loop_timer_start(&check->timer,
	    loop_jitter(check->offer->health_ms, JITTER_PERCENT));
	if (why == NULL)
		check->failures = 0;
	else if (check->failures < HEALTH_FAILURES)
		check->failures++;
	*check->bad = why != NULL &&
	    (was || check->failures >= HEALTH_FAILURES);
	if (*check->bad == was)
		return;
	log_change(check, why);
	health->changed(health->arg);
}

/* The status is all that counts of an answer. */
static void
on_input(void *arg)
{
	static const char start[] = "HTTP/1.";
	struct check *check = arg;
	char status[STATUS_SIZE + 1] = "", why[64];
	ev_ssize_t len = evbuffer_copyout(link_input(check->link), status,
	    STATUS_SIZE);

	if (len < STATUS_SIZE)
		return;
	if (strncmp(status, start, strlen(start)) != 0 || status[8] != ' ') {
		finish(check, "the answer is no HTTP/1");
		return;
	}
	if ((uint32_t)strtoul(status + 9, NULL, 10) ==
	    check->offer->health_status) {
		finish(check, NULL);
		return;
	}
	snprintf(why, sizeof(why), "status %.3s", status + 9);
	for (char *c = why; *c != '\0'; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	finish(check, why);
}

static void
on_eof(void *arg)
{
	finish(arg, "closed without an answer");
}

static void
on_error(void *arg, const char *why)
{
	finish(arg, why);
}

static const struct link_handler handler = {
	.on_input = on_input,
	.on_eof = on_eof,
	.on_error = on_error,
};

/* A target that wants a PROXY header gets one that tells nobody's address. */
static size_t
write_header(const struct offer *offer, uint8_t out[PROXYPROTO_ENCODED_MAX])
{
	const struct request nobody = { .family = REQUEST_UNIX };

	switch ((enum inner_header)offer->header) {
	case INNER_HEADER_OFF:
		break;
	case INNER_HEADER_V1:
		return proxyproto_encode_v1(&nobody, out);
	case INNER_HEADER_V2:
		return proxyproto_encode_v2(&nobody, NULL, out);
	}
	return 0;
}

static bool
ask(struct check *check)
{
	const struct addr *target = &check->offer->target.first;
	char request[REQUEST_SIZE], host[ADDR_TEXT_SIZE];
	uint8_t header[PROXYPROTO_ENCODED_MAX];
	int len;

	addr_format(target, host, sizeof(host));
	len = snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: transponder/%s\r\n"
	    "Accept: */*\r\nConnection: close\r\n\r\n",
	    check->offer->health_path,
	    target->kind == ADDR_UNIX ? "localhost" : host + strlen("tcp://"),
	    PACKAGE_VERSION);
	return len > 0 && (size_t)len < sizeof(request) &&
	    link_write(check->link, header,
		write_header(check->offer, header)) &&
	    link_write(check->link, request, (size_t)len);
}

static void
on_dialed(enum dial_result result, sock_fd fd, const char *why, void *arg)
{
	struct check *check = arg;

	check->dial = NULL;
	if (result != DIAL_OK) {
		finish(check, why);
		return;
	}
	if (check->offer->health == INNER_HEALTH_TCP) {
		sock_close(fd);
		finish(check, NULL);
		return;
	}
	if ((check->link = link_new(check->health->loop, fd)) == NULL) {
		sock_close(fd);
		finish(check, "out of memory");
		return;
	}
	link_set_handler(check->link, &handler, check);
	loop_timer_start(&check->timer, check->health->timeout_ms);
	if (!ask(check))
		finish(check, "out of memory");
}

static void
on_timer(void *arg)
{
	struct check *check = arg;
	struct health *health = check->health;

	if (check->link != NULL) {
		finish(check, "no answer in time");
		return;
	}
	check->dial = dial_start(health->loop, health->resolver,
	    &check->offer->target.first, health->timeout_ms, on_dialed, check);
	if (check->dial == NULL)
		finish(check, "out of memory");
}

struct health *
health_new(struct loop *loop, struct resolver *resolver, uint32_t timeout_ms,
    health_fn *changed, void *arg)
{
	struct health *health = calloc(1, sizeof(*health));

	if (health == NULL)
		return NULL;
	health->loop = loop;
	health->resolver = resolver;
	health->timeout_ms = timeout_ms;
	health->changed = changed;
	health->arg = arg;
	return health;
}

static void
end_checks(struct health *health)
{
	size_t count = health->offers != NULL ? health->offers->count : 0;

	for (size_t i = 0; i < count; i++) {
		if (health->checks[i].health == NULL)
			continue;
		loop_timer_fini(&health->checks[i].timer);
		dial_cancel(health->checks[i].dial);
		link_free(health->checks[i].link);
	}
	free(health->checks);
	free(health->bad);
	offers_release(health->offers);
}

void
health_free(struct health *health)
{
	if (health == NULL)
		return;
	end_checks(health);
	free(health);
}

static bool
is_same_check(const struct offer *a, const struct offer *b)
{
	char x[ADDR_RANGE_TEXT_SIZE], y[ADDR_RANGE_TEXT_SIZE];

	addr_range_format(&a->target, x, sizeof(x));
	addr_range_format(&b->target, y, sizeof(y));
	return strcmp(x, y) == 0 && a->health == b->health &&
	    a->health_status == b->health_status && a->header == b->header &&
	    strcmp(a->health_path, b->health_path) == 0;
}

/* The i-th of fresh, beginning with what old knows of it. */
static void
begin(struct health *fresh, size_t i, const struct health *old)
{
	struct check *check = &fresh->checks[i];
	const struct offer *offer = &fresh->offers->list[i];
	size_t j, count = old->offers != NULL ? old->offers->count : 0;

	if (offer->health == INNER_HEALTH_OFF)
		return;
	check->offer = offer;
	check->bad = &fresh->bad[i];
	j = count > 0 ? offers_find(old->offers, offer->name) : count;
	if (j < count && is_same_check(offer, &old->offers->list[j])) {
		*check->bad = old->bad[j];
		check->failures = old->checks[j].failures;
	}
}

bool
health_take(struct health *health, struct offers *offers)
{
	struct health fresh = *health;

	fresh.checks = calloc(offers->count + 1, sizeof(*fresh.checks));
	fresh.bad = calloc(offers->count + 1, sizeof(*fresh.bad));
	if (fresh.checks == NULL || fresh.bad == NULL) {
		free(fresh.checks);
		free(fresh.bad);
		return false;
	}
	fresh.offers = offers_hold(offers);
	for (size_t i = 0; i < offers->count; i++)
		begin(&fresh, i, health);
	end_checks(health);
	*health = fresh;
	for (size_t i = 0; i < offers->count; i++) {
		struct check *check = &health->checks[i];

		if (check->offer == NULL)
			continue;
		check->health = health;
		loop_timer_init(&check->timer, health->loop, on_timer, check);
		loop_timer_start(&check->timer, 0);
	}
	return true;
}

const bool *
health_bad(const struct health *health)
{
	return health->bad;
}
