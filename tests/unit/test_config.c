/*
 * test_config.c - the two programs' files: keys, defaults, and what one key
 * alone does not show. The Go version's own files are rows here.
 */
#include "tests/unit/files.h"
#include "tests/unit/suites.h"
#include "base/log.h"
#include "base/str.h"
#include "inner/config.h"
#include "outer/config.h"
#include "sys/sock_unix.h"
#include "wire/hello.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef TOP_SRCDIR
#define TOP_SRCDIR "."
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define IN	     "\"InnerServerAddress\": \"tcp://127.0.0.1:9090\", "
#define IN_ALL	     "\"InnerServerAddress\": \"tcp://:9090\", "
#define OUT	     "\"OuterServerAddress\": \"tcp://127.0.0.1:8080\", "
#define REG	     "\"RegisterAddress\": \"tcp://127.0.0.1:9090\", "
#define TO	     "\"ProxyAddress\": \"tcp://127.0.0.1:80\", "
#define KEY	     "\"AuthKey\": \"sixteen-letters!\""
#define EDGE	     "{\"Inner\": \"edge\", \"Key\": \"sixteen-for-edge\"}"
#define KEYS(of)     "\"Keys\": [" of "]"
#define SERVICES(of) "\"Services\": [" of "], "
#define AT_8081(name, more) \
	"{\"Name\": \"" name "\", \"Listen\": \"tcp://:8081\"" more "}"
#define HOST(of)  ", \"Host\": [" of "]"
#define WEB	  "{\"Name\": \"web\", \"Proxy\": \"tcp://127.0.0.1:3000\"}"
#define KEY_33	  "\"AuthKey\": \"123456789012345678901234567890123\""
#define WRONG_KEY "no-signal<carries>it"

enum { TEXT_SIZE = 8192 };

/* What a load said: the problem line without the path, and the log. */
struct said {
	char problem[CONF_PROBLEM_SIZE], log[TEXT_SIZE];
};

static void
load(const char *path, struct outer_config *outer, struct inner_config *inner,
    struct said *said)
{
	char log_path[FILES_PATH_SIZE], problem[CONF_PROBLEM_SIZE] = "";
	size_t skip = strlen(path);
	int result;

	files_write(log_path, "");
	ck_assert_int_eq(log_open(LOG_INFO, LOG_TEXT, log_path), 0);
	result = outer != NULL ? outer_config_load(path, outer, problem)
			       : inner_config_load(path, inner, problem);
	log_close();
	files_read(log_path, said->log, TEXT_SIZE);
	unlink(log_path);
	ck_assert_int_eq(result, problem[0] == '\0' ? 0 : -1);
	if (problem[0] != '\0')
		ck_assert_int_eq(strncmp(problem, path, skip), 0);
	str_copy(said->problem, sizeof(said->problem),
	    problem[0] == '\0' ? "" : problem + skip);
}

static void
load_text(const char *text, struct outer_config *outer,
    struct inner_config *inner, struct said *said)
{
	char path[FILES_PATH_SIZE];

	files_write(path, text);
	load(path, outer, inner, said);
	unlink(path);
}

/* Of a file in the source, which everybody may read: one of our own. */
static void
load_copy(const char *path, struct outer_config *outer,
    struct inner_config *inner, struct said *said)
{
	char text[TEXT_SIZE];

	files_read(path, text, sizeof(text));
	load_text(text, outer, inner, said);
}

