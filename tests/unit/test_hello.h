/* test_hello.h - keys and values of handshakes, and what a decoder says of bad
 * ones. */
#ifndef TESTS_TEST_HELLO_H
#define TESTS_TEST_HELLO_H

#include "wire/hello.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define NONCE_INNER \
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define NONCE_OUTER \
	"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
#define PROOF_A \
	"f12a47a4ec32080f3d43ab8f7034774991241dedcc90f3019efcdf18384b16c4"
#define PROOF_B \
	"09de5bd2979b382c3b4d816531bb2a8c82e3f94a7cce4e685db33ea483f09975"
#define NONCE_JOIN \
	"404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
#define PROOF_JOIN \
	"f906f799581441f948739df8236ab630bc44c187ed8c56009c78973e08176418"
#define PROOF_JOINED \
	"d554cf94df6a265d268ac0b6ca6a1aec30ef693824314bc463f8f53ff702707b"
#define TEN	   "aaaaaaaaaa"
#define SIXTY_FOUR TEN TEN TEN TEN TEN TEN "aaaa"

#define ROLE	     "\"role\":\"standby\""
#define INNER	     "\"inner\":\"edge-1\""
#define INSTANCE     "\"instance\":\"0123456789abcdef\""
#define NONCE	     "\"nonce\":\"" NONCE_INNER "\""
#define SOFTWARE     "\"software\":\"transponder/1.0\""
#define BAD_ROLE     "role is not standby, control or mux"
#define BAD_INNER    "inner is not 1 to 64 letters, digits, '.', '_', '-'"
#define BAD_INSTANCE "instance is not 16 hex digits"
#define BAD_NONCE    "nonce is not 64 hex digits"
#define BAD_PROOF    "proof is not 64 hex digits"
#define BAD_PING     "ping is not a number of seconds, 0.001 to 86400"
#define LINK	     "\"link\":\"42\""
#define PROOF	     "\"proof\":\"" PROOF_A "\""

/* A whole HELLO and a whole WELCOME but for "ping", and more behind it. */
#define HELLO_AND(more) \
	"{" ROLE "," INNER "," INSTANCE "," NONCE "," SOFTWARE more "}"
#define WELCOME_AND(more) "{" PROOF "," LINK more "}"

static const struct hello hello_sample = {
	.role = HELLO_STANDBY,
	.inner = "edge-1",
	.instance = "0123456789abcdef",
	.software = "transponder/1.0",
	.dialing = HELLO_DIALING,
	.nonce = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
	    18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 },
};

#endif
