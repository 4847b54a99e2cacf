"""The link port before authentication: bounds, penalties, and a flood."""
from __future__ import annotations

import contextlib
import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Callable

import pytest

from harness import PLAIN, SCALE, wait_until
from lab import Lab, Outer
from peers import CHALLENGE, HELLO, FakeInner, FakeOuter, frame
from relays import hello_of
from sockets import connect, how_it_ends, is_quiet, request

HERE = Path(__file__).resolve().parent
STRANGER, OTHER, WRONG = "127.0.0.2", "127.0.0.3", "wrong-key-0123456789"
OF_STRANGER, OF_KNOWN = 32, 256
OF_HANDSHAKE_KIB = 72       # of TLS, until it is over
FLOOD_S = 14
NO_FRAME = b"GET / HTTP/1.1\r\n\r\n"
BROKEN_TLS = b"\x16\x03\x01\x00\x40" + bytes(64)   # a record of nothing
FULL = 1000                 # of MaxStartups, unless it is set


def silent(lab: Lab, outer: Outer, source: str, count: int) -> list:
    return [lab.add(connect(outer.links, source=source))
            for _ in range(count)]


def has_ended(sock: socket.socket) -> bool:
    return how_it_ends(sock, 5 * SCALE) != "open"


def turned_away(outer: Outer, source: str, wait: float = 5 * SCALE) -> bool:
    """Whether a link from there is reset before it has said anything."""
    try:
        with connect(outer.links, source=source) as sock:
            return how_it_ends(sock, wait) != "open"
    except ConnectionResetError:
        return True


def wait_barred(outer: Outer, source: str) -> None:
    """Soon: a fault may be counted after its link has closed."""
    wait_until(lambda: turned_away(outer, source, 0.3 * SCALE), "it is barred")


def still_open(sock: socket.socket) -> bool:
    return is_quiet(sock, 0.05)


def send_wrong(outer: Outer, source: str, count: int,
               data: bytes = NO_FRAME) -> None:
    """So many links that break the protocol, one after another."""
    for _ in range(count):
        with contextlib.suppress(OSError), \
                connect(outer.links, source=source) as sock:
            sock.sendall(data)
            how_it_ends(sock)


def prove_wrong(outer: Outer, source: str, **hello: int) -> None:
    """One link with another key."""
    link = FakeInner(outer.links, key=WRONG, source=source, **hello)
    with contextlib.closing(link):
        link.send(frame(HELLO, link.hello()))
        link.send(link.auth_for(link.expect(CHALLENGE)))
        link.expect_error(2)


def is_let_in(outer: Outer, source: str = "") -> bool:
    """Whether an inner gets through its handshake."""
    try:
        FakeInner.join(outer.links, source=source).close()
        return True
    except (AssertionError, OSError):
        return False


def test_each_stranger_has_so_many(lab):
    """The next one is reset; other addresses, and those it has, are not."""
    outer = lab.outer(HandshakeTimeout=30)
    mine = silent(lab, outer, STRANGER, OF_STRANGER)
    assert all(map(still_open, mine[::8]))
    assert turned_away(outer, STRANGER)
    line = outer.wait_log("standby", "refused", level="warn")
    assert "have not authenticated" in line["why"]
    assert line["peer"].startswith(STRANGER)
    assert is_let_in(outer, OTHER)
    mine[0].close()
    wait_until(lambda: is_let_in(outer, STRANGER), "there is room again")


def test_maxstartups(lab):
    """From start on rate per cent are turned away, at full all."""
    outer = lab.outer(MaxStartups="2:100:3", HandshakeTimeout=30)
    for source in (STRANGER, OTHER):
        assert still_open(silent(lab, outer, source, 1)[0])
    assert turned_away(outer, "127.0.0.4")
    assert "MaxStartups" in outer.wait_log("standby", "refused")["why"]


def test_silent_strangers_make_room(lab):
    """While others are turned away they have a quarter of HandshakeTimeout,
    and who lets it pass often is barred. Known addresses have all of it."""
    outer = lab.outer(MaxStartups="4:100:4", HandshakeTimeout=12)
    lab.standby(outer)                      # 127.0.0.1
    known = silent(lab, outer, "127.0.0.1", 1)[0]
    mine = silent(lab, outer, STRANGER, 4)
    assert turned_away(outer, OTHER) and all(map(still_open, mine))
    began = time.monotonic()
    time.sleep(12 / 4 + 0.1)    # who knocks then finds all four slow
    wait_until(lambda: is_let_in(outer, OTHER), "there is room", every=0.1)
    if SCALE == 1:
        assert time.monotonic() - began < 6
    assert all(map(has_ended, mine))
    wait_barred(outer, STRANGER)
    assert time.monotonic() - began > 10 or still_open(known)


