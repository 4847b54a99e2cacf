"""The native protocol of the inner, seen by outers written from the page."""
from __future__ import annotations

import signal
import time

import pytest

import peers
from harness import SCALE
from peers import EARLY, ERROR, FakeOuter, OuterLink, frame, session_frame
from sockets import (accept, address_text, free_port, how_it_ends, is_quiet,
                     listen, recv_all, recv_exactly, reset)
from targets import Unanswering


# --- FORWARD, READY, START ------------------------------------------------

@pytest.mark.short
@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_start_with_bytes_in_the_same_segment(lab, fake, target, size):
    """Raw bytes behind START reach the target, and answers come back."""
    link = lab.link(fake, target)
    link.start(b"s" * size)
    with accept(target) as served:
        assert recv_exactly(served, size) == b"s" * size
        served.sendall(b"answer")
        assert link.recv(6) == b"answer"


def test_target_bytes_flow_before_start(lab, fake, target):
    """After READY the target's bytes come at once; START may be late."""
    link = lab.link(fake, target)
    session = link.forward()
    with accept(target) as served:
        link.expect_ready(session)
        served.sendall(b"220 first")
        assert link.recv(9) == b"220 first"
        assert is_quiet(served, 0.1)
        link.send(frame(peers.START), b"then")
        assert recv_exactly(served, 4) == b"then"


def test_a_fast_target_needs_no_keepalive(lab, fake, target):
    """READY comes within what the outer allows for an answer."""
    link = lab.link(fake, target)
    session = link.forward()
    began = time.monotonic()
    link.expect_ready(session)
    assert time.monotonic() - began < 0.5 * SCALE


@pytest.mark.parametrize("settle", ["let in", "time out"])
def test_keepalive_answers_while_dialling(lab, fake, settle):
    """FORWARD is answered at once though the target is slow to answer."""
    slow = lab.add(Unanswering())
    link = lab.link(fake, slow,
                  DialTimeout=4 if settle == "let in" else 1)
    session = link.forward()
    began = time.monotonic()
    assert link.receive().kind == peers.KEEPALIVE
    assert time.monotonic() - began < 0.4 * SCALE
    if settle == "let in":
        slow.let_in()
        link.expect_ready(session, 5 * SCALE)
    else:
        got = link.expect(peers.REFUSED)
        assert (got.session, got.code) == (session, peers.R_TIMED_OUT)
        assert 0.8 < time.monotonic() - began < 3 * SCALE


def test_start_deadline(lab, fake, target):
    """No START within ForwardTimeout: link and target are closed."""
    link = lab.link(fake, target, ForwardTimeout=1)
    began = time.monotonic()
    session = link.forward()
    with accept(target) as served:
        link.expect_ready(session)
        assert link.ends(5 * SCALE) != "open"
        assert time.monotonic() - began > 0.7
        assert how_it_ends(served) != "open"


@pytest.mark.short
def test_refused_then_the_same_link_serves(lab, fake):
    """REFUSED 16, and then the link is a standby again."""
    address = ("127.0.0.1", free_port())
    link = lab.link(fake, address_text(address))
    for _ in range(3):
        session = link.forward()
        got = link.expect(peers.REFUSED)
        assert (got.session, got.code) == (session, peers.R_REFUSED)
        got.payload[10:].decode()
    with listen(address) as again:
        link.start(b"now")
        with accept(again) as served:
            assert recv_exactly(served, 3) == b"now"


def test_unknown_name_is_refused_with_its_code(lab, fake):
    """REFUSED 18 for a name that does not exist (17 where DNS is silent)."""
    link = lab.link(fake, "tcp://no-such-name.invalid:80", DialTimeout=3)
    link.forward()
    assert link.expect(peers.REFUSED).code in (peers.R_NOT_RESOLVED,
                                               peers.R_TIMED_OUT)


def test_a_target_in_the_request_is_checked(lab, fake, target):
    """A target that the inner was not told of is refused, not dialled."""
    link = lab.link(fake, target)
    with listen() as forbidden:
        link.forward(target="%s:%d" % forbidden.getsockname())
        got = link.expect(peers.REFUSED, ERROR)
        assert got.kind == ERROR or got.code in (peers.R_NOT_ALLOWED, 20)
        forbidden.settimeout(0.2)
        with pytest.raises(TimeoutError):
            forbidden.accept()


def test_link_closed_while_dialling_drops_the_target(lab, fake, target):
    """The outer gives up during the set-up: the target is dropped."""
    link = lab.link(fake, target, ForwardTimeout=30)
    link.forward()
    with accept(target) as served:
        link.expect(peers.READY)
        reset(link.sock)
        assert how_it_ends(served) != "open"


# --- GOAWAY ---------------------------------------------------------------