/* Both programs: what is refused, and what is warned about. */
static const struct {
	const char *name;
	bool inner;
	const char *json;
	const char *problem; /* "" = taken; else the line's end */
	const char *warning; /* "" = none; else part of the log */
} rows[] = {
	{ "outer, least", false, "{" IN OUT KEY "}", "", "" },
	{ "outer, nothing", false, "{}",
	    ": InnerServerAddress: missing; "
	    "expected the address where inners connect, such as "
	    "tcp://0.0.0.0:9090",
	    "" },
	{ "outer, no clients", false, "{" IN KEY "}",
	    ": OuterServerAddress: found none; expected the public address of "
	    "clients, Services or AdminAddress",
	    "" },
	{ "outer, only an API", false,
	    "{" IN "\"AdminAddress\": \"tcp://127.0.0.1:0\", " KEY "}", "",
	    "" },
	{ "outer, an API for all without a token", false,
	    "{" IN OUT "\"AdminAddress\": \"tcp://:7500\", " KEY "}",
	    ": AdminToken: found none; expected one, for other machines can "
	    "reach AdminAddress",
	    "" },
	{ "outer, an API for all", false,
	    "{" IN OUT "\"AdminAddress\": \"tcp://:7500\", "
	    "\"AdminToken\": \"a-token-of-16-and-more\", " KEY "}",
	    "", "" },
	{ "outer, an API for all with a short token", false,
	    "{" IN OUT "\"AdminAddress\": \"tcp://:7500\", "
	    "\"AdminToken\": \"short\", " KEY "}",
	    "", "AdminToken is short" },
	{ "outer, an API where links are", false,
	    "{\"InnerServerAddress\": \"tcp://127.0.0.1:7500\", " OUT
	    "\"AdminAddress\": \"tcp://127.0.0.1:7500\", " KEY "}",
	    ": AdminAddress: found the address of InnerServerAddress; "
	    "expected another",
	    "" },
	{ "outer, an API where a service is", false,
	    "{" IN "\"Services\": [{\"Name\": \"web\", "
	    "\"Listen\": \"tcp://127.0.0.1:7000-7999\"}], "
	    "\"AdminAddress\": \"tcp://127.0.0.1:7500\", " KEY "}",
	    ": AdminAddress: found the address of web; expected another", "" },
	{ "outer, direct without a target", false,
	    "{" IN "\"Services\": [{\"Name\": \"web\", "
	    "\"Listen\": \"tcp://127.0.0.1:0\", \"Tunnel\": false}], " KEY "}",
	    ": Services: found Tunnel false of \"web\" without Target; "
	    "expected Target and no Inner",
	    "" },
	{ "outer, direct with an inner", false,
	    "{" IN "\"Services\": [{\"Name\": \"web\", \"Inner\": \"home\", "
	    "\"Listen\": \"tcp://127.0.0.1:0\", \"Tunnel\": false, "
	    "\"Target\": \"tcp://127.0.0.1:80\"}], " KEY "}",
	    ": Services: found Tunnel false of \"web\" with Inner; "
	    "expected Target and no Inner",
	    "" },
	{ "outer, a token file that is not there", false,
	    "{" IN OUT "\"AdminTokenFile\": \"no-such-file\", " KEY "}",
	    "AdminTokenFile: ", "" },
	{ "outer, a network that is none", false,
	    "{" IN OUT "\"AdminAllowFrom\": [\"here\"], " KEY "}",
	    "AdminAllowFrom: found", "" },
	{ "outer, a host that is none", false,
	    "{" IN OUT "\"AdminHosts\": [\"a b\"], " KEY "}",
	    "AdminHosts: found", "" },
	{ "outer, no database", false,
	    "{" IN OUT "\"Database\": \"\", " KEY "}", "Database: found", "" },
	{ "outer, no key", false,
	    "{" IN "\"OuterServerAddress\": "
	    "\"tcp://:0\"}",
	    ": AuthKey: missing; expected the key that inners "
	    "and outer share, 1 to 256 bytes, or AuthKeyFile, or "
	    "TRANSPONDER_AUTH_KEY in the environment",
	    "" },
	{ "outer, empty key", false, "{" IN OUT "\"AuthKey\": \"\"}",
	    ":1:105: AuthKey: found text of 0 bytes; expected text of 1 to 256 "
	    "bytes",
	    "" },
	{ "outer, unknown user", false,
	    "{" IN OUT "\"User\": \"no such one\", " KEY "}",
	    ": User: found \"no such one\"; expected a user of this system",
	    "" },
	{ "inner, unknown user", true,
	    "{" REG TO "\"User\": \"no such one\", " KEY "}",
	    ": User: found \"no such one\"; expected a user of this system",
	    "" },
	{ "outer, group without user", false,
	    "{" IN OUT "\"Group\": \"root\", " KEY "}",
	    ": Group: found it without User; expected both, or User alone",
	    "" },
	{ "outer, burst without rate", false,
	    "{" IN OUT "\"NewSessionsBurst\": 3, " KEY "}",
	    ": NewSessionsBurst: found it without NewSessionsPerSecond; "
	    "expected both, or neither",
	    "" },
	{ "outer, all limits", false,
	    "{" IN OUT "\"NewSessionsBurst\": 3, \"NewSessionsPerSecond\": 1, "
	    "\"RateLimit\": \"1M\", \"AllowFrom\": [\"::/0\"], " KEY "}",
	    "", "" },
	{ "outer, the inner's key", false,
	    "{" IN OUT "\"MaxFreeConn\": 3, " KEY "}",
	    ":1:94: MaxFreeConn: unknown key; expected one of those in "
	    "the manual page",
	    "" },
	{ "outer, one address twice", false,
	    "{" IN "\"OuterServerAddress\": "
	    "\"tcp://127.0.0.1:9090\", " KEY "}",
	    ": OuterServerAddress: found "
	    "the address of InnerServerAddress; expected another",
	    "" },
	{ "outer, two free ports", false,
	    "{\"InnerServerAddress\": "
	    "\"tcp://127.0.0.1:0\", \"OuterServerAddress\": "
	    "\"tcp://127.0.0.1:0\", " KEY "}",
	    "", "" },
	{ "outer, short key, local", false,
	    "{" IN OUT "\"AuthKey\": \"123456\"}", "", "" },
	{ "outer, short key", false,
	    "{" IN_ALL OUT "\"AuthKey\": \"15-letters-long\"}", "",
	    "AuthKey is shorter than 16 characters" },
	{ "outer, key of 16", false, "{" IN_ALL OUT KEY "}", "", "" },
	{ "outer, key of 33", false, "{" IN OUT KEY_33 "}", "",
	    "classic links are switched off" },
	{ "outer, key of 33, no classic", false,
	    "{" IN OUT KEY_33 ", \"AcceptClassic\": false}", "", "" },
	{ "outer, key with <", false,
	    "{" IN OUT "\"AuthKey\": \"" WRONG_KEY "\"}", "",
	    "classic links are switched off" },
	{ "outer, keys alone", false, "{" IN OUT KEYS(EDGE) "}", "", "" },
	{ "outer, no keys at all", false, "{" IN OUT KEYS("") "}",
	    ": AuthKey: missing; expected the key that inners "
	    "and outer share, 1 to 256 bytes, or AuthKeyFile, or "
	    "TRANSPONDER_AUTH_KEY in the environment",
	    "" },
	{ "outer, two keys of one", false, "{" IN OUT KEYS(EDGE ", " EDGE) "}",
	    "", "" },
	{ "outer, three keys of one", false,
	    "{" IN OUT KEYS(EDGE ", " EDGE ", " EDGE) "}",
	    ": Keys: found three keys of \"edge\"; expected two at most", "" },
	{ "outer, keys are no list", false, "{" IN OUT "\"Keys\": " EDGE "}",
	    ":1:102: Keys: found {...}; expected [...], 0 to 1000 of { "
	    "\"Inner\": ..., \"Key\": ..., \"KeyFile\": ..., \"Services\": "
	    "..., \"Ports\": ... }",
	    "" },
	{ "outer, a key is text", false, "{" IN OUT KEYS("\"k\"") "}",
	    ":1:103: Keys: found something else than { \"Inner\": ... } "
	    "in the list",
	    "" },
	{ "outer, a key of nobody", false,
	    "{" IN OUT KEYS("{\"Key\": \"15-letters-long\"}") "}",
	    ":1:103: Keys: Inner: missing; expected the InnerId whose key it "
	    "is",
	    "" },
	{ "outer, an inner without a key", false,
	    "{" IN OUT KEYS("{\"Inner\": \"edge\"}") "}",
	    ": Keys: found no key of \"edge\"; expected Key or KeyFile beside "
	    "Inner",
	    "" },
	{ "outer, an empty key", false,
	    "{" IN OUT KEYS("{\"Inner\": \"edge\", \"Key\": \"\"}") "}",
	    ":1:128: Keys: Key: found text of 0 bytes; expected text of 1 to "
	    "256 bytes",
	    "" },
	{ "outer, no name", false,
	    "{" IN OUT KEYS(
		"{\"Inner\": \"a b\", \"Key\": \"15-letters-long\"}") "}",
	    ":1:113: Keys: Inner: found \"a b\"; expected 1 to 64 letters, "
	    "digits, dots, _ or -",
	    "" },
	{ "outer, a slip in a key", false,
	    "{" IN OUT KEYS(
		"{\"Inner\": \"a\", \"Keys\": \"15-letters-long\"}") "}",
	    ":1:118: Keys: Keys: unknown key; did you mean Key?", "" },
	{ "outer, a short key of one", false,
	    "{" IN_ALL OUT KEYS(EDGE ", {\"Inner\": \"a\", \"Key\": "
				     "\"15-letters-long\"}") "}",
	    "", "a key of Keys is shorter than 16 characters" },
	{ "outer, keys that no signal carries", false,
	    "{" IN OUT KEYS(
		"{\"Inner\": \"a\", \"Key\": \"" WRONG_KEY "\"}") "}",
	    "", "classic links are switched off" },
	{ "outer, no key file", false,
	    "{" IN OUT "\"AuthKeyFile\": \"/nowhere/key\"}",
	    ": AuthKeyFile: /nowhere/key: no such file; expected one line with "
	    "the key",
	    "" },
	{ "outer, no key file of one", false,
	    "{" IN OUT KEYS(
		"{\"Inner\": \"a\", \"KeyFile\": \"/nowhere/key\"}") "}",
	    ": Keys: KeyFile: /nowhere/key: no such file; expected one line "
	    "with the key",
	    "" },
	{ "outer, ping", false, "{" IN OUT KEY ", \"PingInterval\": 0}",
	    ":1:141: PingInterval: found 0; "
	    "expected a number of seconds 0.1..3600",
	    "" },
	{ "outer, hosts at one address", false,
	    "{" IN SERVICES(
		AT_8081("a", HOST("\"x.lan\", \"*.x.lan\"")) ", " AT_8081("b",
		    HOST("\"*\"")) ", " AT_8081("c", "")) KEY "}",
	    "", "" },
	{ "outer, hosts beside the default", false,
	    "{" IN "\"OuterServerAddress\": \"tcp://:8081\", " SERVICES(
		AT_8081("a", HOST("\"x.lan\""))) KEY "}",
	    "", "" },
	{ "outer, two for all others", false,
	    "{" IN SERVICES(AT_8081("a", HOST("\"x.lan\"")) ", " AT_8081("b",
		"") ", " AT_8081("c", "")) KEY "}",
	    ": Services: found the address of b as Listen of \"c\"; expected "
	    "another, or single ports with Host",
	    "" },
	{ "outer, one host twice", false,
	    "{" IN SERVICES(AT_8081("a", HOST("\"*.X.lan\"")) ", " AT_8081("b",
		HOST("\"y\", \"*.x.LAN.\""))) KEY "}",
	    ": Services: found Host \"*.x.lan\" in \"a\" and \"b\" at one "
	    "address; expected it in one of them",
	    "" },
	{ "outer, other proxies", false,
	    "{" IN "\"OuterServerAddress\": \"tcp://:8081\", "
	    "\"AcceptProxyProtocol\": [\"10.0.0.0/8\"], " SERVICES(
		AT_8081("a", HOST("\"x.lan\""))) KEY "}",
	    ": Services: found another AcceptProxyProtocol in \"a\" than in "
	    "\"OuterServerAddress\" at one address; expected the same",
	    "" },
	{ "outer, a bad host", false,
	    "{" IN SERVICES(AT_8081("a", HOST("\"x.*.lan\""))) KEY "}",
	    ":1:109: Services: Host: found \"x.*.lan\": a * stands alone, or "
	    "in front as in *.example; expected a list of 1 to 64 host names, "
	    "as [\"www.example.org\", \"*.example.org\"]",
	    "" },
	{ "outer, no hosts", false,
	    "{" IN SERVICES(AT_8081("a", HOST(""))) KEY "}",
	    ":1:108: Services: Host: found [...]; expected a list of 1 to 64 "
	    "host names, as [\"www.example.org\", \"*.example.org\"]",
	    "" },
	{ "inner, least", true, "{" REG TO KEY "}", "", "" },
	{ "inner, nothing", true, "{}",
	    ": RegisterAddress: missing; expected "
	    "the outer's InnerServerAddress, such as tls://192.0.2.1:9090",
	    "" },
	{ "inner, no port", true,
	    "{" TO KEY ", \"RegisterAddress\": "
	    "\"tcp://h:0\"}",
	    ":1:90: RegisterAddress: found \"tcp://h:0\": "
	    "nobody can be reached at port 0; expected tls://host:port, "
	    "tcp://host:port or unix:///path",
	    "" },
	{ "inner, short key, local", true, "{" REG TO "\"AuthKey\": \"1\"}", "",
	    "" },
	{ "inner, short key", true,
	    "{\"RegisterAddress\": \"tcp://h:9090\", " TO
	    "\"AuthKey\": \"15-letters-long\"}",
	    "", "make_a_good_one=\"outer_server --generate-key\"" },
	{ "inner, id", true, "{" REG TO KEY ", \"InnerId\": \"a b\"}",
	    ":1:125: InnerId: found \"a b\"; "
	    "expected 1 to 64 letters, digits, dots, _ or -",
	    "" },
	{ "inner, classic", true, "{" REG TO KEY ", \"Protocol\": \"classic\"}",
	    "", "" },
	{ "inner, classic, key of 33", true,
	    "{" REG TO KEY_33 ", \"Protocol\": \"classic\"}",
	    "found one that no classic signal "
	    "can carry",
	    "" },
	{ "inner, classic, key with <", true,
	    "{" REG TO "\"AuthKey\": \"" WRONG_KEY
	    "\", \"Protocol\": \"classic\"}",
	    "; expected another, or "
	    "\"Protocol\": \"native\"",
	    "" },
	{ "inner, native, key of 33", true, "{" REG TO KEY_33 "}", "", "" },
	{ "inner, no target", true, "{" REG KEY "}",
	    ": ProxyAddress: missing; expected the address of the target, such "
	    "as tcp://127.0.0.1:80, or Services",
	    "" },
	{ "inner, services alone", true,
	    "{" REG SERVICES(WEB ", {\"Name\": \"default\", "
				 "\"Proxy\": \"tcp://:1\", \"Weight\": 100}")
		KEY "}",
	    "", "" },
	{ "inner, all of it", true,
	    "{" REG TO SERVICES(WEB
		", {\"Name\": \"games\", "
		"\"Proxy\": \"tcp://:7000-7099\", "
		"\"RemoteListen\": \"tcp://0.0.0.0:6000-6099\"}") "\"AllowTargets\": [\"*:22\", \"unix:///a\"], " KEY
								  "}",
	    "", "" },
	{ "inner, a PROXY header", true,
	    "{" REG SERVICES("{\"Name\": \"web\", \"Proxy\": \"tcp://:70\", "
			     "\"SendProxyProtocol\": \"V2\"}") KEY "}",
	    "", "" },
	{ "inner, no such PROXY header", true,
	    "{" REG SERVICES("{\"Name\": \"web\", \"Proxy\": \"tcp://:70\", "
			     "\"SendProxyProtocol\": true}") KEY "}",
	    ":1:117: Services: SendProxyProtocol: found true; expected \"off\", "
	    "\"v1\" or \"v2\"",
	    "" },
	{ "inner, a health check", true,
	    "{" REG SERVICES(
		"{\"Name\": \"web\", \"Proxy\": \"tcp://:70\", "
		"\"HealthCheck\": \"http\", \"HealthInterval\": 0.1, "
		"\"HealthPath\": \"/a?b=%20\", \"HealthStatus\": 599}") KEY "}",
	    "", "" },
	{ "inner, a health check of no path", true,
	    "{" REG SERVICES("{\"Name\": \"web\", \"Proxy\": \"tcp://:70\", "
			     "\"HealthPath\": \"health\"}") KEY "}",
	    ": Services: \"web\": HealthPath: found no path; expected one as "
	    "\"/health\", printable ASCII without spaces",
	    "" },
	{ "inner, a health check with a path that breaks the line", true,
	    "{" REG SERVICES("{\"Name\": \"web\", \"Proxy\": \"tcp://:70\", "
			     "\"HealthPath\": \"/ HTTP/1.1\\r\\n\"}") KEY "}",
	    ": Services: \"web\": HealthPath: found no path; expected one as "
	    "\"/health\", printable ASCII without spaces",
	    "" },
	{ "inner, two services of one name", true,
	    "{" REG SERVICES(WEB ", " WEB) KEY "}",
	    ": Services: \"web\": found it twice (ProxyAddress is \"default\"); "
	    "expected a name of its own",
	    "" },
	{ "inner, two defaults", true,
	    "{" REG TO SERVICES("{\"Name\": \"default\", "
				"\"Proxy\": \"tcp://:1\"}") KEY "}",
	    ": Services: \"default\": found it twice (ProxyAddress is "
	    "\"default\"); expected a name of its own",
	    "" },
	{ "inner, ranges that differ", true,
	    "{" REG SERVICES(
		"{\"Name\": \"web\", \"Proxy\": "
		"\"tcp://:70-71\", \"RemoteListen\": \"tcp://:60\"}") KEY "}",
	    ": Services: \"web\": RemoteListen: found 1 port; expected as many "
	    "as Proxy has, which is 2",
	    "" },
	{ "inner, a public Unix socket", true,
	    "{" REG SERVICES("{\"Name\": \"web\", \"Proxy\": \"tcp://:70\", "
			     "\"RemoteListen\": \"unix:///a\"}") KEY "}",
	    ": Services: \"web\": RemoteListen: found a Unix socket; expected "
	    "tcp://",
	    "" },
	{ "inner, a service without a target", true,
	    "{" REG SERVICES("{\"Name\": \"web\"}") KEY "}",
	    ":1:58: Services: Proxy: missing; expected the address of its "
	    "target, such as tcp://127.0.0.1:3000",
	    "" },
	{ "inner, a service at port 0", true,
	    "{" REG SERVICES("{\"Name\": \"web\", \"Proxy\": \"tcp://:0\"}") KEY
	    "}",
	    ":1:83: Services: Proxy: found \"tcp://:0\": nobody can be reached "
	    "at port 0; expected tcp://host:port, tcp://host:first-last or "
	    "unix:///path",
	    "" },
	{ "inner, services over classic links", true,
	    "{" REG SERVICES(WEB) "\"Protocol\": \"classic\", " KEY "}",
	    ": Protocol: found \"classic\", which has one target only; expected "
	    "\"native\", for there is Services",
	    "" },
	{ "inner, AllowTargets over classic links", true,
	    "{" REG TO "\"AllowTargets\": [\"*:1\"], \"Protocol\": "
	    "\"classic\", " KEY "}",
	    ": Protocol: found \"classic\", which has one target only; expected "
	    "\"native\", for there is AllowTargets",
	    "" },
	{ "inner, an entry without a port", true,
	    "{" REG TO "\"AllowTargets\": [\"10.0.0.0/8\"], " KEY "}",
	    ":1:100: AllowTargets: found \"10.0.0.0/8\": the port is missing; "
	    "expected a list of 0 to 1000 targets, as [\"127.0.0.1:3000\", "
	    "\"10.0.0.0/8:22\", \"*.lan:80,443\"]",
	    "" },
	{ "inner, least and most free the same", true,
	    "{" REG TO KEY ", \"MinFreeConn\": 10}", "", "" },
	{ "inner, least over most", true,
	    "{" REG TO KEY ", \"MinFreeConn\": 9, \"MaxFreeConn\": 8}",
	    ": MinFreeConn: found 9; expected 1 to MaxFreeConn, which is 8",
	    "" },
	{ "inner, least over the default", true,
	    "{" REG TO KEY ", \"MinFreeConn\": 11}",
	    ": MinFreeConn: found 11; expected 1 to MaxFreeConn, which is 10",
	    "" },
	{ "inner, none free", true, "{" REG TO KEY ", \"MinFreeConn\": 0}",
	    ":1:129: MinFreeConn: found 0; expected a whole number "
	    "1..10000",
	    "" },
	{ "inner, unknown protocol", true,
	    "{" REG TO KEY ", \"Protocol\": \"go\"}",
	    ":1:126: Protocol: found \"go\"; expected "
	    "\"native\" or \"classic\"",
	    "" },
};

