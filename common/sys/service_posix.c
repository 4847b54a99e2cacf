/*
 * service_posix.c - signals' dispositions and the service manager's socket.
 *
 * Owns:    nothing.
 * Thread:  main.
 * Floor:   sys. The notify protocol: sd_notify(3), one datagram to the Unix
 *          socket in $NOTIFY_SOCKET; a leading @ means the abstract namespace.
 */
#include "sys/service.h"
#include "sys/sys.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool
service_prepare(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	/* where another allocator stands in for glibc's (a sanitizer's, or one
	 * that is preloaded), this is the first call of glibc's own: it prepares
	 * itself then, which two threads at once may not (2.36: it aborts) */
	sys_give_back_memory();
	return sigaction(SIGPIPE, &ignore, NULL) == 0;
}

static bool
hangup_is_ignored(void)
{
	struct sigaction now;

	return sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

const struct service_signal *
service_signals(size_t *count)
{
	static const struct service_signal heard[] = {
		{ SIGTERM, WISH_STOP, "SIGTERM" },
		{ SIGINT, WISH_STOP, "SIGINT" },
		{ SIGHUP, WISH_RELOAD, "SIGHUP" },
	};

	*count = sizeof(heard) / sizeof(heard[0]);
	if (hangup_is_ignored())
		--*count; /* the last one */
	return heard;
}

bool
service_hear(service_stop_fn *on_stop, void *arg)
{
	(void)on_stop;
	(void)arg;
	return true; /* all comes as signals */
}

void
service_end_hearing(void)
{
}

void
service_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len;
	int fd;

	if (path == NULL || (path[0] != '/' && path[0] != '@'))
		return;
	len = strlen(path);
	if (len < 2 || len >= sizeof(sun.sun_path))
		return;
	memcpy(sun.sun_path, path, len + 1);
	if (sun.sun_path[0] == '@')
		sun.sun_path[0] = '\0';
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL,
	    (struct sockaddr *)&sun,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}
