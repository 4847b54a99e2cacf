/*
 * load.h - the load of the bench: a target that serves whatever is asked of
 * it, and the clients that ask. Programs of one thread, so that they take
 * little of the CPU that the relays need.
 *
 * The first byte of a connection says what the target does on it: 'D' or 'U'
 * and a count of bytes in the machine's order: sends or swallows so many; 'G':
 * answers HTTP requests; any other: echoes.
 *
 * Each command prints one JSON object a line; ADDRESS is an IPv4 address.
 * Times in it are microseconds, but for "seconds".
 */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LOAD_CHUNK = 256 * 1024,  /* bytes of one read or write in bulk */
	LOAD_PATIENCE_MS = 15000, /* silence for so long is an error */
};

/* What a transfer in bulk begins with. */
struct load_order {
	char way; /* 'D' or 'U' */
	uint64_t bytes;
} __attribute__((packed));

/* What the target answers to each HTTP request, and its length. */
extern const char load_response[];
extern const size_t load_response_len;

/* Times taken, in nanoseconds; grows as needed. Starts as zeroes. */
struct load_samples {
	uint64_t *ns;
	size_t count, room;
};

/* Monotonic nanoseconds. */
uint64_t load_now(void);

/* Ends the program with a message and errno's text. */
_Noreturn void load_die(const char *what);

/* Like calloc, but ends the program where there is no memory. */
void *load_alloc(size_t count, size_t size);

/*
 * A TCP socket that connects to an address, without delays; flags: 0, or
 * SOCK_NONBLOCK: then perhaps still connecting. Within 127/8 the sources take
 * turns, so that ports do not run out. A blocking one gives up after
 * LOAD_PATIENCE_MS. The descriptor, or -1 with errno.
 */
int load_connect(const struct sockaddr_in *to, int flags);

/* Sends a byte on a blocking socket and waits for it to come back. */
bool load_echo(int fd);

/* Takes a time; ends the program where there is no memory. */
void load_sample(struct load_samples *samples, uint64_t ns);

/*
 * Sorts the times and prints "NAME_p50", "NAME_p99" and "NAME_max" as members
 * of a JSON object, with a comma before each; nulls where there are none.
 */
void load_print_samples(const char *name, struct load_samples *samples);

/*
 * The commands. Each gets the words behind ADDRESS PORT, as many as its usage
 * says, and returns the exit code; errors of single connections are counted
 * in what it prints and do not change that code.
 */
int load_serve(const struct sockaddr_in *at, char **words);
int load_bulk(const struct sockaddr_in *to, char **words);
int load_requests(const struct sockaddr_in *to, char **words);
int load_setup(const struct sockaddr_in *to, char **words);
int load_rounds(const struct sockaddr_in *to, char **words);
int load_idle(const struct sockaddr_in *to, char **words);

#endif
