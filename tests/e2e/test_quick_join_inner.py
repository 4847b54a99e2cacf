"""Quick joins of the real inner, seen by an outer written from the page."""
from __future__ import annotations

import pytest

import peers
from harness import SCALE
from peers import HELLO, FakeOuter
from sockets import accept, recv_exactly


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


def test_the_usual_proof_is_no_answer_to_a_join(lab, quick, target):
    """WELCOME at once with a proof that belongs to no join: not believed."""
    inner = lab.inner(quick, target, MaxFreeConn=1)
    first = quick.accept()
    first.start()
    link = quick.accept_raw()
    link.hello = link.expect(HELLO)
    nonce = bytes.fromhex(link.hello.json()["nonce"])
    link.send(peers.json_frame(
        peers.WELCOME, link="9", ping=10, proof=peers.join_proof(
            "join", first.secret, link.counter, nonce)))
    assert link.ends(5 * SCALE) != "open"
    inner.wait_log("keeper", level="error")


def test_welcome_at_once_without_asking(lab, quick, target):
    """No counter in HELLO, no WELCOME before CHALLENGE: a protocol error."""
    lab.inner(quick, target, MaxFreeConn=1)
    link = quick.accept_raw()
    link.hello = link.expect(HELLO)
    assert link.counter is None
    link.send(peers.json_frame(peers.WELCOME, link="9", ping=10,
                               proof="0" * 64))
    link.expect_error(peers.E_PROTOCOL)
