/*
 * httpd_guard.c - who may ask the HTTP server for what.
 *
 * Owns:    nothing.
 * Thread:  main.
 * Floor:   ops. A web page elsewhere must not get at a server that listens for
 *          this machine alone: neither by a name of its own that leads here
 *          (DNS rebinding; Host), nor by sending the browser (Origin,
 *          Sec-Fetch-Site: fetch.spec.whatwg.org, w3.org/TR/fetch-metadata).
 */
#include "ops/httpd_guard.h"
#include "base/str.h"
#include "ops/httpd_jwt.h"
#include "wire/proof.h"

#include <string.h>
#include <strings.h>

enum { HOST_SIZE = 256, SECRET_MAX = 512 };

bool
httpd_guard_init(struct httpd_guard *guard,
    const struct httpd_guard_options *options, const char **problem)
{
	memset(guard, 0, sizeof(*guard));
	guard->options = *options;
	if (guard->options.burst == 0)
		guard->options.burst = 1;
	if (options->jwt_key != NULL && !httpd_jwt_known()) {
		*problem = "this program was built without libjwt; expected no "
			   "key for JWT";
		return false;
	}
	return true;
}

static struct httpd_caller
caller_of(const struct endpoint *client)
{
	struct httpd_caller caller = { .family = client->family };

	if (client->family != 0)
		memcpy(caller.net, client->bytes, client->family == 4 ? 4 : 8);
	return caller;
}

/* The one of the source; else that of whoever has not come for the longest. */
static struct httpd_caller *
find_caller(struct httpd_guard *guard, const struct endpoint *client,
    uint64_t now_ms)
{
	struct httpd_caller caller = caller_of(client);
	struct httpd_caller *oldest = &guard->callers[0];

	for (size_t i = 0; i < HTTPD_CALLERS; i++) {
		struct httpd_caller *at = &guard->callers[i];

		if (at->known && at->family == caller.family &&
		    memcmp(at->net, caller.net, sizeof(at->net)) == 0)
			return at;
		if (oldest->known &&
		    (!at->known || at->filled_ms < oldest->filled_ms))
			oldest = at;
	}
	*oldest = caller;
	oldest->known = true;
	oldest->tokens_milli = (uint64_t)guard->options.burst * 1000;
	oldest->filled_ms = now_ms;
	return oldest;
}

/* 0, or in how many seconds there is room again. */
static uint32_t
take_token(struct httpd_guard *guard, const struct endpoint *client,
    uint64_t now_ms)
{
	uint64_t rate = guard->options.rate;
	uint64_t most = (uint64_t)guard->options.burst * 1000;
	struct httpd_caller *caller;
	uint64_t gone;

	if (rate == 0)
		return 0;
	caller = find_caller(guard, client, now_ms);
	gone = now_ms - caller->filled_ms; /* ms * tokens/s: thousandths */
	if (gone > most / rate)
		caller->tokens_milli = most;
	else
		caller->tokens_milli += gone * rate;
	if (caller->tokens_milli > most)
		caller->tokens_milli = most;
	caller->filled_ms = now_ms;
	if (caller->tokens_milli < 1000) {
		gone = (1000 - caller->tokens_milli + rate - 1) / rate;
		return (uint32_t)((gone + 999) / 1000);
	}
	caller->tokens_milli -= 1000;
	return 0;
}

/* The name or number in "name:port", "[::1]:port". False: it is neither. */
static bool
split_host(const char *text, char out[HOST_SIZE], bool *brackets)
{
	const char *end;

	*brackets = text[0] == '[';
	if (*brackets)
		end = strchr(++text, ']');
	else
		end = text + strcspn(text, ":");
	if (end == NULL || end == text || end - text >= HOST_SIZE)
		return false;
	memcpy(out, text, (size_t)(end - text));
	out[end - text] = '\0';
	end += *brackets;
	if (*end == '\0')
		return true;
	return *end == ':' && strlen(end) <= 6 &&
	    strspn(end + 1, "0123456789") == strlen(end + 1);
}

