/* talk.h - an HTTP server for each test, and clients that write bytes to it. */
#ifndef TESTS_TALK_H
#define TESTS_TALK_H

#include "net/loop.h"
#include "ops/httpd.h"
#include "sys/sock.h"

#include <check.h>
#include <stdbool.h>
#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { TALK_ANSWER_SIZE = 16384, TALK_BIG = 64 << 20, TALKS_MAX = 8 };

#define HOST   "Host: localhost\r\n"
#define TOKEN  "Authorization: Bearer secret-1\r\n"
#define ASK    HOST TOKEN "\r\n"
#define HEALTH "GET /health HTTP/1.1\r\n" HOST "\r\n"

/* A client, and what it has heard. */
struct talk {
	sock_fd fd; /* owned; SOCK_NONE: there is none */
	char in[TALK_ANSWER_SIZE];
	size_t len;
	bool ended;
};

/* What the test that runs has: talk_set_up makes it anew. */
struct talk_server {
	struct loop *loop;	    /* owned */
	struct httpd *httpd;	    /* owned; NULL: not yet, or no more */
	struct httpd_request *kept; /* of /later: the test answers it */
	struct talk talks[TALKS_MAX];
	unsigned handled; /* requests that came to a handler, without /text */
};
extern struct talk_server served;

void talk_set_up(void);
void talk_tear_down(void);

/* Starts the server; options: NULL, or what is not as usual. Routes: /health
 * for all; with the token /echo, /names/{name}, /names/{name}/x, /later, /text
 * and /big, which is of TALK_BIG bytes. */
void talk_serve(const struct httpd_options *options);

/* Turns the loop once, without waiting. */
void talk_turn(void);

/* Client number i, connected anew. */
struct talk *talk_call(unsigned i);

/* talk_serve and its first client. */
struct talk *talk_begin(const struct httpd_options *options);

/* Until all is written, or cannot be: the answer tells why. */
void talk_say_bytes(struct talk *talk, const char *bytes, size_t len);
void talk_say(struct talk *talk, const char *text);

/* Takes what is there, if anything. */
void talk_listen(struct talk *talk);

/* How long the first answer is; 0: it is not yet whole. */
size_t talk_whole(const struct talk *talk, bool head);

/* Until an answer is whole, or the server has ended. */
void talk_hear(struct talk *talk);
void talk_hear_end(struct talk *talk);

/* talk_say, then talk_hear. */
void talk_ask(struct talk *talk, const char *text);

/* Takes the first answer off. */
void talk_next(struct talk *talk);

/* want must stand in what was heard. name: of the case. */
void talk_expect(const struct talk *talk, const char *want, const char *name);

void talk_hang_up(struct talk *talk);

/* Of test_httpd_limits.c. */
TCase *httpd_limits_case(void);

#endif
