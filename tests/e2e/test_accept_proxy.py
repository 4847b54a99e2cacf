"""AcceptProxyProtocol: proxies that the operator has named say first who their
client is."""
from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import subprocess

import pytest

import certs
from harness import stays_true, wait_until
from peers import EARLY
from sockets import (connect, curl, free_port, how_it_ends, ping_pong,
                     recv_all, recv_exactly, reset, wait_acknowledged)
from test_hosts import (LONG, TlsPage, Town, head, hello, page, service,
                        trickle)
from test_services import any_port, change

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v1(client: str = "203.0.113.9", port: int = 4711) -> bytes:
    return f"PROXY TCP4 {client} 198.51.100.1 {port} 443\r\n".encode()


def v2(client: str = "203.0.113.9", port: int = 4711,
       tlvs: bytes = b"") -> bytes:
    return SIGNATURE + b"\x21\x11" + struct.pack("!H", 12 + len(tlvs)) \
        + socket.inet_aton(client) + socket.inet_aton("198.51.100.1") \
        + struct.pack("!HH", port, 443) + tlvs


V6 = SIGNATURE + b"\x21\x21" + struct.pack("!H", 36) \
    + socket.inet_pton(socket.AF_INET6, "2001:db8::9") \
    + socket.inet_pton(socket.AF_INET6, "2001:db8::1") \
    + struct.pack("!HH", 4711, 443)
LOCAL = SIGNATURE + b"\x20\x00\0\0"
UNKNOWN = b"PROXY UNKNOWN\r\n"


def proxied(lab, **settings):
    """An outer whose default trusts 127.0.0.1, and a standby."""
    outer = lab.outer(**{"AcceptProxyProtocol": ["127.0.0.1"],
                         "PeekTimeout": LONG, **settings})
    return outer, lab.standby(outer)


@pytest.mark.parametrize("header, client, family", [
    (v1(), "203.0.113.9", 4), (v2(), "203.0.113.9", 4),
    (v2(tlvs=b"\x04\x03\xe8" + b"x" * 1000), "203.0.113.9", 4),
    (V6, "2001:db8::9", 6)], ids=["v1", "v2", "long", "IPv6"])
@pytest.mark.parametrize("pieces", [False, True], ids=["whole", "pieces"])
def test_who_the_client_is(lab, header, client, family, pieces):
    """In FORWARD and in the log; the target gets what follows, no more."""
    outer, link = proxied(lab, EarlyData="off")
    sock = lab.add(connect(outer.clients))
    if pieces:
        trickle(sock, header)
        sock.sendall(b"hello")
    else:
        sock.sendall(header + b"hello")
    forward = link.take_forward()
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    size = 4 if family == 4 else 16
    assert (forward.family, forward.client_port) == (family, 4711)
    assert socket.inet_ntop(kind, forward.client[:size]) == client
    assert forward.public_port == 443
    assert socket.inet_ntop(kind, forward.public[:size]) in (
        "198.51.100.1", "2001:db8::1")
    link.ready(forward.session)
    sock.shutdown(socket.SHUT_WR)
    assert link.recv_all().endswith(b"hello")
    link.close()
    line = outer.session()
    assert line["client"].strip("[").startswith(client) and line["up"] == 5


@pytest.mark.parametrize("header", [LOCAL, UNKNOWN], ids=["LOCAL", "UNKNOWN"])
def test_who_says_nothing_of_a_client(lab, header):
    """The proxy itself is the client then."""
    outer, link = proxied(lab)
    sock = lab.add(connect(outer.clients))
    sock.sendall(header)
    forward = link.take_forward()
    assert forward.client[:4] == bytes([127, 0, 0, 1])
    assert forward.client_port == sock.getsockname()[1]
    assert forward.public_port == outer.clients[1]


def test_others_are_not_read(lab):
    """A header of anybody else is bytes like any other."""
    outer, link = proxied(lab, EarlyData="off")
    sock = lab.add(connect(outer.clients, source="127.0.0.2"))
    sock.sendall(v1())
    forward = link.take_forward()
    assert forward.client[:4] == bytes([127, 0, 0, 2])
    link.ready(forward.session)
    sock.shutdown(socket.SHUT_WR)
    assert link.recv_all().endswith(v1())


@pytest.mark.parametrize("data", [
    head("www.example.org"), b"PROXY TCP4 a b c d\r\n", SIGNATURE + b"\x31\x11",
    v1()[:-3] + b"\n", b"PROXY " + b"x" * 200, v2()[:20]],
    ids=["none", "words", "version", "line", "long", "half"])
