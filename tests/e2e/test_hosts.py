"""Several services at one address, told apart by the host that is asked for."""
from __future__ import annotations

import contextlib
import json
import signal
import socket
import ssl
import threading
import time

import pytest

import certs
from harness import stays_true
from peers import EARLY
from sockets import (address_text, connect, curl, free_port, how_it_ends,
                     listen, ping_pong, recv_all, recv_exactly, reset, split_at,
                     wait_acknowledged, whole)
from test_descriptors import cpu_ticks
from test_services import answers, change

LONG = 30       # seconds that no test waits for


def head(host: str, more: str = "") -> bytes:
    return f"GET / HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode()


def hello(host: str | None) -> bytes:
    """A ClientHello for that host."""
    context = ssl.create_default_context()
    context.check_hostname = False
    out = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=host)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


def service(name: str, url: str, *hosts: str, **more) -> dict:
    return {"Name": name, "Listen": url, "Inner": name,
            **({"Host": list(hosts)} if hosts else {}), **more}


class Town:
    """Services at one address; the target of each says its name, four letters,
    and then echoes."""

    def __init__(self, lab, rest: bool = True, **settings) -> None:
        port = free_port()
        self.lab, self.place = lab, ("127.0.0.1", port)
        self.url = address_text(self.place)
        self.services = [service("www_", self.url, "www.example.org"),
                         service("any_", self.url, "*.EXAMPLE.org.")]
        if rest:
            self.services.append(service("rest", self.url))
        self.file = lab.outer_file(**{
            "OuterServerAddress": None, "PeekTimeout": LONG,
            "Services": self.services, **settings})
        self.outer = lab.start_outer(self.file).wait_ready()
        for one in self.services:
            lab.inner(self.outer, lab.target(answers(one["Name"])),
                      InnerId=one["Name"], MaxFreeConn=3)
        self.outer.wait_joined(3 * len(self.services))

    def connect(self, **options) -> socket.socket:
        return self.lab.add(connect(self.place, **options))

    def who(self, data: bytes, writer=whole) -> str:
        """Who gets these bytes; they come back as they were."""
        with connect(self.place) as sock:
            writer(sock, data)
            name = recv_exactly(sock, 4).decode()
            assert recv_exactly(sock, len(data)) == data
            return name


@pytest.mark.parametrize("form", [head, hello])
def test_by_host(lab, form):
    """Exact before wildcard, whoever has no pattern for all others."""
    town = Town(lab)
    for host, name in (("www.example.org", "www_"), ("a.example.org", "any_"),
                       ("WWW.example.org", "www_"), ("example.org", "rest"),
                       ("a.b.example.org", "any_"), ("other.lan", "rest")):
        assert town.who(form(host)) == name, host


@pytest.mark.parametrize("data, name", [
    (head("www.example.org:8080"), "www_"), (hello(None), "rest"),
    (b"GET / HTTP/1.0\r\n\r\n", "rest"), (b"SSH-2.0-x\r\n", "rest"),
    (b"\0\1\2", "rest"),
    (head("www.example.org", "X: %s\r\n" % ("x" * 12000)), "www_")],
    ids=["port", "no name", "HTTP/1.0", "SSH", "binary", "long"])
def test_other_first_words(lab, data, name):
    assert Town(lab).who(data) == name


def trickle(sock: socket.socket, data: bytes) -> None:
    """Byte by byte; the first of them are each there by themselves."""
    for at in range(len(data)):
        sock.sendall(data[at:at + 1])
        if at < 16:
            wait_acknowledged(sock)


@pytest.mark.parametrize("form", [head, hello])
@pytest.mark.parametrize("writer", [trickle, split_at(1), split_at(40)])
def test_in_pieces(lab, form, writer):
    assert Town(lab).who(form("a.example.org"), writer) == "any_"


def page(text: str):
    """A web server that says who it is."""
    async def handler(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
                     b"Content-Length: %d\r\n\r\n%s"
                     % (len(text), text.encode()))
        await writer.drain()
    return handler