START_TEST(row)
{
	struct outer_config outer;
	struct inner_config inner;
	bool is_inner = rows[_i].inner;
	struct said said;

	load_text(rows[_i].json, is_inner ? NULL : &outer, &inner, &said);
	ck_assert_ptr_null(strstr(said.problem, WRONG_KEY));
	ck_assert_ptr_null(strstr(said.log, WRONG_KEY));
	ck_assert_ptr_null(strstr(said.log, "15-letters-long"));
	if (rows[_i].problem[0] == '\0' || rows[_i].problem[0] == ':')
		ck_assert_msg(strcmp(said.problem, rows[_i].problem) == 0,
		    "%s: %s", rows[_i].name, said.problem);
	else
		ck_assert_msg(strstr(said.problem, rows[_i].problem) != NULL,
		    "%s: %s", rows[_i].name, said.problem);
	if (rows[_i].warning[0] == '\0')
		ck_assert_str_eq(said.log, "");
	else
		ck_assert_msg(strstr(said.log, rows[_i].warning) != NULL,
		    "%s: the log says \"%s\"", rows[_i].name, said.log);
	if (is_inner)
		inner_config_free(&inner);
	else
		outer_config_free(&outer);
}
END_TEST

START_TEST(go_outer)
{
	struct outer_config outer;
	struct said said;

	load_copy(TOP_SRCDIR "/tests/data/go-outer.config.json", &outer, NULL,
	    &said);
	if (sock_unix_possible())
		ck_assert_str_eq(said.problem, "");
	else
		ck_assert_ptr_nonnull(strstr(said.problem, "no Unix sockets"));
	ck_assert_str_eq(outer.inner_addr.host, "0.0.0.0");
	ck_assert_uint_eq(outer.inner_addr.port, 9090);
	ck_assert_int_eq(outer.outer_addr.kind, ADDR_UNIX);
	ck_assert_str_eq(outer.outer_addr.path,
	    "/var/run/transponderouter.sock");
	ck_assert_str_eq(outer.auth_key, "123456");
	ck_assert(outer.accept_classic);
	ck_assert_ptr_nonnull(strstr(said.log, "key given again"));
	ck_assert_ptr_nonnull(
	    strstr(said.log, "line=4 column=9 key=OuterServerAddress"));
	if (sock_unix_possible())
		ck_assert_ptr_nonnull(strstr(said.log, "shorter than 16"));
	ck_assert_ptr_null(strstr(said.log, "123456"));
	outer_config_free(&outer);
}
END_TEST

