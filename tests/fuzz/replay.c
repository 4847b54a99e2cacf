/*
 * replay.c - runs a fuzz target once over each of its seeds, as a plain test.
 *
 * Stands in for libFuzzer's main. The seeds are the files and directories
 * named on the command line, else those of the target's own name, which is
 * the program's.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

enum {
	SEED_MAX = 1 << 20, /* bytes */
	PATH_SIZE = 4096,
};

static void
fail(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	exit(EXIT_FAILURE);
}

/* A block of the seed's own size, so that a sanitizer sees where it ends. */
static void
replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = malloc(SEED_MAX), *shrunk;
	size_t len;

	if (file == NULL || bytes == NULL)
		fail(path);
	len = fread(bytes, 1, SEED_MAX, file);
	if (ferror(file))
		fail(path);
	fclose(file);
	shrunk = realloc(bytes, len > 0 ? len : 1);
	if (shrunk == NULL)
		fail(path);
	LLVMFuzzerTestOneInput(shrunk, len);
	free(shrunk);
}

/* Returns the number of seeds in a directory, or that one file is one. */
static unsigned
replay(const char *path)
{
	char child[PATH_SIZE];
	struct dirent *entry;
	unsigned count = 0;
	DIR *dir = opendir(path);

	if (dir == NULL && errno != ENOTDIR)
		fail(path);
	if (dir == NULL) {
		replay_file(path);
		return 1;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		replay_file(child);
		count++;
	}
	closedir(dir);
	return count;
}

int
main(int argc, char **argv)
{
	const char *top = getenv("srcdir"); /* make check's */
	const char *name = strrchr(argv[0], '_');
	char own[PATH_SIZE];
	unsigned count = 0;

	if (LLVMFuzzerInitialize != NULL)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		count += replay(argv[i]);
	if (argc < 2 && name != NULL) {
		snprintf(own, sizeof(own), "%s/tests/fuzz/seeds/%.*s",
		    top != NULL ? top : ".", (int)strcspn(name + 1, "."),
		    name + 1);
		count = replay(own);
	}
	fprintf(stderr, "%s: %u seeds\n", argv[0], count);
	return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
