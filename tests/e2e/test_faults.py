"""What breaks: stopped, killed and vanished programs, targets, networks."""
from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import PLAIN, SCALE, wait_until
from lab import Outer, Restarted
from sockets import (accept, connect, established_at, established_to,
                     free_port, how_it_ends, listen, ping_pong, request, talk,
                     timed_talk)
from targets import Target, echo


async def callers(outer: Outer, count: int, timeout: float, one_by_one: bool):
    """(reply or exception, seconds) for each of count clients."""
    async def call(number: int):
        token = b"client-%d" % number
        reply, seconds = await timed_talk(outer.clients, token, timeout)
        assert reply == token, reply
        return seconds
    if one_by_one:
        return [await call(number) for number in range(count)]
    return await asyncio.gather(*(call(n) for n in range(count)))


# --- stopped inners -------------------------------------------------------

@pytest.mark.heavy
@pytest.mark.parametrize("one_by_one", [False, True],
                         ids=["at once", "one by one"])
def test_one_of_two_inners_stopped(lab, machine, figure, one_by_one):
    """Half of the standbys dead: 100 of 100 clients served, within 2 s."""
    outer = lab.outer()
    target = lab.echo()
    inners = [lab.inner(outer, target, InnerId=f"inner-{n}") for n in (1, 2)]
    outer.wait_joined(20)
    inners[1].signal(signal.SIGSTOP)
    seconds = asyncio.run(callers(outer, 100, 30 * SCALE, one_by_one))
    figure(f"one of two inners stopped, clients "
           f"{'one by one' if one_by_one else 'at once'}: {len(seconds)} of "
           f"100 served, slowest {max(seconds):.2f} s")
    assert len(seconds) == 100
    assert max(seconds) < 2 * SCALE, sorted(seconds)[-5:]
    inners[1].signal(signal.SIGCONT)
    assert request(outer.clients, b"after") == b"after"


@pytest.mark.heavy
def test_the_only_inner_stalls_and_wakes(lab, machine, figure):
    """Stopped for 2 s under 20 clients: all are served when it wakes."""
    outer, inner = lab.tunnel(lab.echo(), standbys=10)
    inner.signal(signal.SIGSTOP)

    async def stall():
        calls = asyncio.ensure_future(callers(outer, 20, 30 * SCALE, False))
        await asyncio.sleep(2)
        assert not calls.done(), "somebody was refused"
        inner.signal(signal.SIGCONT)
        return await calls

    seconds = asyncio.run(stall())
    assert len(seconds) == 20 and min(seconds) > 1.5
    figure(f"the only inner stopped for 2 s: {len(seconds)} of 20 clients "
           f"served, slowest {max(seconds):.2f} s")


def test_a_stopped_inner_comes_back(lab):
    """After SIGCONT its links serve again, or are replaced."""
    outer, inner = lab.tunnel(lab.echo(), standbys=2,
                              outer={"PingInterval": 0.5})
    inner.signal(signal.SIGSTOP)
    wait_until(lambda: outer.link_count() == 0, "silent links are closed",
               3 * 0.5 * 1.2 + 2 * SCALE)
    mark = outer.mark()
    inner.signal(signal.SIGCONT)
    outer.wait_joined(2, after=mark)
    assert request(outer.clients, b"back") == b"back"


# --- killed and restarted -------------------------------------------------