def test_goaway_while_idle(lab, fake, target):
    """The link is given up; new ones come by the usual back-off."""
    link = lab.link(fake, target)
    link.send(peers.json_frame(peers.GOAWAY, reason="shutdown"))
    assert link.ends(12 * SCALE) != "open"
    fake.accept(5 * SCALE).start(b"again")
    with accept(target) as served:
        assert recv_exactly(served, 5) == b"again"


def test_goaway_leaves_what_runs_alone(lab, fake, target):
    """A running session outlives the GOAWAY of an idle link."""
    running = lab.link(fake, target)
    running.start(b"x")
    with accept(target) as served:
        assert recv_exactly(served, 1) == b"x"
        idle = fake.accept()
        idle.send(peers.json_frame(peers.GOAWAY, reason="shutdown"))
        assert idle.ends(12 * SCALE) != "open"
        served.sendall(b"still")
        assert running.recv(5) == b"still"


@pytest.mark.parametrize("case", ["GOAWAY", "FORWARD", "START", "DATA"])
def test_nothing_but_early_between_forward_and_ready(lab, fake, case):
    """Whatever else the outer sends while the inner dials: ERROR, close."""
    slow = lab.add(Unanswering())
    link = lab.link(fake, slow, DialTimeout=10)
    link.forward({"GOAWAY": peers.json_frame(peers.GOAWAY, reason="age"),
                  "FORWARD": frame(peers.FORWARD, peers.Request().encode()),
                  "START": frame(peers.START),
                  "DATA": frame(peers.DATA, b"\0\0\0\1")}[case])
    link.expect_error(peers.E_PROTOCOL)


# --- EARLY ----------------------------------------------------------------

@pytest.mark.parametrize("size", [1, 500, 16384])
def test_early_goes_before_what_follows_start(lab, fake, target, size):
    """EARLY reaches the target first, then the bytes behind START."""
    link = lab.link(fake, target)
    session = fake_session(link, b"e" * size)
    with accept(target) as served:
        link.expect_ready(session)
        assert recv_exactly(served, size) == b"e" * size
        link.send(frame(peers.START), b"rest")
        link.finish()
        assert recv_all(served) == b"rest"


def fake_session(link: OuterLink, early: bytes) -> int:
    """FORWARD and EARLY in one write."""
    OuterLink.next_session += 1
    session = OuterLink.next_session
    link.forward(session_frame(EARLY, session, early), session=session)
    return session


def test_early_waits_for_the_target(lab, fake):
    """EARLY during a slow dial is written after READY, once."""
    slow = lab.add(Unanswering())
    link = lab.link(fake, slow, DialTimeout=10)
    session = fake_session(link, b"GET / HTTP/1.1\r\n\r\n")
    assert link.receive().kind == peers.KEEPALIVE
    slow.let_in()
    link.expect_ready(session, 8 * SCALE)
    with accept(slow.listener) as served:
        link.send(frame(peers.START))
        link.finish()
        assert recv_all(served) == b"GET / HTTP/1.1\r\n\r\n"


def test_early_is_not_written_for_an_outer_that_left(lab, fake):
    """The link ends before READY: the target never sees the EARLY bytes."""
    slow = lab.add(Unanswering())
    link = lab.link(fake, slow, DialTimeout=10)
    fake_session(link, b"must not arrive")
    assert link.receive().kind == peers.KEEPALIVE
    reset(link.sock)
    slow.let_in()
    slow.listener.settimeout(2.5)
    try:
        served, _ = slow.listener.accept()
    except TimeoutError:
        return                  # it was not even dialled any more
    with served:
        served.settimeout(5)
        try:
            assert served.recv(100) == b""
        except ConnectionResetError:
            pass


def test_early_is_not_written_when_target_and_reset_come_together(lab, fake):
    """Both are there when the inner wakes: the target must see no byte."""
    slow = lab.add(Unanswering())
    inner = lab.inner(fake, slow, MaxFreeConn=1, DialTimeout=30)
    link = fake.accept()
    fake_session(link, b"must not arrive")
    assert link.receive().kind == peers.KEEPALIVE
    slow.wait_dialled()
    inner.signal(signal.SIGSTOP)
    slow.let_in()
    with accept(slow.listener) as served:
        reset(link.sock)
        inner.signal(signal.SIGCONT)
        try:
            assert served.recv(100) == b""
        except ConnectionResetError:
            pass


def test_early_after_refusal_is_dropped(lab, fake):
    """EARLY that crossed a REFUSED is no error and goes to nobody."""
    address = ("127.0.0.1", free_port())
    link = lab.link(fake, address_text(address))
    session = link.forward()
    link.expect(peers.REFUSED)
    link.send(session_frame(EARLY, session, b"too late"))
    link.wait_read()
    with listen(address) as again:
        link.start(b"clean")
        with accept(again) as served:
            link.finish()
            assert recv_all(served) == b"clean"


