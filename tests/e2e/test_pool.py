"""The pool: how many standbys, which is taken, how they grow and retire."""
from __future__ import annotations

import asyncio
import secrets
import signal
import socket
import time

import pytest

import peers
from harness import KEY, SCALE, stays_equal, stays_true, wait_until
from peers import ERROR, FakeInner, FakeOuter, refused_frame
from sockets import (connect, established_to, free_port, how_a_client_ends,
                     how_it_ends, listen, ping_pong, reset, talk)

WRONG_KEY = "another-key-fedcba9876543210"


@pytest.mark.short
def test_inner_keeps_max_free_conn(lab):
    """MaxFreeConn links stand by: no fewer, and no more."""
    outer, _ = lab.tunnel(lab.echo(), standbys=4)

    def seen() -> tuple[int, int]:
        return outer.link_count(), outer.joined()
    stays_equal(seen, (4, 4), "connections, joined", 1.5)


def test_links_of_others_are_not_counted(lab):
    """Not those that have the port's number at another address."""
    outer, _ = lab.tunnel(lab.echo(), standbys=2)
    there = lab.add(listen())
    other = lab.add(socket.socket())
    other.bind(("127.33.0.1", outer.links[1]))  # nobody else's, or it is taken
    other.connect(there.getsockname())
    assert outer.link_count() == 2


def test_default_is_ten(lab):
    """Without MaxFreeConn in the file there are 10."""
    outer = lab.outer()
    lab.inner(outer, lab.echo())
    outer.wait_joined(10)
    stays_true(lambda: outer.joined() == 10, "more than 10", 1.2)


def test_a_taken_link_is_replaced_at_once(lab):
    """The inner does not wait for its check once a second."""
    outer, _ = lab.tunnel(lab.echo(), standbys=2)
    slow = 0
    for number in range(5):
        mark = outer.mark()
        client = lab.add(connect(outer.clients))
        ping_pong(client, b"x")
        began = time.monotonic()
        outer.wait_joined(1, after=mark)
        slow += time.monotonic() - began > 0.3 * SCALE
        lost = outer.grep("standby", "closed", why="no answer to FORWARD")
        assert 0 <= outer.joined() - (2 + number + 1) <= len(lost)
    assert slow <= 1, "replaced only after a while"
    wait_until(lambda: outer.link_count() == 7, "5 sessions and 2 standbys")


def test_links_of_ended_sessions_are_closed(lab):
    """After many sessions only the standbys are left, on both sides."""
    outer, inner = lab.tunnel(lab.echo(), standbys=2)
    fds = outer.fds(), inner.fds()
    for number in range(30):
        assert asyncio.run(talk(outer.clients, b"%d" % number)) == \
            b"%d" % number
    outer.session(count=30)
    wait_until(lambda: outer.link_count() == 2, "2 links again")
    wait_until(lambda: (outer.fds(), inner.fds()) == fds,
               "as many descriptors as before")


@pytest.mark.short
def test_the_most_recently_used_standby_is_taken(lab):
    """LIFO: of one shard's links the one that joined or was given back last
    goes first."""
    outer = lab.outer(Workers=0)
    instance = secrets.token_hex(8)
    links = []
    for _ in range(3):
        links.append(lab.add(FakeInner.join(outer.links, instance=instance)))
        outer.wait_joined(len(links))
    for _ in range(3):      # each time the last one, as it was used last
        with connect(outer.clients) as client:
            got = links[2].take_forward()
            links[2].send(refused_frame(got.session, peers.R_REFUSED, "no"))
            assert how_it_ends(client) == "reset"
    with connect(outer.clients) as client:
        links[2].ready(links[2].take_forward().session, b"third")
        assert client.recv(5) == b"third"
        with connect(outer.clients) as other:
            links[1].ready(links[1].take_forward().session, b"second")
            assert other.recv(6) == b"second"
    assert not links[0].readable(0)


def test_waiting_clients_are_served_in_order(lab):
    """First come, first served, when standbys arrive one by one."""
    outer = lab.outer(QueueTimeout=30)
    before = outer.fds()
    clients = []
    for number in range(5):
        clients.append(lab.add(connect(outer.clients)))
        wait_until(lambda: outer.fds() == before + number + 1, "it is queued")
    for client in clients:
        link = lab.add(FakeInner.join(outer.links))
        got = link.take_forward()
        assert got.client_port == client.getsockname()[1]
        link.ready(got.session)


