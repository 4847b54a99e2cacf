/*
 * load_single.c - one thing at a time: set-ups, rounds, and connections that
 * are opened one after the other and then idle.
 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void
print_times(const char *name, struct load_samples *samples, uint64_t began,
    size_t errors)
{
	printf("{\"seconds\": %.6f, \"count\": %zu, \"errors\": %zu",
	    (double)(load_now() - began) / 1e9, samples->count, errors);
	load_print_samples(name, samples);
	puts("}");
	free(samples->ns);
}

int
load_setup(const struct sockaddr_in *to, char **words)
{
	size_t count = strtoul(words[0], NULL, 10), errors = 0;
	struct load_samples samples = { 0 };
	uint64_t began = load_now();

	for (size_t i = 0; i < count; i++) {
		uint64_t start = load_now();
		int fd = load_connect(to, 0);

		if (fd >= 0 && load_echo(fd))
			load_sample(&samples, load_now() - start);
		else
			errors++;
		if (fd >= 0)
			close(fd);
	}
	print_times("first", &samples, began, errors);
	return 0;
}

int
load_rounds(const struct sockaddr_in *to, char **words)
{
	size_t count = strtoul(words[0], NULL, 10), errors = 0;
	struct load_samples samples = { 0 };
	int fd = load_connect(to, 0);
	uint64_t began;

	/* The first byte also sets up the session: not a round. */
	if (fd < 0 || !load_echo(fd))
		errors++;
	began = load_now();
	for (size_t i = 0; i < count && errors == 0; i++) {
		uint64_t start = load_now();

		if (load_echo(fd))
			load_sample(&samples, load_now() - start);
		else
			errors++;
	}
	print_times("round", &samples, began, errors);
	if (fd >= 0)
		close(fd);
	return 0;
}

/* Closes all; one that no longer echoes is an error. */
static size_t
close_all(const int *fds, size_t open)
{
	size_t errors = 0;

	for (size_t i = 0; i < open; i++) {
		errors += !load_echo(fds[i]);
		close(fds[i]);
	}
	return errors;
}

int
load_idle(const struct sockaddr_in *to, char **words)
{
	char line[32];
	size_t open = 0, wanted, errors;
	enum { ROOM = 20000 };
	int *fds = load_alloc(ROOM, sizeof(*fds));

	(void)words;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		wanted = strtoul(line, NULL, 10);
		errors = 0;
		if (wanted == 0) {
			errors = close_all(fds, open);
			open = 0;
		}
		while (open < wanted && wanted < ROOM && errors < 10) {
			fds[open] = load_connect(to, 0);
			if (fds[open] >= 0 && load_echo(fds[open])) {
				open++;
				continue;
			}
			errors++;
			if (fds[open] >= 0)
				close(fds[open]);
		}
		printf("{\"open\": %zu, \"errors\": %zu}\n", open, errors);
	}
	free(fds);
	return 0;
}
