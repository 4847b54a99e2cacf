"""Much data, slow readers, idle sessions."""
from __future__ import annotations

import select
import socket
import time

import pytest

from harness import MIB, PLAIN, SCALE, wait_until
from sockets import (accept, connect, how_it_ends, listen, ping_pong,
                     recv_exactly)
from streams import BLOCK, Worker, receive_stream, send_stream


@pytest.mark.heavy
@pytest.mark.timeout(240)
@pytest.mark.parametrize("slow_end", ["client", "target"])
def test_a_gibibyte_each_way(lab, machine, figure, slow_end):
    """1 GiB each way in one session, intact; 5 s of it one end is slow."""
    size = 1024 if PLAIN else 128
    listener = lab.add(listen())
    outer, inner = lab.tunnel(listener, standbys=1)
    began = time.monotonic()
    with connect(outer.clients) as client, accept(listener) as served:
        for sock in (client, served):
            sock.settimeout(60 * SCALE)
        up = Worker(send_stream, client, size, 0)
        down = Worker(send_stream, served, size, 1 << 40)
        at_target = Worker(receive_stream, served,
                           5 if slow_end == "target" else 0)
        at_client = Worker(receive_stream, client,
                           5 if slow_end == "client" else 0)
        limit = 150 * SCALE
        sent_up, sent_down = up.result(limit), down.result(limit)
        assert at_target.result(limit) == (sent_up, size * MIB)
        assert at_client.result(limit) == (sent_down, size * MIB)
    line = outer.session()
    assert (line["up"], line["down"]) == (size * MIB, size * MIB)
    peaks = {p.name: p.peak_kib() / 1024 for p in (outer, inner)}
    figure(f"{size} MiB each way, SHA-256 the same, {slow_end} slow for 5 s: "
           f"{time.monotonic() - began:.1f} s, peak memory " + ", ".join(
               f"{name} {peak:.1f} MiB" for name, peak in peaks.items()))
    if PLAIN:
        assert max(peaks.values()) < 32, peaks


def fill(sock: socket.socket) -> int:
    """Sends until nothing has been taken for a while; returns the bytes."""
    total = 0
    sock.setblocking(False)
    while select.select([], [sock], [], 0.5)[1]:
        try:
            total += sock.send(BLOCK)
        except BlockingIOError:
            pass
    return total


@pytest.mark.parametrize("sender", ["client", "target"])
def test_slow_reader_is_no_burden(lab, machine, sender):
    """Sessions whose reader has stopped cost their buffers and no more."""
    sessions, buffer_kib = 8, 64
    listener = lab.add(listen())
    outer, inner = lab.tunnel(listener, standbys=8,
                              outer={"BufferSize": "64K"},
                              inner={"BufferSize": "64K"})
    pairs = []
    for _ in range(sessions):
        client = lab.add(connect(outer.clients, buffers=1 << 16))
        pairs.append((client, lab.add(accept(listener))))
    before = [p.rss_kib() for p in (outer, inner)]
    senders = [pair[0 if sender == "client" else 1] for pair in pairs]
    readers = [pair[1 if sender == "client" else 0] for pair in pairs]
    sent = [w.result(60) for w in [Worker(fill, sock) for sock in senders]]
    assert min(sent) > 4 * buffer_kib * 1024, "never got going"
    if PLAIN:
        growth = [p.rss_kib() - was for p, was in zip((outer, inner), before)]
        assert max(growth) < sessions * 4 * buffer_kib + 1024, growth
    for sock, total in zip(readers, sent):       # and nothing is lost
        sock.settimeout(30)
        left = total
        while left:
            left -= len(sock.recv(min(left, MIB)))


def test_one_stalled_session_does_not_hold_up_others(lab):
    """While one reader has stopped, others are served at once."""
    listener = lab.add(listen())
    outer, _ = lab.tunnel(listener, standbys=2)
    stalled = lab.add(connect(outer.clients))
    lab.add(accept(listener))
    Worker(fill, stalled).result(60)
    for _ in range(5):
        with connect(outer.clients) as client, accept(listener) as served:
            client.sendall(b"quick")
            assert recv_exactly(served, 5) == b"quick"
            served.sendall(b"answer")
            assert recv_exactly(client, 6) == b"answer"


@pytest.mark.parametrize("side", ["outer", "inner"])
def test_idle_session_is_closed_at_idle_timeout(lab, side):
    """Silence both ways for IdleTimeout ends a session, and says so."""
    listener = lab.add(listen())
    outer, inner = lab.tunnel(listener,
                              **{side: {"IdleTimeout": 1}})
    with connect(outer.clients) as client, accept(listener) as served:
        began = time.monotonic()
        client.sendall(b"x")
        assert recv_exactly(served, 1) == b"x"
        assert how_it_ends(client, 5 * SCALE) != "open"
        assert time.monotonic() - began > 0.8
        assert how_it_ends(served, 5 * SCALE) != "open"
    program = outer if side == "outer" else inner
    program.session(says="idle")


@pytest.mark.parametrize("way", ["up", "down"])
def test_slow_but_steady_session_lives_on(lab, way):
    """A byte each 0.3 s, one way only, outlives IdleTimeout by far."""
    listener = lab.add(listen())
    idle = 1 + SCALE
    outer, _ = lab.tunnel(listener, outer={"IdleTimeout": idle},
                          inner={"IdleTimeout": idle})
    with connect(outer.clients) as client, accept(listener) as served:
        source, sink = (client, served) if way == "up" else (served, client)
        limit = time.monotonic() + 2.2 * idle
        while time.monotonic() < limit:
            source.sendall(b".")
            assert recv_exactly(sink, 1) == b"."
            time.sleep(0.3)
    outer.session()


def test_there_is_no_absolute_deadline(lab):
    """A session in use is not cut however long it lasts (here: scaled down)."""
    short = 1 + SCALE / 2
    quick = {"IdleTimeout": short, "HandshakeTimeout": short,
             "ForwardTimeout": short}
    outer, _ = lab.tunnel(lab.echo(), standbys=1,
                          outer=quick | {"QueueTimeout": short},
                          inner=quick | {"DialTimeout": 1,
                                         "MaxLinkAge": 1})
    with connect(outer.clients) as client:
        limit = time.monotonic() + 2.5 * short
        while time.monotonic() < limit:
            ping_pong(client, b"still here")
            time.sleep(0.05)
    wait_until(lambda: outer.grep("session", "finished"), "the session's line")