def test_queue_is_bounded(lab):
    """Who comes when QueueLength clients wait is turned away at once."""
    outer = lab.outer(QueueLength=3, QueueTimeout=30)
    before = outer.fds()
    waiting = [lab.add(connect(outer.clients)) for _ in range(3)]
    wait_until(lambda: outer.fds() == before + 3, "three are queued")
    assert how_a_client_ends(outer.clients, 3 * SCALE) == "reset"
    outer.wait_log(level="info|warn", says="queue|full")
    lab.inner(outer, lab.echo(), MaxFreeConn=1)
    for client in waiting:
        ping_pong(client, b"served")


def test_queue_timeout_resets_with_a_reason(lab):
    """A client for whom no standby comes is reset after QueueTimeout."""
    outer = lab.outer(QueueTimeout=0.5)
    began = time.monotonic()
    assert how_a_client_ends(outer.clients, 5 * SCALE) == "reset"
    assert 0.4 < time.monotonic() - began < 2 * SCALE
    assert outer.session()["why"]


# --- how the inner grows and retires, seen by a fake outer ----------------

def gather(outer: FakeOuter, count: int) -> list:
    return [outer.accept() for _ in range(count)]


def test_grows_by_the_waiting_count(lab):
    """FORWARD with 5 waiting: MaxFreeConn + 5 idle ones, and no more."""
    outer = lab.add(FakeOuter())
    lab.inner(outer, lab.echo(), MaxFreeConn=2)
    links = gather(outer, 2)
    links[0].start(waiting=5)
    gather(outer, 6)        # 2 + 5, less the one that is still idle
    assert outer.nobody_comes(1.5)


def test_waiting_counts_are_never_added_up(lab):
    """Two FORWARDs with 3 waiting ask for 3 more, not for 6."""
    outer = lab.add(FakeOuter())
    lab.inner(outer, lab.echo(), MaxFreeConn=2)
    links = gather(outer, 2)
    links[0].start(waiting=3)
    links[1].start(waiting=3)
    gather(outer, 5)
    assert outer.nobody_comes(1.5)


def test_the_newest_waiting_count_rules(lab):
    """A later FORWARD with none waiting takes the wish back."""
    outer = lab.add(FakeOuter())
    lab.inner(outer, lab.echo(), MaxFreeConn=1)
    first = outer.accept()
    first.start(waiting=2)
    idle = gather(outer, 3)
    idle[0].start(waiting=1)        # two are wanted and there: none is retired
    idle[1].start(waiting=0)        # one idle is left: all that is wanted
    assert outer.nobody_comes(1.5)


def test_a_crowd_is_dialed_in_one_batch(lab):
    """10 taken, 20 wait: 30 HELLOs come, though none of them is answered."""
    outer = lab.add(FakeOuter())
    lab.inner(outer, lab.echo(), MaxFreeConn=10)
    links = gather(outer, 10)
    for link in links:
        link.forward(waiting=20)
    began = time.monotonic()
    crowd = [outer.accept_raw() for _ in range(30)]
    for link in crowd:
        link.expect(peers.HELLO)
    assert time.monotonic() - began < 2.5 * SCALE
    assert outer.nobody_comes(1.2)


def test_the_pool_is_small_until_clients_come(lab):
    """Between MinFreeConn and MaxFreeConn: twice what a moment took."""
    outer = lab.add(FakeOuter())
    inner = lab.inner(outer, lab.echo(), MinFreeConn=2, MaxFreeConn=12,
                      Workers=0)        # one moment is a turn of one loop
    links = gather(outer, 2)
    assert outer.nobody_comes(1.2)
    inner.signal(signal.SIGSTOP)        # so that both come in one moment
    sessions = [link.forward() for link in links]
    inner.signal(signal.SIGCONT)
    for link, session in zip(links, sessions):
        link.expect_ready(session)
    links = gather(outer, 4)
    assert outer.nobody_comes(1.2)
    inner.signal(signal.SIGSTOP)
    for link in links:
        link.forward(waiting=5)
    inner.signal(signal.SIGCONT)
    gather(outer, 12 + 5)
    assert outer.nobody_comes(1.2)