START_TEST(go_inner)
{
	struct inner_config inner;
	struct said said;

	load_copy(TOP_SRCDIR "/tests/data/go-inner.config.json", NULL, &inner,
	    &said);
	ck_assert_str_eq(said.problem, "");
	ck_assert_str_eq(said.log, "");
	ck_assert_str_eq(inner.register_addr.host, "127.0.0.1");
	ck_assert_uint_eq(inner.register_addr.port, 9090);
	ck_assert_uint_eq(inner.proxy_addr.port, 80);
	ck_assert_str_eq(inner.auth_key, "123456");
	ck_assert_uint_eq(inner.max_free, 50);
	ck_assert_uint_eq(inner.min_free, 50);
	inner_config_free(&inner);
}
END_TEST

/* The files beside the programs find each other, and nothing is odd. */
START_TEST(samples)
{
	struct outer_config outer;
	struct inner_config inner;
	struct said said;

	load_copy(TOP_SRCDIR "/outer.config.json", &outer, NULL, &said);
	ck_assert_str_eq(said.problem, "");
	ck_assert_str_eq(said.log, "");
	load_copy(TOP_SRCDIR "/inner.config.json", NULL, &inner, &said);
	ck_assert_str_eq(said.problem, "");
	ck_assert_str_eq(said.log, "");
	ck_assert_str_eq(outer.auth_key, inner.auth_key);
	ck_assert_uint_ge(strlen(outer.auth_key), 16);
	ck_assert_str_eq(outer.inner_addr.host, inner.register_addr.host);
	ck_assert_uint_eq(outer.inner_addr.port, inner.register_addr.port);
	ck_assert(outer.accept_classic);
	outer_config_free(&outer);
	inner_config_free(&inner);
}
END_TEST

