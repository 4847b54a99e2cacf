/*
 * listen.c - a listening address.
 *
 * Owns:    its sockets, its Unix socket file, one descriptor in reserve.
 * Thread:  the loop's.
 * Floor:   net.
 */
#include "net/listen.h"
#include "net/endpoint.h"
#include "net/loop.h"
#include "net/resolve.h"
#include "base/log.h"
#include "sys/inet.h"
#include "sys/sock.h"
#include "sys/sock_unix.h"
#include "sys/sys.h"

#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOCKETS_MAX = 16, RETRY_MS = 200, CALM_MS = 1000 };

struct listen {
	struct loop *loop; /* borrowed */
	const char *what;
	const char *service; /* borrowed; or NULL */
	uint32_t keepalive_ms, user_timeout_ms;
	listen_fn *on_accept;
	void *arg;
	struct evconnlistener *sockets[SOCKETS_MAX]; /* owned */
	unsigned count, lent;	      /* the first of them are another's */
	bool paused;		      /* by the owner */
	bool starved;		      /* out of descriptors */
	bool told;		      /* the log knows */
	struct loop_timer *retry;     /* owned: accept again, then: all calm */
	int reserve;		      /* owned; -1 while starved */
	char path[ADDR_PATH_MAX + 1]; /* "" = no socket file */
	struct sock_file_id file;
};

static void
apply_pause(struct listen *listen)
{
	bool on = !listen->paused && !listen->starved;

	for (unsigned i = 0; i < listen->count; i++) {
		if (on)
			evconnlistener_enable(listen->sockets[i]);
		else
			evconnlistener_disable(listen->sockets[i]);
	}
}

/* Where what is accepted inherits them, that saves a handful of calls each
 * time. */
static void
set_options(sock_fd fd, const struct listen *listen)
{
	sock_set_nodelay(fd);
	if (listen->keepalive_ms > 0)
		sock_set_keepalive(fd, listen->keepalive_ms);
	sock_set_user_timeout(fd, listen->user_timeout_ms);
}

static void
on_accepted(struct evconnlistener *socket, sock_fd fd, struct sockaddr *address,
    int len, void *arg)
{
	struct listen *listen = arg;
	struct endpoint peer;

	(void)socket;
	(void)len;
	endpoint_from(address, &peer);
	if (!SOCK_HANDS_DOWN)
		set_options(fd, listen);
	listen->on_accept(fd, &peer, listen->arg);
}

/* It pauses, else the loop would spin: the waiting client keeps the socket
 * readable. One that has gone again does not. */
static void
on_accept_error(struct evconnlistener *socket, void *arg)
{
	struct listen *listen = arg;
	int error = inet_error();

	(void)socket;
	if (inet_is_peers_end(error))
		return;
	sys_release_fd(listen->reserve);
	listen->reserve = -1;
	listen->starved = true;
	apply_pause(listen);
	loop_timer_start(listen->retry, RETRY_MS);
	if (listen->told)
		return;
	listen->told = true;
	log_warn("listen",
	    inet_is_shortage(error) ? "out of descriptors: accepting pauses"
				    : "accepting failed and pauses",
	    KV_STR("for", listen->what), KV_STR("why", inet_error_text(error)));
}

static void
on_retry(void *arg)
{
	struct listen *listen = arg;

	if (listen->lent > 0) { /* nobody told that one has paused */
		apply_pause(listen);
		loop_timer_start(listen->retry, LISTEN_LENT_MS);
		return;
	}
	if (listen->starved) {
		listen->reserve = sys_reserve_fd();
		listen->starved = listen->reserve < 0;
		apply_pause(listen);
		loop_timer_start(listen->retry,
		    listen->starved ? RETRY_MS : CALM_MS);
		return;
	}
	listen->told = false;
	log_info("listen", "accepting goes on", KV_STR("for", listen->what));
}