def test_bad_headers(lab, data):
    """Reset, and one line for each source and minute."""
    outer, _ = proxied(lab)
    for _ in range(3):
        sock = lab.add(connect(outer.clients))
        sock.sendall(data)
        if data == v2()[:20]:
            sock.shutdown(socket.SHUT_WR)
        assert how_it_ends(sock) == "reset"
    outer.wait_log("lobby", "no PROXY header", count=3)
    outer.wait_log("front", "refused")
    line, = outer.grep("front", "refused")
    assert "PROXY header" in line["why"]
    assert line["client"].startswith("127.0.0.1:")


@pytest.mark.parametrize("data", [b"", v1()[:9], v2()[:20]],
                         ids=["nothing", "v1", "v2"])
def test_a_header_that_does_not_come(lab, data):
    outer, _ = proxied(lab, PeekTimeout=0.2)
    sock = lab.add(connect(outer.clients))
    sock.sendall(data)
    assert how_it_ends(sock) == "reset"
    assert "PROXY header" in outer.wait_log("front", "refused")["why"]


def test_a_check_of_health_is_no_news(lab):
    """A proxy that connects and leaves is not worth a line."""
    outer, _ = proxied(lab)
    connect(outer.clients).close()
    outer.wait_log("lobby", "reset")
    mark = outer.mark()
    sock = lab.add(connect(outer.clients))
    sock.sendall(b"PROXY")
    wait_acknowledged(sock)
    reset(sock)
    outer.wait_log("lobby", "reset", after=mark)
    assert not outer.grep("front", "refused")


def test_lists_are_for_the_client(lab):
    """AllowFrom, DenyFrom and MaxSessionsPerAddress judge by the header."""
    outer, _ = proxied(lab, AllowFrom=["203.0.113.0/24"],
                       DenyFrom=["203.0.113.66"], MaxSessionsPerAddress=1,
                       QueueTimeout=LONG)

    def send(header: bytes) -> socket.socket:
        sock = lab.add(connect(outer.clients))
        sock.sendall(header)
        return sock
    for header, why in ((v1("203.0.113.66"), "in DenyFrom"),
                        (v2("192.0.2.1"), "not in AllowFrom"),
                        (LOCAL, "not in AllowFrom")):
        mark = outer.mark()
        assert how_it_ends(send(header)) == "reset"
        assert outer.wait_log("front", "refused", after=mark)["why"] == why
    first = send(v1("203.0.113.9", 1))
    outer.wait_log("standby", "state", to="starting")
    send(v1("203.0.113.10"))
    assert how_it_ends(send(v2("203.0.113.9", 2))) == "reset"
    outer.wait_log("front", "refused", why="MaxSessionsPerAddress reached",
                   client="203.0.113.9:2")
    mark = outer.mark()
    reset(first)
    outer.session(after=mark)
    send(v2("203.0.113.9", 3))
    outer.wait_log("front", "refused")
    stays_true(lambda: len(outer.grep("front", "refused")) == 4,
               "counted for ever", 0.1)


def test_services_have_their_own(lab):
    """The top level's list is the default's alone."""
    outer = lab.outer(AcceptProxyProtocol=["127.0.0.1"], Services=[
        any_port("own", AcceptProxyProtocol=["127.0.0.2"], Inner="shop"),
        any_port("none", Inner="shop")])
    lab.inner(outer, lab.echo(), InnerId="shop", MaxFreeConn=3)
    outer.wait_joined(3)
    for place, source, header in (
            (outer.clients, "127.0.0.1", v1()), (outer.clients, "127.0.0.2", b""),
            (outer.public("own"), "127.0.0.2", v2()),
            (outer.public("own"), "127.0.0.1", b""),
            (outer.public("none"), "127.0.0.1", b"")):
        with connect(place, source=source) as sock:
            sock.sendall(header)
            ping_pong(sock, b"hello")


def test_max_sessions_of_the_service(lab):
    """Who has not said who the client is counts, so nobody is turned away."""
    outer = lab.outer(Services=[any_port(
        "few", AcceptProxyProtocol=["127.0.0.1"], MaxSessions=1, Inner="fake")])
    for _ in range(3):      # none of them answers
        lab.standby(outer)
    first = lab.add(connect(outer.public("few")))
    outer.wait_log("front", "MaxSessions of a service reached")
    second = lab.add(connect(outer.public("few")))      # in the backlog
    second.sendall(v1())
    first.sendall(v1())
    outer.wait_log("session", "state", to="starting")
    mark = outer.mark()
    reset(first)
    outer.wait_log("session", "state", to="starting", after=mark)
    assert not outer.grep("front", "refused")


