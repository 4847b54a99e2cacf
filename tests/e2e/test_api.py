"""The HTTP API: mappings are made, used and removed; who may call; what is
listed."""
from __future__ import annotations

import base64
import hmac
import json
import re
import signal
import socket
import subprocess
import time

import pytest

from admin import API, Api, admin, lasting, public, refused
from harness import BINARIES, SCALE, use_key, wait_until
from lab import Outer
from peers import FakeInner
from sockets import (address_of, connect, free_port, free_ports, listen,
                     recv_all, recv_exactly)
from test_services import answers, any_port, change, who, within_share

TOKEN = "a-token-of-the-tests-0123456789"


def test_a_mapping_from_the_first_to_the_last(lab):
    """Made, used, listed, there again after kill -9, removed."""
    target = lab.target(answers("hello"))
    file = lab.outer_file(AdminAddress=API)
    outer = lab.start_outer(file).wait_ready()
    api = Api(outer)
    inner = lab.inner(outer, target, InnerId="home", MaxFreeConn=2)
    outer.wait_joined(2)
    port = free_port()
    made = api.create(port, inner="home", target_port=target.address[1])
    assert made["id"] == 1 and made["name"] == f"port-{port}"
    assert made["target_ip"] == "127.0.0.1" and made["tunnel"] is True
    assert who(public(port)) == "hello"
    assert lasting(api.mappings()[port]) == lasting(made)
    inner.kill()        # it would go on dialing a port that others may have
    outer.kill()

    outer = lab.start_outer(file).wait_ready()
    api = Api(outer)
    inner = lab.inner(outer, target, InnerId="home", MaxFreeConn=2)
    outer.wait_joined(2)
    assert lasting(api.mappings()[port]) == lasting(made)
    assert who(public(port)) == "hello"
    api.remove(port)
    assert refused(port)
    assert api.mappings() == {}
    inner.kill()
    outer.kill()

    outer = lab.start_outer(file).wait_ready()
    assert Api(outer).mappings() == {}
    assert refused(port)


def test_limits_of_an_address_hold_for_mappings(lab):
    """Its clients are counted among all others."""
    outer, api = admin(lab, NewSessionsPerSecond=1, NewSessionsBurst=2)
    target = lab.echo()
    lab.inner(outer, target, InnerId="home", MaxFreeConn=2)
    outer.wait_joined(2)
    port = free_port()
    api.create(port, inner="home", target_port=target.address[1],
               max_sessions=100)
    began = time.monotonic()
    good = within_share(public(port)) + within_share(outer.clients)
    assert 2 <= good <= 2 + time.monotonic() - began


# --- what is refused --------------------------------------------------------