def test_a_known_address_is_let_in_all_the_same(lab):
    """One of its links stands by: neither MaxStartups nor what somebody else
    there does wrong keeps it out."""
    outer = lab.outer(MaxStartups="2:100:2", HandshakeTimeout=30)
    lab.standby(outer)
    for source in (STRANGER, OTHER):
        silent(lab, outer, source, 1)
    assert turned_away(outer, "127.0.0.4")
    send_wrong(outer, "127.0.0.1", 20)
    for _ in range(5):
        prove_wrong(outer, "127.0.0.1")
    assert is_let_in(outer, "127.0.0.1")


def test_silent_ones_at_a_known_address_make_room(lab):
    """The oldest goes: so many that say nothing are in no inner's way."""
    outer = lab.outer(HandshakeTimeout=60, Workers=0)
    lab.standby(outer)
    prove_wrong(outer, "127.0.0.1", dialing=1000)   # which counts for nothing
    mark = outer.mark()
    crowd = silent(lab, outer, "127.0.0.1", OF_KNOWN)
    assert still_open(crowd[0])
    for _ in range(3):
        assert is_let_in(outer)
    assert has_ended(crowd[0]) and still_open(crowd[1])
    outer.wait_log("standby", "closed", after=mark, state="handshake",
                   why="too many links from there that have not authenticated")


def test_how_many_is_what_its_inners_make_at_once(lab):
    """Four times what the HELLO of one said that has proved its key."""
    outer = lab.outer(HandshakeTimeout=60, Workers=0)
    lab.standby(outer, dialing=OF_KNOWN)
    crowd = silent(lab, outer, "127.0.0.1", OF_KNOWN + 10)
    lab.standby(outer)
    assert still_open(crowd[0])


def test_an_inner_says_how_many_it_makes_at_once(lab):
    """But not what everybody takes for granted."""
    for more, said in (({"MaxDialing": 100}, 100), ({}, None)):
        fake = lab.add(FakeOuter())
        link = lab.link(fake, lab.echo(), **more)
        assert link.hello.json().get("dialing") == said


@pytest.mark.parametrize("what", ["protocol", "proof", "TLS"])
def test_who_fails_often_is_barred(lab, what):
    """For some seconds it may only try now and then, and nobody else is; the
    log has a line or two."""
    outer = lab.outer(HandshakeTimeout=60)
    before = silent(lab, outer, STRANGER, 5)
    for _ in range(3):
        if what == "proof":
            prove_wrong(outer, STRANGER)
        else:
            send_wrong(outer, STRANGER, 1,
                       BROKEN_TLS if what == "TLS" else NO_FRAME)
    wait_barred(outer, STRANGER)
    assert "failed too often" in outer.wait_log("standby", "refused")["why"]
    assert is_let_in(outer, OTHER)
    for sock in before:                     # what it had goes as well
        assert has_ended(sock)
    send_wrong(outer, STRANGER, 100)
    lines = [line for line in outer.grep("standby", level="warn")
             if STRANGER in str(line["peer"])]
    assert 1 <= len(lines) <= 5, lines


def test_a_wrong_inner_does_not_shut_out_the_right_one(lab):
    """Both behind one address, which is barred for what the wrong one does, for
    15 s. Each of them has about one try a second, and one of both is heard."""
    outer = lab.outer()
    lab.inner(outer, lab.echo(), InnerId="wrong", Protocol="classic",
              AuthKey=WRONG)
    line = outer.wait_log("standby", "refused")
    assert "failed too often" in line["why"]
    mark = outer.mark()
    lab.inner(outer, lab.echo(), InnerId="right", MaxRetryInterval=0.3)
    outer.wait_log("standby", "joined", after=mark, inner="right",
                   timeout=14 * SCALE)
    assert request(outer.clients, b"hello") == b"hello"


@pytest.mark.parametrize("what", ["nothing", "a frame", "TLS", "mux",
                                  "no TLS"])