def test_max_dialing_bounds_dials(lab):
    """No more than MaxDialing links are on their way at once."""
    outer = lab.add(FakeOuter())
    inner = lab.inner(outer, lab.echo(), MaxFreeConn=20, MaxDialing=4)
    outer.accept()

    def links() -> int:
        return established_to(outer.address[1], inner.pid, states=(1, 2))
    wait_until(lambda: links() == 1 + 4, "4 more are on their way")
    stays_true(lambda: links() == 1 + 4, "more than 4 on their way", 1.2)
    for number in range(2, 20):
        outer.accept()
        assert links() <= number + 4
    outer.accept()
    assert outer.nobody_comes(1.2)


def test_old_links_are_retired_with_goaway(lab):
    """MaxLinkAge: GOAWAY with its reason, closed by us, then replaced."""
    outer = lab.add(FakeOuter())
    lab.inner(outer, lab.echo(), MaxFreeConn=1, MaxLinkAge=1)
    for _ in range(2):
        began = time.monotonic()
        link = outer.accept()
        assert link.expect(peers.GOAWAY).json()["reason"] == "age"
        assert time.monotonic() - began > 0.4
        link.close()


def test_goaway_that_crosses_forward_is_served(lab):
    """FORWARD after the inner's GOAWAY is served all the same."""
    outer = lab.add(FakeOuter())
    lab.inner(outer, lab.echo(), MaxFreeConn=1, MaxLinkAge=1)
    link = outer.accept()
    link.expect(peers.GOAWAY)
    link.start(b"crossed")
    assert link.recv(7) == b"crossed"


@pytest.mark.heavy
def test_no_client_is_lost_while_links_age(lab):
    """Constant requests for 5 s with links of one second: all are served."""
    outer, inner = lab.tunnel(lab.echo(), standbys=5, inner={"MaxLinkAge": 1})

    async def caller(number: int) -> int:
        done, limit = 0, time.monotonic() + 5
        while time.monotonic() < limit:
            token = b"%d-%d" % (number, done)
            assert await talk(outer.clients, token) == token
            done += 1
            await asyncio.sleep(0.01)
        return done

    async def everybody():
        return await asyncio.gather(*(caller(n) for n in range(4)))

    served = sum(asyncio.run(everybody()))
    assert served > 20
    assert outer.joined() > served, "no link was retired"


# --- trouble --------------------------------------------------------------

def closes_at_once(lab):
    """An outer that accepts and closes."""
    outer = lab.add(FakeOuter())

    def turn():
        outer.accept_raw().close()
    return outer.url, turn


def resets_at_once(lab):
    """An outer that accepts and resets."""
    outer = lab.add(FakeOuter())

    def turn():
        reset(outer.accept_raw().sock)
    return outer.url, turn


def sends_nonsense(lab):
    """An outer that is no outer."""
    outer = lab.add(FakeOuter())

    def turn():
        link = outer.accept_raw()
        link.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        assert link.ends(5 * SCALE) != "open"
        link.close()
    return outer.url, turn


def refuses_links(lab):
    """An outer that has enough links."""
    outer = lab.add(FakeOuter())

    def turn():
        link = outer.accept_raw()
        link.expect(peers.HELLO)
        link.send(peers.frame(ERROR, b"\0\4too many"))
        assert link.ends(5 * SCALE) != "open"
        link.close()
    return outer.url, turn


@pytest.mark.parametrize("trouble", [closes_at_once, resets_at_once,
                                     sends_nonsense, refuses_links])
def test_inner_goes_on_trying(lab, trouble):
    """No misbehaviour of the far end makes the inner give up or spin."""
    url, turn = trouble(lab)
    inner = lab.inner(url, lab.echo(), MaxFreeConn=1)
    began = time.monotonic()
    for _ in range(4):
        turn()
    assert time.monotonic() - began > 0.15, "a tight loop"
    assert inner.running()
    inner.wait_log(level="warn|error")


@pytest.mark.parametrize("url", ["tcp://no-such-name.invalid:9",
                                 "tcp://224.0.0.1:9", "unix:///nonexistent/s"])