static bool
is_number(const char *host, bool brackets)
{
	struct cidr cidr;

	return strchr(host, '/') == NULL && cidr_parse(host, &cidr) == NULL &&
	    brackets == (strchr(host, ':') != NULL);
}

static bool
host_is_ours(const struct httpd_guard *guard, const char *text)
{
	const struct httpd_guard_options *options = &guard->options;
	char host[HOST_SIZE];
	bool brackets;
	size_t len;

	if (!split_host(text, host, &brackets))
		return false;
	if (is_number(host, brackets))
		return true;
	if (brackets)
		return false;
	len = strlen(host);
	if (len > 1 && host[len - 1] == '.') /* the root of all names */
		host[len - 1] = '\0';
	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (options->listen_host != NULL &&
	    strcasecmp(host, options->listen_host) == 0)
		return true;
	for (size_t i = 0; i < options->host_count; i++)
		if (strcasecmp(host, options->hosts[i]) == 0)
			return true;
	return false;
}

/* Whether a browser sends it for a page of another server. */
static bool
is_foreign(const struct httpd_plea *plea)
{
	static const char *const schemes[] = { "http://", "https://" };

	if (plea->fetch_site != NULL &&
	    strcasecmp(plea->fetch_site, "same-origin") != 0 &&
	    strcasecmp(plea->fetch_site, "none") != 0)
		return true;
	if (plea->origin == NULL)
		return false;
	for (int i = 0; plea->host != NULL && i < 2; i++) {
		size_t len = strlen(schemes[i]);

		if (strncasecmp(plea->origin, schemes[i], len) == 0)
			return strcasecmp(plea->origin + len, plea->host) != 0;
	}
	return true;
}

int
httpd_guard_enter(struct httpd_guard *guard, const struct httpd_plea *plea,
    uint64_t now_ms, const char **why, uint32_t *retry_s)
{
	const struct cidr_list *from = guard->options.allow_from;

	*why = "requests from this address are not allowed (AdminAllowFrom)";
	if (from != NULL && from->count > 0 && plea->client->family != 0 &&
	    !cidr_list_holds(from, plea->client->family, plea->client->bytes))
		return 403;
	*why = "too many requests";
	*retry_s = take_token(guard, plea->client, now_ms);
	if (*retry_s > 0)
		return 429;
	*why = "Host names neither this server nor an address";
	if (plea->host != NULL && !host_is_ours(guard, plea->host))
		return 403;
	if (plea->uri_host != NULL && !host_is_ours(guard, plea->uri_host))
		return 403;
	*why = "a page of another server may not ask this one";
	if (is_foreign(plea))
		return 403;
	return 0;
}

/* In a time that says nothing of what is the same. */
static bool
is_secret(const char *given, const char *secret)
{
	char ours[SECRET_MAX] = { 0 }, theirs[SECRET_MAX] = { 0 };
	bool fits = str_copy(ours, sizeof(ours), secret);

	fits = str_copy(theirs, sizeof(theirs), given) && fits;
	fits = proof_equal(ours, theirs, SECRET_MAX) && fits;
	proof_forget(ours, sizeof(ours));
	proof_forget(theirs, sizeof(theirs));
	return fits && secret[0] != '\0';
}

int
httpd_guard_authorize(const struct httpd_guard *guard,
    const struct httpd_plea *plea, int64_t now_s, const char **why)
{
	static const char bearer[] = "Bearer ";
	const struct httpd_guard_options *options = &guard->options;
	const char *token = plea->authorization;

	if (options->token == NULL && options->jwt_key == NULL)
		return 0;
	*why = "expected a header Authorization: Bearer TOKEN";
	if (token == NULL ||
	    strncasecmp(token, bearer, sizeof(bearer) - 1) != 0)
		return 401;
	token += sizeof(bearer) - 1;
	token += strspn(token, " ");
	*why = "the token is not the one that is configured";
	if (options->token != NULL && is_secret(token, options->token))
		return 0;
	if (options->jwt_key != NULL &&
	    httpd_jwt_good(token, options->jwt_key, now_s, why))
		return 0;
	return 401;
}