LONG = "x" * 65
# name, body of create, status, part of the message
BAD = [
    ("no JSON", b"{\"port\": 80", 400, "the body is not JSON: line 1"),
    ("not UTF-8", b"{\"name\": \"\xff\"}", 400, "the body is not JSON"),
    ("two of a key", b'{"port": 81, "port": 82}', 400, "not JSON"),
    ("a list", b"[]", 400, "no object"),
    ("a text", b'"port"', 400, "not JSON"),
    ("nothing", b"", 400, "port: missing"),
    ("no port", {"name": "x"}, 400, "port: missing"),
    ("null", {"port": None}, 400, "port: missing"),
    ("a port as text", {"port": "8080"}, 400, "port: found \"8080\""),
    ("half a port", {"port": 80.5}, 400, "port: found 80.5"),
    ("true", {"port": True}, 400, "port: found true"),
    ("port 0", {"port": 0}, 400, "port: found 0; expected a whole number "
     "from 1 to 65535"),
    ("port -1", {"port": -1}, 400, "port: found -1"),
    ("port 65536", {"port": 65536}, 400, "port: found 65536"),
    ("a port of 30 digits", b'{"port": ' + b"9" * 30 + b"}", 400, "not JSON"),
    ("target port", {"port": 1, "target_port": 70000}, 400,
     "target_port: found 70000"),
    ("target", {"port": 1, "target_ip": "no address"}, 400,
     'target_ip: found "no address"'),
    ("target with a port", {"port": 1, "target_ip": "127.0.0.1:80"}, 400,
     "target_ip: found"),
    ("target of a URL", {"port": 1, "target_ip": "tcp://127.0.0.1"}, 400,
     "target_ip: found"),
    ("a line end", {"port": 1, "target_ip": "a\nb"}, 400,
     'target_ip: found "a\\nb"'),
    ("a key with one", {"port": 1, "a\nb": 1}, 400, "a?b: no such key"),
    *((target, {"port": 1, "target_ip": target, **more}, 400,
       f'target_ip: found "{target}"; expected an address or a name')
      for target in ("256.1.1.1", "0x7f.1", "127.1", "-foo", "a..b", "a/8",
                     "*", "*.lan", "0.0.0.0", "::")
      for more in ({}, {"tunnel": False})),
    ("empty target", {"port": 1, "target_ip": ""}, 400, "target_ip: found"),
    ("long target", {"port": 1, "target_ip": "x" * 254}, 400,
     "target_ip: found"),
    ("name with a blank", {"port": 1, "name": "a b"}, 400, "name: found"),
    ("long name", {"port": 1, "name": LONG}, 400, "name: found"),
    ("a NUL", {"port": 1, "name": "a\0b"}, 400, "NUL"),
    ("inner", {"port": 1, "inner": "../x"}, 400, "inner: found"),
    ("tunnel", {"port": 1, "tunnel": "yes"}, 400, "tunnel: found"),
    ("listen_ip", {"port": 1, "listen_ip": "localhost"}, 400,
     'listen_ip: found "localhost"'),
    ("a block", {"port": 1, "listen_ip": "10.0.0.0/8"}, 400, "listen_ip: "),
    ("networks", {"port": 1, "allow_from": ["here"]}, 400, "allow_from: "),
    ("one network", {"port": 1, "deny_from": "10.0.0.0/8"}, 400,
     "deny_from: found"),
    ("sessions", {"port": 1, "max_sessions": 0}, 400, "max_sessions: found"),
    ("an inner, and none", {"port": 10, "tunnel": False, "inner": "x"}, 400,
     "inner: found"),
    ("unknown key", {"port": 1, "prot": 2}, 400,
     "prot: no such key; expected port, target_ip"),
    ("deep", b"[" * 60000, 400, "not JSON"),
    ("outside PortRange", {"port": 9}, 403, "PortRange"),
    ("black-listed", {"port": 20022}, 403, "PortBlacklist"),
]


def test_what_create_refuses(lab):
    """The right status, one line that names the field, nothing changed."""
    outer, api = admin(lab, PortRange={"from": 10, "end": 65535},
                       PortBlacklist=[20022])
    before = outer.fds()
    for name, body, status, text in BAD:
        answer = api.ask("POST", "/api/mapping/create", body)
        assert answer.status == status, (name, answer)
        assert text in answer.message and "\n" not in answer.message, \
            (name, answer.message)
        assert answer.data is None
    assert api.mappings() == {}
    assert len(api.get("/api/services")["services"]) == 1
    assert outer.fds() <= before + 1


