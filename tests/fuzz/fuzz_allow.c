/*
 * fuzz_allow.c - a list of allowed targets, and targets held against it.
 *
 * The input's lines: entries, then, behind an empty line, targets.
 *
 * What holds: an entry that parses has a canonical text that parses to the
 * same. No list allows what the empty host, port 0 or tls:// lead to, nor an
 * address that the system reads and inet_pton(3) does not. What addresses
 * alone allow, the system reads as an address that lies in one of them, looked
 * at in another way.
 */
#undef NDEBUG
#include "base/targets.h"
#include "sys/inet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

enum { ENTRIES_MAX = 8 };

static void
check_entry(const struct targets_entry *entry)
{
	char first[TARGETS_TEXT_SIZE], second[TARGETS_TEXT_SIZE];
	struct targets_entry again;

	targets_format(entry, first, sizeof(first));
	assert(targets_parse(first, &again) == NULL);
	assert(memcmp(entry, &again, sizeof(again)) == 0);
	targets_format(&again, second, sizeof(second));
	assert(strcmp(first, second) == 0);
}

/* The bytes that the system would connect to: IPv6, mapped if IPv4. */
static bool
system_reads(const char *host, uint8_t bytes[16])
{
	char text[ADDR_HOST_MAX + 1];

	memset(bytes, 0, 16);
	bytes[10] = bytes[11] = 0xff;
	if (inet_pton(AF_INET, host, bytes + 12) == 1)
		return true;
	strcpy(text, host);
	text[strcspn(text, "%")] = '\0';
	return inet_pton(AF_INET6, text, bytes) == 1;
}

/* As who dials does, and in more ways of writing. */
static bool
system_reads_loosely(const char *host)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;

	if (getaddrinfo(host, "1", &hints, &found) != 0)
		return false;
	freeaddrinfo(found);
	return true;
}

static bool
lies_in(const struct cidr *net, const uint8_t bytes[16])
{
	uint8_t block[16] = { [10] = 0xff, 0xff };
	unsigned bits = net->bits;

	if (net->family == 4) {
		memcpy(block + 12, net->bytes, 4);
		bits += 96;
	} else {
		memcpy(block, net->bytes, 16);
	}
	for (unsigned i = 0; i < bits; i++)
		if (((block[i / 8] ^ bytes[i / 8]) & 0x80 >> i % 8) != 0)
			return false;
	return true;
}

static void
check_allowed(const struct targets *list, const struct addr *target)
{
	uint8_t bytes[16];
	bool reads, fits = false;

	if (target->kind == ADDR_UNIX)
		return;
	assert(target->port != 0 && !target->tls && target->host[0] != '\0');
	reads = system_reads(target->host, bytes);
	assert(reads || !system_reads_loosely(target->host));
	for (size_t i = 0; i < list->count; i++) {
		const struct targets_entry *entry = &list->entries[i];

		if (entry->kind == TARGETS_NET)
			fits |= reads && lies_in(&entry->net, bytes);
		else
			fits |= entry->kind == TARGETS_ANY ||
			    (!reads && entry->kind != TARGETS_UNIX);
	}
	assert(fits);
}

/* Cuts the first line off. */
static char *
next_line(char **text)
{
	char *line = *text, *end = strchr(line, '\n');

	if (end == NULL) {
		*text = NULL;
		return line;
	}
	*end = '\0';
	*text = end + 1;
	return line;
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	char *copy = malloc(size + 1), *text = copy, *line;
	struct targets_entry entries[ENTRIES_MAX];
	struct targets list = { entries, 0 }, none = { NULL, 0 };
	struct addr target;

	assert(text != NULL);
	memcpy(text, input, size);
	text[size] = '\0';
	while (text != NULL && *(line = next_line(&text)) != '\0')
		if (list.count < ENTRIES_MAX &&
		    targets_parse(line, &entries[list.count]) == NULL)
			check_entry(&entries[list.count++]);
	while (text != NULL) {
		line = next_line(&text);
		if (addr_parse(line, &target) != NULL)
			continue;
		assert(!targets_allow(&none, &target));
		if (targets_allow(&list, &target))
			check_allowed(&list, &target);
	}
	free(copy);
	return 0;
}