class TlsPage:
    """The same over TLS, for one host."""

    def __init__(self, pair: certs.Pair, text: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert, pair.key)
        self.listener = listen()
        self.url = address_text(self.listener.getsockname())
        self.thread = threading.Thread(target=self._serve,
                                       args=(context, text.encode()))
        self.thread.start()

    def _serve(self, context: ssl.SSLContext, text: bytes) -> None:
        self.listener.settimeout(None)
        while True:
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                try:
                    sock, _ = self.listener.accept()
                except OSError:
                    return
                with context.wrap_socket(sock, server_side=True) as tls:
                    tls.recv(65536)
                    tls.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
                                b"Content-Length: %d\r\n\r\n%s"
                                % (len(text), text))

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_curl(lab, tls):
    """A certificate of its own for each host, which curl checks."""
    port, names = free_port(), ("one.example", "two.example")
    url = f"tcp://127.0.0.1:{port}"
    outer = lab.outer(OuterServerAddress=None, Services=[
        service(name, url, name) for name in names])
    for name in names:
        pair = certs.self_signed(lab.new_dir("tls"), name)
        target = lab.add(TlsPage(pair, name)) if tls \
            else lab.target(page(name))
        lab.inner(outer, target, InnerId=name, MaxFreeConn=2)
        (lab.dir / f"{name}.crt").write_text(pair.cert.read_text())
    outer.wait_joined(4)
    for name in names * 2:
        got = curl(f"{'https' if tls else 'http'}://{name}:{port}/",
                   "--resolve", f"{name}:{port}:127.0.0.1",
                   "--cacert", str(lab.dir / f"{name}.crt"))
        assert got.decode() == name


ALERT = bytes([0x15, 3, 1, 0, 2, 2])


