"""The fakes themselves: they agree with each other and with fixed vectors."""
from __future__ import annotations

import socket
import threading

import pytest

import peers
from classic import (PING, PROXY, SIGN_IN, ClassicInner, ClassicOuter,
                     parse_signal, signal48)
from harness import KEY
from peers import FakeInner, FakeOuter, Request
from sockets import byte_by_byte, split_at, unread_by_peer, whole

WRITERS = [whole, byte_by_byte, split_at(1), split_at(6), split_at(50)]


def in_thread(work):
    """Runs work beside the test; returns a function that awaits its result."""
    result = []
    thread = threading.Thread(target=lambda: result.append(work()))
    thread.start()

    def join():
        thread.join()
        return result[0]
    return join


@pytest.mark.parametrize("writer", WRITERS)
def test_native_fakes_understand_each_other(writer):
    """Handshake, FORWARD, READY, START and raw bytes, in any pieces."""
    outer = FakeOuter(writer=writer)
    try:
        link = in_thread(outer.accept)
        inner = FakeInner.join(outer.address, writer=writer)
        link = link()
        begun = in_thread(lambda: link.start(b"up", waiting=3))
        got = inner.take_forward()
        inner.ready(got.session, b"down")
        assert begun() == got.session
        assert got.waiting == 3 and got.client[:4] == bytes([192, 0, 2, 7])
        assert inner.recv(2) == b"up" and link.recv(4) == b"down"
        inner.close()
    finally:
        outer.close()


@pytest.mark.parametrize("writer", WRITERS)
def test_classic_fakes_understand_each_other(writer):
    """Sign-in, 6 both ways with pings between, raw bytes, in any pieces."""
    outer = ClassicOuter(writer=writer)
    try:
        link = in_thread(outer.accept)
        inner = ClassicInner.join(outer.address, writer=writer)
        link = link()
        begun = in_thread(lambda: inner.begin(pings=2, raw=b"down"))
        link.start(b"up")
        begun()
        assert inner.recv(2) == b"up" and link.recv(4) == b"down"
        inner.close()
    finally:
        outer.close()


def test_a_wrong_key_makes_another_proof():
    """The proofs tell keys, sides, nonces and HELLOs apart."""
    one = peers.proof("inner", KEY, bytes(32), bytes(32), b"{}")
    assert len(one) == 64
    others = {peers.proof("outer", KEY, bytes(32), bytes(32), b"{}"),
              peers.proof("inner", KEY + "x", bytes(32), bytes(32), b"{}"),
              peers.proof("inner", KEY, b"x" * 32, bytes(32), b"{}"),
              peers.proof("inner", KEY, bytes(32), b"x" * 32, b"{}"),
              peers.proof("inner", KEY, bytes(32), bytes(32), b"{ }")}
    assert len(others | {one}) == 6


def test_quick_join_proofs_are_the_page_s():
    """The test vectors of the page: secret, join, joined."""
    secret = peers.resume_secret("correct horse battery staple",
                                 bytes(range(32)), bytes(range(32, 64)))
    assert secret.hex() == ("c3ed36d709134832822bccd805e5b08b"
                            "f00cccae4f1e4e1b0ccf0399aca3b85c")
    nonce = bytes(range(0x40, 0x60))
    assert peers.join_proof("join", secret, 7, nonce) == \
        "f906f799581441f948739df8236ab630bc44c187ed8c56009c78973e08176418"
    assert peers.join_proof("joined", secret, 2**53 - 1, nonce) == \
        "17085ea4f0c4ddc82ec8d08ef6ab8db0b6482ebb9fb231ada005ef38da79bcc7"


@pytest.mark.parametrize("writer", WRITERS)
def test_fakes_join_quickly(writer):
    """A counter once, then it and a wrong proof go the long way."""
    outer = FakeOuter(writer=writer, quick=True)
    try:
        link = in_thread(outer.accept)
        first = FakeInner.join(outer.address, writer=writer, instance="ab" * 8)
        assert link().secret == first.secret
        for counter, claim, kind in [(1, None, peers.WELCOME),
                                     (1, None, peers.CHALLENGE),
                                     (2, "0" * 64, peers.CHALLENGE),
                                     (2, None, peers.WELCOME)]:
            link = in_thread(outer.accept)
            inner = FakeInner(outer.address, writer=writer, instance="ab" * 8)
            got = inner.ask_to_join(first.secret, counter, claim)
            assert got.kind == kind
            if kind == peers.CHALLENGE:
                inner.go_on(got)
            assert link().counter == counter
            inner.close()
        first.close()
        assert outer.counters == [("ab" * 8, 1), ("ab" * 8, 2)]
    finally:
        outer.close()


def test_layouts_are_the_page_s():
    """A frame's head, the 52 bytes of a request, a signal's 48."""
    assert peers.frame(peers.KEEPALIVE).hex() == "010500000000"
    assert peers.session_frame(peers.READY, 258).hex() == \
        "0121" "00000008" "0000000000000102"
    raw = Request(session=1, service=2, waiting=3, client_port=4,
                  public_port=5, target="t").encode()
    assert raw.hex() == ("0000000000000001" "00000002" "0003" "04" "00"
                         "0004" "0005" "c0000207" + "00" * 12
                         + "c0000201" + "00" * 12 + "74")
    assert Request.decode(raw).encode() == raw
    assert signal48(SIGN_IN, "123456") == \
        b'{"T":2,"Ext":"123456' + b" " * 26 + b'"}'
    assert parse_signal(signal48(PROXY)) == (PROXY, "")
    assert parse_signal(signal48(PING, "x" * 32)) == (PING, "x" * 32)


def test_unread_bytes_are_counted():
    """What the writers wait for: bytes that the peer has not read."""
    with socket.create_server(("127.0.0.1", 0)) as server, \
            socket.create_connection(server.getsockname()) as client, \
            server.accept()[0] as served:
        client.sendall(b"12345")
        assert unread_by_peer(client) == 5
        served.recv(2)
        assert unread_by_peer(client) == 3
        served.recv(3)
        assert unread_by_peer(client) == 0