START_TEST(outer_defaults)
{
	struct outer_config outer;
	struct said said;

	load_text("{" IN OUT KEY "}", &outer, NULL, &said);
	ck_assert_uint_eq(outer.socket_mode, 0666);
	ck_assert_ptr_null(outer.socket_owner);
	ck_assert_ptr_null(outer.socket_group);
	ck_assert(outer.accept_classic);
	ck_assert_uint_eq(outer.handshake_ms, 10000);
	ck_assert_uint_eq(outer.ping_ms, 10000);
	ck_assert_uint_eq(outer.forward_ms, 5000);
	ck_assert_uint_eq(outer.queue_length, 1024);
	ck_assert_uint_eq(outer.queue_ms, 5000);
	ck_assert_uint_eq(outer.idle_ms, 3600000);
	ck_assert_uint_eq(outer.drain_ms, 30000);
	ck_assert_uint_eq(outer.max_links, 10000);
	ck_assert_uint_eq(outer.buffer_bytes, 256 << 10);
	ck_assert_int_eq(outer.log_level, LOG_INFO);
	ck_assert_int_eq(outer.log_format, LOG_TEXT);
	ck_assert_ptr_null(outer.log_file);
	outer_config_free(&outer);
}
END_TEST

START_TEST(inner_defaults)
{
	struct inner_config inner;
	struct said said;

	load_text("{" REG TO KEY "}", NULL, &inner, &said);
	ck_assert(hello_inner_ok(inner.inner_id));
	ck_assert(!inner.id_configured);
	ck_assert_int_eq(inner.protocol, INNER_NATIVE);
	ck_assert_uint_eq(inner.max_free, 10);
	ck_assert_uint_eq(inner.min_free, 10);
	ck_assert_uint_eq(inner.max_dialing, 64);
	ck_assert_uint_eq(inner.link_age_ms, 3600000);
	ck_assert_uint_eq(inner.retry_ms, 60000);
	ck_assert_uint_eq(inner.handshake_ms, 10000);
	ck_assert_uint_eq(inner.dial_ms, 4000);
	ck_assert_uint_eq(inner.forward_ms, 5000);
	ck_assert_uint_eq(inner.idle_ms, 3600000);
	ck_assert_uint_eq(inner.drain_ms, 30000);
	ck_assert_uint_eq(inner.buffer_bytes, 256 << 10);
	ck_assert_int_eq(inner.log_level, LOG_INFO);
	ck_assert_int_eq(inner.log_format, LOG_TEXT);
	ck_assert_ptr_null(inner.log_file);
	inner_config_free(&inner);
}
END_TEST

