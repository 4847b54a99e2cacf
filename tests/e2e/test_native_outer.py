"""The native protocol of the outer, seen by inners written from the page."""
from __future__ import annotations

import secrets
import select
import socket
import time

import pytest

import peers
from harness import DEADLINE, SCALE, wait_until
from peers import (ERROR, FORWARD, FakeInner, frame, json_frame, refused_frame,
                   session_frame)
from sockets import connect, how_it_ends, is_quiet, recv_exactly, reset


@pytest.fixture
def outer(lab):
    """An outer whose deadlines are short enough to be waited for."""
    return lab.outer(ForwardTimeout=1.5 * SCALE, QueueTimeout=10 * SCALE)


def asked(*links: FakeInner) -> list[FakeInner]:
    """The links, the one that has been sent something first: of several
    threads nobody knows whose standby is taken."""
    ready, _, _ = select.select([link.sock for link in links], [], [], DEADLINE)
    assert ready, "none of them was asked"
    return sorted(links, key=lambda link: link.sock is not ready[0])


# --- FORWARD --------------------------------------------------------------

def test_forward_carries_the_request(lab, outer):
    """52 bytes and no target: ids, addresses and ports of the client."""
    link = lab.standby(outer)
    with connect(outer.clients) as client:
        raw = link.expect(FORWARD).payload
        assert len(raw) == 52
        got = peers.Request.decode(raw)
        assert (got.service, got.waiting, got.family, got.protocol) == \
            (0, 0, 4, 0)
        assert got.client == socket.inet_aton("127.0.0.1") + bytes(12)
        assert got.public == socket.inet_aton("127.0.0.1") + bytes(12)
        assert got.client_port == client.getsockname()[1]
        assert got.public_port == outer.clients[1]
        link.ready(got.session)
    link.close()
    assert outer.session()["id"] in (got.session, str(got.session))


def test_forward_of_an_ipv6_client(lab):
    """Family 6 and the whole addresses."""
    outer = lab.outer(OuterServerAddress="tcp://[::1]:0")
    link = lab.standby(outer)
    with connect(outer.clients) as client:
        got = link.take_forward()
        assert got.family == 6
        assert got.client == got.public == bytes(15) + b"\1"
        assert got.client_port == client.getsockname()[1]
        assert got.public_port == outer.clients[1]


def test_forward_of_a_unix_client(lab):
    """Family 0, nothing in the addresses."""
    outer = lab.outer(OuterServerAddress=f"unix://{lab.path('public')}")
    link = lab.standby(outer)
    with connect(outer.clients):
        got = link.take_forward()
        assert (got.family, got.client_port, got.public_port) == (0, 0, 0)
        assert got.client == got.public == bytes(16)


def test_session_ids_differ(lab, outer):
    """No two sessions share an id."""
    ids = set()
    for _ in range(5):
        link = lab.standby(outer)
        with connect(outer.clients) as client:
            got = link.take_forward()
            link.ready(got.session, b"x")
            ids.add(got.session)
            assert recv_exactly(client, 1) == b"x"
    assert len(ids) == 5


def test_waiting_says_who_still_waits(lab, outer):
    """Four clients queued: the first FORWARD says that three still wait."""
    before = outer.fds()
    clients = [lab.add(connect(outer.clients)) for _ in range(4)]
    wait_until(lambda: outer.fds() == before + 4, "all are queued")
    waits = []
    for _ in clients:
        link = lab.standby(outer)
        got = link.take_forward()
        waits.append(got.waiting)
        link.ready(got.session)
    assert waits == [3, 2, 1, 0]


def test_nothing_of_the_client_is_read_before_ready(lab, outer):
    """Between FORWARD and READY the outer sends nothing more than one EARLY."""
    link = lab.standby(outer)
    with connect(outer.clients) as client:
        client.sendall(b"secret words of no known protocol" * 10)
        got = link.take_forward()
        link.send(frame(peers.KEEPALIVE))   # or there is half a second
        assert link.quiet(0.3)
        link.ready(got.session)
        assert link.recv(33) == b"secret words of no known protocol"


# --- READY, START and what follows ----------------------------------------

@pytest.mark.short
@pytest.mark.parametrize("size", [0, 1, 65536])
def test_ready_with_bytes_in_the_same_segment(lab, outer, size):
    """Raw bytes behind READY reach the client; START comes without a word."""
    link = lab.standby(outer)
    with connect(outer.clients) as client:
        link.ready(link.take_forward().session, b"r" * size)
        assert recv_exactly(client, size) == b"r" * size
        client.sendall(b"up")
        assert link.recv(2) == b"up"


