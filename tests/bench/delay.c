/*
 * delay.c - two network namespaces, joined by a line that takes its time.
 *
 *	bench_delay MILLISECONDS
 *
 * Each end is a TUN interface, 10.98.0.1 and 10.98.0.2; every packet is held
 * for so long, each way. Prints where the namespaces can be entered (nsenter
 * --net=PATH) and runs until it is killed; they go with it. Needs root; exits
 * with 77 where this may not be done, with 1 where it fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	PACKET_ROOM = 65536,
	QUEUE_PACKETS = 50000, /* on the line, each way; more are lost */
	BURST = 64,	       /* packets read before the other way's turn */
	TX_QUEUE = 5000,
};

struct packet {
	struct packet *next;
	uint64_t due; /* monotonic ns */
	size_t len;
	unsigned char data[];
};

/* One way of the line. */
struct line {
	int from, to; /* TUN descriptors */
	size_t count;
	struct packet *head, **tail;
};

static _Noreturn void
die(const char *what)
{
	bool may_not = errno == EPERM || errno == EACCES || errno == ENOENT ||
	    errno == ENODEV;

	fprintf(stderr, "bench_delay: %s: %s\n", what, strerror(errno));
	exit(may_not ? 77 : 1);
}

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* One request about an interface, whose name is in it. */
static void
tell(int sock, unsigned long request, struct ifreq *about, const char *what)
{
	if (ioctl(sock, request, about) < 0)
		die(what);
}

static void
set_address(int sock, unsigned long request, const char *name, uint32_t host)
{
	struct ifreq about = { 0 };
	struct sockaddr_in address = { .sin_family = AF_INET };

	address.sin_addr.s_addr = htonl(host);
	snprintf(about.ifr_name, sizeof(about.ifr_name), "%s", name);
	memcpy(&about.ifr_addr, &address, sizeof(address));
	tell(sock, request, &about, "address of the interface");
}

static void
bring_up(int sock, const char *name)
{
	struct ifreq about = { 0 };

	snprintf(about.ifr_name, sizeof(about.ifr_name), "%s", name);
	tell(sock, SIOCGIFFLAGS, &about, "flags of the interface");
	about.ifr_flags = (short)(about.ifr_flags | IFF_UP | IFF_RUNNING);
	tell(sock, SIOCSIFFLAGS, &about, "interface up");
}

/* A namespace of its own with one end of the line: its TUN descriptor. */
static int
make_end(uint32_t here, uint32_t there, int *space)
{
	static const char name[] = "line";
	struct ifreq about = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int tun, sock;

	if (unshare(CLONE_NEWNET) < 0)
		die("a network namespace");
	*space = open("/proc/self/ns/net", O_RDONLY);
	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	sock = socket(AF_INET, SOCK_DGRAM, 0);
	if (*space < 0 || tun < 0 || sock < 0)
		die("/dev/net/tun");
	memcpy(about.ifr_name, name, sizeof(name));
	tell(tun, TUNSETIFF, &about, "a TUN interface");
	set_address(sock, SIOCSIFADDR, name, here);
	set_address(sock, SIOCSIFDSTADDR, name, there);
	memset(&about, 0, sizeof(about));
	memcpy(about.ifr_name, name, sizeof(name));
	about.ifr_qlen = TX_QUEUE;
	tell(sock, SIOCSIFTXQLEN, &about, "queue of the interface");
	bring_up(sock, name);
	bring_up(sock, "lo");
	close(sock);
	return tun;
}

/* Takes what came in at one end. */
static void
take_in(struct line *line, uint64_t delay)
{
	static unsigned char data[PACKET_ROOM];

	for (int i = 0; i < BURST; i++) {
		ssize_t len = read(line->from, data, sizeof(data));
		struct packet *p;

		if (len <= 0)
			return;
		if (line->count == QUEUE_PACKETS ||
		    (p = malloc(sizeof(*p) + (size_t)len)) == NULL)
			continue; /* lost, as on a real line */
		p->next = NULL;
		p->due = now_ns() + delay;
		p->len = (size_t)len;
		memcpy(p->data, data, p->len);
		*line->tail = p;
		line->tail = &p->next;
		line->count++;
	}
}

/* Lets out what is due. Nanoseconds until the next, or -1: none. */
static int64_t
let_out(struct line *line)
{
	struct packet *p;
	uint64_t now = now_ns();

	while ((p = line->head) != NULL && p->due <= now) {
		if (write(line->to, p->data, p->len) < 0 && errno == EBADF)
			die("write");
		line->head = p->next;
		if (line->head == NULL)
			line->tail = &line->head;
		line->count--;
		free(p);
	}
	return p == NULL ? -1 : (int64_t)(p->due - now);
}

static _Noreturn void
run(int a, int b, uint64_t delay)
{
	struct line lines[2] = { { .from = a, .to = b },
		{ .from = b, .to = a } };
	struct pollfd polled[2] = { { a, POLLIN, 0 }, { b, POLLIN, 0 } };

	for (int i = 0; i < 2; i++)
		lines[i].tail = &lines[i].head;
	for (;;) {
		int64_t wait = let_out(&lines[0]), other = let_out(&lines[1]);
		struct timespec limit;

		if (wait < 0 || (other >= 0 && other < wait))
			wait = other;
		limit.tv_sec = wait / 1000000000;
		limit.tv_nsec = wait % 1000000000;
		ppoll(polled, 2, wait < 0 ? NULL : &limit, NULL);
		for (int i = 0; i < 2; i++)
			take_in(&lines[i], delay);
	}
}

int
main(int argc, char **argv)
{
	const uint32_t first = 0x0a620001, second = 0x0a620002; /* 10.98.0.x */
	int a, b, spaces[2];

	if (argc != 2) {
		fputs("usage: bench_delay MILLISECONDS\n", stderr);
		return 2;
	}
	/* To the microsecond, not to the 50 that the kernel allows itself. */
	prctl(PR_SET_TIMERSLACK, 1000ul, 0ul, 0ul, 0ul);
	a = make_end(first, second, &spaces[0]);
	b = make_end(second, first, &spaces[1]);
	printf("{\"near\": \"/proc/%d/fd/%d\", \"far\": \"/proc/%d/fd/%d\"}\n",
	    (int)getpid(), spaces[0], (int)getpid(), spaces[1]);
	fflush(stdout);
	run(a, b, (uint64_t)(strtod(argv[1], NULL) * 1e6));
}