/* Logs an address as it is, with the port that the system chose. */
static void
log_listening(const struct listen *listen, sock_fd fd)
{
	char text[ENDPOINT_TEXT_SIZE], address[ADDR_TEXT_SIZE];
	struct endpoint at;

	endpoint_local(fd, &at);
	endpoint_text(&at, true, text);
	if (listen->path[0] != '\0')
		snprintf(address, sizeof(address), "unix://%s", listen->path);
	else
		snprintf(address, sizeof(address), "tcp://%s", text);
	if (listen->service != NULL)
		log_info("listen", "listening", KV_STR("for", listen->what),
		    KV_STR("service", listen->service),
		    KV_STR("address", address));
	else
		log_info("listen", "listening", KV_STR("for", listen->what),
		    KV_STR("address", address));
}

/* Takes fd, which is bound. NULL, or what failed; then fd is closed. */
static const char *
add_socket(struct listen *listen, sock_fd fd)
{
	struct evconnlistener *socket = evconnlistener_new(loop_base(
							       listen->loop),
	    on_accepted, listen, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
	    LISTEN_BACKLOG, fd);

	if (socket == NULL) {
		const char *why = inet_error_text(inet_error());

		sock_close(fd);
		return why;
	}
	evconnlistener_set_error_cb(socket, on_accept_error);
	listen->sockets[listen->count++] = socket;
	log_listening(listen, fd);
	return NULL;
}

static const char *
listen_tcp(struct listen *listen, const struct addrinfo *at, bool dual)
{
	sock_fd fd = inet_open(at->ai_family);
	const char *why;

	if (fd == SOCK_NONE)
		return inet_error_text(inet_error());
	set_options(fd, listen);
	if (at->ai_family == AF_INET6) {
		int only = !dual;

		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY,
		    (const void *)&only, sizeof(only));
	}
	if (!inet_bind(fd, at->ai_addr, at->ai_addrlen)) {
		why = inet_error_text(inet_error());
		sock_close(fd);
		return why;
	}
	return add_socket(listen, fd);
}

static const struct addrinfo *
find_family(const struct addrinfo *found, int family)
{
	while (found != NULL && found->ai_family != family)
		found = found->ai_next;
	return found;
}

/* All addresses: one IPv6 socket that takes IPv4 too, or IPv4 alone where
 * the system has no IPv6. */
static const char *
listen_everywhere(struct listen *listen, const struct addrinfo *found)
{
	const struct addrinfo *v6 = find_family(found, AF_INET6);
	const struct addrinfo *v4 = find_family(found, AF_INET);
	const char *why = "no address";

	if (v6 != NULL && (why = listen_tcp(listen, v6, true)) == NULL)
		return NULL;
	if (v4 != NULL)
		why = listen_tcp(listen, v4, false);
	return why;
}

/* One address of a name; the others may still do. */
static void
log_failed(const struct listen *listen, const struct addrinfo *at,
    const char *why)
{
	char text[ENDPOINT_TEXT_SIZE];
	struct endpoint endpoint;

	endpoint_from(at->ai_addr, &endpoint);
	endpoint_text(&endpoint, true, text);
	log_warn("listen", "cannot listen on one address of the name",
	    KV_STR("for", listen->what), KV_STR("address", text),
	    KV_STR("why", why));
}

static const char *
listen_names(struct listen *listen, const struct addr *addr)
{
	const char *why = NULL, *problem;
	struct addrinfo *found = resolve_to_listen(addr, &why);

	if (found == NULL)
		return why;
	if (addr->host[0] == '\0')
		why = listen_everywhere(listen, found);
	for (const struct addrinfo *at = found;
	     addr->host[0] != '\0' && at != NULL && listen->count < SOCKETS_MAX;
	     at = at->ai_next) {
		if ((problem = listen_tcp(listen, at, false)) == NULL)
			continue;
		why = problem;
		log_failed(listen, at, problem);
	}
	freeaddrinfo(found);
	return listen->count > 0 ? NULL : why;
}