def test_keepalives_and_goaway_may_be_in_flight(lab, outer):
    """KEEPALIVE and GOAWAY between FORWARD and READY are no error."""
    link = lab.standby(outer)
    with connect(outer.clients) as client:
        got = link.take_forward()
        link.send(frame(peers.KEEPALIVE), json_frame(peers.GOAWAY,
                                                     reason="age"),
                  frame(peers.KEEPALIVE))
        link.ready(got.session, b"fine")
        assert recv_exactly(client, 4) == b"fine"


def test_goaway_while_idle_leaves_the_pool(lab, outer):
    """A retired standby is closed and gets no FORWARD."""
    keeps, leaves = lab.standby(outer), lab.standby(outer)
    leaves.send(json_frame(peers.GOAWAY, reason="age"))
    assert leaves.ends(5 * SCALE) != "open"
    with connect(outer.clients) as client:
        keeps.ready(keeps.take_forward().session, b"kept")
        assert recv_exactly(client, 4) == b"kept"


def test_goaway_then_refused_closes_the_link(lab, outer):
    """GOAWAY during the set-up is noted: after REFUSED no reuse."""
    link = lab.standby(outer)
    with connect(outer.clients) as client:
        got = link.take_forward()
        link.send(json_frame(peers.GOAWAY, reason="shrink"),
                  refused_frame(got.session, peers.R_REFUSED, "no"))
        assert link.ends(5 * SCALE) != "open"
        assert how_it_ends(client) == "reset"


def test_ready_deadline(lab, outer):
    """Answered, but no READY within ForwardTimeout: closed, client reset."""
    link = lab.standby(outer)
    with connect(outer.clients) as client:
        link.take_forward()
        link.send(frame(peers.KEEPALIVE))
        began = time.monotonic()
        assert link.ends(10 * SCALE) != "open"
        assert 1 * SCALE < time.monotonic() - began < 4 * SCALE
        assert how_it_ends(client) == "reset"
    assert outer.session()["why"]


def test_client_gone_before_ready_closes_the_link(lab, outer):
    """A reset of the client while the target is dialled drops the link."""
    link = lab.standby(outer)
    client = connect(outer.clients)
    link.take_forward()
    link.send(frame(peers.KEEPALIVE))
    reset(client)
    assert link.ends(1 * SCALE) != "open"


def test_client_fin_before_ready_is_a_half_close(lab, outer):
    """FIN before READY comes after START, and the reply still passes."""
    link = lab.standby(outer)
    with connect(outer.clients) as client:
        client.sendall(b"all")
        client.shutdown(socket.SHUT_WR)
        got = link.take_forward()
        link.send(frame(peers.KEEPALIVE))
        assert link.quiet(0.3)
        link.ready(got.session)
        assert link.recv_all() == b"all"
        link.send(b"reply")
        link.close()
        assert recv_exactly(client, 5) == b"reply"


# --- REFUSED, silence, tries ----------------------------------------------

@pytest.mark.short
def test_refused_gives_the_link_back(lab, outer):
    """The client is reset, the reason logged, the link serves the next."""
    link = lab.standby(outer)
    for number in range(3):
        with connect(outer.clients) as client:
            got = link.take_forward()
            link.send(refused_frame(got.session, peers.R_REFUSED, "nobody"))
            assert how_it_ends(client) == "reset"
        assert outer.session(count=number + 1).says("refused|nobody")
    with connect(outer.clients) as client:
        link.ready(link.take_forward().session, b"now")
        assert recv_exactly(client, 3) == b"now"


def test_refused_tries_another_instance_never_the_same(lab, outer):
    """The client is served by another instance; same-instance links rest."""
    other = lab.standby(outer)
    instance = secrets.token_hex(8)
    same = [lab.standby(outer, instance=instance) for _ in range(3)]
    with connect(outer.clients) as client:
        refusing, *rest = asked(*same)      # they are more than the other
        got = refusing.take_forward()
        refusing.send(refused_frame(got.session, peers.R_REFUSED))
        again = other.take_forward()
        assert again.session == got.session
        other.ready(again.session, b"served")
        assert recv_exactly(client, 6) == b"served"
    assert all(link.quiet(0.1) for link in rest)