def test_early_that_crosses_refused_and_goaway(lab, fake):
    """A link that is refused when it is old retires at once: a late EARLY is
    no error there either."""
    slow = lab.add(Unanswering())
    link = lab.link(fake, slow, MaxLinkAge=1, DialTimeout=2)
    session = link.forward()
    link.expect(peers.REFUSED)
    link.expect(peers.GOAWAY)
    link.send(session_frame(EARLY, session, b"too late"))
    assert link.quiet(0.3)


@pytest.mark.parametrize("case", ["twice", "another session", "too long",
                                  "short", "while idle"])
def test_early_errors(lab, fake, target, case):
    """A second EARLY, a foreign one, one of 16 KiB + 1: ERROR 1 and close."""
    link = lab.link(fake, target)
    if case == "while idle":
        link.send(session_frame(EARLY, 77, b"x"))
    else:
        OuterLink.next_session += 1
        session = OuterLink.next_session
        bad = {"twice": session_frame(EARLY, session, b"1") * 2,
               "another session": session_frame(EARLY, session + 9, b"1"),
               "too long": session_frame(EARLY, session, b"x" * 16385),
               "short": frame(EARLY, b"1234567")}[case]
        link.forward(bad, session=session)
    got = link.expect(ERROR, skip=(peers.KEEPALIVE, peers.READY))
    assert got.code == peers.E_PROTOCOL
    assert link.ends() != "open"


# --- what is not allowed --------------------------------------------------

IDLE_ERRORS = {
    "unknown type": frame(0x7F),
    "wrong version": frame(peers.KEEPALIVE, version=9),
    "too long": frame(peers.KEEPALIVE, length=65541),
    "4 GiB": frame(peers.KEEPALIVE, length=0xFFFFFFFF),
    "READY to the inner": session_frame(peers.READY, 1),
    "START without READY": frame(peers.START),
    "WELCOME twice": peers.json_frame(peers.WELCOME, proof="0" * 64),
    "HELLO to the inner": peers.json_frame(peers.HELLO),
    "FORWARD of 51 bytes": frame(peers.FORWARD, b"x" * 51),
    "FORWARD of 308 bytes": frame(peers.FORWARD, bytes(308)),
    "FORWARD of family 5": frame(peers.FORWARD,
                                 peers.Request(family=5).encode()),
    "DATA": frame(peers.DATA, b"\0\0\0\1x"),
}


@pytest.mark.parametrize("case", IDLE_ERRORS)
def test_idle_link_protocol_errors(lab, fake, target, case):
    """ERROR, a line in the log, close; and a new link comes and serves."""
    inner = lab.inner(fake, target, MaxFreeConn=1)
    link = fake.accept()
    link.send(IDLE_ERRORS[case])
    link.expect_error(peers.E_PROTOCOL, peers.E_VERSION)
    inner.wait_log(level="warn|error")
    fake.accept().start(b"x")
    with accept(target) as served:
        assert recv_exactly(served, 1) == b"x"


@pytest.mark.parametrize("case", ["KEEPALIVE", "FORWARD", "unknown"])
def test_only_start_and_early_between_ready_and_start(lab, fake, target, case):
    """Any other frame after READY: ERROR would be raw bytes, so just close."""
    link = lab.link(fake, target, ForwardTimeout=30)
    session = link.forward()
    with accept(target) as served:
        link.expect_ready(session)
        link.send({"KEEPALIVE": frame(peers.KEEPALIVE),
                   "FORWARD": frame(peers.FORWARD, peers.Request().encode()),
                   "unknown": frame(0x66)}[case])
        assert link.ends(5 * SCALE) != "open"
        assert how_it_ends(served) != "open"


# --- keep-alive -----------------------------------------------------------

def test_welcome_s_ping_rules_the_inner(lab, target):
    """KEEPALIVE from the inner each ping interval, as WELCOME has it."""
    fake = lab.add(FakeOuter(ping=0.5))
    link = lab.link(fake, target)
    with link.talking():
        for _ in range(4):
            began = time.monotonic()
            assert link.receive(2 * SCALE).kind == peers.KEEPALIVE
            assert time.monotonic() - began < 0.5 * 1.2 + 1 * SCALE


def test_a_silent_outer_is_left_after_three_intervals(lab, target):
    """Three ping intervals without a byte: closed and dialled anew."""
    fake = lab.add(FakeOuter(ping=0.5))
    began = time.monotonic()
    link = lab.link(fake, target)
    assert link.ends(1.5 * 1.2 + 2 * SCALE) != "open"
    assert time.monotonic() - began > 1.0
    fake.accept(3 * SCALE)
