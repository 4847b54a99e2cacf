#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* A hundred bytes, and what a web server says before them. */
const char load_response[] =
    "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\n"
    "Content-Length: 100\r\n\r\n"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
const size_t load_response_len = sizeof(load_response) - 1;

static const struct {
	const char *name, *usage, *what;
	int words;
	int (*run)(const struct sockaddr_in *, char **);
} commands[] = {
	{ "serve", "", "the target; PORT 0: a free one; prints it", 0,
	    load_serve },
	{ "bulk", " down|up STREAMS BYTES", "BYTES by each of STREAMS at once",
	    3, load_bulk },
	{ "requests", " COUNT CONNECTIONS",
	    "a connection for each HTTP request", 2, load_requests },
	{ "setup", " COUNT", "connects, echoes a byte and closes", 1,
	    load_setup },
	{ "rounds", " COUNT", "echoes single bytes on one connection", 1,
	    load_rounds },
	{ "idle", "", "holds as many connections as each line of input says", 0,
	    load_idle },
};
enum { NCOMMANDS = sizeof(commands) / sizeof(commands[0]) };

uint64_t
load_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void
load_die(const char *what)
{
	fprintf(stderr, "bench_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

void *
load_alloc(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL)
		load_die("calloc");
	return memory;
}

/* Binds to one of 127.1.0.1, 127.1.0.2, ...; the port is chosen later. */
static int
bind_in_turn(int fd)
{
	static uint32_t turn;
	struct sockaddr_in from = { .sin_family = AF_INET };
	int one = 1;

	from.sin_addr.s_addr = htonl(0x7f010001u + turn);
	turn = (turn + 1) % 200;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	return bind(fd, (const struct sockaddr *)&from, sizeof(from));
}

int
load_connect(const struct sockaddr_in *to, int flags)
{
	static const struct timeval patience = { LOAD_PATIENCE_MS / 1000, 0 };
	int one = 1, fd, res;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if ((flags & SOCK_NONBLOCK) == 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		    sizeof(patience));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		    sizeof(patience));
	}
	res = 0;
	if (ntohl(to->sin_addr.s_addr) >> 24 == 127)
		res = bind_in_turn(fd);
	if (res == 0)
		res = connect(fd, (const struct sockaddr *)to, sizeof(*to));
	if (res < 0 && errno != EINPROGRESS) {
		int why = errno;

		close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

bool
load_echo(int fd)
{
	char byte = 'e';

	return send(fd, &byte, 1, MSG_NOSIGNAL) == 1 &&
	    recv(fd, &byte, 1, 0) == 1 && byte == 'e';
}

void
load_sample(struct load_samples *samples, uint64_t ns)
{
	if (samples->count == samples->room) {
		samples->room = samples->room == 0 ? 1024 : samples->room * 2;
		samples->ns = reallocarray(samples->ns, samples->room,
		    sizeof(samples->ns[0]));
		if (samples->ns == NULL)
			load_die("reallocarray");
	}
	samples->ns[samples->count++] = ns;
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void
load_print_samples(const char *name, struct load_samples *samples)
{
	size_t n = samples->count;
	const uint64_t *ns = samples->ns;

	if (n == 0) {
		printf(", \"%s_p50\": null, \"%s_p99\": null, \"%s_max\": null",
		    name, name, name);
		return;
	}
	qsort(samples->ns, n, sizeof(ns[0]), compare);
	printf(", \"%s_p50\": %.2f, \"%s_p99\": %.2f, \"%s_max\": %.2f", name,
	    (double)ns[n / 2] / 1e3, name, (double)ns[n * 99 / 100] / 1e3, name,
	    (double)ns[n - 1] / 1e3);
}

static int
usage(void)
{
	fputs("usage:\n", stderr);
	for (size_t i = 0; i < NCOMMANDS; i++)
		fprintf(stderr, "  bench_load %s ADDRESS PORT%s\n      %s\n",
		    commands[i].name, commands[i].usage, commands[i].what);
	return 2;
}

/* As many descriptors as the system lets us have. */
static void
raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_in where = { .sin_family = AF_INET };

	if (argc < 4 || inet_pton(AF_INET, argv[2], &where.sin_addr) != 1)
		return usage();
	where.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	raise_limit();
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0 &&
		    argc == 4 + commands[i].words)
			return commands[i].run(&where, argv + 4);
	return usage();
}