@pytest.mark.parametrize("form", [head, hello])
@pytest.mark.parametrize("split", [False, True])
def test_before_the_host(lab, form, split):
    """The header first, then what names the host."""
    town = Town(lab, rest=False, OuterServerAddress=None)
    services = [dict(one, AcceptProxyProtocol=["127.0.0.1"])
                for one in town.services]
    mark = change(town.outer, town.file, Services=services)
    town.outer.wait_log("service", "changed", count=2, after=mark)
    sock = town.connect()
    if split:
        trickle(sock, v2())
    data = form("www.example.org")
    sock.sendall(data if split else v2() + data)
    assert recv_exactly(sock, 4) == b"www_"
    assert recv_exactly(sock, len(data)) == data
    reset(sock)
    assert town.outer.session(service="www_")["client"] == "203.0.113.9:4711"
    sock = town.connect()
    sock.sendall(v1() + head("other.lan"))
    assert recv_all(sock).startswith(b"HTTP/1.1 404 ")
    assert town.outer.wait_log("front", "turned away")["client"] == \
        "203.0.113.9:4711"


@pytest.mark.parametrize("word", ["send-proxy", "send-proxy-v2"])
def test_haproxy(lab, word):
    """A real proxy says who its client is."""
    haproxy = shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin")
    if haproxy is None:
        pytest.skip("no haproxy")
    outer, port = lab.outer(AcceptProxyProtocol=["127.0.0.1"]), free_port()
    lab.inner(outer, lab.echo(), MaxFreeConn=2)
    outer.wait_joined(2)
    file = lab.path("haproxy.cfg")
    file.write_text(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 30s\n"
        f" timeout server 30s\nlisten x\n bind 127.0.0.1:{port}\n"
        f" server y 127.0.0.1:{outer.clients[1]} {word}\n")
    with subprocess.Popen([haproxy, "-db", "-f", file],
                          stderr=subprocess.DEVNULL) as program:
        try:
            sock = wait_until(lambda: try_connect(port), "haproxy listens")
            ping_pong(sock, b"hello")
            mine = "127.0.0.5:%d" % sock.getsockname()[1]
            reset(sock)
            assert outer.session()["client"] == mine
        finally:
            program.kill()


def try_connect(port: int) -> socket.socket | None:
    try:
        return connect(("127.0.0.1", port), source="127.0.0.5")
    except ConnectionRefusedError:
        return None


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_curl(lab, tls):
    """A header, and a name behind it."""
    port, pair = free_port(), certs.self_signed(lab.new_dir("tls"), "one.lan")
    outer = lab.outer(OuterServerAddress=None, Services=[
        service("shop", f"tcp://127.0.0.1:{port}", "one.lan",
                AcceptProxyProtocol=["127.0.0.1"])])
    lab.inner(outer, lab.add(TlsPage(pair, "hello")) if tls
              else lab.target(page("hello")), InnerId="shop", MaxFreeConn=1)
    outer.wait_joined()
    assert curl(f"http{'s' if tls else ''}://one.lan:{port}/",
                "--haproxy-protocol", "--resolve", f"one.lan:{port}:127.0.0.1",
                "--cacert", str(pair.cert)) == b"hello"


def test_early(lab):
    """What follows the header goes ahead of READY."""
    outer, link = proxied(lab)
    sock = lab.add(connect(outer.clients))
    sock.sendall(v2() + head("a.lan"))
    link.take_forward()
    assert link.expect(EARLY).payload[8:] == head("a.lan")


def test_reload(lab):
    """The default's list counts from then on, and nothing else changes."""
    file = lab.outer_file()
    outer = lab.start_outer(file).wait_ready()
    lab.inner(outer, lab.echo(), MaxFreeConn=3)
    outer.wait_joined(3)
    old = lab.add(connect(outer.clients))
    ping_pong(old, v1())
    change(outer, file, AcceptProxyProtocol=["127.0.0.0/8"], PeekTimeout=0.2)
    new = lab.add(connect(outer.clients))
    new.sendall(v1())
    ping_pong(new, b"hello")
    ping_pong(old, b"hello")
    assert how_it_ends(lab.add(connect(outer.clients))) == "reset"