def test_who_begins_and_leaves_often_is_barred(lab, what):
    """Who makes work for nothing, or wants what there is not; not who only
    looks whether we are there. One who was stopped while it connected gets in
    soon when it starts again."""
    outer = lab.outer(HandshakeTimeout=60, RequireTLS=what == "no TLS")
    for _ in range(16):                     # the last ones may be reset
        with contextlib.suppress(OSError), contextlib.closing(
                FakeInner(outer.links, source=STRANGER)) as link:
            if what == "a frame":
                link.send(frame(HELLO, link.hello()))
                link.expect(CHALLENGE)
            elif what == "TLS":
                link.send(b"\x16\x03\x01\x02\x00\x01" + bytes(9))
            elif what in ("mux", "no TLS"):
                link.fields["role"] = "mux"
                link.send(frame(HELLO, link.hello()))
                link.expect_error(3)
            link.finish()
            link.ends()
    if what == "nothing":
        assert not turned_away(outer, STRANGER, 0.3 * SCALE)
    else:
        wait_barred(outer, STRANGER)
    if what == "no TLS":
        return
    wait_until(lambda: is_let_in(outer, STRANGER), "it is let in", 8 * SCALE)


def test_lines_left_out_are_counted(lab):
    """The number comes when its listener ends."""
    outer = lab.outer(MaxStartups="1:100:1", HandshakeTimeout=30)
    silent(lab, outer, STRANGER, 1)
    for _ in range(20):
        assert turned_away(outer, OTHER)
    outer.ask_to_end()
    assert outer.wait() == 0
    assert len(outer.grep("standby", "refused")) == 1
    line, = outer.grep("standby", "refused again")
    assert line["count"] == 19


def test_one_deadline_for_the_whole_handshake(lab):
    """Who is slow but steady ends with it too; silence is a fault."""
    outer = lab.outer(HandshakeTimeout=1)
    lab.standby(outer)                      # 127.0.0.1
    began = time.monotonic()
    link = FakeInner(outer.links, source=STRANGER)
    with contextlib.closing(link), contextlib.suppress(OSError):
        for byte in frame(HELLO, link.hello()):
            link.sock.sendall(bytes([byte]))
            time.sleep(0.05)
    assert 0.8 < time.monotonic() - began < 4 * SCALE
    for sock in silent(lab, outer, STRANGER, 3):
        assert has_ended(sock)
    wait_barred(outer, STRANGER)


def rests(outer: Outer, above_kib: int) -> bool:
    """Whether its memory has grown so far and does not grow on."""
    first = outer.rss_kib()
    time.sleep(0.3)
    return first > above_kib and outer.rss_kib() - first < 64


@pytest.mark.skipif(not PLAIN, reason="the checker's memory is its own")
@pytest.mark.parametrize("say", ["half a hello", "hello", "half a record"])
@pytest.mark.parametrize("workers", [0, 2])
def test_what_a_handshake_takes_is_given_back(lab, figure, workers, say):
    """Strangers who stop in the middle of a ClientHello, after it, or in what
    comes next: each costs little, and once they have gone nothing."""
    hello = hello_of()
    said = {"half a hello": hello[:200], "hello": hello, "half a record":
            hello + b"\x17\x03\x03\x40\x00" + bytes(15000)}[say]
    outer = lab.outer(HandshakeTimeout=60, MaxStartups="1000:30:1000",
                      Workers=workers)
    before, fds, count = outer.rss_kib(), outer.fds(), 12 * 30
    mine = [sock for last in range(2, 14)
            for sock in silent(lab, outer, f"127.0.2.{last}", 30)]
    wait_until(lambda: outer.fds() >= fds + count, "all are there")
    for sock in mine:
        sock.sendall(said)
    wait_until(lambda: rests(outer, before + count * 16),
               "their handshakes have begun", 20 * SCALE)
    if say != "half a hello":
        assert all(sock.recv(1, socket.MSG_PEEK) for sock in mine)
    taken = outer.peak_kib() - before
    assert taken < count * OF_HANDSHAKE_KIB, f"{taken / count} KiB each"
    for sock in mine:
        sock.close()
    wait_until(lambda: outer.rss_kib() - before < count * 12,
               "their memory is given back", 20 * SCALE, every=0.2)
    figure(f"strangers, Workers {workers}:  {taken / count:.0f} KiB each after "
           f"{say}, "
           f"{outer.rss_kib() - before} KiB left of {taken}")