def test_inner_outlives_what_cannot_be_reached(lab, url):
    """An outer that cannot be reached: a line that says so, no exit."""
    inner = lab.inner(url, lab.echo(), MaxFreeConn=2)
    inner.wait_log(level="warn|error")
    stays_true(inner.running, "the inner gave up", 1)


def test_retries_come_within_a_second_while_the_outage_is_young(lab):
    """An outer that comes up later is found within a second or so."""
    port = free_port()
    inner = lab.inner(f"tcp://127.0.0.1:{port}", lab.echo(), MaxFreeConn=1)
    inner.wait_log(level="warn|error")
    time.sleep(6)           # the outage grows older
    outer = lab.add(FakeOuter(address=("127.0.0.1", port)))
    began = time.monotonic()
    outer.accept()
    assert time.monotonic() - began < 2.3 * SCALE
    inner.wait_connected()


def test_wrong_key_is_said_clearly_and_tried_slowly(lab):
    """One clear error, at most three attempts in 3 s, and no key anywhere."""
    outer = lab.outer()
    inner = lab.inner(outer, lab.echo(), AuthKey=WRONG_KEY, MaxFreeConn=10)
    assert inner.wait_log(level="error").says("key|auth")
    outer.wait_log("standby", level="warn|info", says="key|auth|proof")
    time.sleep(3)
    rejected = {line["peer"] for line in outer.grep("standby")} - {None}
    assert 1 <= len(rejected) <= 3, rejected
    assert outer.joined() == 0 and inner.running()
    assert len(inner.grep(level="error")) <= 3
    for program in (outer, inner):
        text = program.tail(1000)
        assert KEY not in text and WRONG_KEY not in text
        with open(f"/proc/{program.pid}/cmdline") as cmdline:
            text = cmdline.read()
        assert KEY not in text and WRONG_KEY not in text


def test_wrong_key_attempts_are_counted_by_a_fake(lab):
    """ERROR 2 from the outer: at most three links are tried within 3 s."""
    outer = lab.add(FakeOuter())
    lab.inner(outer, lab.echo(), MaxFreeConn=10)
    attempts, limit = 0, time.monotonic() + 3
    while not outer.nobody_comes(max(limit - time.monotonic(), 0.001)):
        link = outer.accept_raw()
        link.expect(peers.HELLO)
        link.send(peers.json_frame(peers.CHALLENGE,
                                   nonce=secrets.token_hex(32)))
        link.expect(peers.AUTH)
        link.send(peers.frame(ERROR, b"\0\2no"))
        link.ends()
        attempts += 1
    assert 1 <= attempts <= 3, attempts


def test_an_outer_without_the_key_gets_nothing(lab):
    """A WELCOME with a wrong proof: closed, logged, nothing is served."""
    outer = lab.add(FakeOuter())
    inner = lab.inner(outer, lab.echo(), MaxFreeConn=1)
    link = outer.accept_raw()
    link.hello = link.expect(peers.HELLO)
    link.answer(KEY, 10, good=False)
    try:
        link.forward()
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert link.ends(5 * SCALE) != "open"
    assert inner.wait_log(level="error").says("key")
    assert not inner.grep("keeper", "connected")


def test_max_links_bounds_links(lab):
    """MaxLinks: one more link than allowed is refused with ERROR 4."""
    outer = lab.outer(MaxLinks=2)
    kept = [lab.add(FakeInner.join(outer.links)) for _ in range(2)]
    third = lab.add(FakeInner(outer.links))
    try:
        third.send(peers.frame(peers.HELLO, third.hello()))
        got = third.expect(ERROR, peers.CHALLENGE)
        if got.kind == peers.CHALLENGE:
            third.send(third.auth_for(got))
            got = third.expect(ERROR)
        assert got.code == peers.E_TOO_MANY
    except (ConnectionResetError, BrokenPipeError, AssertionError) as problem:
        # Turned away at the door is fine too, if the log says why.
        assert not isinstance(problem, AssertionError) \
            or "end of input" in str(problem)
    outer.wait_log(level="info|warn", says="many|MaxLinks|limit")
    assert all(link.quiet(0.05) for link in kept)