@pytest.mark.parametrize("data, answer", [
    (head("other.lan"), b"HTTP/1.1 404 "), (hello("other.lan"), ALERT + b"p"),
    (b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.1 404 "),
    (hello(None), ALERT + b"p"),
    (head("www.example.org", "Host: a\r\n"), b"HTTP/1.1 400 "),
    (head("other.lan") + b"x" * 100000, b"HTTP/1.1 404 ")],
    ids=["http", "tls", "no Host", "no SNI", "two Hosts", "body"])
def test_who_is_unknown_is_told_so(lab, data, answer):
    """And hears it, though what it sent was never read."""
    town = Town(lab, rest=False)
    sock = town.connect()
    sock.sendall(data)
    assert recv_all(sock).startswith(answer)
    line = town.outer.wait_log("front", "turned away")
    assert line["client"].startswith("127.0.0.1:")
    town.outer.wait_log("lobby", "state", to="leaving")
    sock.close()
    town.outer.wait_log("lobby", "state", to="closed", **{"from": "leaving"})


def test_the_answer_outlives_what_is_still_sent(lab):
    """No reset overtakes it, though the client goes on for a while."""
    town = Town(lab, rest=False)
    sock = town.connect()
    sock.sendall(head("other.lan"))
    town.outer.wait_log("lobby", "state", to="leaving")
    for _ in range(5):
        sock.sendall(b"x" * 10000)
        wait_acknowledged(sock)
    assert recv_all(sock).startswith(b"HTTP/1.1 404 ")


def test_who_does_not_close_is_closed(lab):
    """A client that was turned away and stays is reset in the end."""
    town = Town(lab, rest=False)
    sock = town.connect()
    sock.sendall(head("other.lan"))
    assert recv_all(sock).startswith(b"HTTP/1.1 404 ")
    assert town.outer.wait_log("lobby", "reset")["why"] == "it did not close"


def test_two_hosts_in_a_request_are_nobodys(lab):
    """Not even of the service for all others."""
    town = Town(lab)
    sock = town.connect()
    sock.sendall(head("www.example.org", "Host: other.lan\r\n"))
    assert recv_all(sock).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("data", [b"", b"GET / HT", hello("a.example.org")[:9]],
                         ids=["nothing", "http", "tls"])
def test_who_says_too_little(lab, data):
    """For the others' service when PeekTimeout is over: it may speak first."""
    town = Town(lab, PeekTimeout=0.3)
    began = time.monotonic()
    sock = town.connect()
    sock.sendall(data)
    assert recv_exactly(sock, 4) == b"rest"
    assert time.monotonic() - began >= 0.25
    assert recv_exactly(sock, len(data)) == data


@pytest.mark.parametrize("data", [b"", b"GET / HT", b"SSH-2.0-x\r\n"],
                         ids=["nothing", "http", "other"])
def test_who_says_nothing_of_use_is_reset(lab, data):
    """Where there is no service for all others."""
    town = Town(lab, rest=False, PeekTimeout=0.2)
    for _ in range(3):
        sock = town.connect()
        sock.sendall(data)
        assert how_it_ends(sock) == "reset"
    town.outer.wait_log("lobby", "state", to="closed", count=3)
    line = town.outer.wait_log("front", "refused")
    assert "names no host" in line["why"]
    assert town.outer.grep("front", "refused") == [line]


def test_half_close(lab):
    """A whole head and its end; half of one, which waits for no timeout."""
    town = Town(lab)
    for data, name in ((head("www.example.org"), b"www_"),
                       (head("www.example.org")[:-2], b"rest"), (b"", b"rest")):
        sock = town.connect()
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        assert recv_all(sock) == name + data


def test_half_close_after_a_while(lab):
    """It comes alone, when all bytes have been looked at."""
    town = Town(lab)
    sock = town.connect()
    sock.sendall(b"GET / HT")
    wait_acknowledged(sock)
    stays_true(lambda: not town.outer.grep("session", "state"), "served", 0.1)
    sock.shutdown(socket.SHUT_WR)
    assert recv_all(sock) == b"restGET / HT"


def test_reset(lab):
    """The client goes before it is known whom it asks for."""
    town = Town(lab)
    sock = town.connect()
    sock.sendall(b"GET / HT")
    wait_acknowledged(sock)
    reset(sock)
    line = town.outer.wait_log("lobby", "reset")
    assert "left before" in line["why"]
    assert not town.outer.grep("session")


def test_a_silent_peeked_client_costs_nothing(lab):
    """Its socket stays readable: that must not keep the loop busy."""
    town = Town(lab)
    crowd = [town.connect() for _ in range(5)]
    for sock in crowd:
        sock.sendall(b"GET / HT")
    wait_acknowledged(crowd[-1])
    ticks = cpu_ticks(town.outer.pid)
    stays_true(lambda: not town.outer.grep("session"), "served", 0.5)
    assert cpu_ticks(town.outer.pid) - ticks < 10
    for sock in crowd:
        sock.sendall(head("www.example.org")[8:])
        assert recv_exactly(sock, 4) == b"www_"


def test_the_end_of_a_trickle(lab):
    """PeekTimeout counts from the beginning, whatever comes."""
    town = Town(lab, rest=False, PeekTimeout=0.3)
    sock, began = town.connect(), time.monotonic()
    with contextlib.suppress(OSError):
        sock.sendall(b"GET /")
        while time.monotonic() - began < LONG:
            sock.sendall(b"x")
            time.sleep(0.01)
    assert time.monotonic() - began < LONG / 2
    assert town.outer.wait_log("front", "refused")


def test_a_head_without_end(lab):
    """16 KiB are looked at, no more."""
    town = Town(lab)
    sock = town.connect()
    sock.sendall(head("www.example.org", "X: %s\r\n" % ("x" * 17000)))
    assert recv_all(sock).startswith(b"HTTP/1.1 400 ")


def test_visitors_count_as_sessions(lab):
    """MaxSessions of all holds who has not said anything yet."""
    town = Town(lab, MaxSessions=2)
    first, second = town.connect(), town.connect()
    town.outer.wait_log("front", level="warn")
    third = town.connect()
    third.sendall(head("www.example.org"))
    stays_true(lambda: not town.outer.grep("session"), "served", 0.2)
    reset(first)
    assert recv_exactly(third, 4) == b"www_"
    second.sendall(head("a.example.org"))
    assert recv_exactly(second, 4) == b"any_"


def test_sessions_of_an_address(lab):
    """MaxSessionsPerAddress holds who has not said anything yet."""
    town = Town(lab, MaxSessionsPerAddress=1)
    first = town.connect()
    with contextlib.suppress(ConnectionResetError):
        assert how_it_ends(town.connect()) == "reset"
    assert town.outer.wait_log("front", "refused")["why"] == \
        "MaxSessionsPerAddress reached"
    reset(first)
    town.outer.wait_log("lobby", "reset")
    assert town.who(head("www.example.org")) == "www_"


def test_sessions_of_an_address_that_a_service_does_not_set(lab):
    """They are the top level's, counted once it is known whom it asks for."""
    place = ("127.0.0.1", free_port())
    outer = lab.outer(
        MaxSessionsPerAddress=1, OuterServerAddress=None, Services=[
            service("one", address_text(place), "one",
                    NewSessionsPerSecond=1_000_000)])
    lab.inner(outer, lab.target(answers("one")), InnerId="one", MaxFreeConn=2)
    outer.wait_joined(2)
    first = lab.add(connect(place))
    first.sendall(head("one"))
    assert recv_exactly(first, 3) == b"one"
    second = lab.add(connect(place))
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        second.sendall(head("one"))
    assert how_it_ends(second) == "reset"


def test_lists_and_limits_of_each(lab):
    """AllowFrom and MaxSessions of the service that is asked for."""
    port = free_port()
    url = f"tcp://127.0.0.1:{port}"
    outer = lab.outer(OuterServerAddress=None, Services=[
        service("one", url, "one", AllowFrom=["127.0.0.2"]),
        service("two", url, "two", MaxSessions=1)])
    for name in ("one", "two"):
        lab.inner(outer, lab.target(answers(name)), InnerId=name,
                  MaxFreeConn=2)
    outer.wait_joined(4)

    def ask(host: str, source: str = "127.0.0.1") -> socket.socket:
        sock = lab.add(connect(("127.0.0.1", port), source=source))
        sock.sendall(head(host))
        return sock
    assert recv_exactly(ask("one", "127.0.0.2"), 3) == b"one"
    assert how_it_ends(ask("one")) == "reset"
    assert outer.wait_log("front", "refused")["why"] == "not in AllowFrom"
    first = ask("two")
    assert recv_exactly(first, 3) == b"two"
    assert how_it_ends(ask("two")) == "reset"
    outer.wait_log("front", "refused", why="MaxSessions of its service reached")
    reset(first)
    outer.session(service="two")
    assert recv_exactly(ask("two"), 3) == b"two"


@pytest.mark.parametrize("data", [head("a.lan"), hello("a.lan")],
                         ids=["http", "tls"])
def test_early(lab, data):
    """What was looked at goes ahead of READY all the same."""
    port = free_port()
    outer = lab.outer(Services=[service("fake", f"tcp://127.0.0.1:{port}",
                                        "*.lan")])
    link = lab.standby(outer, inner="fake")
    client = lab.add(connect(("127.0.0.1", port)))
    client.sendall(data)
    forward = link.take_forward()
    early = link.expect(EARLY)
    assert early.payload[8:] == data
    link.ready(forward.session, b"hello")
    assert recv_exactly(client, 5) == b"hello"


def test_beside_the_default(lab):
    """OuterServerAddress may be shared too: it is for all others."""
    port = free_port()
    url = f"tcp://127.0.0.1:{port}"
    outer = lab.outer(OuterServerAddress=url,
                      Services=[service("shop", url, "shop.lan")])
    lab.inner(outer, lab.echo(), InnerId="shop", MaxFreeConn=3)
    outer.wait_joined(3)
    for host, name in (("shop.lan", "shop"), ("other.lan", "default")):
        mark = outer.mark()
        sock = lab.add(connect(outer.clients))
        ping_pong(sock, head(host))
        reset(sock)
        assert outer.session(after=mark)["service"] == name


def test_reload_of_one_of_several(lab):
    """One goes, one comes: the others keep listener, clients and sessions."""
    town = Town(lab)
    old = town.connect()
    old.sendall(head("www.example.org"))
    recv_exactly(old, 4 + len(head("www.example.org")))
    early = town.connect()                      # has said nothing yet
    shop = service("any_", town.url, "shop.lan")
    mark = change(town.outer, town.file, Services=[
        town.services[0], shop, town.services[2]])
    town.outer.wait_log("service", "changed", service="any_", after=mark)
    ping_pong(old, b"still there")
    early.sendall(head("www.example.org"))
    assert recv_exactly(early, 4) == b"www_"
    assert town.who(head("a.example.org")) == "rest"
    assert town.who(head("shop.lan")) == "any_"
    assert not town.outer.grep("listen", "listening", after=mark)
    mark = change(town.outer, town.file, Services=[shop])
    town.outer.wait_log("service", "removed", service="rest", after=mark)
    sock = town.connect()
    sock.sendall(head("www.example.org"))
    assert recv_all(sock).startswith(b"HTTP/1.1 404 ")
    assert town.who(head("shop.lan")) == "any_"
    ping_pong(old, b"still there")


def test_the_last_one_goes(lab):
    """Its address is free, and nobody hangs there."""
    town = Town(lab, rest=False)
    waiting = town.connect()
    town.outer.wait_log("standby", "joined")
    mark = change(town.outer, town.file, Services=[],
                  OuterServerAddress="tcp://127.0.0.1:0")
    town.outer.wait_log("service", "removed", service="any_", after=mark)
    assert how_it_ends(waiting) == "reset"
    with pytest.raises(ConnectionRefusedError):
        connect(town.place)


def test_stops_with_visitors(lab):
    """SIGTERM waits for nobody who has not said whom it asks for."""
    town = Town(lab)
    sock = town.connect()
    town.connect().sendall(b"GET")
    town.outer.signal(signal.SIGTERM)
    assert town.outer.wait() == 0
    assert how_it_ends(sock) == "reset"


def test_wrong_files(lab):
    """What one key alone does not show."""
    url = "tcp://127.0.0.1:4711"
    file = lab.outer_file()
    outer = lab.start_outer(file).wait_ready()
    good = json.loads(file.read_text())
    for services, says in (
            ([service("a", url), service("b", url)], "single ports with Host"),
            ([service("a", "tcp://127.0.0.1:4700-4711", "a"),
              service("b", url, "b")], "single ports with Host"),
            ([service("a", url, "x.lan"), service("b", url, "X.lan.")],
             'found Host "x.lan" in "a" and "b"'),
            ([service("a", url, "a", AcceptProxyProtocol=["10.0.0.0/8"]),
              service("b", url, "b")], "another AcceptProxyProtocol"),
            ([service("a", url, "*.*.lan")], "a * stands alone"),
            ([service("a", url, "a", "a")], "there twice")):
        file.write_text(json.dumps(good | {"Services": services}))
        mark = outer.mark()
        outer.signal(signal.SIGHUP)
        line = outer.wait_log("app", level="error", after=mark)
        assert says in line["why"], line
