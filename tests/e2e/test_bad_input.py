"""Garbage from strangers: a line, a close in time, and others untouched."""
from __future__ import annotations

import json
import secrets
import threading
import time

import pytest

import peers
from harness import KEY, PLAIN, SCALE, wait_until
from lab import Outer
from peers import AUTH, CHALLENGE, HELLO, FakeInner, FakeOuter, Wire, frame
from sockets import (byte_by_byte, connect, how_it_ends, request, reset,
                     split_at)

TIMEOUT = 1.0


class Traffic:
    """Good clients all the while; each of them must be served in time."""

    def __init__(self, outer: Outer) -> None:
        self.outer, self.served, self.problem = outer, 0, None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                token = secrets.token_bytes(16)
                assert request(self.outer.clients, token, 5 * SCALE) == token
                self.served += 1
        except BaseException as problem:
            self.problem = problem

    def wait_served(self, count: int) -> None:
        wait_until(lambda: self.problem or self.served >= count,
                   "good clients are served")
        if self.problem:
            raise self.problem

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def busy(lab):
    """An outer with a good inner and good clients, before, during, after."""
    outer, _ = lab.tunnel(lab.echo(), standbys=3,
                          outer={"HandshakeTimeout": TIMEOUT})
    traffic = Traffic(outer)
    try:
        traffic.wait_served(1)
        yield outer
        traffic.wait_served(traffic.served + 2)
    finally:
        traffic.close()


def deep(levels: int) -> bytes:
    return b'{"role":' + b"[" * levels + b"]" * levels + b"}"


def many_keys() -> bytes:
    return json.dumps({f"k{n}": n for n in range(350)}).encode()


def good_hello(**change) -> bytes:
    return json.dumps({"role": "standby", "inner": "x", "instance": "0" * 16,
                       "nonce": "0" * 64, "software": "s", **change}).encode()


# name: (what is sent, seconds until it must be closed)
OFFENCES = {
    "text": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0.5),
    "zeros": (bytes(100), 0.5),
    "noise": (bytes(range(2, 200)) * 50, 0.5),
    "version 2": (frame(HELLO, b"{}", version=2), 0.5),
    "version 2 later": (frame(HELLO, good_hello())
                        + frame(AUTH, b"{}", version=2), 0.5),
    "4 GiB frame": (frame(HELLO, b"x" * 100, length=0xFFFFFFFF), 0.5),
    "one byte over": (frame(HELLO, b"x", length=4097), 0.5),
    "unknown type": (frame(0x99, b"{}"), 0.5),
    "wrong first frame": (frame(AUTH, b'{"proof":"00"}'), 0.5),
    "FORWARD first": (frame(peers.FORWARD, bytes(52)), 0.5),
    "empty HELLO": (frame(HELLO), 0.5),
    "HELLO of noise": (frame(HELLO, b"\xff\xfe\x00" * 100), 0.5),
    "deep JSON": (frame(HELLO, deep(2040)), 0.5),
    "big JSON": (frame(HELLO, many_keys()[:4096]), 0.5),
    "huge number": (frame(HELLO, good_hello().replace(b'"s"', b"9" * 3000)),
                    0.5),
    "NUL in text": (frame(HELLO, good_hello(inner="a\0b")), 0.5),
    "half a header": (frame(HELLO)[:3], TIMEOUT),
    "half a frame": (frame(HELLO, good_hello())[:50], TIMEOUT),
    "HELLO and no more": (frame(HELLO, good_hello()), TIMEOUT),
    "one byte": (b"\1", TIMEOUT),
    "nothing": (b"", TIMEOUT),
}


@pytest.mark.parametrize("case", [
    pytest.param(name, marks=[pytest.mark.short] if name in
                 ("text", "4 GiB frame", "nothing") else [])
    for name in OFFENCES])
def test_offender_at_the_link_port(lab, busy, case):
    """Closed within its deadline, named in the log, nobody else notices."""
    data, within = OFFENCES[case]
    mark, memory = busy.mark(), busy.rss_kib()
    began = time.monotonic()
    with connect(busy.links) as sock:
        name = "127.0.0.1:%d" % sock.getsockname()[1]
        sock.sendall(data)
        assert how_it_ends(sock, within + 1.5 * SCALE) != "open"
        if within == TIMEOUT:
            assert time.monotonic() - began > TIMEOUT * 0.55
        busy.wait_log(after=mark, level="warn|info", says=name)
    if PLAIN:
        assert busy.rss_kib() - memory < 4096


@pytest.mark.parametrize("writer", [byte_by_byte, split_at(1), split_at(5)])
def test_huge_frame_in_pieces(lab, busy, writer):
    """The length is judged as soon as it is there."""
    with connect(busy.links) as sock:
        writer(sock, frame(HELLO, length=0xFFFFFFFF))
        assert how_it_ends(sock, 0.5 + 2 * SCALE) != "open"


def test_tls_where_tls_is_not_switched_on(lab):
    """A ClientHello is closed at once and the log says what is wrong."""
    outer = lab.outer(TLS=False)
    with connect(outer.links) as sock:
        name = "127.0.0.1:%d" % sock.getsockname()[1]
        sock.sendall(bytes.fromhex("16030100a5010000a10303") + bytes(64))
        assert how_it_ends(sock, 5 * SCALE) != "open"
        line = outer.wait_log(says="TLS is not switched on")
        assert line["level"] in ("warn", "info") and line.says(name)


