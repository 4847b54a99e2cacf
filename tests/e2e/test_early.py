"""EARLY: what of a client goes ahead of READY, and that it arrives once."""
from __future__ import annotations

import random
import secrets
import signal
import socket
import threading

import pytest

import peers
from classic import PROXY, ClassicInner, signal48
from harness import REPO, SCALE, wait_until
from peers import (EARLY, KEEPALIVE, READY, START, FakeInner, FakeOuter, frame,
                   refused_frame, session_frame)
from sockets import (accept, address_text, byte_by_byte, connect, free_port,
                     how_it_ends, is_quiet, listen, recv_all, recv_exactly,
                     reset, split_at)
from targets import Unanswering

GET = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n"
QUERY = b"GET /page?a=1 HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"


def seed(name: str) -> bytes:
    """What a real program sent first."""
    return (REPO / "tests/fuzz/seeds/early" / name).read_bytes()


GOES = {
    "GET": GET,
    "HEAD": b"HEAD /page HTTP/1.0\r\n\r\n",
    "OPTIONS": b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "curl": seed("http_curl"),
    "longest head": b"GET / HTTP/1.1\r\nA: " + b"a" * (16384 - 23)
                    + b"\r\n\r\n",
    "TLS": seed("tls_openssl"),
    "TLS of Go": seed("tls_go"),
    "SSH": b"SSH-2.0-OpenSSH_9.2p1\r\n",
}
assert len(GOES["longest head"]) == 16384

WAITS = {
    "POST": POST,
    "query": QUERY,
    "second request": GET + GET,
    "byte behind": GET + b"x",
    "half a head": GET[:-2],
    "half a line": b"GET /pa",
    "GET with a body": b"GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi",
    "GET that announces one": b"GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\n",
    "upgrade": seed("http_curl_h2c"),
    "too long": b"GET / HTTP/1.1\r\nA: " + b"a" * (16384 - 22) + b"\r\n\r\n",
    "TLS with early data": seed("tls_openssl_early_data"),
    "TLS that announces it": seed("tls_openssl_early_hello"),
    "half a TLS record": seed("tls_openssl")[:100],
    "SSH and more": b"SSH-2.0-a\r\n\0\0\1\x2c",
    "unknown words": b"secret words of no known protocol",
}


@pytest.fixture
def outer(lab):
    return lab.outer(ForwardTimeout=3 * SCALE, QueueTimeout=10 * SCALE)


def early_of(link: FakeInner, session: int,
             timeout: float | None = None) -> bytes:
    """The bytes of the EARLY that comes next."""
    got = link.expect(EARLY, timeout=timeout)
    assert got.session == session
    return got.payload[8:]


def answered(link: FakeInner) -> int:
    """Takes a FORWARD and says that the target is being dialled."""
    session = link.take_forward().session
    link.send(frame(KEEPALIVE))
    return session


def begin(link: FakeInner, session: int, raw: bytes = b"") -> None:
    """READY; and what comes next must be START."""
    link.send(session_frame(READY, session), raw)
    assert link.receive().kind == START


# --- what goes ahead ------------------------------------------------------

@pytest.mark.parametrize("case", GOES)
def test_goes_ahead_and_is_not_sent_again(lab, outer, case):
    """EARLY with these bytes, and behind START only what follows them."""
    link = lab.standby(outer)
    with connect(outer.clients) as client:
        client.sendall(GOES[case])
        session = answered(link)
        assert early_of(link, session) == GOES[case]
        begin(link, session, b"reply")
        assert recv_exactly(client, 5) == b"reply"
        assert link.quiet(0.1)
        client.sendall(b"more")
        client.shutdown(socket.SHUT_WR)
        assert link.recv_all() == b"more"
        link.close()
        assert how_it_ends(client) == "fin"
    assert outer.session()["up"] == len(GOES[case]) + 4


@pytest.mark.parametrize("case", WAITS)
def test_waits_for_ready(lab, outer, case):
    """No EARLY, and all of it behind START."""
    link = lab.standby(outer)
    with connect(outer.clients) as client:
        client.sendall(WAITS[case])
        session = answered(link)
        assert link.quiet(0.2)
        begin(link, session)
        assert link.recv(len(WAITS[case])) == WAITS[case]
        client.shutdown(socket.SHUT_WR)
        assert link.recv_all() == b""


def test_goes_ahead_of_an_answer_to_forward(lab, outer):
    """It is there with FORWARD, before the inner has said a word."""
    link = lab.standby(outer)
    with connect(outer.clients) as client:
        client.sendall(GET)
        session = link.take_forward().session
        assert early_of(link, session) == GET
        begin(link, session)