# --- the flood ------------------------------------------------------------

class Clients(threading.Thread):
    """Asks, one after another, until it is told to stop."""

    def __init__(self, outer: Outer) -> None:
        super().__init__()
        self.outer, self.over = outer, threading.Event()
        self.seconds: list[float] = []
        self.faults: list[str] = []

    def run(self) -> None:
        while not self.over.is_set():
            began = time.monotonic()
            try:
                assert request(self.outer.clients, b"hello") == b"hello"
            except (AssertionError, OSError) as problem:
                self.faults.append(repr(problem))
            self.seconds.append(time.monotonic() - began)
            time.sleep(0.002)

    def finish(self) -> str:
        self.over.set()
        self.join()
        assert not self.faults, self.faults[:5]
        p99 = statistics.quantiles(self.seconds, n=100)[98]
        return (f"{len(self.seconds)} clients, p50 "
                f"{statistics.median(self.seconds) * 1000:.1f} ms, p99 "
                f"{p99 * 1000:.1f} ms")


@contextlib.contextmanager
def clients_of(outer: Outer, seconds: float = 0):
    asking = Clients(outer)
    asking.start()
    try:
        yield asking
    finally:
        asking.over.set()
        asking.join()


def start_flood(lab: Lab, outer: Outer, seconds: float) -> subprocess.Popen:
    flood = subprocess.Popen(
        [sys.executable, str(HERE / "flood.py"), "127.0.0.1",
         str(outer.links[1]), str(seconds), "2000", "500"],
        stdout=subprocess.PIPE, text=True)

    class End:
        def close(self) -> None:
            flood.kill()
            flood.wait()
            flood.stdout.close()
    lab.add(End())
    assert json.loads(flood.stdout.readline())["begun"] > 0
    return flood


def seconds_to(condition: Callable[[], bool], what: str) -> float:
    began = time.monotonic()
    wait_until(condition, what, 10 * SCALE, every=0.2)
    return time.monotonic() - began


@pytest.mark.heavy
@pytest.mark.parametrize("workers", [0, 1])
def test_flood(lab, machine, figure, workers):
    """2000 links held, silent or with half a ClientHello, and 500 a second
    that break the protocol, from 249 addresses: who is here notices nothing,
    and who comes gets in."""
    outer, inner = lab.tunnel(lab.echo(), standbys=10,
                              outer={"Workers": workers})
    with clients_of(outer) as asking:
        time.sleep(3)
        figure(f"no flood, Workers {workers}:   {asking.finish()}")
    before_kib, before_fds = outer.rss_kib(), outer.fds()
    began = time.monotonic()
    flood = start_flood(lab, outer, FLOOD_S)
    with clients_of(outer) as asking:
        mark = outer.mark()
        late = lab.inner(outer, lab.echo(), InnerId="late", MaxFreeConn=2)
        seconds = seconds_to(
            lambda: outer.grep("standby", "joined", mark, inner="late"),
            "the new inner is in")
        wait_until(lambda: is_let_in(outer, "127.0.1.1"),
                   "and one from an address of its own", FLOOD_S, every=0.2)
        stranger = time.monotonic() - began
        assert flood.poll() is None and stranger < FLOOD_S / 2, stranger
        most_fds = outer.fds()
        told = json.loads(flood.stdout.readline())
        answer = asking.finish()
    assert late.running() and inner.running()
    assert told["wrong"] > FLOOD_S * 400 / SCALE, told
    grown = outer.peak_kib() - before_kib
    assert most_fds < before_fds + FULL + 2 * 100 + OF_KNOWN
    if PLAIN:
        assert grown < 24 * 1024 + FULL // 2 * OF_HANDSHAKE_KIB, \
            f"{grown} KiB"
    # but for the sessions' own, a line for each address and a bound on all
    lines = outer.grep("standby", level="warn|error", after=mark)
    assert len(lines) < 64 + 20 * (FLOOD_S + 4), len(lines)
    assert not outer.grep("session", "finished", mark, why="no standby in time")
    figure(f"flooded, Workers {workers}:    {answer}; a new inner in after "
           f"{seconds:.2f} s, one of another address after {stranger:.2f} s; "
           f"{told['silent']} silent, {told['wrong']} wrong links, "
           f"{grown} KiB more")
