"""Transponder V2 on either side: the 48-byte signals, fakes from the page."""
from __future__ import annotations

import os
import socket
import threading
import time

import pytest

from classic import (PING, PROXY, SIGN_IN, SIZE, ClassicInner, ClassicOuter,
                     signal48)
from harness import KEY, SCALE
from lab import Outer
from sockets import (accept, byte_by_byte, connect, how_it_ends, is_quiet,
                     listen, ping_pong, recv_all, recv_exactly, request,
                     split_at)

PLACES = range(1, SIZE)
KEY_33 = "k" * 33


def standby(lab, outer: Outer, **options) -> ClassicInner:
    """One more classic link, known to be idle."""
    before = outer.joined()
    link = lab.add(ClassicInner.join(outer.links, **options))
    assert outer.wait_joined(before + 1)["kind"] == "classic"
    return link


# --- a Go inner at our outer ----------------------------------------------

@pytest.mark.short
def test_go_inner_serves_a_client(lab):
    """Sign-in, 6, 6, raw bytes both ways; one warning about the key."""
    outer = lab.outer()
    for number in range(3):
        link = standby(lab, outer)
        with connect(outer.clients) as client:
            link.begin()
            client.sendall(b"question")
            assert link.recv(8) == b"question"
            link.send(b"answer %d" % number)
            assert recv_exactly(client, 8) == b"answer %d" % number
    warnings = [line for line in outer.grep(level="warn")
                if line.says("classic") and line.says("key")]
    assert len(warnings) == 1, warnings


def test_go_inner_s_signals_split_at_every_place(lab):
    """Sign-in and answer cut at each of their 47 places."""
    outer = lab.outer()
    for place in PLACES:
        link = standby(lab, outer, writer=split_at(place))
        with connect(outer.clients) as client:
            link.begin()
            link.send(b"x" * 100)
            assert recv_exactly(client, 100) == b"x" * 100, place
        link.close()


def bytes_in_a_row(sock: socket.socket, data: bytes) -> None:
    """One in a segment; nobody waits until it is read."""
    for byte in data:
        sock.sendall(bytes([byte]))


@pytest.mark.short
def test_go_inner_s_signals_byte_by_byte(lab):
    """Sign-in, pings and answer, one byte at a time."""
    outer = lab.outer()
    link = standby(lab, outer, writer=byte_by_byte)
    link.send(signal48(PING))
    link.writer = bytes_in_a_row    # the whole answer is due in half a second
    with connect(outer.clients) as client:
        link.begin(pings=1, raw=b"raw")
        assert recv_exactly(client, 3) == b"raw"


@pytest.mark.parametrize("pings", [1, 2, 5])
def test_pings_may_cross_the_start(lab, pings):
    """Pings between the outer's 6 and the inner's 6 are no answer."""
    outer = lab.outer()
    link = standby(lab, outer)
    with connect(outer.clients) as client:
        link.begin(pings=pings, raw=b"first bytes")
        assert recv_exactly(client, 11) == b"first bytes"


def test_a_ping_is_never_answered(lab):
    """The outer says nothing to an idle classic link."""
    outer = lab.outer(PingInterval=0.5)
    link = standby(lab, outer)
    for _ in range(4):
        link.send(signal48(PING))
        assert link.quiet(0.4)


def test_raw_bytes_that_look_like_signals_pass(lab):
    """Behind the answer everything is the client's and the target's."""
    outer = lab.outer()
    link = standby(lab, outer)
    look = signal48(PING) + signal48(PROXY)
    with connect(outer.clients) as client:
        link.begin(raw=look)
        client.sendall(look)
        assert recv_exactly(client, len(look)) == look
        assert link.recv(len(look)) == look


@pytest.mark.parametrize("size", [0, 1, 65536, 5 << 20])
def test_client_fin_is_held_back_from_a_go_inner(lab, size):
    """The reply arrives whole though the client half-closed first."""
    outer = lab.outer()
    link = standby(lab, outer)
    reply = os.urandom(size)
    with connect(outer.clients) as client:
        link.begin()
        client.sendall(b"request")
        client.shutdown(socket.SHUT_WR)
        assert link.recv(7) == b"request"
        assert link.quiet(0.3), "the FIN was passed on"
        sender = threading.Thread(target=link.send, args=(reply,))
        sender.start()
        assert recv_exactly(client, size) == reply
        sender.join()
        link.finish()
        assert recv_all(client) == b""
    assert link.ends() != "open"