static const char *
listen_unix(struct listen *listen, const struct listen_options *options)
{
	const char *path = options->addr->path, *why;
	struct sockaddr_storage at;
	size_t len = sock_unix_address(path, &at);
	sock_fd fd;

	if ((why = sock_unix_claim(path)) != NULL)
		return why;
	fd = inet_open(AF_UNIX);
	if (fd == SOCK_NONE)
		return inet_error_text(inet_error());
	if (!inet_bind(fd, (struct sockaddr *)&at, len))
		why = inet_error_text(inet_error());
	else if (sock_file_identify(path, &listen->file))
		snprintf(listen->path, sizeof(listen->path), "%s", path);
	if (why == NULL) /* before anybody can connect */
		why = sock_unix_permit(path, options->socket_mode,
		    options->socket_owner, options->socket_group);
	if (why != NULL) {
		sock_close(fd);
		return why;
	}
	return add_socket(listen, fd);
}

struct listen *
listen_start(struct loop *loop, const struct listen_options *options,
    listen_fn *on_accept, void *arg, char problem[LISTEN_PROBLEM_SIZE])
{
	struct listen *listen = calloc(1, sizeof(*listen));
	char text[ADDR_TEXT_SIZE];
	const char *why = "out of memory";

	if (listen == NULL)
		goto fail;
	*listen = (struct listen){ .loop = loop,
		.what = options->what,
		.service = options->service,
		.on_accept = on_accept,
		.keepalive_ms = options->keepalive_ms,
		.user_timeout_ms = options->user_timeout_ms,
		.arg = arg };
	listen->reserve = sys_reserve_fd();
	listen->retry = loop_timer_new(loop, on_retry, listen);
	if (listen->retry == NULL)
		goto fail;
	why = options->addr->kind == ADDR_UNIX
	    ? listen_unix(listen, options)
	    : listen_names(listen, options->addr);
	if (why == NULL)
		return listen;
fail:
	addr_format(options->addr, text, sizeof(text));
	snprintf(problem, LISTEN_PROBLEM_SIZE,
	    "cannot listen for %s on %.150s: %s", options->what, text, why);
	listen_stop(listen);
	return NULL;
}

void
listen_stop(struct listen *listen)
{
	if (listen == NULL)
		return;
	if (listen->path[0] != '\0') /* first: nobody else can be there */
		sock_unix_remove(listen->path, &listen->file);
	for (unsigned i = 0; i < listen->count; i++) {
		if (i < listen->lent)
			evconnlistener_disable(listen->sockets[i]);
		else
			evconnlistener_free(listen->sockets[i]);
	}
	loop_timer_free(listen->retry);
	sys_release_fd(listen->reserve);
	free(listen);
}

void
listen_pause(struct listen *listen, bool paused)
{
	if (listen->paused == paused)
		return;
	listen->paused = paused;
	apply_pause(listen);
}

uint16_t
listen_port(const struct listen *listen)
{
	struct endpoint at;

	endpoint_local(evconnlistener_get_fd(listen->sockets[0]), &at);
	return at.port;
}

/* One of IPv6 that takes IPv4 too has all addresses: see listen_everywhere. */
bool
listen_nth(const struct listen *listen, unsigned nth,
    struct listen_place *place)
{
	sock_fd fd;
	int only = 1;
	socklen_t len = sizeof(only);

	if (nth >= listen->count)
		return false;
	fd = evconnlistener_get_fd(listen->sockets[nth]);
	endpoint_local(fd, &place->at);
	place->everywhere = place->at.family == 6 &&
	    getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, (void *)&only, &len) ==
		0 &&
	    only == 0;
	place->file = listen->file;
	return true;
}

/* arg is the server's, which has set it. */
static void
on_lent_error(struct evconnlistener *socket, void *arg)
{
	(void)arg;
	if (!inet_is_peers_end(inet_error()))
		evconnlistener_disable(socket); /* until on_retry */
}

bool
listen_lend(struct listen *listen,
    bool (*take)(struct evconnlistener *socket, void *arg), void *arg)
{
	for (; listen->lent < listen->count; listen->lent++) {
		struct evconnlistener *socket = listen->sockets[listen->lent];

		evconnlistener_set_error_cb(socket, on_lent_error);
		if (!take(socket, arg))
			return false;
	}
	loop_timer_start(listen->retry, LISTEN_LENT_MS);
	return true;
}