def test_of_a_client_that_was_queued(lab, outer):
    """Its bytes were there first: FORWARD and then EARLY."""
    with connect(outer.clients) as client:
        client.sendall(GET)
        link = lab.add(FakeInner.join(outer.links))
        session = answered(link)
        assert early_of(link, session) == GET
        begin(link, session)
        client.sendall(b"more")
        assert link.recv(4) == b"more"


def test_of_a_unix_client(lab):
    """Unix sockets are no other case."""
    outer = lab.outer(OuterServerAddress=f"unix://{lab.path('public')}")
    link = lab.standby(outer)
    with connect(outer.clients) as client:
        client.sendall(GET)
        session = answered(link)
        assert early_of(link, session) == GET
        begin(link, session)
        client.sendall(b"more")
        assert link.recv(4) == b"more"


def test_nothing_of_a_client_that_is_silent(lab, outer):
    """No EARLY at all; START does not wait for his bytes."""
    link = lab.standby(outer)
    with connect(outer.clients) as client:
        session = answered(link)
        assert link.quiet(0.2)
        begin(link, session, b"220 hello")
        assert recv_exactly(client, 9) == b"220 hello"
        client.sendall(GET)
        assert link.recv(len(GET)) == GET


@pytest.mark.parametrize("cut", [1, 10, len(GET) - 1])
def test_in_two_segments(lab, outer, cut):
    """A part of a head waits; when the rest comes it goes ahead as one."""
    link = lab.standby(outer)
    with connect(outer.clients) as client:
        client.sendall(GET[:cut])
        session = answered(link)
        assert link.quiet(0.2)
        client.sendall(GET[cut:])
        assert early_of(link, session) == GET
        begin(link, session)
        assert link.quiet(0.1)
        client.sendall(b"more")
        assert link.recv(4) == b"more"


def test_once_a_link(lab, outer):
    """What comes behind an EARLY waits, whatever it is."""
    link = lab.standby(outer)
    with connect(outer.clients) as client:
        client.sendall(GET)
        session = answered(link)
        assert early_of(link, session) == GET
        client.sendall(GET)
        assert link.quiet(0.2)
        begin(link, session)
        assert link.recv(len(GET)) == GET
        client.shutdown(socket.SHUT_WR)
        assert link.recv_all() == b""


def test_half_close_behind_it(lab, outer):
    """A FIN of the client is passed on after START; the reply still comes."""
    link = lab.standby(outer)
    with connect(outer.clients) as client:
        client.sendall(GET)
        client.shutdown(socket.SHUT_WR)
        session = answered(link)
        assert early_of(link, session) == GET
        assert link.quiet(0.2), "a FIN before READY"
        begin(link, session)
        assert link.recv_all() == b""
        link.send(b"reply")
        link.close()
        assert recv_all(client) == b"reply"


def test_a_client_that_resets_after_it(lab, outer):
    """The link is closed, so that the inner does not send what it holds."""
    link = lab.standby(outer)
    client = connect(outer.clients)
    client.sendall(GET)
    session = answered(link)
    assert early_of(link, session) == GET
    reset(client)
    assert link.ends(1 * SCALE) != "open"


@pytest.mark.parametrize("mode, ahead, waits", [
    ("http", [GET, QUERY, GOES["SSH"]], [POST, QUERY + b"x"]),
    ("safe", [GET], [QUERY]),
    ("off", [], [GET, GOES["TLS"], GOES["SSH"]])])
def test_modes(lab, mode, ahead, waits):
    """EarlyData: http lets queries go ahead, off lets nothing."""
    outer = lab.outer(EarlyData=mode)
    for text in ahead + waits:
        link = lab.standby(outer)
        with connect(outer.clients) as client:
            client.sendall(text)
            session = answered(link)
            if text in ahead:
                assert early_of(link, session) == text
                begin(link, session)
            else:
                assert link.quiet(0.2)
                begin(link, session)
                assert link.recv(len(text)) == text
            client.shutdown(socket.SHUT_WR)
            assert link.recv_all() == b""


@pytest.mark.parametrize("when", ["before FORWARD", "after FORWARD",
                                  "any time"])
def test_no_byte_is_doubled_or_lost(lab, outer, when):
    """Requests in pieces at any time: EARLY and raw bytes are all of them."""
    chance = random.Random(when)
    for _ in range(20):
        link = lab.standby(outer)
        with connect(outer.clients) as client:
            text = GET + secrets.token_bytes(chance.choice([0, 1, 300_000]))
            cut = chance.choice([5, len(GET), len(GET)])
            pieces = [text[:cut], text[cut:]]

            def send(at, client=client, pieces=pieces):
                client.sendall(pieces[at])
                if at == 1:
                    client.shutdown(socket.SHUT_WR)
            if when == "before FORWARD":
                send(0)
            session = answered(link)
            if when == "after FORWARD":
                send(0)
            sender = threading.Thread(
                target=lambda: [send(at) for at in range(2)]
                if when == "any time" else send(1))
            sender.start()
            link.send(session_frame(READY, session))
            early, got = b"", link.receive()
            if got.kind == EARLY:
                early, got = got.payload[8:], link.receive()
            assert got.kind == START
            assert early in (b"", GET)
            assert early + link.recv_all() == text
            sender.join()
            link.close()


