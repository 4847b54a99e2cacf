"""The native handshake, each side seen by peers written from the page."""
from __future__ import annotations

import re

import pytest

import peers
from harness import SCALE, wait_until
from peers import FakeInner, FakeOuter, frame, json_frame
from sockets import accept, byte_by_byte, connect, recv_exactly, split_at

PIECES = {"bytes": byte_by_byte, **{str(n): split_at(n) for n in range(1, 16)}}


@pytest.fixture
def outer(lab):
    return lab.outer()


# --- at our outer ---------------------------------------------------------

@pytest.mark.short
def test_handshake_proofs_and_welcome(lab, outer):
    """CHALLENGE and WELCOME as the page has them; the link's line names it."""
    link = lab.standby(outer, inner="box.example-1")
    assert link.welcome["ping"] == 10
    line = outer.wait_joined()
    assert line["inner"] == "box.example-1"
    assert line["instance"] == link.fields["instance"]
    assert str(line["link"]) == link.welcome["link"]
    assert line["peer"] == link.name
    assert line["kind"] == "native"


@pytest.mark.parametrize("pieces", PIECES)
def test_outer_takes_frames_in_any_pieces(lab, outer, pieces):
    """HELLO, AUTH and READY split anywhere, or one byte at a time."""
    link = lab.standby(outer, writer=PIECES[pieces])
    with connect(outer.clients) as client:
        got = link.take_forward()
        link.sock.sendall(frame(peers.KEEPALIVE))   # half of READY is none
        link.ready(got.session, b"raw")
        assert recv_exactly(client, 3) == b"raw"


def test_unknown_keys_are_ignored(lab, outer):
    """Payloads may grow."""
    lab.standby(outer, color="blue", extra={"a": [1, 2, {"b": None}]})


@pytest.mark.parametrize("counter", [1, 0])
def test_unknown_quick_join_gets_a_challenge(lab, outer, counter):
    """A quick join of an unknown instance: CHALLENGE as if it were not one."""
    lab.standby(outer, counter=counter, proof="00" * 32)


def test_two_challenges_are_never_the_same(lab, outer):
    """Each link gets a nonce of its own, also for the same HELLO."""
    lab.standby(outer)      # whose address may leave as often as it likes
    nonces = set()
    for _ in range(20):
        with connect(outer.links) as sock:
            link = FakeInner.__new__(FakeInner)
            peers.Wire.__init__(link, sock)
            link.send(json_frame(
                peers.HELLO, role="standby", inner="a", instance="0" * 16,
                nonce="0" * 64, software="x"))
            nonces.add(link.expect(peers.CHALLENGE).json()["nonce"])
    assert len(nonces) == 20


@pytest.mark.short
@pytest.mark.parametrize("options", [
    {"key": "wrong-key-0123456789"}, {"inner": "unknown", "key": "no-such"}],
    ids=["wrong key", "unknown id"])
def test_wrong_key_gets_error_2(lab, outer, options):
    """ERROR 2 and the close, the same for a wrong key and an unknown id."""
    link = lab.add(FakeInner(outer.links, **options))
    link.send(frame(peers.HELLO, link.hello()))
    link.send(link.auth_for(link.expect(peers.CHALLENGE)))
    link.expect_error(peers.E_AUTH)
    line = outer.wait_log(level="warn|info|error", says="auth|proof|key")
    assert line.says(link.name)


@pytest.mark.parametrize("change", [
    {"nonce": "00" * 31}, {"nonce": "zz" * 32}, {"nonce": 5},
    {"instance": "abc"}, {"instance": None}, {"role": "king"}, {"role": 1},
    {"inner": ""}, {"inner": "x" * 500}, {"inner": "a b\n"}, {"inner": ["x"]},
    {"software": 7}], ids=str)
def test_ill_formed_hello_is_a_protocol_error(lab, outer, change):
    """A missing or ill-typed key: ERROR, close, one line, no harm."""
    link = lab.add(FakeInner(outer.links))
    link.fields.update(change)
    link.send(frame(peers.HELLO, link.hello()))
    link.expect_error(peers.E_PROTOCOL, peers.E_NOT_ALLOWED)
    assert outer.wait_log(level="warn|info", says=link.name)


@pytest.mark.parametrize("missing", ["role", "inner", "instance", "nonce"])
def test_hello_without_a_key_is_a_protocol_error(lab, outer, missing):
    """Each key that the page names must be there."""
    link = lab.add(FakeInner(outer.links))
    del link.fields[missing]
    link.send(frame(peers.HELLO, link.hello()))
    link.expect_error(peers.E_PROTOCOL)


# --- of our inner ---------------------------------------------------------

@pytest.mark.short
def test_hello_says_who_it_is(lab, fake, target):
    """HELLO's keys as the page has them; the instance differs per run only."""
    hellos = []
    for _ in range(2):
        inner = lab.inner(fake, target,
                          MaxFreeConn=2, InnerId="my-inner")
        hellos.append([fake.accept().hello.json() for _ in range(2)])
        inner.kill()
    for said in [hello for run in hellos for hello in run]:
        assert said["role"] == "standby" and said["inner"] == "my-inner"
        assert re.fullmatch(r"[0-9a-f]{16}", said["instance"])
        assert re.fullmatch(r"[0-9a-f]{64}", said["nonce"])
        assert said["software"].startswith("transponder/")
    (one, two), (other, _) = hellos
    assert one["instance"] == two["instance"] != other["instance"]
    assert one["nonce"] != two["nonce"]


@pytest.mark.parametrize("pieces", PIECES)
def test_inner_takes_frames_in_any_pieces(lab, target, pieces):
    """CHALLENGE, WELCOME, FORWARD and START split anywhere."""
    fake = lab.add(FakeOuter(writer=PIECES[pieces]))
    link = lab.link(fake, target)
    link.start(b"raw")
    with accept(target) as served:
        assert recv_exactly(served, 3) == b"raw"


def test_host_name_is_the_default_id(lab, fake, target):
    """Without InnerId the inner is named after its host."""
    with open("/proc/sys/kernel/hostname") as file:
        host = file.read().strip()
    link = lab.link(fake, target, InnerId=None)
    assert link.hello.json()["inner"] == host


def test_welcome_may_grow(lab, fake, target):
    """Unknown keys in WELCOME are ignored."""
    lab.inner(fake, target, MaxFreeConn=1)
    link = fake.accept_raw().handshake(fake.key, 10, motd=["hi"], x=None)
    link.start(b"ok")
    with accept(target) as served:
        assert recv_exactly(served, 2) == b"ok"


@pytest.mark.parametrize("state", ["hello", "auth"])
def test_handshake_deadline_of_the_inner(lab, fake, target, state):
    """An outer that stops answering is left after HandshakeTimeout."""
    inner = lab.inner(fake, target, MaxFreeConn=1,
                      HandshakeTimeout=2)
    link = fake.accept_raw()
    link.expect(peers.HELLO)
    if state == "auth":
        link.send(peers.json_frame(peers.CHALLENGE, nonce="ab" * 32))
        link.expect(peers.AUTH)
    assert link.ends(5 * SCALE) != "open"
    inner.wait_log(level="warn|error|info", says="handshake|time")
    fake.accept(5 * SCALE)
    wait_until(inner.running, "it goes on")
