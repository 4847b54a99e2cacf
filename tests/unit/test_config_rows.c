/*
 * test_config_rows.c - files that are taken, refused, or warned about: what one
 * key alone does not show as well.
 */
#include "tests/unit/test_config.h"

#include <string.h>

#define IN_ALL	     "\"InnerServerAddress\": \"tcp://:9090\", "
#define KEYS(of)     "\"Keys\": [" of "]"
#define SERVICES(of) "\"Services\": [" of "], "
#define AT_8081(name, more) \
	"{\"Name\": \"" name "\", \"Listen\": \"tcp://:8081\"" more "}"
#define HOST(of)  ", \"Host\": [" of "]"
#define WEB	  "{\"Name\": \"web\", \"Proxy\": \"tcp://127.0.0.1:3000\"}"
#define KEY_33	  "\"AuthKey\": \"123456789012345678901234567890123\""
#define WRONG_KEY "no-signal<carries>it"

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
	{ "outer, direct to itself", false,
	    "{" IN "\"Services\": [{\"Name\": \"web\", \"Tunnel\": false, "
	    "\"Listen\": \"tcp://:7000-7001\", "
	    "\"Target\": \"tcp://localhost:7001\"}], " KEY "}",
	    ": Services: found an address of \"web\" as Target of \"web\", "
	    "both with Tunnel false; expected another",
	    "" },
	{ "outer, direct to one that is direct", false,
	    "{" IN "\"Services\": [{\"Name\": \"a\", \"Tunnel\": false, "
	    "\"Listen\": \"tcp://127.0.0.1:7000\", "
	    "\"Target\": \"tcp://0.0.0.0:7001\"}, {\"Name\": \"b\", "
	    "\"Listen\": [\"tcp://127.0.0.1:7009\", "
	    "\"tcp://127.0.0.1:7001\"], \"Tunnel\": false, "
	    "\"Target\": \"tcp://127.0.0.1:80\"}], " KEY "}",
	    ": Services: found an address of \"b\" as Target of \"a\", both "
	    "with Tunnel false; expected another",
	    "" },
	{ "outer, direct to a Unix socket of its own", false,
	    "{" IN "\"Services\": [{\"Name\": \"a\", \"Tunnel\": false, "
	    "\"Listen\": \"unix:///tmp/a.sock\", "
	    "\"Target\": \"unix:///tmp/a.sock\"}], " KEY "}",
	    ": Services: found an address of \"a\" as Target of \"a\", both "
	    "with Tunnel false; expected another",
	    "" },
	{ "outer, direct to others", false,
	    "{" IN "\"Services\": [{\"Name\": \"a\", \"Tunnel\": false, "
	    "\"Listen\": \"tcp://0.0.0.0:7000\", "
	    "\"Target\": \"tcp://192.0.2.7:7000\"}, {\"Name\": \"b\", "
	    "\"Listen\": \"tcp://192.0.2.1:7001\", \"Tunnel\": false, "
	    "\"Target\": \"tcp://127.0.0.1:7001\"}, {\"Name\": \"c\", "
	    "\"Listen\": \"tcp://127.0.0.1:7002\"}, {\"Name\": \"d\", "
	    "\"Listen\": \"tcp://127.0.0.1:7003\", \"Tunnel\": false, "
	    "\"Target\": \"tcp://127.0.0.1:7002\"}], " KEY "}",
	    "", "" },
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
	{ "outer, burst of a service without rate", false,
	    "{" IN OUT "\"Services\": [{\"Name\": \"a\", \"Listen\": "
	    "\"tcp://:1\", \"NewSessionsBurst\": 3}], " KEY "}",
	    ": Services: NewSessionsBurst: found it without "
	    "NewSessionsPerSecond; expected both, or neither",
	    "" },
	{ "outer, burst of a service with the top level's rate", false,
	    "{" IN OUT "\"Services\": [{\"Name\": \"a\", \"Listen\": "
	    "\"tcp://:1\", \"NewSessionsBurst\": 3}], "
	    "\"NewSessionsPerSecond\": 1, " KEY "}",
	    "", "" },
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
	    "{" IN OUT "\"AuthKey\": \"15-letters-long\"}", "",
	    "AuthKey is shorter than 16 characters" },
	{ "outer, the sample's key, local", false,
	    "{" IN OUT "\"AuthKey\": \"please-change-this-key\"}", "", "" },
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
	{ "inner, short key, local", true,
	    "{" REG TO "\"AuthKey\": \"15-letters-long\"}", "",
	    "AuthKey is shorter than 16 characters" },
	{ "outer, a short key of one, local", false,
	    "{" IN OUT KEYS("{\"Inner\": \"a\", \"Key\": "
			    "\"15-letters-long\"}") "}",
	    "", "a key of Keys is shorter than 16 characters" },
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
	struct config_said said;

	config_load_text(rows[_i].json, is_inner ? NULL : &outer, &inner,
	    &said);
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

TCase *
config_rows_case(void)
{
	TCase *tc = tcase_create("rows");

	tcase_add_loop_test(tc, row, 0, (int)COUNT(rows));
	return tc;
}