# --- again, on the next standby -------------------------------------------

def leave(link: FakeInner, session: int, how: str) -> None:
    """What an inner may do instead of READY."""
    if how == "fin":
        link.close()
    elif how == "reset":
        reset(link.sock)
    elif how == "refused":
        link.send(refused_frame(session, peers.R_REFUSED, "no"))


@pytest.mark.parametrize("how", ["fin", "reset", "refused", "silence"])
def test_goes_ahead_again_on_the_next_standby(lab, outer, how):
    """The copy is kept until READY; then it is not sent any more."""
    second, first = lab.standby(outer), lab.standby(outer)
    with connect(outer.clients) as client:
        client.sendall(GET)
        session = first.take_forward().session
        assert early_of(first, session) == GET
        leave(first, session, how)
        assert answered(second) == session
        assert early_of(second, session) == GET
        begin(second, session, b"reply")
        assert recv_exactly(client, 5) == b"reply"
        client.sendall(b"more")
        client.shutdown(socket.SHUT_WR)
        assert second.recv_all() == b"more"
        second.close()
        assert how_it_ends(client) == "fin"
    line = outer.session()
    assert line["early_retries"] == 1
    assert line["up"] == len(GET) + 4


def test_what_came_meanwhile_follows_it(lab, outer):
    """More bytes between two tries: the copy goes ahead, they follow START."""
    second, first = lab.standby(outer), lab.standby(outer)
    with connect(outer.clients) as client:
        client.sendall(GET)
        session = first.take_forward().session
        assert early_of(first, session) == GET
        client.sendall(POST)
        client.shutdown(socket.SHUT_WR)
        first.close()
        assert answered(second) == session
        assert early_of(second, session) == GET
        begin(second, session)
        assert second.recv_all() == POST


def test_retries_without_it_are_not_counted(lab, outer):
    """Only tries that had carried EARLY count as such."""
    second, first = lab.standby(outer), lab.standby(outer)
    with connect(outer.clients) as client:
        client.sendall(POST)
        session = answered(first)
        first.close()
        assert answered(second) == session
        assert second.quiet(0.1)
        begin(second, session)
        assert second.recv(len(POST)) == POST
        second.close()
        client.close()
    assert not outer.session()["early_retries"]


def test_a_refused_link_gets_the_next_client_s_own(lab, outer):
    """Nothing of one client's copy is left for the next on that link."""
    link = lab.standby(outer)
    with connect(outer.clients) as client:
        client.sendall(GET)
        session = link.take_forward().session
        assert early_of(link, session) == GET
        leave(link, session, "refused")
        assert how_it_ends(client) == "reset"
    other = GET.replace(b"page", b"another")
    with connect(outer.clients) as client:
        client.sendall(other)
        session = answered(link)
        assert early_of(link, session) == other
        begin(link, session)
        client.shutdown(socket.SHUT_WR)
        assert link.recv_all() == b""


def test_three_tries_and_the_client_is_reset(lab, outer):
    """Each refusing instance had the copy; the last word is a reset."""
    links = [lab.standby(outer) for _ in range(3)]
    with connect(outer.clients) as client:
        client.sendall(GET)
        for link in reversed(links):
            session = link.take_forward().session
            assert early_of(link, session) == GET
            leave(link, session, "refused")
        assert how_it_ends(client) == "reset"
    assert outer.session()["early_retries"] == 2


# --- classic links --------------------------------------------------------

def classic_standby(lab, outer) -> ClassicInner:
    before = outer.joined()
    link = lab.add(ClassicInner.join(outer.links))
    outer.wait_joined(before + 1)
    return link


def assert_classic_gets(link: ClassicInner, client: socket.socket,
                        text: bytes) -> None:
    """Nothing before the answer 6, then all of it."""
    assert link.receive_signal()[0] == PROXY
    assert link.quiet(0.05)         # it is due in half a second
    link.send(signal48(PROXY))
    assert link.recv(len(text)) == text
    client.sendall(b"more")
    assert link.recv(4) == b"more"


def test_nothing_goes_ahead_on_a_classic_link(lab, outer):
    """A request waits for the answer 6, and comes once."""
    link = classic_standby(lab, outer)
    with connect(outer.clients) as client:
        client.sendall(GET)
        assert_classic_gets(link, client, GET)


def test_from_a_native_link_to_a_classic_one(lab, outer):
    """The copy that a broken native link had is raw on the classic one."""
    classic = classic_standby(lab, outer)
    native = lab.standby(outer)
    with connect(outer.clients) as client:
        client.sendall(GET)
        session = native.take_forward().session
        assert early_of(native, session) == GET
        native.close()
        assert_classic_gets(classic, client, GET)


