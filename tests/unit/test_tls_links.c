/*
 * test_tls_links.c - links over TLS: with one another, and with strangers who
 * speak the bare library.
 */
#include "tests/unit/suites.h"
#include "net/link.h"
#include "net/loop.h"
#include "net/stream.h"
#include "sys/inet.h"
#include "sys/sock_unix.h"
#include "tests/unit/test_tls.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 100000 };

static struct loop *loop;
static struct link *links[2];
static struct {
	bool secured, ended, failed, drained;
	char got[64];
	size_t len;
} seen[2];

static void
on_secured(void *arg)
{
	seen[(intptr_t)arg].secured = true;
}

static void
on_input(void *arg)
{
	intptr_t i = (intptr_t)arg;

	if (!link_is_tls(links[i])) {
		ck_assert(link_accept_tls(links[i], server_context));
		return;
	}
	seen[i].len += (size_t)evbuffer_remove(link_input(links[i]),
	    seen[i].got + seen[i].len, sizeof(seen[i].got) - seen[i].len);
}

static void
on_drained(void *arg)
{
	seen[(intptr_t)arg].drained = true;
}

static void
on_eof(void *arg)
{
	seen[(intptr_t)arg].ended = true;
}

static void
on_error(void *arg, const char *why)
{
	(void)why;
	seen[(intptr_t)arg].failed = true;
}

static const struct link_handler handler = {
	.on_input = on_input,
	.on_secured = on_secured,
	.on_drained = on_drained,
	.on_eof = on_eof,
	.on_error = on_error,
};

#define TURN_UNTIL(condition) \
	do { \
		for (int round_ = 0; round_ < ROUNDS && !(condition); \
		     round_++) \
			event_base_loop(loop_base(loop), \
			    EVLOOP_ONCE | EVLOOP_NONBLOCK); \
		ck_assert(condition); \
	} while (0)

static void
on_time(void *arg)
{
	*(bool *)arg = true;
}

static bool short_of_memory;

static void *
scarce_malloc(size_t size)
{
	return short_of_memory ? NULL : malloc(size);
}

/* Of the loop, in 50 ms: many, when it goes in circles. */
static int
count_rounds(void)
{
	bool over = false;
	int rounds = 0;
	struct loop_timer *timer = loop_timer_new(loop, on_time, &over);

	loop_timer_start(timer, 50);
	while (!over) {
		event_base_loop(loop_base(loop), EVLOOP_ONCE);
		rounds++;
	}
	loop_timer_free(timer);
	return rounds;
}

static void
set_up_links(void)
{
	event_set_mem_functions(scarce_malloc, realloc, free);
	set_up();
	memset(seen, 0, sizeof(seen));
	make_pair();
	loop = loop_new();
	for (int i = 0; i < 2; i++)
		links[i] = link_new(loop, ends[i]);
	ends[0] = ends[1] = SOCK_NONE; /* the links' */
	link_set_handler(links[0], &handler, (void *)0);
	ck_assert(link_connect_tls(links[1], client_context, NULL));
	link_set_handler(links[1], &handler, (void *)1);
}

static void
tear_down_links(void)
{
	for (int i = 0; i < 2; i++)
		link_free(links[i]);
	loop_free(loop);
	tear_down();
}

START_TEST(a_link_becomes_tls)
{
	uint8_t a[LINK_BINDING_SIZE], b[LINK_BINDING_SIZE];

	/* written before the handshake is over, it waits */
	ck_assert(link_write(links[1], "hello", 5));
	TURN_UNTIL(seen[0].secured && seen[1].secured);
	TURN_UNTIL(seen[0].len == 5);
	ck_assert_mem_eq(seen[0].got, "hello", 5);
	ck_assert(link_write(links[0], "wel", 3));
	ck_assert(link_write(links[0], "come", 4));
	TURN_UNTIL(seen[1].len == 7);
	ck_assert_mem_eq(seen[1].got, "welcome", 7);
	ck_assert(link_binding(links[0], a));
	ck_assert(link_binding(links[1], b));
	ck_assert_mem_eq(a, b, sizeof(a));
	ck_assert(link_is_quiet(links[0]));
	ck_assert(link_is_quiet(links[1]));
}
END_TEST

START_TEST(a_link_that_is_not_quiet)
{
	TURN_UNTIL(seen[0].secured && seen[1].secured);
	ck_assert(link_write(links[1], "x", 1));
	TURN_UNTIL(
	    sock_peek(link_fd(links[0])) == SOCK_BYTES || seen[0].len == 1);
	if (seen[0].len == 0) {
		ck_assert(!link_is_quiet(links[0]));
		TURN_UNTIL(seen[0].len == 1); /* it is heard all the same */
	}
	ck_assert(link_is_quiet(links[0]));
}
END_TEST