def test_three_tries_and_no_more(lab, outer):
    """Four instances that refuse: three are asked, then the client is reset."""
    links = [lab.standby(outer) for _ in range(4)]
    with connect(outer.clients) as client:
        for _ in range(3):
            link, *links = asked(*links)
            got = link.take_forward()
            link.send(refused_frame(got.session, peers.R_TIMED_OUT))
        assert how_it_ends(client) == "reset"
    assert links[0].quiet(0.5)


def test_silence_goes_to_the_next_standby(lab, outer):
    """No answer for half a second: closed, and another instance serves."""
    live, silent = lab.standby(outer), lab.standby(outer)
    began = time.monotonic()
    with connect(outer.clients) as client:
        silent.take_forward()
        got = live.take_forward()
        assert 0.4 < time.monotonic() - began < 2.5 * SCALE
        assert silent.ends(1 * SCALE) != "open"
        live.ready(got.session, b"alive")
        assert recv_exactly(client, 5) == b"alive"


@pytest.mark.parametrize("same", [True, False],
                         ids=["same instance", "another instance"])
@pytest.mark.parametrize("how", ["fin", "reset"])
def test_a_standby_that_dies_is_no_refusal(lab, outer, how, same):
    """A link that ends instead of answering: the next standby serves."""
    instance = secrets.token_hex(8)
    live = lab.standby(outer, instance=instance if same else None)
    dead = lab.standby(outer, instance=instance)
    with connect(outer.clients) as client:
        dead, live = asked(dead, live)
        got = dead.take_forward()
        dead.close() if how == "fin" else reset(dead.sock)
        assert live.take_forward().session == got.session
        live.ready(got.session, b"alive")
        assert recv_exactly(client, 5) == b"alive"


def test_suspects_are_taken_last(lab, outer):
    """Links of an instance that was silent wait behind all others."""
    live = [lab.standby(outer) for _ in range(2)]
    instance = secrets.token_hex(8)
    dead = [lab.standby(outer, instance=instance) for _ in range(2)]
    while live:
        with connect(outer.clients) as client:
            if len(live) == 2:
                silent, rest = asked(*dead)
                silent.take_forward()
            link, *live = asked(*live)
            link.ready(link.take_forward().session, b"ok")
            assert recv_exactly(client, 2) == b"ok"
    assert rest.quiet(0.1), "the suspect was asked before the others"
    with connect(outer.clients) as client:      # now there is nobody else
        rest.ready(rest.take_forward(6 * SCALE).session, b"woke")
        assert recv_exactly(client, 4) == b"woke"


def test_a_suspect_is_left_when_another_comes_back(lab):
    """Who waits for one of them, with all of ForwardTimeout, is not left
    waiting when the other one can serve him again."""
    outer = lab.outer(ForwardTimeout=60)
    run_of = {lab.standby(outer, instance=instance): instance
              for instance in (secrets.token_hex(8), secrets.token_hex(8))
              for _ in range(2)}
    idle = list(run_of)
    with connect(outer.clients) as client:
        silent = []
        for _ in range(3):      # the one, the other, and the first again
            link, *idle = asked(*idle)
            link.take_forward()
            silent.append(link)
        assert run_of[silent[0]] == run_of[silent[2]]
        awake, = idle
        awake.send(frame(peers.KEEPALIVE))
        awake.ready(awake.take_forward(4 * SCALE).session, b"awake")
        assert recv_exactly(client, 5) == b"awake"
        assert silent[2].ends() == "fin"


def test_a_client_is_not_reset_because_a_suspect_came_back(lab):
    """To leave one for it is none of the three tries."""
    outer = lab.outer(ForwardTimeout=60)
    run_of = {lab.standby(outer, instance=run): run
              for run in (secrets.token_hex(8) for _ in range(3))
              for _ in range(2)}
    idle = list(run_of)
    with connect(outer.clients) as client:
        for _ in range(4):      # all three, two of these count; one again
            link, *idle = asked(*idle)
            link.take_forward()
        awake = idle[0]
        assert run_of[awake] != run_of[link]
        awake.send(frame(peers.KEEPALIVE))
        awake.ready(awake.take_forward(4 * SCALE).session, b"awake")
        assert recv_exactly(client, 5) == b"awake"