# --- at our inner ---------------------------------------------------------

@pytest.mark.parametrize("writer", [None, byte_by_byte, split_at(20)],
                         ids=["whole", "bytes", "two"])
def test_early_crosses_ready(lab, target, writer):
    """Sent before the outer saw READY: the target gets it once, and first."""
    fake = lab.add(FakeOuter(**({"writer": writer} if writer else {})))
    link = lab.link(fake, target)
    session = link.forward()
    with accept(target) as served:
        link.expect_ready(session)
        link.send(session_frame(EARLY, session, GET))
        link.send(frame(START), b"rest")
        link.finish()
        assert recv_all(served) == GET + b"rest"
        served.sendall(b"answer")
        served.close()
        assert link.recv_all() == b"answer"


def test_two_that_cross_ready_are_one_too_many(lab, fake, target):
    """At most one EARLY, on which side of READY it comes."""
    link = lab.link(fake, target)
    session = link.forward(session_frame(EARLY, 6001, GET), session=6001)
    with accept(target) as served:
        link.expect_ready(session)
        link.send(session_frame(EARLY, session, GET))
        assert link.ends(5 * SCALE) != "open"
        served.settimeout(5 * SCALE)
        try:
            assert recv_all(served) in (b"", GET)
        except ConnectionResetError:
            pass


def test_the_target_sees_it_only_after_ready(lab, fake):
    """When the first early byte is there, READY is too, or in a moment."""
    slow = lab.add(Unanswering())
    link = lab.link(fake, slow, DialTimeout=10)
    session = link.forward(session_frame(EARLY, 4711, GET), session=4711)
    assert link.receive().kind == KEEPALIVE
    assert link.quiet(0.1)
    slow.let_in()
    with accept(slow.listener) as served:
        assert recv_exactly(served, len(GET)) == GET
        link.expect_ready(session)
        link.send(frame(START))
        link.finish()
        assert recv_all(served) == b""


def test_early_of_a_refused_session_is_dropped(lab, fake):
    """FORWARD and EARLY in one piece, refused: nobody ever gets the bytes."""
    address = ("127.0.0.1", free_port())
    link = lab.link(fake, address_text(address))
    for session in (5001, 5002):
        link.forward(session_frame(EARLY, session, b"old"), session=session)
        assert link.expect(peers.REFUSED).session == session
    with listen(address) as again:
        link.forward(session_frame(EARLY, 5003, GET), session=5003)
        with accept(again) as served:
            link.expect_ready(5003)
            link.send(frame(START), b"clean")
            link.finish()
            assert recv_all(served) == GET + b"clean"


# --- both programs --------------------------------------------------------

@pytest.mark.short
def test_through_both_programs_each_request_comes_once(lab):
    """Requests of all kinds, some with a link that dies: no target twice."""
    seen: list[bytes] = []

    async def serve(reader, writer):
        data = await reader.read()
        if data:                # or it is of a link that died before READY
            seen.append(data)
        writer.write(b"got %d" % len(data))
        await writer.drain()
    outer, _ = lab.tunnel(lab.target(serve))
    for number in range(30):
        text = [GET, POST, QUERY, GOES["TLS"], GOES["SSH"]][number % 5]
        text += b"%d" % number if number % 2 else b""
        with connect(outer.clients) as client:
            client.sendall(text)
            assert number % 3 or is_quiet(client, 0.02)
            client.shutdown(socket.SHUT_WR)
            assert recv_all(client) == b"got %d" % len(text)
        assert seen[-1] == text and len(seen) == number + 1


def test_a_stopped_inner_costs_no_second_request(lab):
    """Silent with EARLY in its hands, then awake again: it sends nothing."""
    seen: list[bytes] = []

    async def serve(reader, writer):
        data = await reader.read()
        seen.append(data)
        writer.write(b"reply")
        await writer.drain()
    target = lab.target(serve)
    outer = lab.outer()
    lab.inner(outer, target, InnerId="awake", MaxFreeConn=2)
    outer.wait_joined(2)
    stopped = lab.inner(outer, target, InnerId="stopped", MaxFreeConn=2)
    outer.wait_joined(4)
    stopped.signal(signal.SIGSTOP)
    with connect(outer.clients) as client:
        client.sendall(GET)
        client.shutdown(socket.SHUT_WR)
        assert recv_all(client) == b"reply"
    assert outer.session()["early_retries"] == 1
    mark = stopped.mark()
    stopped.signal(signal.SIGCONT)
    stopped.wait_log(after=mark, says="closed|ended|lost|reset|finished")
    wait_until(lambda: target.open == 0, "no dial is left")
    assert seen.count(GET) == 1
    assert all(data in (b"", GET) for data in seen)