START_TEST(every_outer_key)
{
	struct outer_config outer;
	struct said said;

	load_text(
	    "{" IN OUT KEY ", \"SocketMode\": \"0600\", \"SocketOwner\": "
	    "\"root\", \"SocketGroup\": \"daemon\", \"AcceptClassic\": false, "
	    "\"HandshakeTimeout\": 0.1, \"PingInterval\": 0.2, "
	    "\"ForwardTimeout\": 0.3, \"QueueLength\": 0, \"QueueTimeout\": "
	    "0.4, \"IdleTimeout\": 1e6, \"DrainTimeout\": 0, \"MaxLinks\": 1, "
	    "\"BufferSize\": \"16K\", \"Workers\": 0, \"LogLevel\": \"debug\", \"LogFormat\": "
	    "\"json\", \"LogFile\": \"/l\"}",
	    &outer, NULL, &said);
	ck_assert_str_eq(said.problem, "");
	ck_assert_uint_eq(outer.socket_mode, 0600);
	ck_assert_str_eq(outer.socket_owner, "root");
	ck_assert_str_eq(outer.socket_group, "daemon");
	ck_assert(!outer.accept_classic);
	ck_assert_uint_eq(outer.handshake_ms, 100);
	ck_assert_uint_eq(outer.ping_ms, 200);
	ck_assert_uint_eq(outer.forward_ms, 300);
	ck_assert_uint_eq(outer.queue_length, 0);
	ck_assert_uint_eq(outer.queue_ms, 400);
	ck_assert_uint_eq(outer.idle_ms, 1000000000);
	ck_assert_uint_eq(outer.drain_ms, 0);
	ck_assert_uint_eq(outer.max_links, 1);
	ck_assert_uint_eq(outer.buffer_bytes, 16384);
	ck_assert_uint_eq(outer.workers, 0);
	ck_assert_int_eq(outer.log_level, LOG_DEBUG);
	ck_assert_int_eq(outer.log_format, LOG_JSON);
	ck_assert_str_eq(outer.log_file, "/l");
	outer_config_free(&outer);
}
END_TEST

