/*
 * fuzz_guard.c - what a request to the API says of itself, and its path.
 *
 * The input's lines are the target of the request, Host, Origin,
 * Sec-Fetch-Site and Authorization; a lone "-" is none. What holds, each looked
 * at in another way: who comes in names this server or an address, and is no
 * page of another one; the token alone opens; a route is found where its
 * pattern fits, and the name in it is text.
 */
#undef NDEBUG
#include "ops/httpd_parts.h"
#include "sys/inet.h"

#include <assert.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

enum { LINES = 5 };

static const char token[] = "token-of-the-tests";
static const char *const names[] = { "localhost", "admin.example",
	"listen.example" };
static const struct httpd_route routes[] = {
	{ "/health", HTTPD_GET, true, NULL, NULL },
	{ "/api/inners", HTTPD_GET, false, NULL, NULL },
	{ "/api/inners/{id}/drain", HTTPD_POST, false, NULL, NULL },
	{ "/api/inners/{id}", HTTPD_PUT | HTTPD_DELETE, false, NULL, NULL },
	{ "/api/sessions/{id}/kill", HTTPD_POST, false, NULL, NULL },
};
enum { ROUTES = sizeof(routes) / sizeof(routes[0]) };

/* One of this server's names, with the root's dot or without, or a number; with
 * digits behind a colon or without. */
static bool
is_ours(const char *host)
{
	char text[256], bytes[16], *colon = strrchr(host, ':'), *end;
	size_t len = strlen(host);

	if (colon != NULL && (host[0] != '[' || colon[-1] == ']')) {
		assert(strspn(colon + 1, "0123456789") == strlen(colon + 1));
		len = (size_t)(colon - host);
	}
	assert(len > 0 && len < sizeof(text));
	memcpy(text, host, len);
	text[len] = '\0';
	end = text + len - 1;
	if (text[0] == '[' && *end == ']') {
		*end = '\0';
		return inet_pton(AF_INET6, text + 1, bytes) == 1;
	}
	if (inet_pton(AF_INET, text, bytes) == 1)
		return true;
	if (*end == '.')
		*end = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(text, names[i]) == 0)
			return true;
	return false;
}

static void
check_entered(const struct httpd_plea *plea)
{
	const char *site = plea->fetch_site, *origin = plea->origin;

	assert(plea->host == NULL || is_ours(plea->host));
	assert(plea->uri_host == NULL || is_ours(plea->uri_host));
	assert(site == NULL || strcasecmp(site, "none") == 0 ||
	    strcasecmp(site, "same-origin") == 0);
	if (origin == NULL)
		return;
	assert(plea->host != NULL);
	origin = strstr(origin, "://");
	assert(origin != NULL && strcasecmp(origin + 3, plea->host) == 0);
}

static bool
is_token(const char *authorization)
{
	size_t len = strlen("Bearer ");

	if (authorization == NULL ||
	    strncasecmp(authorization, "Bearer ", len) != 0)
		return false;
	while (authorization[len] == ' ')
		len++;
	return strcmp(authorization + len, token) == 0;
}

static void
check_guard(struct httpd_plea *plea)
{
	static const struct endpoint client = { .family = 4,
		.bytes = { 127, 0, 0, 1 } };
	const struct httpd_guard_options options = {
		.token = token,
		.listen_host = names[2],
		.hosts = &names[1],
		.host_count = 1,
	};
	const char *why = NULL;
	struct httpd_guard guard;
	uint32_t retry_s;
	int status;

	plea->client = &client;
	assert(httpd_guard_init(&guard, &options, &why));
	status = httpd_guard_enter(&guard, plea, 0, &why, &retry_s);
	assert(status == 0 || (status == 403 && why[0] != '\0'));
	if (status == 0)
		check_entered(plea);
	status = httpd_guard_authorize(&guard, plea, 0, &why);
	assert((status == 0) == is_token(plea->authorization));
	assert(status == 0 || status == 401);
}

/* The parts of the path that are not {id}; what is, is in *len bytes. */
static bool
fits_slowly(const char *pattern, const char *path, size_t *len)
{
	size_t before = strcspn(pattern, "{"), all = strlen(path), after;
	const char *rest = strchr(pattern, '}');

	*len = 0;
	if (rest == NULL)
		return strcmp(pattern, path) == 0;
	after = strlen(++rest);
	if (all <= before + after || strncmp(pattern, path, before) != 0 ||
	    strcmp(path + all - after, rest) != 0)
		return false;
	*len = all - before - after;
	return memchr(path + before, '/', *len) == NULL;
}

static void
check_name(const char *at, size_t len)
{
	char *name;

	assert(memchr(at, '/', len) == NULL);
	if (!httpd_route_name(at, len, &name))
		return;
	assert((name == NULL) == (len == 0));
	assert(name == NULL || (name[0] != '\0' && strlen(name) <= len));
	free(name);
}

static void
check_routes(const char *path, unsigned method)
{
	const struct httpd_route *found, *wanted = NULL;
	size_t len = 0, want_len = 0, each_len;
	unsigned of, all = 0;
	const char *name;

	for (int i = 0; i < ROUTES; i++) {
		if (!fits_slowly(routes[i].pattern, path, &each_len))
			continue;
		all |= routes[i].methods;
		if (wanted != NULL || (routes[i].methods & method) == 0)
			continue;
		wanted = &routes[i];
		want_len = each_len;
	}
	found = httpd_route_find(routes, ROUTES, path, method, &of, &name,
	    &len);
	assert(found == wanted && of == all);
	if (found == NULL)
		return;
	assert(len == want_len);
	check_name(name, len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	char *text = malloc(size + 1), *lines[LINES], *at = text;
	struct evhttp_uri *uri;
	struct httpd_plea plea;

	assert(text != NULL);
	if (size > 0)
		memcpy(text, input, size);
	text[size] = '\0';
	for (int i = 0; i < LINES; i++) {
		char *end = at + strcspn(at, "\n");

		lines[i] = at;
		at = *end != '\0' ? end + 1 : end;
		*end = '\0';
		if (strcmp(lines[i], "-") == 0)
			lines[i] = NULL;
	}
	uri = lines[0] != NULL
	    ? evhttp_uri_parse_with_flags(lines[0], EVHTTP_URI_NONCONFORMANT)
	    : NULL;
	plea = (struct httpd_plea){
		.host = lines[1],
		.uri_host = uri != NULL ? evhttp_uri_get_host(uri) : NULL,
		.origin = lines[2],
		.fetch_site = lines[3],
		.authorization = lines[4],
	};
	check_guard(&plea);
	for (unsigned method = HTTPD_GET; method <= HTTPD_DELETE; method *= 2)
		if (uri != NULL && evhttp_uri_get_path(uri) != NULL)
			check_routes(evhttp_uri_get_path(uri), method);
	if (uri != NULL)
		evhttp_uri_free(uri);
	free(text);
	return 0;
}