def test_what_is_taken(lab):
    """By a mapping, the file, another process; a name of each."""
    first = free_ports(4)
    outer, api = admin(lab, Services=[
        {"Name": "file", "Listen": f"tcp://127.0.0.1:{first}"}])
    other = lab.add(listen(("127.0.0.1", first + 1)))
    api.create(first + 2, name="mine")
    for body, text in (
            ({"port": first}, "the port of the service file (file)"),
            ({"port": first + 1}, "in use"),
            ({"port": first + 2}, "the port of the mapping mine"),
            ({"port": first + 3, "name": "mine"}, "the name of the mapping"),
            ({"port": first + 3, "name": "file"}, "the name of a service"),
            ({"port": outer.links[1]}, "in use"),
            ({"port": api.port}, "in use")):
        answer = api.ask("POST", "/api/mapping/create", body)
        assert answer.status == 409, answer
        assert text in answer.message
    assert list(api.mappings()) == [first + 2]
    for port, text in ((first, "which the API has not made (file)"),
                       (first + 1, "which no mapping has")):
        answer = api.ask("POST", "/api/mapping/remove", {"port": port})
        assert answer.status == 404 and text in answer.message
    other.close()
    api.create(first + 1)


def test_a_name_that_no_key_of_the_inner_is_for(lab):
    """403, with the key to change, be the inner there or not."""
    _, api = admin(lab, Keys=[{"Inner": "home", "Key": "the key of the home",
                               "Services": ["web"]}])
    wish = {"port": free_port(), "target_port": 80, "inner": "home"}
    answer = api.ask("POST", "/api/mapping/create", wish)
    assert answer.status == 403 and "inner home has no key" in answer.message
    assert "Services" in answer.message and api.mappings() == {}
    api.post("/api/mapping/create", **wish, name="web")


def test_a_port_that_no_key_of_the_inner_is_for(lab):
    """The same, and of one that names no inner those serve it whose key is for
    it."""
    port = free_ports(2)
    key = {"Inner": "home", "Key": "the key of the home", "Ports": [port]}
    outer, api = admin(lab, Keys=[key], QueueTimeout=0.3)
    target = lab.target(answers("mine!"))
    lab.inner(outer, target, InnerId="home", AuthKey=key["Key"])
    outer.wait_joined()
    wish = {"port": port + 1, "target_port": target.address[1]}
    answer = api.ask("POST", "/api/mapping/create", wish | {"inner": "home"})
    assert answer.status == 403 and "inner home has no key" in answer.message
    assert "Ports of that key" in answer.message and api.mappings() == {}
    api.post("/api/mapping/create", **wish)
    with connect(public(port + 1)) as sock:
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    api.post("/api/mapping/create", **wish | {"port": port, "inner": "home"})
    assert who(public(port)) == "mine!"


def test_a_target_that_the_inner_does_not_allow(lab):
    """403, with the key to set; after SIGHUP it is made."""
    target, other = lab.target(answers("mine!")), lab.target(answers("other"))
    outer, api = admin(lab)
    file = lab.inner_file(RegisterAddress=outer.links_url, InnerId="home",
                          ProxyAddress=target.url, MaxFreeConn=2)
    inner = lab.start_inner(file).wait_ready()
    instance = wait_until(lambda: next(
        (one for inner in api.get("/api/inners")["inners"]
         for one in inner["instances"] if one["registered"]), None),
        "the inner has registered")
    assert instance["allow"] == [] or other.url not in instance["allow"]
    port, wish = free_port(), {"inner": "home",
                               "target_port": other.address[1]}
    for body in (wish, wish | {"inner": None}):
        answer = api.ask("POST", "/api/mapping/create",
                         {"port": port} | body)
        assert answer.status == 403
        assert (f'add "127.0.0.1:{other.address[1]}" to AllowTargets in the '
                "file of inner home" in answer.message)
    assert api.mappings() == {} and refused(port)
    api.create(free_port(), inner="home", target_port=target.address[1])

    settings = json.loads(file.read_text())
    file.write_text(json.dumps(settings | {
        "AllowTargets": [f"127.0.0.1:{other.address[1]}"]}))
    inner.signal(signal.SIGHUP)
    wait_until(lambda: api.ask("POST", "/api/mapping/create",
                               {"port": port} | wish).status == 200,
               "the inner allows it now", every=0.05)
    assert who(public(port)) == "other"