@pytest.mark.parametrize("size", [0, 1, 5 << 20])
def test_fin_of_a_go_inner_ends_both_ways(lab, size):
    """What it sent is delivered first, then client and link are closed."""
    outer = lab.outer()
    link = standby(lab, outer)
    data = os.urandom(size)
    with connect(outer.clients) as client:
        link.begin()
        sender = threading.Thread(
            target=lambda: (link.send(data), link.finish()))
        sender.start()
        assert recv_all(client) == data
        sender.join()
        assert link.ends(5 * SCALE) != "open"
    outer.session()


def test_go_inner_s_link_that_dies(lab):
    """A link that ends instead of answering 6: one of another host serves."""
    outer = lab.outer()
    good = standby(lab, outer, source="127.0.0.2")
    bad = standby(lab, outer)
    with connect(outer.clients) as client:
        assert bad.receive_signal()[0] == PROXY
        bad.close()
        good.begin(raw=b"ok")
        assert recv_exactly(client, 2) == b"ok"


BAD_SIGNALS = {
    "wrong key": signal48(SIGN_IN, "wrong-key"),
    "empty key": signal48(SIGN_IN),
    "key and more": signal48(SIGN_IN, KEY + "x"),
    "start before sign-in": signal48(PROXY),
    "T of no meaning": signal48(5, KEY),
    "48 bytes of garbage": b"{" + b"\xff" * 47,
    "no JSON": b'{"T":2,"Ext":' + b"x" * 35,
    "other keys": b'{"t":2,"Ext":"' + KEY.ljust(32).encode() + b'"}',
    "T as text": b'{"T":"2","Ext":"' + KEY.ljust(30).encode() + b'"}',
}


@pytest.mark.parametrize("case", BAD_SIGNALS)
def test_bad_sign_in_is_closed(lab, case):
    """A wrong key or no signal: closed at once, one line naming the peer."""
    outer = lab.outer()
    assert len(BAD_SIGNALS[case]) == SIZE
    link = lab.add(ClassicInner(outer.links))
    name = "127.0.0.1:%d" % link.sock.getsockname()[1]
    link.send(BAD_SIGNALS[case])
    assert link.ends(3 * SCALE) != "open"
    outer.wait_log(level="warn|info", says=name)
    assert outer.joined() == 0
    assert KEY not in outer.tail(100)


@pytest.mark.parametrize("case", ["sign-in again", "start", "T 5", "garbage"])
def test_wrong_signal_on_an_idle_link_is_closed(lab, case):
    """An idle classic link may ping and nothing else."""
    outer = lab.outer()
    link = standby(lab, outer)
    link.send({"sign-in again": signal48(SIGN_IN, KEY),
               "start": signal48(PROXY), "T 5": signal48(5),
               "garbage": b"\xff" * SIZE}[case])
    assert link.ends(3 * SCALE) != "open"


def test_sign_in_never_finished_is_closed(lab):
    """Part of a sign-in: closed at HandshakeTimeout."""
    outer = lab.outer(HandshakeTimeout=0.5)
    link = lab.add(ClassicInner(outer.links))
    link.send(signal48(SIGN_IN, KEY)[:47])
    assert link.ends(3 * SCALE) != "open"


def test_accept_classic_false_closes_classic_links(lab):
    """Where classic is off a sign-in is closed and the log says why."""
    outer = lab.outer(AcceptClassic=False)
    link = lab.add(ClassicInner.join(outer.links))
    assert link.ends(3 * SCALE) != "open"
    outer.wait_log(level="warn|info", says="classic")
    lab.inner(outer, lab.echo(), MaxFreeConn=1)
    assert request(outer.clients, b"native") == b"native"


@pytest.mark.parametrize("key", [KEY_33, 'quote"inside', "back\\slash",
                                 "less<than", "more>than", "am&persand",
                                 "ümlaut", "tab\there"])
