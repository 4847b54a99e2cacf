/*
 * httpd_broken.c - what is said to those whose request never becomes one.
 *
 * Owns:    nothing.
 * Thread:  main.
 * Floor:   ops. The library closes a connection whose time is over without a
 *          word, and answers what is no HTTP, or too large, by a page of its
 *          own (evhttp_send_error), which nobody is asked about: so that is
 *          taken out of the buffer again before it leaves.
 */
#include "base/clock.h"
#include "ops/httpd_parts.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LINE_SIZE = 128 };

/* All of an answer that ends the connection. NULL without memory. */
static struct evbuffer *
answer_new(int status, const char *phrase, const char *message)
{
	struct evbuffer *answer = evbuffer_new(), *body = evbuffer_new();
	const time_t now = (time_t)clock_wall_s();
	char date[64];
	bool good;

	(void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT",
	    gmtime(&now));
	good = answer != NULL && body != NULL &&
	    httpd_add_envelope(body, status, message, NULL) &&
	    evbuffer_add_printf(answer,
		"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n"
		"Content-Length: %u\r\nCache-Control: no-store\r\n"
		"X-Content-Type-Options: nosniff\r\nDate: %s\r\n"
		"Connection: close\r\n\r\n",
		status, phrase, (unsigned)evbuffer_get_length(body),
		date) > 0 &&
	    evbuffer_add_buffer(answer, body) == 0;
	if (body != NULL)
		evbuffer_free(body);
	if (good || answer == NULL)
		return answer;
	evbuffer_free(answer);
	return NULL;
}

/* Nothing waits to be sent to it, so it takes these few bytes at once. */
static void
tell_late(struct httpd *httpd, struct bufferevent *guest,
    const struct endpoint *peer)
{
	struct evbuffer *answer;
	char why[80];

	(void)snprintf(why, sizeof(why),
	    "the request was not complete after %u s",
	    (unsigned)(httpd->options.patience_ms / 1000));
	httpd_log_refused(httpd, peer, 408, why);
	answer = answer_new(408, "Request Timeout", why);
	if (answer == NULL)
		return;
	guests_say(guest, answer);
	evbuffer_free(answer);
}

/* The status of an answer, and its phrase; 0: it is none. */
static int
read_status(struct bufferevent *guest, char phrase[LINE_SIZE])
{
	char line[LINE_SIZE];
	int status = 0;

	guests_waiting(guest, line, sizeof(line));
	line[strcspn(line, "\r\n")] = '\0';
	phrase[0] = '\0';
	(void)sscanf(line, "HTTP/1.%*1[01] %3d %127[^\r\n]", &status, phrase);
	return status;
}

/* Puts our answer in the place of the library's page. False: it is none, but
 * 100 Continue. */
static bool
tell_instead(struct httpd *httpd, struct bufferevent *guest,
    const struct endpoint *peer)
{
	struct evbuffer *answer;
	char phrase[LINE_SIZE];
	int status = read_status(guest, phrase);
	const char *why = status == 413 ? HTTPD_TOO_LARGE
					: "found no proper HTTP/1.1; expected "
					  "a request with at most 16384 bytes "
					  "of header";

	_Static_assert(HTTPD_HEAD_MAX == 16384, "the text says so");
	if (status < 400)
		return false;
	httpd_log_refused(httpd, peer, status, why);
	if ((answer = answer_new(status, phrase, why)) == NULL)
		return true;
	guests_say(guest, answer);
	evbuffer_free(answer);
	return true;
}

static void
log_left(struct httpd *httpd, const struct endpoint *peer)
{
	char client[ENDPOINT_TEXT_SIZE];
	uint64_t left_out;

	if (!log_allow(&httpd->log_limit, clock_ms(), &left_out))
		return;
	endpoint_text(peer, true, client);
	log_warn("httpd", "client left in the middle of its request",
	    KV_STR("client", client), KV_U64("left_out", left_out));
}

bool
httpd_on_trouble(enum guests_trouble trouble, struct bufferevent *guest,
    const struct endpoint *peer, void *arg)
{
	struct httpd *httpd = arg;

	switch (trouble) {
	case GUESTS_LATE:
		tell_late(httpd, guest, peer);
		break;
	case GUESTS_LEFT:
		log_left(httpd, peer);
		break;
	case GUESTS_TOLD:
		return tell_instead(httpd, guest, peer);
	}
	return true;
}
