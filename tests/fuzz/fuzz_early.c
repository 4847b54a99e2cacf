/*
 * fuzz_early.c - the first bytes of any client.
 *
 * What holds: what may go ahead may not with a byte behind it, and each part
 * of it waits for more; what never may, may not with a byte behind it; what
 * goes ahead in "safe" does in "http" too, and nothing does in "off". What
 * goes ahead is looked at once more, in another way.
 */
#undef NDEBUG
#include "wire/early.h"
#include "wire/frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

/* All prefixes of what is longer would make the fuzzer slow. */
enum { ALL_PREFIXES_MAX = 600 };

/* The answer for a copy, with more bytes of value behind it, that ends where
 * its memory ends. */
static enum early_answer
judge(enum early_mode mode, const uint8_t *bytes, size_t len, const char *more)
{
	size_t extra = strlen(more);
	uint8_t *copy = malloc(len + extra + 1);
	enum early_answer answer;

	assert(copy != NULL);
	if (len > 0)
		memcpy(copy, bytes, len);
	memcpy(copy + len, more, extra);
	copy = realloc(copy, len + extra > 0 ? len + extra : 1);
	assert(copy != NULL);
	answer = early_judge(mode, copy, len + extra);
	free(copy);
	return answer;
}

static void
look_at_text(enum early_mode mode, const uint8_t *bytes, size_t len)
{
	char *text = calloc(len + 1, 1);
	char *line, *query;

	assert(text != NULL);
	memcpy(text, bytes, len);
	assert(strlen(text) == len); /* no NUL */
	assert(len > 4 && strcmp(text + len - 2, "\r\n") == 0);
	if (strncmp(text, "SSH-2.0-", 8) == 0) {
		assert(len <= 255 && strchr(text, '\n') == text + len - 1);
		free(text);
		return;
	}
	assert(strncmp(text, "GET ", 4) == 0 ||
	    strncmp(text, "HEAD ", 5) == 0 ||
	    strncmp(text, "OPTIONS ", 8) == 0);
	assert(strstr(text, "\r\n\r\n") == text + len - 4);
	line = strstr(text, " HTTP/1.");
	query = strchr(text, '?');
	assert(line != NULL && (line[8] == '0' || line[8] == '1'));
	assert(mode == EARLY_HTTP || query == NULL || query > line);
	for (char *c = text; *c != '\0'; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c += 'a' - 'A';
		assert(*c != '\n' || c[-1] == '\r');
		assert(*c != '\r' || c[1] == '\n');
	}
	assert(strstr(text, "\ncontent-length:") == NULL);
	assert(strstr(text, "\ntransfer-encoding:") == NULL);
	assert(strstr(text, "\nupgrade:") == NULL);
	assert(strstr(text, "\nexpect:") == NULL);
	assert(strstr(text, "\n ") == NULL && strstr(text, "\n\t") == NULL);
	free(text);
}

static void
look_at_sent(enum early_mode mode, const uint8_t *bytes, size_t len)
{
	assert(len <= FRAME_EARLY_MAX);
	assert(judge(mode, bytes, len, "x") == EARLY_NO);
	assert(judge(mode, bytes, len, "\r\n") == EARLY_NO);
	assert(judge(mode, bytes, len, "GET / HTTP/1.1\r\n\r\n") == EARLY_NO);
	if (bytes[0] != 0x16) {
		look_at_text(mode, bytes, len);
		return;
	}
	assert(len > 50 && len == 5 + (size_t)wire_get_u16(bytes + 3));
	assert(bytes[5] == 1 && 9 + (size_t)wire_get_u16(bytes + 7) == len);
}

/* What is certain of the whole is so of its parts, and the other way round. */
static void
look_at_parts(enum early_mode mode, const uint8_t *bytes, size_t len,
    enum early_answer whole)
{
	size_t step = len <= ALL_PREFIXES_MAX ? 1 : len / ALL_PREFIXES_MAX + 1;
	enum early_answer part;

	for (size_t cut = 0; cut < len; cut += step) {
		part = judge(mode, bytes, cut, "");
		if (whole != EARLY_NO)
			assert(part == EARLY_MAYBE);
		if (part == EARLY_NO)
			assert(whole == EARLY_NO);
	}
}

static enum early_answer
try_mode(enum early_mode mode, const uint8_t *bytes, size_t len)
{
	enum early_answer answer = judge(mode, bytes, len, "");

	if (answer == EARLY_SEND)
		look_at_sent(mode, bytes, len);
	if (answer == EARLY_NO) {
		assert(judge(mode, bytes, len, "\r") == EARLY_NO);
		assert(judge(mode, bytes, len, "\n") == EARLY_NO);
		assert(judge(mode, bytes, len, "\r\n\r\n") == EARLY_NO);
	}
	look_at_parts(mode, bytes, len, answer);
	return answer;
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	enum early_answer safe, http;

	assert(judge(EARLY_OFF, input, size, "") == EARLY_NO);
	safe = try_mode(EARLY_SAFE, input, size);
	http = try_mode(EARLY_HTTP, input, size);
	assert(safe <= http); /* http lets more through, never less */
	return 0;
}
