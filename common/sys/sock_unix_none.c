/*
 * sock_unix_none.c - a system without Unix sockets.
 *
 * Owns:    nothing.
 * Thread:  any.
 * Floor:   sys.
 */
#include "sys/sock_unix.h"
#include "sys/inet.h"

#include <string.h>

static const char none[] = "this system has no Unix sockets";

bool
sock_unix_possible(void)
{
	return false;
}

size_t
sock_unix_address(const char *path, struct sockaddr_storage *out)
{
	(void)path;
	memset(out, 0, sizeof(*out));
	return 0;
}

const char *
sock_unix_claim(const char *path)
{
	(void)path;
	return none;
}

const char *
sock_unix_permit(const char *path, uint32_t mode, const char *owner,
    const char *group)
{
	(void)path;
	(void)mode;
	(void)owner;
	(void)group;
	return none;
}

bool
sock_file_identify(const char *path, struct sock_file_id *id)
{
	(void)path;
	(void)id;
	return false;
}

bool
sock_file_behind(const char *path, struct sock_file_id *id)
{
	(void)path;
	(void)id;
	return false;
}

void
sock_unix_remove(const char *path, const struct sock_file_id *id)
{
	(void)path;
	(void)id;
}