def test_a_target_that_an_inner_refuses_when_it_comes(lab):
    """The list tells of it, as the log does, until the inner allows it."""
    target, other = lab.target(answers("mine!")), lab.target(answers("other"))
    outer, api = admin(lab)
    port = free_port()
    made = api.create(port, inner="home", target_port=other.address[1])
    assert (made["active"], made["problem"]) == (True, "")
    file = lab.inner_file(RegisterAddress=outer.links_url, InnerId="home",
                          ProxyAddress=target.url, MaxFreeConn=2)
    inner = lab.start_inner(file).wait_ready()
    outer.wait_log("service", "not served: the inner's AllowTargets lacks "
                   "its target", level="warn", service=f"port-{port}")
    told = api.mappings()[port]
    entry = f"127.0.0.1:{other.address[1]}"
    assert told["active"]
    assert f'add "{entry}" to AllowTargets' in told["problem"]
    settings = json.loads(file.read_text())
    file.write_text(json.dumps(settings | {"AllowTargets": [entry]}))
    inner.signal(signal.SIGHUP)
    wait_until(lambda: api.mappings()[port]["problem"] == "",
               "the inner allows it now", every=0.05)
    assert who(public(port)) == "other"


def test_a_target_within_a_range_of_the_inners_file(lab):
    """What its own file names it dials: each port of a range, and no other."""
    outer, api = admin(lab)
    target = lab.target(answers("hello"))
    first, ports = target.address[1] - 1, free_ports(3)
    inner = lab.inner(outer, None, InnerId="home", Services=[
        {"Name": "many", "Proxy": f"tcp://127.0.0.1:{first}-{first + 2}",
         "RemoteListen": f"tcp://127.0.0.1:{ports}-{ports + 2}"}])
    inner.wait_log("service", "registered")
    port = free_port()
    assert api.ask("POST", "/api/mapping/create", {
        "port": port, "target_port": first + 3}).status == 403
    api.create(port, target_port=first + 1)
    assert who(public(port)) == "hello"


def test_a_service_of_the_file_by_a_mappings_name(lab):
    """The mapping stays; the reload says what is left out."""
    file = lab.outer_file(AdminAddress=API)
    outer = lab.start_outer(file).wait_ready()
    api = lab.add(Api(outer))
    port = free_port()
    api.create(port, name="web")
    change(outer, file, Services=[any_port("web")])
    line = outer.wait_log("service", "left out")
    assert "there is one of that name" in line["why"]
    assert not refused(port)


def test_who_may_call(lab):
    """Token, Host, method, size, and where from."""
    use_key(TOKEN)
    outer, api = admin(lab, AdminToken=TOKEN, AdminHosts=["gate.example"])
    nobody = lab.add(Api(outer))
    assert nobody.ask("GET", "/health").status == 503   # no inner: but open
    for path in ("/api/mapping/list", "/api/inners", "/api/nothing"):
        assert nobody.ask("GET", path).status == 401
        assert nobody.ask("GET", path,
                          Authorization=f"Bearer {TOKEN}x").status == 401
    assert nobody.ask("POST", "/api/mapping/create",
                      {"port": 1}).status == 401
    assert api.ask("GET", "/api/mapping/list").status == 200
    assert api.ask("GET", "/api/mapping/list",
                   Host="gate.example").status == 200
    assert api.ask("GET", "/api/mapping/list",
                   Host="evil.example").status == 403
    assert api.ask("GET", "/api/mapping/list",
                   Origin="http://evil.example").status == 403
    assert api.ask("GET", "/api/nothing").status == 404
    assert api.ask("GET", "/api/mapping/create").status == 405


@pytest.mark.parametrize("size", [64 * 1024 + 1, 200 * 1024])
def test_a_body_that_is_too_large(lab, size):
    outer, api = admin(lab)
    large = api.ask("POST", "/api/mapping/create", b" " * size)
    assert (large.status, large.message) == (
        413, "the body is too large; expected at most 65536 bytes")
    outer.wait_log("httpd", "request refused", status=413)
    assert api.mappings() == {}