def test_any_byte_ends_the_suspicion(lab, outer):
    """A suspect that says anything is an ordinary standby again."""
    live = lab.standby(outer)
    instance = secrets.token_hex(8)
    rest, silent = [lab.standby(outer, instance=instance) for _ in range(2)]
    with connect(outer.clients):
        silent, rest = asked(silent, rest)
        silent.take_forward()
        live.ready(live.take_forward().session)
    other = lab.standby(outer)      # would be taken before a suspect
    rest.send(frame(peers.KEEPALIVE))
    rest.wait_read()
    more = [lab.standby(outer, instance=instance) for _ in range(8)]
    # both instances take turns; the second client would wait for other's next
    with connect(outer.clients), connect(outer.clients):
        idle = [rest, other, *more]
        for _ in range(2):
            link, *idle = asked(*idle)
            link.ready(link.take_forward(1 * SCALE).session)
        assert len([one for one in idle if one is not other]) == 8


def test_a_lone_suspect_has_the_whole_forward_timeout(lab):
    """With only suspects left, one gets longer than the round-trip bound."""
    outer = lab.outer(ForwardTimeout=4 * SCALE)
    instance = secrets.token_hex(8)
    slow, silent = [lab.standby(outer, instance=instance) for _ in range(2)]
    began = time.monotonic()
    with connect(outer.clients) as client:
        silent, slow = asked(silent, slow)
        silent.take_forward()
        got = slow.take_forward()
        assert time.monotonic() - began > 0.4
        # its own instance is no other one, whatever that says
        lab.standby(outer, instance=instance)
        assert is_quiet(client, 0.9 * SCALE)
        slow.ready(got.session, b"slow")
        assert recv_exactly(client, 4) == b"slow"


# --- what is not allowed --------------------------------------------------

IDLE_ERRORS = {
    "unknown type": frame(0x7F),
    "type zero": frame(0),
    "wrong version": frame(peers.KEEPALIVE, version=2),
    "too long": frame(peers.KEEPALIVE, length=65541),
    "4 GiB": frame(peers.KEEPALIVE, length=0xFFFFFFFF),
    "READY without FORWARD": session_frame(peers.READY, 1),
    "REFUSED without FORWARD": refused_frame(1, 16),
    "HELLO twice": json_frame(peers.HELLO, role="standby"),
    "FORWARD to the outer": frame(FORWARD, peers.Request().encode()),
    "START to the outer": frame(peers.START),
    "DATA": frame(peers.DATA, b"\0\0\0\1x"),
    "GOAWAY that is no JSON": frame(peers.GOAWAY, b"age"),
}


@pytest.mark.parametrize("case", IDLE_ERRORS)
def test_idle_link_protocol_errors(lab, outer, case):
    """ERROR 1 (6 for the version), one line that names the peer, close."""
    link = lab.standby(outer)
    mark = outer.mark()
    link.send(IDLE_ERRORS[case])
    link.expect_error(peers.E_PROTOCOL, peers.E_VERSION)
    outer.wait_log(after=mark, level="warn|info", says=link.name)


@pytest.mark.parametrize("case", ["another session", "short", "long", "HELLO"])
def test_starting_link_protocol_errors(lab, outer, case):
    """A wrong answer to FORWARD closes the link; another one serves."""
    other, link = lab.standby(outer), lab.standby(outer)
    with connect(outer.clients) as client:
        session = link.take_forward().session
        link.send({"another session": session_frame(peers.READY, session + 1),
                   "short": frame(peers.READY, b"1234567"),
                   "long": session_frame(peers.READY, session, b"9"),
                   "HELLO": json_frame(peers.HELLO)}[case])
        got = link.expect(ERROR)
        assert got.code == peers.E_PROTOCOL
        other.ready(other.take_forward().session, b"ok")
        assert recv_exactly(client, 2) == b"ok"


def test_the_outer_keeps_links_alive(lab):
    """KEEPALIVE from the outer each ping interval; none while relaying."""
    outer = lab.outer(PingInterval=0.5)
    link = lab.standby(outer)
    assert link.welcome["ping"] == 0.5
    with link.talking():
        for _ in range(4):
            began = time.monotonic()
            assert link.receive(2 * SCALE).kind == peers.KEEPALIVE
            assert time.monotonic() - began < 0.5 * 1.2 + 1 * SCALE
    with connect(outer.clients) as client:
        link.ready(link.take_forward().session)
        client.sendall(b"x")
        assert link.recv(1) == b"x" and link.quiet(1)


def test_a_silent_standby_is_closed_after_three_intervals(lab):
    """Three ping intervals without a byte end an idle link."""
    outer = lab.outer(PingInterval=0.5)
    began = time.monotonic()
    link = lab.standby(outer)
    assert link.ends(1.5 * 1.2 + 2 * SCALE) != "open"
    assert time.monotonic() - began > 1.0