def test_a_key_that_go_cannot_carry_switches_classic_off(lab, key):
    """One line says so; native links work with such a key."""
    outer = lab.outer(AuthKey=key)
    assert len(outer.grep(says="classic")) == 1
    with connect(outer.links) as sock:
        sock.sendall(b'{"T":2,"Ext":"' + b"k" * 32 + b'"}')
        assert how_it_ends(sock, 3 * SCALE) != "open"
    lab.inner(outer, lab.echo(), MaxFreeConn=1, AuthKey=key)
    assert request(outer.clients, b"native") == b"native"
    assert key not in outer.tail(200)


def test_a_key_of_32_bytes_still_works(lab):
    """The longest key that fits."""
    key = "k" * 32
    outer = lab.outer(AuthKey=key)
    link = standby(lab, outer, key=key)
    with connect(outer.clients) as client:
        link.begin(raw=b"fits")
        assert recv_exactly(client, 4) == b"fits"


def test_ping_interval_does_not_cut_go_inners(lab):
    """Go inners ping every 10 s whatever PingInterval says."""
    outer = lab.outer(PingInterval=0.5)
    link = standby(lab, outer)
    assert link.quiet(4)
    with connect(outer.clients) as client:
        link.begin(raw=b"ok")
        assert recv_exactly(client, 2) == b"ok"


@pytest.mark.once
@pytest.mark.heavy
def test_silent_go_inner_is_closed_one_that_pings_lives(lab):
    """Three intervals of 10 s without a ping end a classic link."""
    outer = lab.outer()
    silent, pings = standby(lab, outer), standby(lab, outer)
    began = time.monotonic()
    for _ in range(4):
        pings.send(signal48(PING))
        if silent.ends(9) != "open":
            break
    assert 25 < time.monotonic() - began < 36
    assert pings.quiet(1)


def test_native_and_classic_inners_side_by_side(lab):
    """Both kinds stand by at one port and both serve."""
    outer = lab.outer()
    go = standby(lab, outer)
    lab.inner(outer, lab.echo(), MaxFreeConn=1)
    outer.wait_joined(2)
    with connect(outer.clients) as one:
        ping_pong(one, b"native")
    kinds = {line["kind"] for line in outer.grep("standby", "joined")}
    assert kinds == {"native", "classic"}
    assert go.sock.fileno() >= 0


# --- our inner at a Go outer ----------------------------------------------

@pytest.fixture
def go_outer(lab) -> ClassicOuter:
    return lab.add(ClassicOuter())


def join(lab, go_outer, target, **settings):
    """The one standby of a real inner that speaks classic."""
    inner = lab.inner(go_outer, target,
                      Protocol="classic", MaxFreeConn=1, **settings)
    return inner, go_outer.accept()


@pytest.mark.short
def test_our_inner_serves_at_a_go_outer(lab, go_outer, target):
    """Sign-in, 6, 6 and raw bytes; the link is replaced by a new one."""
    _, link = join(lab, go_outer, target)
    for number in range(3):
        link.send(signal48(PROXY))
        with accept(target) as served:
            link.expect_signal(PROXY)
            link.send(b"question")
            assert recv_exactly(served, 8) == b"question"
            served.sendall(b"answer %d" % number)
            assert link.recv(8) == b"answer %d" % number
        link = go_outer.accept()


def test_go_outer_s_start_split_at_every_place(lab, go_outer, target):
    """The 6 cut at each of its 47 places, and byte by byte."""
    _, link = join(lab, go_outer, target)
    for writer in [byte_by_byte, *map(split_at, PLACES)]:
        link.writer = writer
        link.start(b"raw bytes")
        with accept(target) as served:
            assert recv_exactly(served, 9) == b"raw bytes"
        link.close()
        link = go_outer.accept()


def test_our_inner_dials_before_it_answers(lab, go_outer, target):
    """With the target gone the link is closed and no 6 is sent."""
    address = target.getsockname()
    inner, link = join(lab, go_outer, target)
    target.close()
    link.send(signal48(PROXY))
    assert link.recv_all() == b""
    inner.wait_log(level="warn|info", says="refused")
    with listen(address) as again:
        go_outer.accept(5 * SCALE).start(b"next")
        with accept(again) as served:
            assert recv_exactly(served, 4) == b"next"