/* Bytes that were read and found no room are not just left out. */
START_TEST(a_link_without_memory_ends)
{
	TURN_UNTIL(seen[0].secured && seen[1].secured);
	link_read(links[0], false);
	ck_assert(link_write(links[1], "lost", 4));
	TURN_UNTIL(sock_peek(link_fd(links[0])) == SOCK_BYTES);
	short_of_memory = true;
	if (_i == 0) {
		ck_assert(!link_is_quiet(links[0]));
	} else {
		link_kick(links[0]);
		link_read(links[0], true);
		event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
	}
	short_of_memory = false;
	link_read(links[0], true);
	ck_assert(link_write(links[1], "later", 5));
	TURN_UNTIL(seen[0].failed || seen[0].len > 0);
	ck_assert_uint_eq(seen[0].len, 0);
}
END_TEST

/* What is written of itself is, or the link ends. */
START_TEST(a_link_without_memory_to_write_ends)
{
	TURN_UNTIL(seen[0].secured && seen[1].secured);
	short_of_memory = true;
	link_write_always(links[0]);
	short_of_memory = false;
	event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
	ck_assert_int_eq(evbuffer_add(link_output(links[0]), "x", 1), 0);
	TURN_UNTIL(seen[0].failed || seen[1].len > 0);
}
END_TEST

/* More than fits the socket, for a peer that does not read. */
static void
write_too_much(void)
{
	static const char bytes[1 << 22];

	TURN_UNTIL(seen[0].secured && seen[1].secured);
	link_read(links[1], false);
	link_write_always(links[0]);
	ck_assert_int_eq(evbuffer_add(link_output(links[0]), bytes,
			     sizeof(bytes)),
	    0);
	for (int i = 0; i < 10; i++)
		event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
	ck_assert_uint_gt(evbuffer_get_length(link_output(links[0])), 0);
}

/* The peer has ended its direction, so only sending can tell. */
START_TEST(a_peer_that_goes_after_its_end)
{
	write_too_much();
	ck_assert(link_finish(links[1]));
	TURN_UNTIL(seen[0].ended);
	ck_assert(!seen[0].failed);
	link_reset(links[1]);
	links[1] = NULL;
	TURN_UNTIL(seen[0].failed);
}
END_TEST

START_TEST(a_peer_that_goes_unread)
{
	write_too_much();
	link_read(links[0], false);
	link_reset(links[1]);
	links[1] = NULL;
	ck_assert_int_lt(count_rounds(), 10);
	link_read(links[0], true);
	TURN_UNTIL(seen[0].failed);
}
END_TEST

START_TEST(a_link_ends_in_order_or_not)
{
	struct stream stream;

	TURN_UNTIL(seen[0].secured && seen[1].secured);
	if (_i == 0) {
		link_free(links[1]);
	} else {
		stream = link_detach(links[1]);
		stream_close(&stream);
	}
	links[1] = NULL;
	TURN_UNTIL(seen[0].ended || seen[0].failed);
	ck_assert(seen[0].ended == (_i == 0));
}
END_TEST

START_TEST(half_closed_and_still_writing)
{
	TURN_UNTIL(seen[0].secured && seen[1].secured);
	ck_assert(link_finish(links[1]));
	TURN_UNTIL(seen[0].ended);
	ck_assert(link_write(links[0], "still", 5));
	TURN_UNTIL(seen[1].len == 5);
	ck_assert(link_finish(links[0]));
	TURN_UNTIL(seen[1].ended);
	ck_assert(!seen[0].failed);
	ck_assert(!seen[1].failed);
}
END_TEST

/* The peer would wait for ever for what it cannot be told. */
START_TEST(an_end_that_cannot_be_sent_is_an_error)
{
	TURN_UNTIL(seen[0].secured && seen[1].secured);
	link_read(links[1], false);
	sock_finish(link_fd(links[0])); /* nothing can be sent from now on */
	ck_assert(link_finish(links[0]));
	TURN_UNTIL(seen[0].failed);
}
END_TEST

/* What links[0] says as it retires reaches the peer, and then its end, though
 * the loop does not turn once more. */
static void
retire_and_end(struct stream *peer)
{
	char got[8];

	ck_assert(link_write(links[0], "bye", 3));
	link_retire(links[0]);
	links[0] = NULL;
	loop_free(loop);
	loop = loop_new();
	TURN_UNTIL(sock_peek(peer->fd) != SOCK_DRY);
	ck_assert_int_eq(stream_recv(peer, got, sizeof(got)), 3);
	ck_assert_mem_eq(got, "bye", 3);
	TURN_UNTIL(sock_peek(peer->fd) != SOCK_DRY || peer->tls != NULL);
	ck_assert_int_eq(stream_recv(peer, got, sizeof(got)), 0);
	stream_close(peer);
}

