/* test_armour.h - an armour and links that come to it. Each file that includes
 * this has one of its own. */
#ifndef TESTS_TEST_ARMOUR_H
#define TESTS_TEST_ARMOUR_H

#include "outer/armour.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { FDS = 20000, T = 1000000, HANDSHAKE_MS = 10000, HURRY_MS = 2500 };

static const struct startups limits = { 100, 30, 1000 };
static struct armour armour;
static struct pass passes[8192];

static inline void
set_up(void)
{
	memset(&armour, 0, sizeof(armour));
	memset(passes, 0, sizeof(passes));
	ck_assert(armour_init(&armour, &limits, FDS, HANDSHAKE_MS, 7));
}

static inline void
tear_down(void)
{
	armour_fini(&armour);
}

static inline struct endpoint
v4(unsigned number)
{
	return (struct endpoint){ .family = 4,
		.bytes = { 10, (uint8_t)(number >> 16), (uint8_t)(number >> 8),
		    (uint8_t)number } };
}

static inline struct endpoint
v6(uint8_t net, uint8_t host)
{
	return (struct endpoint){ .family = 6,
		.bytes = { 0x20, 0x01, 0x0d, 0xb8, [7] = net, [15] = host } };
}

static inline enum verdict
admit(struct endpoint peer, uint64_t now_ms, struct pass *pass)
{
	return armour_admit(&armour, &peer, now_ms, 99, pass);
}

static inline void
end(struct pass *pass, enum fault fault, uint64_t now_ms)
{
	pass_end(&armour, pass, fault, now_ms);
}

/* A link that comes and fails. */
static inline enum verdict
come_to_fail(struct endpoint peer, enum fault fault, uint64_t now_ms)
{
	struct pass pass;
	enum verdict verdict = admit(peer, now_ms, &pass);

	end(&pass, fault, now_ms);
	return verdict;
}

static inline void
bar(struct endpoint peer, uint64_t now_ms)
{
	struct pass pass;

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(come_to_fail(peer, FAULT_PROTOCOL, now_ms),
		    VERDICT_WELCOME);
	ck_assert_int_eq(admit(peer, now_ms, &pass), VERDICT_BARRED);
}

/* Whether a link from there would be a free one's, or the one that tries of a
 * barred source; it goes at once. */
static inline bool
is_free(struct endpoint peer, uint64_t now_ms)
{
	struct pass pass;
	enum verdict verdict = admit(peer, now_ms, &pass);

	end(&pass, FAULT_NONE, now_ms);
	return verdict == VERDICT_WELCOME && !pass.probe;
}

static inline struct pass *
known_link(struct endpoint peer, uint64_t now_ms)
{
	static struct pass pass;

	ck_assert_int_eq(admit(peer, now_ms, &pass), VERDICT_WELCOME);
	pass_proved(&armour, &pass, 0);
	return &pass;
}

#endif