START_TEST(every_inner_key)
{
	struct inner_config inner;
	struct said said;

	load_text(
	    "{" REG TO KEY ", \"InnerId\": \"a.b-c_9\", \"Protocol\": "
	    "\"classic\", \"MaxFreeConn\": 10000, \"MinFreeConn\": 9999, "
	    "\"MaxDialing\": 1, "
	    "\"Workers\": 64, \"MaxLinkAge\": 1, \"MaxRetryInterval\": 0.1, "
	    "\"HandshakeTimeout\": 0.2, \"DialTimeout\": 0.3, "
	    "\"ForwardTimeout\": 0.4, \"IdleTimeout\": 0.5, "
	    "\"DrainTimeout\": 0.6, \"BufferSize\": 65536, \"LogLevel\": "
	    "\"error\", \"LogFormat\": \"json\", \"LogFile\": \"/l\"}",
	    NULL, &inner, &said);
	ck_assert_str_eq(said.problem, "");
	ck_assert_str_eq(inner.inner_id, "a.b-c_9");
	ck_assert(inner.id_configured);
	ck_assert_int_eq(inner.protocol, INNER_CLASSIC);
	ck_assert_uint_eq(inner.max_free, 10000);
	ck_assert_uint_eq(inner.min_free, 9999);
	ck_assert_uint_eq(inner.max_dialing, 1);
	ck_assert_uint_eq(inner.workers, 64);
	ck_assert_uint_eq(inner.link_age_ms, 1000);
	ck_assert_uint_eq(inner.retry_ms, 100);
	ck_assert_uint_eq(inner.handshake_ms, 200);
	ck_assert_uint_eq(inner.dial_ms, 300);
	ck_assert_uint_eq(inner.forward_ms, 400);
	ck_assert_uint_eq(inner.idle_ms, 500);
	ck_assert_uint_eq(inner.drain_ms, 600);
	ck_assert_uint_eq(inner.buffer_bytes, 65536);
	ck_assert_int_eq(inner.log_level, LOG_ERROR);
	ck_assert_int_eq(inner.log_format, LOG_JSON);
	ck_assert_str_eq(inner.log_file, "/l");
	inner_config_free(&inner);
}
END_TEST

static const char *const unix_files[] = {
	"{" OUT KEY ", \"InnerServerAddress\": \"unix:///run/t\"}",
	"{" IN KEY ", \"OuterServerAddress\": \"unix:///run/t\"}",
	"{" TO KEY ", \"RegisterAddress\": \"unix:///run/t\"}",
	"{" REG KEY ", \"ProxyAddress\": \"unix:///run/t\"}",
};