@pytest.mark.heavy
@pytest.mark.timeout(150)
def test_outer_killed_and_restarted(lab, machine, figure):
    """Down for 0.1 to 3 s, five times: back within 2 s, nothing leaks."""
    target = lab.echo()
    place = Restarted(lab)
    inner = lab.inner(place.outer, target, MaxFreeConn=5)
    place.outer.wait_joined(5)
    settled = []
    for down in (0.1, 3.0, 1.0, random.uniform(0.1, 3), 0.3):
        stop = False

        def come() -> int:
            """A client that comes again and again; returns its successes."""
            served = 0
            while not stop:
                try:
                    served += request(place.outer.clients, b"x", 5) == b"x"
                except OSError:
                    time.sleep(0.01)
            return served

        with ThreadPoolExecutor(4) as pool:
            clients = [pool.submit(come) for _ in range(4)]
            try:
                mark = inner.mark()
                place.kill()
                time.sleep(down)
                outer = place.start()
                up = outer.wait_log("outer", "ready").when
                back = outer.wait_joined(1, timeout=10 * SCALE).when - up
                assert back < 2 * SCALE, f"back after {back} s, down {down} s"
                inner.wait_connected(after=mark)
                assert request(outer.clients, b"again") == b"again"
            finally:
                stop = True
        assert sum(client.result() for client in clients) > 0
        # links for those who waited are given up after 5 s and a tick
        wait_until(lambda: outer.link_count() == 5, "five standbys",
                   10 * SCALE)
        wait_until(lambda: target.open == 0, "the target is at rest")
        if settled:                     # the last sessions take a moment
            wait_until(lambda: outer.fds() <= settled[0][0]
                       and inner.fds() <= settled[0][1],
                       "as many descriptors as after the first round")
        settled.append((outer.fds(), inner.fds(), outer.rss_kib(),
                        inner.rss_kib(), back))
    first, last = settled[0], settled[-1]
    figure("outer killed five times: back within "
           f"{max(row[4] for row in settled):.2f} s of its return; since the "
           f"first round fds {last[0] - first[0]:+d} outer, "
           f"{last[1] - first[1]:+d} inner, KiB {last[2] - first[2]:+d} "
           f"outer, {last[3] - first[3]:+d} inner")
    assert last[0] <= first[0] and last[1] <= first[1], settled
    if PLAIN:
        assert last[2] <= first[2] + 1024 and last[3] <= first[3] + 1024, \
            settled


def test_inner_killed_and_restarted(lab):
    """A killed inner's links are gone at once; its next run serves."""
    target = lab.echo()
    outer, inner = lab.tunnel(target, standbys=3)
    for _ in range(3):
        inner.kill()
        wait_until(lambda: outer.link_count() == 0, "its links are gone")
        mark = outer.mark()
        inner = lab.inner(outer, target, MaxFreeConn=3)
        outer.wait_joined(3, after=mark)
        assert request(outer.clients, b"new run") == b"new run"


def test_client_waits_for_an_inner_that_restarts(lab):
    """A client that comes while no inner is there is served by the next."""
    target = lab.echo()
    outer, inner = lab.tunnel(target, standbys=1,
                              outer={"QueueTimeout": 30})
    before = outer.fds() - 1
    inner.kill()
    wait_until(lambda: outer.fds() == before, "its link is gone")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(request, outer.clients, b"patient")
        wait_until(lambda: outer.fds() > before, "the client is queued")
        lab.inner(outer, target, MaxFreeConn=1)
        assert waiting.result() == b"patient"


def test_killed_inner_resets_its_clients(lab):
    """Sessions of a killed inner end; they do not hang."""
    outer, inner = lab.tunnel(lab.echo(), standbys=1)
    with connect(outer.clients) as client:
        ping_pong(client, b"x")
        inner.kill()
        assert how_it_ends(client) != "open"
    outer.session()


def test_target_killed_and_restarted(lab):
    """While the target is down clients are reset; then all is well again."""
    for _ in range(5):
        try:
            address = ("127.0.0.1", free_port())
            target = Target(echo, address)
            break
        except OSError:
            continue
    outer, inner = lab.tunnel(target, standbys=2)
    assert request(outer.clients, b"one") == b"one"
    target.close()
    with pytest.raises(OSError):
        request(outer.clients, b"two")
    lab.target(echo, address=address)
    assert request(outer.clients, b"three") == b"three"
    assert inner.running()


# --- vanished without a word ----------------------------------------------