START_TEST(last_words_before_the_loop_ends)
{
	struct stream peer;

	TURN_UNTIL(seen[0].secured && seen[1].secured);
	peer = link_detach(links[1]);
	links[1] = NULL;
	retire_and_end(&peer);
}
END_TEST

static void
set_up_stranger(void)
{
	set_up();
	memset(seen, 0, sizeof(seen));
	loop = loop_new();
	links[0] = links[1] = NULL;
}

START_TEST(plain_last_words_before_the_loop_ends)
{
	struct stream peer = { 0 };

	make_pair();
	links[0] = link_new(loop, ends[0]);
	peer.fd = ends[1];
	ends[0] = ends[1] = SOCK_NONE;
	retire_and_end(&peer);
}
END_TEST

/* The rest of its handshake with links[0]. */
static void
shake_hands(SSL *bare)
{
	unsigned char bytes[8192];
	ssize_t n;

	links[0] = link_new(loop, ends[0]);
	ends[0] = SOCK_NONE;
	link_set_handler(links[0], &handler, (void *)0);
	send_on(bare);
	TURN_UNTIL(sock_peek(ends[1]) == SOCK_BYTES);
	n = sock_recv(ends[1], bytes, sizeof(bytes));
	ck_assert_int_gt(n, 0);
	BIO_write(SSL_get_rbio(bare), bytes, (int)n);
	ck_assert_int_eq(SSL_do_handshake(bare), 1);
	send_on(bare);
	TURN_UNTIL(seen[0].secured);
}

/* It asks for new keys all the time and takes none: its link waits until it
 * does, and not in circles. */
START_TEST(who_takes_no_reply_is_waited_for)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *bare = bare_new(ctx);
	int small = 1;

	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, (const void *)&small,
	    sizeof(small));
	shake_hands(bare);
	for (int i = 0; i < 40; i++) {
		SSL_key_update(bare, SSL_KEY_UPDATE_REQUESTED);
		ck_assert_int_eq(SSL_do_handshake(bare), 1);
		send_on(bare);
		event_base_loop(loop_base(loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
	}
	ck_assert_int_eq(sock_peek(link_fd(links[0])), SOCK_BYTES); /* full */
	ck_assert_int_lt(count_rounds(), 10);
	ck_assert(!seen[0].failed);
	SSL_free(bare);
	SSL_CTX_free(ctx);
}
END_TEST

START_TEST(what_is_not_read_waits)
{
	TURN_UNTIL(seen[0].secured && seen[1].secured);
	link_read(links[0], false);
	ck_assert(link_write(links[1], "later", 5));
	TURN_UNTIL(sock_peek(link_fd(links[0])) == SOCK_BYTES);
	for (int i = 0; i < 10; i++)
		event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
	ck_assert_uint_eq(seen[0].len, 0);
	link_read(links[0], true);
	TURN_UNTIL(seen[0].len == 5);
}
END_TEST

Suite *
tls_links_suite(void)
{
	Suite *suite = suite_create("tls_links");
	TCase *tc = tcase_create("links");

	tcase_add_checked_fixture(tc, set_up_links, tear_down_links);
	tcase_add_test(tc, a_link_becomes_tls);
	tcase_add_test(tc, a_link_that_is_not_quiet);
	tcase_add_loop_test(tc, a_link_ends_in_order_or_not, 0, 2);
	tcase_add_loop_test(tc, a_link_without_memory_ends, 0, 2);
	tcase_add_test(tc, a_link_without_memory_to_write_ends);
	tcase_add_test(tc, a_peer_that_goes_after_its_end);
	tcase_add_test(tc, a_peer_that_goes_unread);
	tcase_add_test(tc, half_closed_and_still_writing);
	tcase_add_test(tc, an_end_that_cannot_be_sent_is_an_error);
	tcase_add_test(tc, what_is_not_read_waits);
	tcase_add_test(tc, last_words_before_the_loop_ends);
	suite_add_tcase(suite, tc);

	tc = tcase_create("strangers");
	tcase_add_checked_fixture(tc, set_up_stranger, tear_down_links);
	tcase_add_test(tc, plain_last_words_before_the_loop_ends);
	if (sock_unix_possible())
		tcase_add_test(tc, who_takes_no_reply_is_waited_for);
	else
		skip_test("tls_links", "who_takes_no_reply_is_waited_for",
		    "this system has no Unix sockets");
	suite_add_tcase(suite, tc);
	return suite;
}