/* Taken where the system has Unix sockets, else refused with what to do. */
START_TEST(unix_addresses)
{
	struct outer_config outer;
	struct inner_config inner;
	struct said said;

	load_text(unix_files[_i], _i < 2 ? &outer : NULL, &inner, &said);
	if (sock_unix_possible())
		ck_assert_str_eq(said.problem, "");
	else
		ck_assert_ptr_nonnull(strstr(said.problem,
		    "Address: found \"unix:///run/t\", but this system has no "
		    "Unix sockets; expected tcp://host:port"));
	if (_i < 2)
		outer_config_free(&outer);
	else
		inner_config_free(&inner);
}
END_TEST

static const struct {
	const char *json, *problem;
} owners[] = {
	{ "{" IN OUT KEY ", \"SocketOwner\": \"no such user\"}",
	    ": SocketOwner: found \"no such user\"; expected a user of this "
	    "system" },
	{ "{" IN OUT KEY ", \"SocketGroup\": \"no such group\"}",
	    ": SocketGroup: found \"no such group\"; expected a group of this "
	    "system" },
};

START_TEST(unknown_owner)
{
	struct outer_config outer;
	struct said said;

	load_text(owners[_i].json, &outer, NULL, &said);
	ck_assert_str_eq(said.problem, owners[_i].problem);
	outer_config_free(&outer);
}
END_TEST

/* A default must pass its own field's check; help stands in one line. */
START_TEST(table_rows)
{
	const struct conf_field *tables[] = {
		outer_config_fields,
		inner_config_fields,
	};
	const size_t counts[] = { outer_config_count, inner_config_count };

	for (size_t t = 0; t < COUNT(tables); t++)
		for (size_t i = 0; i < counts[t]; i++) {
			const struct conf_field *field = &tables[t][i];

			ck_assert_msg(field->help != NULL &&
				strlen(field->help) < 80,
			    "%s", field->key);
			ck_assert_msg((field->type == CONF_CHOICE ||
					  field->type == CONF_LIST) ==
				(field->more != NULL),
			    "%s", field->key);
			for (size_t j = 0; j < i; j++)
				ck_assert_str_ne(field->key, tables[t][j].key);
		}
}
END_TEST

/* What --check prints: every key, and no secret. */
START_TEST(print)
{
	char path[FILES_PATH_SIZE], text[TEXT_SIZE];
	struct outer_config outer;
	struct said said;
	int saved = dup(STDOUT_FILENO);

	load_text("{" IN OUT KEY ", \"Workers\": 3, \"Keys\": [" EDGE ", "
		  "{\"Inner\": \"shop\", \"Key\": \"sixteen-or-more!\"}]}",
	    &outer, NULL, &said);
	files_write(path, "");
	fflush(stdout);
	ck_assert_ptr_nonnull(freopen(path, "wb", stdout));
	conf_print(outer_config_fields, outer_config_count, &outer);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	files_read(path, text, TEXT_SIZE);
	unlink(path);
	ck_assert_ptr_nonnull(
	    strstr(text, "InnerServerAddress = tcp://127.0.0.1:9090\n"));
	ck_assert_ptr_nonnull(strstr(text,
	    "AuthKey = ***\nAuthKeyFile = (none)\nKeys = { Inner = edge, Key = "
	    "***, KeyFile = (none), Services = (none), Ports = (none) }, { "
	    "Inner = shop, Key = ***, KeyFile = (none), Services = (none), "
	    "Ports = (none) }\nPortRange = (none)\n"));
	ck_assert_ptr_nonnull(
	    strstr(text, "SocketMode = 0666\nSocketOwner = (none)\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nMaxSessions = (none)\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nRateLimit = (none)\n"));
	ck_assert_ptr_nonnull(
	    strstr(text, "AdminToken = (none)\nAdminTokenFile = (none)\n"));
	ck_assert_ptr_nonnull(strstr(text,
	    "BufferSize = 256K\nMaxBufferMemory = 256M\nPump = auto\n"
	    "EarlyData = safe\nWorkers = 3\n"
	    "LogLevel = info\nLogFormat = text\nLogFile = (none)\n"));
	ck_assert_ptr_null(strstr(text, "sixteen"));
	outer_config_free(&outer);
}
END_TEST

Suite *
config_suite(void)
{
	Suite *suite = suite_create("config");
	TCase *tc = tcase_create("rows");

	tcase_add_loop_test(tc, row, 0, (int)COUNT(rows));
	suite_add_tcase(suite, tc);
	tc = tcase_create("single");
	tcase_add_test(tc, go_outer);
	tcase_add_test(tc, go_inner);
	tcase_add_test(tc, samples);
	tcase_add_test(tc, outer_defaults);
	tcase_add_test(tc, inner_defaults);
	tcase_add_test(tc, every_outer_key);
	tcase_add_test(tc, every_inner_key);
	tcase_add_loop_test(tc, unix_addresses, 0, (int)COUNT(unix_files));
	if (sock_unix_possible())
		tcase_add_loop_test(tc, unknown_owner, 0, (int)COUNT(owners));
	else
		skip_test("config", "unknown_owner",
		    "without Unix sockets nothing has an owner");
	tcase_add_test(tc, table_rows);
	tcase_add_test(tc, print);
	suite_add_tcase(suite, tc);
	return suite;
}
