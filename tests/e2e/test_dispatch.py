"""Clients, standbys and threads at once: who is idle is found, and counted."""
from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

import harness
from harness import SCALE, wait_until
from peers import (CHALLENGE, HELLO, KEEPALIVE, R_REFUSED, WELCOME, FakeInner,
                   frame, refused_frame)
from sockets import connect, is_quiet, recv_exactly, reset

INSTANCE = "5" * 16
QUIET = {"LogLevel": "info"}        # the log would set the pace


@pytest.fixture(scope="session")
def slowmain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes the main thread slow, built once."""
    library = tmp_path_factory.mktemp("slowmain") / "slowmain.so"
    source = Path(__file__).with_name("slowmain.c")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, source],
                   check=True)
    return library


def spin(seconds: float) -> None:
    """A wait that is too short to sleep."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


class Crowd:
    """Threads that come as clients, again and again, each for one echo."""

    def __init__(self, outer, size: int, rounds: int, patience: float) -> None:
        self.outer, self.rounds, self.patience = outer, rounds, patience
        self.slow: list[float] = []
        self.problems: list[str] = []
        self.served = 0
        self._threads = [threading.Thread(target=self._come, args=(number,))
                         for number in range(size)]

    def run(self) -> None:
        """All of them, up to the first that was not served in time."""
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()
        assert not self.problems and not self.slow, \
            (self.served, self.problems, self.slow)

    def _come(self, number: int) -> None:
        chance = random.Random(number)
        for _ in range(self.rounds):
            if self.problems or self.slow:
                return
            spin(chance.random() * 0.0005)  # about when the next link joins
            self._once()

    def _once(self) -> None:
        began = time.monotonic()
        try:
            with connect(self.outer.clients, 10 * self.patience) as sock:
                sock.sendall(b"echo")
                assert recv_exactly(sock, 4) == b"echo"
        except (OSError, AssertionError) as problem:
            self.problems.append(repr(problem))
            return
        self.served += 1
        if time.monotonic() - began > self.patience:
            self.slow.append(time.monotonic() - began)