def test_a_recorded_handshake_is_worth_nothing(lab):
    """HELLO and AUTH of a good handshake, replayed: ERROR 2."""
    outer = lab.outer()
    good = FakeInner(outer.links)
    hello = frame(HELLO, good.hello())
    good.send(hello)
    auth = good.auth_for(good.expect(CHALLENGE))
    good.send(auth)
    good.check_welcome(good.expect(peers.WELCOME))
    good.close()
    for _ in range(2):
        replay = lab.add(Wire(connect(outer.links)))
        replay.send(hello)
        replay.expect(CHALLENGE)
        replay.send(auth)
        replay.expect_error(peers.E_AUTH)
    blind = lab.add(Wire(connect(outer.links)))
    blind.send(hello, auth)
    blind.expect(CHALLENGE)
    blind.expect_error(peers.E_AUTH)


def test_auth_reflected_from_another_link(lab):
    """A proof made for one challenge does not open another link."""
    outer = lab.outer()
    one, two = [lab.add(FakeInner(outer.links, inner="same"))
                for _ in range(2)]
    for link in (one, two):
        link.send(frame(HELLO, link.hello()))
    proofs = [link.auth_for(link.expect(CHALLENGE)) for link in (one, two)]
    for link, other in ((one, proofs[1]), (two, proofs[0])):
        link.send(other)
        link.expect_error(peers.E_AUTH)


def test_many_silent_strangers(lab, busy):
    """200 connections that say nothing are closed and then forgotten."""
    fds = busy.fds()
    silent = [lab.add(connect(busy.links)) for _ in range(200)]
    for sock in silent:
        assert how_it_ends(sock, TIMEOUT + 2 * SCALE) != "open"
    assert request(busy.clients, b"ok") == b"ok"
    assert busy.fds() < fds + 20


def test_strangers_that_reset(lab, busy):
    """Resets at every point of the opening leave nothing behind."""
    for data in (b"", b"\1", frame(HELLO, good_hello()), b"{", b"\x16", b"x"):
        for _ in range(10):
            sock = connect(busy.links)
            sock.sendall(data)
            reset(sock)
    assert request(busy.clients, b"ok") == b"ok"


def test_a_flood_of_garbage_is_not_a_flood_of_lines(lab, busy):
    """300 bad openings at once do not write 300 lines a second for ever."""
    mark = busy.mark()
    for _ in range(300):
        with connect(busy.links) as sock:
            sock.sendall(b"x")
    for _ in range(3):
        assert request(busy.clients, b"ok") == b"ok"
    complaints = [line for line in busy.lines[mark:]
                  if line["level"] in ("warn", "error")]
    assert len(complaints) <= 300


@pytest.mark.short
def test_silent_public_client(lab, busy):
    """A client that connects and says nothing stays, and harms nobody."""
    with connect(busy.clients) as sock:
        assert how_it_ends(sock, TIMEOUT * 1.5) == "open"


def test_garbage_on_the_public_side_is_payload(lab, busy):
    """What looks like frames or signals there is the target's business."""
    for data in (frame(HELLO, good_hello()), b'{"T":2,"Ext":"' + b"x" * 34,
                 bytes.fromhex("160301"), b"\0" * 1000):
        assert request(busy.clients, data) == data


# --- an outer that misbehaves towards our inner ---------------------------

BAD_OUTERS = {
    "text": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "zeros": bytes(100),
    "4 GiB frame": frame(CHALLENGE, length=0xFFFFFFFF),
    "one byte over": frame(CHALLENGE, length=4097),
    "unknown type": frame(0x77, b"x"),
    "FORWARD first": frame(peers.FORWARD, peers.Request().encode()),
    "WELCOME first": frame(peers.WELCOME, b'{"proof":"%s","link":"1",'
                           b'"ping":10}' % (b"0" * 64)),
    "CHALLENGE of noise": frame(CHALLENGE, b"\xff" * 50),
    "short nonce": peers.json_frame(CHALLENGE, nonce="00"),
    "deep JSON": frame(CHALLENGE, deep(2040)),
    "classic signal": b'{"T":6,"Ext":"' + b" " * 32 + b'"}',
}


@pytest.mark.parametrize("case", BAD_OUTERS)
def test_inner_leaves_an_outer_that_misbehaves(lab, case):
    """Closed, logged, and tried again: with a good outer it works."""
    fake = lab.add(FakeOuter())
    inner = lab.inner(fake, lab.echo(), MaxFreeConn=1)
    memory = inner.rss_kib()
    link = fake.accept_raw()
    link.expect(HELLO)
    link.send(BAD_OUTERS[case])
    assert link.ends(2 * SCALE) != "open"
    inner.wait_log(level="warn|error|info")
    if PLAIN:
        assert inner.rss_kib() - memory < 4096
    again = fake.accept(8 * SCALE)
    again.start(b"fine")
    assert again.recv(4) == b"fine"


@pytest.mark.parametrize("fields", [
    {}, {"proof": 5}, {"link": 5}, {"ping": "10"}, {"ping": 0}, {"ping": -1},
    {"ping": None}, {"ping": True}], ids=str)
def test_ill_formed_welcome(lab, fields):
    """A WELCOME with a missing or ill-typed key is a protocol error."""
    fake = lab.add(FakeOuter())
    lab.inner(fake, lab.echo(), MaxFreeConn=1)
    link = fake.accept_raw()
    hello = link.expect(HELLO)
    nonce_inner = bytes.fromhex(hello.json()["nonce"])
    nonce = secrets.token_bytes(32)
    link.send(peers.json_frame(CHALLENGE, nonce=nonce.hex()))
    link.expect(AUTH)
    welcome = {"proof": peers.proof("outer", KEY, nonce_inner, nonce,
                                    hello.payload), "link": "1", "ping": 10}
    welcome = welcome | fields if fields else {"proof": welcome["proof"]}
    link.send(peers.json_frame(peers.WELCOME, **welcome))
    assert link.ends(2 * SCALE) != "open"
