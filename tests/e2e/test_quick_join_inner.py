"""Quick joins of the real inner, seen by an outer written from the page."""
from __future__ import annotations

import secrets

import pytest

import peers
from harness import KEY, SCALE
from lab import Outer
from peers import HELLO, WELCOME, FakeOuter, json_frame
from sockets import accept, connect, free_port, recv_exactly


@pytest.fixture
def quick(lab) -> FakeOuter:
    return lab.add(FakeOuter(quick=True))


@pytest.mark.parametrize("workers", [0, 2])
def test_only_the_first_link_makes_a_full_handshake(lab, quick, target,
                                                    workers):
    """The others, of every thread, carry a fresh counter and its proof."""
    lab.inner(quick, target, MaxFreeConn=6, Workers=workers)
    links = [quick.accept() for _ in range(6)]
    assert links[0].secret and links[0].counter is None
    assert not any(link.secret for link in links[1:])
    counters = [link.counter for link in links[1:]]
    assert len(set(counters)) == 5 and min(counters) >= 1
    links[5].start(b"x")
    with accept(target) as served:
        assert recv_exactly(served, 1) == b"x"
        later = quick.accept()
        assert not later.secret and later.counter > max(counters)


def test_an_outer_that_forgot_gets_a_full_handshake(lab, quick, target):
    """CHALLENGE instead of WELCOME: as ever; and its secret is the new one."""
    lab.inner(quick, target, MaxFreeConn=1)
    old = quick.accept()
    old.start()
    quick.secrets.clear()       # the outer has restarted
    link = quick.accept()
    assert link.counter is not None and link.secret
    assert not link.joins_with(link.secret) and link.joins_with(old.secret)
    link.start()
    later = quick.accept()
    assert not later.secret and later.joins_with(link.secret)
    assert later.counter > link.counter


def test_a_wrong_joined_proof_is_not_believed(lab, quick, target):
    """Closed, logged, nothing is served; and tried again only slowly."""
    inner = lab.inner(quick, target, MaxFreeConn=1)
    first = quick.accept()
    first.start()
    link = quick.accept_raw()
    link.hello = link.expect(HELLO)
    link.welcome_join(first.secret, good=False)
    try:
        link.forward()
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert link.ends(5 * SCALE) != "open"
    assert inner.wait_log("keeper", level="error").says("key")
    with accept(target):
        pass                    # the first session's
    target.settimeout(0.3)
    with pytest.raises(TimeoutError):
        target.accept()
    assert quick.nobody_comes(1)


def test_welcome_at_once_without_asking(lab, quick, target):
    """No counter in HELLO, no WELCOME before CHALLENGE: a protocol error."""
    lab.inner(quick, target, MaxFreeConn=1)
    link = quick.accept_raw()
    link.hello = link.expect(HELLO)
    assert link.counter is None
    link.send(peers.json_frame(peers.WELCOME, link="9", ping=10,
                               proof="0" * 64))
    link.expect_error(peers.E_PROTOCOL)


def use(link: peers.OuterLink, target) -> None:
    """A session on it, so that the inner makes the next link."""
    link.start(b"ping")
    with accept(target) as served:
        assert recv_exactly(served, 4) == b"ping"
        served.sendall(b"pong")
        assert link.recv(4) == b"pong"
    link.close()


@pytest.mark.short
def test_refills_join_quickly(lab, quick, target):
    """The first link the long way, all that replace it the quick one."""
    lab.inner(quick, target, MaxFreeConn=1)
    link = quick.accept()
    assert link.counter is None
    for _ in range(10):
        use(link, target)
        link = quick.accept()
        assert link.counter is not None
    assert len(quick.counters) == len(set(quick.counters)) == 10
    use(link, target)


def test_counters_grow_and_begin_low(lab, quick, target):
    """So that a window of 1024 is wide enough for links that come at once."""
    lab.inner(quick, target, MaxFreeConn=1)
    link = quick.accept()
    for _ in range(5):
        use(link, target)
        link = quick.accept()
    numbers = [number for _, number in quick.counters]
    assert numbers == sorted(numbers)
    assert 1 <= numbers[0] and numbers[-1] - numbers[0] < 1024


def test_a_full_pool_uses_no_counter_twice(lab, quick, target):
    """Many links at once, and their replacements."""
    lab.inner(quick, target, MaxFreeConn=10)
    links = [quick.accept() for _ in range(10)]
    for link in links:
        use(link, target)
    for link in [quick.accept() for _ in range(10)]:
        use(link, target)
    assert len(quick.counters) == len(set(quick.counters))


def test_challenged_it_goes_the_long_way(lab, quick, target):
    """An outer that wants no quick join gets AUTH with the right proof."""
    lab.inner(quick, target, MaxFreeConn=1)
    use(quick.accept(), target)
    link = quick.accept_raw()
    link.handshake(KEY)
    assert link.counter is not None
    use(link, target)


@pytest.mark.parametrize("case", ["the outer's usual proof", "join",
                                  "other counter", "other secret"])
def test_other_proofs_in_welcome(lab, quick, target, case):
    """Whatever else could be put there: closed."""
    inner = lab.inner(quick, target, MaxFreeConn=1)
    first = quick.accept()
    use(first, target)
    link = quick.accept_raw()
    link.hello = link.expect(HELLO)
    assert link.joins_with(first.secret)
    nonce = bytes.fromhex(link.hello.json()["nonce"])
    own = {
        "the outer's usual proof": peers.proof(
            "outer", KEY, nonce, bytes(32), link.hello.payload),
        "join": peers.join_proof("join", first.secret, link.counter, nonce),
        "other counter": peers.join_proof(
            "joined", first.secret, link.counter + 1, nonce),
        "other secret": peers.join_proof(
            "joined", bytes(32), link.counter, nonce)}[case]
    mark = inner.mark()
    link.send(json_frame(WELCOME, proof=own, link="9", ping=10))
    assert link.ends(5 * SCALE) != "open"
    inner.wait_log(after=mark, level="warn|error", says="AuthKey|key|proof")


def test_each_run_has_secrets_of_its_own(lab, quick, target):
    """A new run of the inner begins with the long way."""
    for _ in range(2):
        inner = lab.inner(quick, target, MaxFreeConn=1)
        link = quick.accept()
        assert link.counter is None
        use(link, target)
        assert quick.accept().counter is not None
        inner.kill()


def test_the_ping_of_a_quick_welcome_rules(lab, target):
    """As in the long one."""
    quick = lab.add(FakeOuter(quick=True))
    lab.inner(quick, target, MaxFreeConn=1)
    first = quick.accept()
    use(first, target)
    quick.ping = 0.5
    link = quick.accept()
    assert link.counter is not None
    assert link.receive(2 * SCALE).kind == peers.KEEPALIVE


def test_both_programs_and_a_restart(lab):
    """Sessions, an outer that comes back, sessions again."""
    target = lab.echo()
    outer = lab.outer(InnerServerAddress=f"tcp://127.0.0.1:{free_port()}")
    inner = lab.inner(outer, target, MaxFreeConn=3)
    token = secrets.token_bytes(8)

    def sessions(at: Outer) -> None:
        for _ in range(12):
            with connect(at.clients) as client:
                client.sendall(token)
                assert recv_exactly(client, 8) == token
    outer.wait_joined(3)
    sessions(outer)
    outer.kill()
    mark = inner.mark()
    again = lab.outer(InnerServerAddress=outer.links_address)
    again.wait_joined(3)
    sessions(again)
    assert not inner.grep(level="error", after=mark)