class Wire:
    """Two network namespaces, joined by a wire that can be cut."""

    def __init__(self) -> None:
        tag = f"{os.getpid() % 100000}"
        self.ends = (f"tpo{tag}", f"tpi{tag}")
        self.hosts = ("10.99.0.1", "10.99.0.2")
        try:
            self._build()
        except (OSError, subprocess.CalledProcessError) as error:
            self.close()
            pytest.skip(f"no network namespaces with veth here: {error}")

    def _build(self) -> None:
        for name in self.ends:
            self._ip("netns", "add", name)
        self._ip("link", "add", "wire", "netns", self.ends[0], "type", "veth",
                 "peer", "name", "wire", "netns", self.ends[1])
        for name, host in zip(self.ends, self.hosts):
            self._ip("-n", name, "addr", "add", host + "/24", "dev", "wire")
            self._ip("-n", name, "link", "set", "wire", "up")

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True)

    def inside(self, end: int) -> dict[str, list[str]]:
        """What to start a program with so that it lives at that end."""
        return {"prefix": ["ip", "netns", "exec", self.ends[end]]}

    def set(self, end: int, state: str) -> None:
        self._ip("-n", self.ends[end], "link", "set", "wire", state)

    def close(self) -> None:
        for name in self.ends:
            with contextlib.suppress(OSError):
                subprocess.run(["ip", "netns", "del", name],
                               capture_output=True)


@pytest.mark.heavy
@pytest.mark.parametrize("cut", [0, 1], ids=["outer's end", "inner's end"])
def test_peer_that_vanishes_without_fin(lab, cut):
    """Both notice within three ping intervals, and find together again."""
    interval = 0.5
    within = 3 * interval * 1.2 + 1 * SCALE
    wire = lab.add(Wire())
    outer = lab.outer(options=wire.inside(0), PingInterval=interval,
                      InnerServerAddress=f"tcp://{wire.hosts[0]}:0",
                      OuterServerAddress=f"unix://{lab.path('public')}")
    target = lab.target(echo, address=str(lab.path("target")))
    inner = lab.inner(f"tcp://{wire.hosts[0]}:{outer.links[1]}", target,
                      options=wire.inside(1), MaxFreeConn=3)
    outer.wait_joined(3)
    assert request(outer.clients, b"before") == b"before"
    # the used link is replaced, and WELCOME has come through
    inner.wait_log("spare", "state", to="idle", count=4)
    mark = outer.mark()
    wire.set(cut, "down")
    port = outer.links[1]
    wait_until(lambda: established_at(port, outer.pid) == 0,
               "the outer notices", within)
    wait_until(lambda: established_to(port, inner.pid) == 0,
               "the inner notices", within)
    wire.set(cut, "up")
    outer.wait_joined(3, after=mark, timeout=8 * SCALE)
    assert request(outer.clients, b"after") == b"after"


@pytest.mark.heavy
@pytest.mark.parametrize("way", ["up", "down"])
def test_peer_that_vanishes_while_bytes_are_under_way(lab, way):
    """PeerTimeout ends the session on both sides, sender's and receiver's."""
    wire = lab.add(Wire())
    outer = lab.outer(options=wire.inside(0), PeerTimeout=2,
                      InnerServerAddress=f"tcp://{wire.hosts[0]}:0",
                      OuterServerAddress=f"unix://{lab.path('public')}")
    listener = lab.add(listen(str(lab.path("target"))))
    inner = lab.inner(f"tcp://{wire.hosts[0]}:{outer.links[1]}", listener,
                      options=wire.inside(1), MaxFreeConn=1, PeerTimeout=2)
    outer.wait_joined(1)
    with connect(outer.clients) as client, accept(listener) as served:
        sender, reader = (client, served) if way == "up" else (served, client)
        sender.settimeout(1)
        sender.sendall(b"x")
        assert reader.recv(1) == b"x"
        wire.set(0, "down")
        with contextlib.suppress(socket.timeout):
            while True:                 # until all buffers are full
                sender.sendall(bytes(1 << 16))
        for program in (outer, inner):
            program.wait_log("session", "finished", timeout=15 * SCALE)
        assert how_it_ends(client) != "open"
        assert how_it_ends(served) != "open"


def test_silent_links_do_not_pile_up(lab):
    """PingInterval keeps idle links alive: none is closed for silence."""
    outer, _ = lab.tunnel(lab.echo(), standbys=3, outer={"PingInterval": 1})
    time.sleep(4.5)
    assert outer.joined() == 3 and outer.link_count() == 3
    assert asyncio.run(talk(outer.clients, b"alive")) == b"alive"