@pytest.mark.parametrize("size, standbys", [(1, 1), (5, 1), (12, 3)])
def test_a_crowd_with_few_standbys(lab, machine, size, standbys):
    """Nobody waits longer than it takes to make the next standby."""
    outer = lab.outer(QueueTimeout=60, Workers=4, **QUIET)
    lab.inner(outer, lab.echo(), MaxFreeConn=standbys, **QUIET)
    Crowd(outer, size, 1000 // size, 3 * SCALE).run()


def hold_instance(lab, outer) -> None:
    """One link of INSTANCE that dials on and on: so the threads know it."""
    def is_held() -> bool:
        held = lab.add(FakeInner.join(outer.links, instance=INSTANCE))
        client = lab.add(connect(outer.clients))
        held.take_forward()
        held.send(frame(KEEPALIVE))     # not silent: its answer takes a while
        if held.readable(0.05):         # but it came too late
            reset(client)
            return False
        return True
    wait_until(is_held, "a link is held")


class Joining(FakeInner):
    """A link that needs but one more frame to stand by."""

    def __init__(self, outer) -> None:
        super().__init__(outer.links, instance=INSTANCE)
        self.send(frame(HELLO, self.hello()))
        self.last = self.auth_for(self.expect(CHALLENGE))

    def take(self) -> None:
        """Asserts that a client comes; nobody else needs to for that."""
        self.check_welcome(self.expect(WELCOME))
        self.take_forward(5)


@pytest.mark.skipif(not harness.PLAIN,
                    reason="the checker has an allocator of its own")
@pytest.mark.parametrize("queued", [0, 2])
def test_nobody_waits_beside_an_idle_standby(lab, machine, slowmain, queued):
    """A standby that becomes idle while a client begins to wait is his: the
    thread of the one and the thread of the other never both look away,
    whether others waited before him or not."""
    outer = lab.outer(QueueTimeout=60, ForwardTimeout=60, Workers=4,
                      options={"env": {"LD_PRELOAD": str(slowmain),
                                       "SLOW_US": "500"}})
    hold_instance(lab, outer)
    before = outer.fds()
    for step in range(60):
        early = [lab.add(Joining(outer)) for _ in range(queued)]
        late = lab.add(Joining(outer))
        clients = [connect(outer.clients) for _ in range(queued - 1)]
        wait_until(lambda: outer.fds() == before + len(clients + early) + 1,
                   "they wait")
        if queued > 0:                  # main is busy until the others are here
            clients.append(connect(outer.clients))
        for link in early:
            link.send(link.last)
        clients.append(connect(outer.clients))
        spin(step * 0.00005)
        late.send(late.last)            # somewhere in the last one's first look
        for link in [*early, late]:
            link.take()
        for client in clients:
            reset(client)               # a FIN alone would still be served
        wait_until(lambda: outer.fds() == before, "all have gone")
        for link in [*early, late]:
            link.close()


def refuse(link: FakeInner) -> None:
    link.send(refused_frame(link.take_forward().session, R_REFUSED, "no"))


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_every_idle_standby_is_found_after_a_storm(lab, machine):
    """Standbys that die with a client on the way to them, that refuse, and
    clients that leave: what is counted as idle afterwards is what is idle."""
    outer = lab.outer(QueueTimeout=60, ForwardTimeout=60, Workers=4, **QUIET)
    hold_instance(lab, outer)
    before = outer.fds()
    for step in range(60):
        links = [FakeInner.join(outer.links, instance=INSTANCE)
                 for _ in range(8)]
        clients = [connect(outer.clients) for _ in range(2 + step % 3)]
        if step % 2:
            for link in links[-len(clients):]:
                if link.readable(0):
                    refuse(link)
        for link in links:              # the clients may be under way to them
            spin(step * 0.000005)
            link.close()
            clients.append(connect(outer.clients))
        for client in clients:
            reset(client)
        wait_until(lambda: outer.fds() == before, "all have gone")
    links = [lab.add(FakeInner.join(outer.links, instance=INSTANCE))
             for _ in range(12)]
    idle = list(links)
    while idle:
        lab.add(connect(outer.clients))
        link = wait_until(lambda: readable_of(idle), "a FORWARD is there",
                          every=0.0002)
        link.take_forward(5)
        link.send(frame(KEEPALIVE))     # or it counts as silent
        idle.remove(link)
    lab.add(connect(outer.clients))     # and for one too many nobody is looked
    wait_until(lambda: outer.fds() == before + 25, "it waits")
    used = cpu_seconds(outer.pid)
    time.sleep(1)                       # the time in which it is to rest
    assert cpu_seconds(outer.pid) - used < 0.3


def readable_of(links: list[FakeInner]) -> FakeInner | None:
    return next((link for link in links if link.readable(0)), None)


def take_all(links: list[FakeInner], count: int) -> list[int]:
    """What the next FORWARDs on so many of the links say of who waits; takes
    those links away."""
    said = []

    def look() -> bool:
        for link in list(links):
            if link.readable(0):
                said.append(link.take_forward().waiting)
                links.remove(link)
        return len(said) >= count

    wait_until(look, "they are asked", every=0.0002)
    return said


def come_at_once(lab, outer, count: int) -> list:
    """Clients that the outer accepts in one wake-up."""
    outer.signal(signal.SIGSTOP)
    try:
        return [lab.add(connect(outer.clients)) for _ in range(count)]
    finally:
        outer.signal(signal.SIGCONT)


def test_a_crowd_takes_the_last_standby_counted(lab):
    """Who comes while a crowd is being given the last of the pool is told of
    by its last FORWARD: the inner refills for all of them at once."""
    outer = lab.outer(QueueTimeout=60, ForwardTimeout=60)
    hold_instance(lab, outer)
    before = outer.fds()
    for _ in range(150):                # 1 ms after the first ones is short
        made = [lab.add(FakeInner.join(outer.links, instance=INSTANCE))
                for _ in range(6)]
        links = list(made)
        clients = come_at_once(lab, outer, 6)
        first = take_all(links, 5)
        clients += [lab.add(connect(outer.clients)) for _ in range(3)]
        last = take_all(links, len(links))
        assert not any(first)
        for client in clients:
            reset(client)
        wait_until(lambda: outer.fds() == before, "all have gone")
        for link in made:
            link.close()
        if last == [3]:
            return
        time.sleep(0.11)                # no other one is held sooner
    pytest.fail("nobody was told of the rest of the crowd")


def test_no_client_is_turned_away_while_a_standby_is_held(lab):
    outer = lab.outer(QueueLength=1, QueueTimeout=60, ForwardTimeout=60)
    hold_instance(lab, outer)
    links = [lab.add(FakeInner.join(outer.links, instance=INSTANCE))
             for _ in range(4)]
    clients = come_at_once(lab, outer, 5)
    take_all(links, 4)
    late = lab.add(FakeInner.join(outer.links, instance=INSTANCE))
    late.take_forward(5)
    assert all(is_quiet(client, 0.01) for client in clients)