def jwt(key: str, **claims) -> str:
    """Signed by HS256 (RFC 7519)."""
    def part(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    signed = ".".join(part(json.dumps(one).encode()) for one in (
        {"alg": "HS256", "typ": "JWT"}, claims))
    return signed + "." + part(hmac.digest(key.encode(), signed.encode(),
                                           "sha256"))


def test_a_jwt_in_place_of_the_token(lab):
    """Signed with AdminToken, and not too old."""
    use_key(TOKEN)
    outer, api = admin(lab, AdminToken=TOKEN)
    linked = subprocess.run(["ldd", BINARIES / "outer_server"],
                            capture_output=True, text=True).stdout
    now = int(time.time())
    for key, claims, good in ((TOKEN, {"sub": "me"}, True),
                              (TOKEN, {"exp": now + 600}, True),
                              (TOKEN, {"exp": now - 600}, False),
                              (TOKEN + "x", {"sub": "me"}, False)):
        api.token = jwt(key, **claims)
        wanted = 200 if good and "libjwt" in linked else 401
        assert api.ask("GET", "/api/inners").status == wanted, claims


def test_where_callers_may_be(lab):
    outer, api = admin(lab, AdminAllowFrom=["127.0.0.2"])
    assert api.ask("GET", "/health").status == 403
    with connect(("127.0.0.1", api.port), source="127.0.0.2") as sock:
        sock.sendall(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert recv_exactly(sock, 12) in (b"HTTP/1.0 503", b"HTTP/1.1 503")


def test_too_many_requests(lab):
    """429 says when to come again."""
    _, api = admin(lab)
    got, limit = b"", time.monotonic() + 20 * SCALE
    with connect(("127.0.0.1", api.port)) as sock:
        while time.monotonic() < limit:
            # the speed that counts is that of the outer alone
            sock.sendall(b"GET /health HTTP/1.1\r\n"
                         b"Host: localhost\r\n\r\n" * 900)
            while got.count(b"HTTP/1.1 ") < 900:
                got += (more := sock.recv(1 << 16))
                assert more, got[-500:]
            if refused := re.search(
                    rb"HTTP/1.1 429 .*?\r\nRetry-After: (\d+)\r\n", got, re.S):
                break
            got = b""
    assert int(refused[1]) >= 1


def test_a_caller_who_stops_half_way(lab):
    """Nothing is made of half a request, and others are served. Who still
    listens is told so; and there is one line each."""
    outer, api = admin(lab)
    port = free_port()
    body = json.dumps({"port": port}).encode()
    waits: list[socket.socket] = []
    for sent in (b"POST /api/mapping/create HTTP/1.1\r\nHost: localho",
                 b"POST /api/mapping/create HTTP/1.1\r\nHost: localhost\r\n"
                 b"Content-Length: %d\r\n\r\n%s" % (len(body), body[:-1]),
                 b"POST /api/mapping/create HTTP/1.1\r\nHost: localhost\r\n"
                 b"Content-Length: %d\r\n\r\n%s" % (len(body) + 5, body)):
        sock = lab.add(connect(("127.0.0.1", api.port)))
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        assert api.mappings() == {}
        outer.wait_log("httpd", "client left in the middle of its request",
                       level="warn", client="%s:%d" % address_of(sock))
        sock.close()
        waits.append(lab.add(connect(("127.0.0.1", api.port))))
        waits[-1].sendall(sent)
    for sock in waits:
        sock.settimeout(20)
        answer = recv_all(sock)
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert json.loads(answer.split(b"\r\n\r\n")[1]) == {
            "success": False, "data": None,
            "message": "the request was not complete after 10 s"}
        outer.wait_log("httpd", "request refused", status=408,
                       client="%s:%d" % address_of(sock))
    assert refused(port)
    api.create(port)


def test_over_a_unix_socket(lab):
    path = lab.path("api.sock")
    _, api = admin(lab, AdminAddress=f"unix://{path}", SocketMode="0600")
    assert path.stat().st_mode & 0o777 == 0o600
    port = free_port()
    api.create(port)
    assert list(api.mappings()) == [port]


def test_the_token_of_a_file(lab):
    file = lab.key_file("token", TOKEN)
    _, api = admin(lab, AdminTokenFile=file.name)
    assert api.ask("GET", "/api/inners").status == 401
    api.token = TOKEN
    assert api.ask("GET", "/api/inners").status == 200


# --- what goes on -----------------------------------------------------------

def test_sessions_are_listed_and_ended(lab):
    """On every thread, and while they wait."""
    outer, api = admin(lab, Workers=2, QueueTimeout=30, Services=[
        {"Name": "nobody", "Listen": "tcp://127.0.0.1:0", "Inner": "none"}])
    lab.inner(outer, lab.echo(), MaxFreeConn=6)
    outer.wait_joined(6)
    socks = [lab.add(connect(outer.clients)) for _ in range(6)]
    for sock in socks:
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"
    waiting = lab.add(connect(outer.public("nobody")))
    seen = wait_until(lambda: [one for one in api.get("/api/sessions")
                               ["sessions"] if one["service"] == "nobody"],
                      "the one that waits")
    assert seen[0]["state"] == "waiting" and seen[0]["inner"] == ""
    told = api.get("/api/sessions")
    assert told["count"] == 7 and told["truncated"] is False
    relaying = {one["client"]: one for one in told["sessions"]
                if one["state"] == "relaying"}
    assert set(relaying) == {"%s:%d" % sock.getsockname() for sock in socks}
    for sock in socks:
        one = relaying["%s:%d" % sock.getsockname()]
        assert one["inner"] == "inner-1" and one["service"] == "default"
        assert api.post(f"/api/sessions/{one['id']}/kill") == \
            {"id": one["id"]}
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    api.post(f"/api/sessions/{seen[0]['id']}/kill")
    with pytest.raises(ConnectionResetError):
        waiting.recv(1)
    assert outer.session(service="nobody")["why"] == "ended over the API"
    wait_until(lambda: api.get("/api/sessions")["count"] == 0, "all ended")
    for path, status in ((f"{seen[0]['id']}", 404), ("0", 400), ("x", 400),
                         ("-1", 400), ("9" * 30, 400)):
        assert api.ask("POST", f"/api/sessions/{path}/kill").status == status


def test_a_drained_inner_gets_nobody_new(lab):
    """Its sessions go on; it comes back when it is told."""
    outer, api = admin(lab, QueueTimeout=30)
    for name in ("one", "two"):
        lab.inner(outer, lab.target(answers(name.ljust(5))), InnerId=name,
                  MaxFreeConn=4)
    outer.wait_joined(8)
    old = lab.add(connect(outer.clients))
    old_inner = recv_exactly(old, 5).decode().strip()
    other = {"one": "two", "two": "one"}[old_inner]
    assert api.post(f"/api/inners/{old_inner}/drain") == {
        "id": old_inner, "draining": True, "instances": 1}
    assert {who(outer.clients).strip() for _ in range(12)} == {other}
    old.sendall(b"still")
    assert recv_exactly(old, 5) == b"still"
    told = {one["id"]: one["instances"][0]["draining"]
            for one in api.get("/api/inners")["inners"]}
    assert told == {old_inner: True, other: False}
    run = next(one for one in api.get("/api/inners")["inners"]
               if one["id"] == other)["instances"][0]["instance"]
    api.post(f"/api/inners/{run}/drain")
    late = lab.add(connect(outer.clients))      # waits for either
    wait_until(lambda: api.get("/api/services")["services"][0]["waiting"],
               "it waits")
    api.post(f"/api/inners/{old_inner}/drain", drain=False)
    assert recv_exactly(late, 5).decode().strip() == old_inner


def leaves(outer: Outer, link: FakeInner) -> None:
    """Its only link, for longer than the outer waits for another."""
    mark = outer.mark()
    link.close()
    outer.wait_log("inner", "no links left", after=mark,
                   instance=link.fields["instance"])


def test_a_drained_run_is_still_drained_when_it_comes_back(lab):
    """Until it is told otherwise, here or away, or starts anew."""
    outer, api = admin(lab, QueueTimeout=30)
    run = "d" * 16

    def comes(instance: str = run) -> FakeInner:
        return lab.standby(outer, inner="home", instance=instance)

    def draining(instance: str = run) -> bool:
        return {one["instance"]: one["draining"] for one in
                api.get("/api/inners")["inners"][0]["instances"]}[instance]
    link = comes()
    api.post("/api/inners/home/drain")
    for _ in range(2):                      # not the first time only
        leaves(outer, link)
        mark = outer.mark()
        link = comes()
        outer.wait_log("inner", "still draining", after=mark, instance=run)
        assert draining()
    late = lab.add(connect(outer.clients))
    anew = comes("e" * 16)                  # its next start
    assert not draining("e" * 16)
    anew.take_forward()
    leaves(outer, link)
    assert api.post(f"/api/inners/{run}/drain", drain=False) == {
        "id": run, "draining": False, "instances": 1}
    assert api.ask("POST", f"/api/inners/{run}/drain",
                   {"drain": False}).status == 404
    comes()
    assert not draining()
    late.close()


def test_health(lab):
    outer, api = admin(lab)
    answer = api.ask("GET", "/health")
    assert (answer.status, answer.data) == (503, {
        "status": "no inner", "tunnel_enabled": True,
        "tunnel_connected": False})
    lab.inner(outer, lab.echo(), MaxFreeConn=1)
    outer.wait_joined(1)
    assert api.get("/health") == {
        "status": "ok", "tunnel_enabled": True, "tunnel_connected": True}


def test_a_reload_says_what_it_leaves_out(lab):
    """The rest is taken; the next one tries it again."""
    file = lab.outer_file(AdminAddress=API)
    outer = lab.start_outer(file).wait_ready()
    api = Api(outer)
    settings = json.loads(file.read_text())
    other = listen()
    port = other.getsockname()[1]
    file.write_text(json.dumps(settings | {"Services": [
        any_port("taken", Listen=f"tcp://127.0.0.1:{port}"),
        any_port("good")]}))
    for said in ("taken: Services", "no other keys to take"):
        answer = api.ask("POST", "/api/reload")
        assert (answer.status, answer.success) == (200, True)
        (left,) = answer.data["left_out"]
        assert left["name"] == "taken" and "in use" in left["why"]
        assert answer.message == f"{said}; left out: {left['why']}"
    assert not refused(outer.public("good")[1])
    other.close()
    answer = api.ask("POST", "/api/reload")
    assert (answer.status, answer.data) == (200, {"left_out": []})
    assert not refused(port)


def test_reload_by_the_api(lab):
    """As SIGHUP: what differs is taken, and a wrong file changes nothing."""
    file = lab.outer_file(AdminAddress=API)
    outer = lab.start_outer(file).wait_ready()
    api = Api(outer)
    settings = json.loads(file.read_text())
    file.write_text(json.dumps(settings | {"Services": [
        {"Name": "new", "Listen": "tcp://127.0.0.1:0"}]}))
    answer = api.ask("POST", "/api/reload")
    assert (answer.status, answer.message, answer.data) == (
        200, "taken: Services", {"left_out": []})
    assert not refused(outer.public("new")[1])
    file.write_text("{")
    answer = api.ask("POST", "/api/reload")
    assert answer.status == 409 and file.name in answer.message
    assert {one["name"] for one in api.get("/api/services")["services"]} == \
        {"default", "new"}