@pytest.mark.once
@pytest.mark.heavy
def test_our_inner_pings_every_ten_seconds(lab, go_outer, target):
    """A ping within 10 s ± 20 %, none after the 6, no silence timeout."""
    _, link = join(lab, go_outer, target)
    began = time.monotonic()
    assert link.receive_signal(14 * SCALE)[0] == PING
    assert time.monotonic() - began > 7
    assert link.receive_signal(14 * SCALE)[0] == PING
    link.send(signal48(PROXY))
    with accept(target) as served:
        link.expect_signal(PROXY)
        assert is_quiet(link.sock, 13), "a ping in the raw phase"
        served.sendall(b"fine")
        assert link.recv(4) == b"fine"


def test_our_inner_never_retires_a_classic_link_by_age(lab, go_outer, target):
    """MaxLinkAge is for native links."""
    _, link = join(lab, go_outer, target, MaxLinkAge=1)
    assert link.quiet(2.5)
    link.start(b"ok")
    with accept(target) as served:
        assert recv_exactly(served, 2) == b"ok"


@pytest.mark.parametrize("size", [0, 1, 5 << 20])
def test_target_fin_is_held_back_from_a_go_outer(lab, go_outer, target, size):
    """The target half-closes; what the client sends still reaches it."""
    _, link = join(lab, go_outer, target)
    link.start()
    data = os.urandom(size)
    with accept(target) as served:
        began = time.monotonic()
        served.sendall(b"all I say")
        served.shutdown(socket.SHUT_WR)
        assert link.recv(9) == b"all I say"
        assert link.quiet(0.3) or time.monotonic() - began > 0.9, \
            "the FIN was passed on"     # it is held back for a second
        sender = threading.Thread(target=link.send, args=(data,))
        sender.start()
        assert recv_exactly(served, size) == data
        sender.join()
        link.finish()
        assert recv_all(served) == b""
    assert link.ends() != "open"


@pytest.mark.parametrize("size", [0, 1, 5 << 20])
def test_fin_of_a_go_outer_ends_both_ways(lab, go_outer, target, size):
    """What it sent is delivered first, then the target is closed too."""
    inner, link = join(lab, go_outer, target)
    link.start()
    data = os.urandom(size)
    with accept(target) as served:
        sender = threading.Thread(
            target=lambda: (link.send(data), link.finish()))
        sender.start()
        assert recv_all(served) == data
        sender.join()
        assert link.ends(5 * SCALE) != "open"
    inner.session()


@pytest.mark.parametrize("case", ["sign-in", "T 5", "garbage"])
def test_nonsense_of_a_go_outer(lab, go_outer, target, case):
    """Closed, logged, and tried again later."""
    inner, link = join(lab, go_outer, target)
    link.send({"sign-in": signal48(SIGN_IN, KEY), "T 5": signal48(5),
               "garbage": b"{" + b"\0" * 47}[case])
    assert link.ends(3 * SCALE) != "open"
    inner.wait_log(level="warn|error|info", says="signal|protocol|classic")
    go_outer.accept(5 * SCALE)


def test_go_outer_that_closes_at_once(lab, go_outer, target):
    """A Go outer with another key only closes: retried slowly, no exit."""
    inner, link = join(lab, go_outer, target)
    link.close()
    for _ in range(2):
        go_outer.accept(8 * SCALE).close()
    inner.wait_log(level="warn|error")
    assert inner.running()


def test_classic_inner_with_a_key_it_cannot_send(lab, go_outer):
    """Protocol classic and a key of 33 bytes is a configuration error."""
    inner = lab.start_inner(lab.inner_file(
        RegisterAddress=go_outer.url, ProxyAddress="tcp://127.0.0.1:9",
        Protocol="classic", AuthKey=KEY_33))
    inner.expected = {2}
    assert inner.wait() == 2
    assert "32" in inner.stderr() and KEY_33 not in inner.stderr()


def test_our_programs_speak_classic_to_each_other(lab):
    """Inner set to classic, outer as it comes: pages pass."""
    outer, _ = lab.tunnel(lab.echo(), standbys=2, inner={"Protocol": "classic"})
    for number in range(5):
        with connect(outer.clients) as client:
            ping_pong(client, b"%d" % number)
    assert outer.grep("standby", "joined")[0]["kind"] == "classic"
