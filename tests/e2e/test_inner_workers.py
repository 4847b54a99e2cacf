"""The inner's threads: how many there are, and what they share."""
from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

import peers
from harness import thread_states, wait_until
from peers import FakeOuter, frame
from sockets import accept, connect, ping_pong, recv_exactly


def watched(pid: int) -> list[int]:
    """How many descriptors each epoll instance of a process watches."""
    root = Path(f"/proc/{pid}")
    return sorted(
        len(re.findall(r"^tfd:", (root / "fdinfo" / fd.name).read_text(),
                       re.M))
        for fd in (root / "fd").iterdir()
        if "eventpoll" in str(fd.readlink()))


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_so_many_threads(lab, workers):
    """Workers loops beside the main one, and all of it works."""
    outer, inner = lab.tunnel(lab.echo(), standbys=4,
                              inner={"Workers": workers})
    assert len(watched(inner.pid)) == 1 + workers
    assert len(thread_states(inner.pid)) >= 1 + workers
    clients = [lab.add(connect(outer.clients)) for _ in range(8)]
    for number, client in enumerate(clients):
        ping_pong(client, b"%d" % number)


def test_spares_are_spread_evenly(lab):
    """With 6 standbys on 2 workers each loop has 3 of them."""
    _, inner = lab.tunnel(lab.echo(), standbys=6, inner={"Workers": 2})
    wait_until(lambda: watched(inner.pid).count(1 + 3) == 2,
               "3 links and a wake-up at each worker")


def test_a_spare_taken_is_replaced_where_there_are_fewest(lab):
    """One worker's links are taken: its loop gets the new ones."""
    fake = lab.add(FakeOuter())
    inner = lab.inner(fake, lab.echo(), MaxFreeConn=4, Workers=2)
    links = [fake.accept_standing() for _ in range(4)]
    sessions = 0
    for link in links:
        link.start()
        sessions += 1
        fake.accept_standing()
        # its worker watches link and target now, and still 2 spares
        wait_until(lambda: sum(watched(inner.pid)[1:]) ==
                   2 + 4 + 2 * sessions, "4 spares, and all sessions")
    wait_until(lambda: watched(inner.pid)[1:] == [7, 7], "2 spares each")


@pytest.mark.parametrize("workers", [0, 2])
def test_drain_waits_for_every_worker(lab, target, workers):
    """SIGTERM: GOAWAY on each idle link, the session runs to its end."""
    fake = lab.add(FakeOuter())
    inner = lab.inner(fake, target, MaxFreeConn=4, Workers=workers,
                      DrainTimeout=30)
    running = fake.accept()
    running.start(b"x")
    idle = [fake.accept_standing() for _ in range(4)]
    inner.wait_log("spare", "state", to="idle", count=5)
    with accept(target) as served:
        assert recv_exactly(served, 1) == b"x"
        inner.signal(signal.SIGTERM)
        for link in idle:
            assert link.expect(peers.GOAWAY).json()["reason"] == "shutdown"
            link.close()
        served.sendall(b"still")
        assert running.recv(5) == b"still"
        assert inner.running()
    running.close()
    assert inner.wait() == 0
    assert not inner.grep("app", says="timeout")


@pytest.mark.parametrize("workers", [0, 2])
def test_last_words_are_said_before_the_end(lab, target, workers):
    """A refusal while stopping reaches the outer before the program ends."""
    fake = lab.add(FakeOuter())
    inner = lab.inner(fake, target, MaxFreeConn=1, Workers=workers,
                      DrainTimeout=30, MaxLinkAge=1000)
    link = fake.accept_standing()
    inner.wait_log("spare", "state", to="idle")
    inner.signal(signal.SIGTERM)
    link.expect(peers.GOAWAY)
    link.send(frame(peers.FORWARD, peers.Request(service=9).encode()))
    assert link.expect(peers.REFUSED).code == 20
    assert link.ends() == "fin"
    for _ in range(3):                  # what crosses them brings no reset
        link.send(frame(peers.KEEPALIVE))
        link.wait_read()
    assert inner.running()
    link.close()
    assert inner.wait() == 0
