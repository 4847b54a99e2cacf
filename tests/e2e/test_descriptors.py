"""Out of descriptors: said once, what runs goes on, and it ends well."""
from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path

import pytest

from harness import SCALE, VALGRIND, Program, wait_until
from lab import OUTER_DEFAULTS, Outer
from sockets import (Address, accept, connect, is_quiet, listen, ping_pong,
                     recv_exactly, request, reset)

pytestmark = pytest.mark.skipif(VALGRIND, reason="valgrind needs descriptors")


def limited(number: int) -> dict:
    """So many descriptors, beside those of the worker threads."""
    workers = OUTER_DEFAULTS.get(
        "Workers", min(len(os.sched_getaffinity(0)), 4) - 1)
    number += 8 * workers
    return {"prefix": ["prlimit", f"--nofile={number}:{number}"]}


def shortage_lines(program: Program, after: int = 0) -> list:
    return [line for line in program.grep(level="warn|error", after=after)
            if line.says("descriptor|EMFILE|too many open files")]


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def assert_at_rest(program: Program) -> None:
    """It neither spins nor writes line upon line."""
    mark, ticks = program.mark(), cpu_ticks(program.pid)
    time.sleep(0.8)
    assert cpu_ticks(program.pid) - ticks < 8 * SCALE, "it spins"
    assert not shortage_lines(program, mark)
    assert len(shortage_lines(program)) <= 2, shortage_lines(program)


def crowd_at(lab, address: Address, count: int) -> list:
    """So many connections; some may be reset before they know it."""
    crowd = []
    for _ in range(count):
        with contextlib.suppress(ConnectionResetError):
            crowd.append(lab.add(connect(address)))
    return crowd


def served(outer: Outer) -> bool:
    try:
        return request(outer.clients, b"new", 5) == b"new"
    except OSError:
        return False


def silent_links(lab, outer: Outer, each: int) -> list:
    """Strangers of ten addresses that say nothing, as far as they get in."""
    crowd = []
    for last in range(2, 12):
        for _ in range(each):
            with contextlib.suppress(ConnectionResetError):
                crowd.append(lab.add(connect(outer.links,
                                             source=f"127.0.0.{last}")))
    return crowd


@pytest.mark.parametrize("first", ["sessions", "strangers"])
def test_strangers_take_no_descriptors_of_sessions(lab, first):
    """With as many sessions as there may be, strangers who say nothing do not
    take what a session that ends leaves for the next client."""
    outer = lab.outer(options=limited(400), HandshakeTimeout=60)
    lab.inner(outer, lab.echo(), MaxFreeConn=8)
    outer.wait_joined(4)
    running = []
    if first == "strangers":
        assert len(silent_links(lab, outer, 20)) >= 40
    while True:         # until one has to wait to be accepted
        running.append(lab.add(connect(outer.clients)))
        running[-1].sendall(b"hello")
        wait_until(lambda: not is_quiet(running[-1], 0.02) or
                   outer.grep("front", level="warn"), "served, or full")
        if outer.grep("front", level="warn"):
            break
        assert recv_exactly(running[-1], 5) == b"hello"
        assert len(running) < 200, "it takes as many as it likes"
    for _ in range(10):                 # the pool has grown meanwhile
        running.pop().close()
    silent_links(lab, outer, 12)
    for _ in range(20):
        running.pop().close()
        silent_links(lab, outer, 1)
        assert served(outer)
    assert not outer.grep("listen", level="warn")


@pytest.mark.parametrize("who", ["clients", "links"])
def test_outer_out_of_descriptors(lab, who):
    """A crowd at either port: one line, sessions go on, it recovers."""
    outer = lab.outer(options=limited(64), HandshakeTimeout=30,
                      QueueTimeout=30)
    inner = lab.inner(outer, lab.echo(), MaxFreeConn=4)
    outer.wait_joined(4)
    first = [lab.add(connect(outer.clients)) for _ in range(5)]
    for client in first:
        ping_pong(client, b"hello")
    where = outer.clients if who == "clients" else outer.links
    crowd = crowd_at(lab, where, 100)
    outer.wait_log(level="warn|error", says="descriptor|too many open files"
                   if who == "clients" else "have not authenticated")
    for client in first:
        ping_pong(client, b"still here")
    assert_at_rest(outer)
    if who == "links":                  # strangers never get that far
        assert served(outer)
    for client in crowd:
        client.close()
    wait_until(lambda: served(outer), "it serves new clients", 20 * SCALE,
               every=0.2)
    for client in first:
        ping_pong(client, b"and after")
    assert inner.running()


def test_inner_out_of_descriptors(lab):
    """The inner refuses what it cannot dial, and recovers."""
    outer = lab.outer(QueueTimeout=2)
    inner = lab.inner(outer, lab.echo(), options=limited(48), MaxFreeConn=4)
    outer.wait_joined(4)
    first = [lab.add(connect(outer.clients)) for _ in range(5)]
    for client in first:
        ping_pong(client, b"hello")
    crowd = crowd_at(lab, outer.clients, 60)
    inner.wait_log(level="warn|error", says="descriptor|too many open files")
    for client in first:
        ping_pong(client, b"still here")
    for client in crowd:
        client.close()
    wait_until(lambda: served(outer), "it serves new clients", 20 * SCALE,
               every=0.2)
    assert len(shortage_lines(inner)) <= 5, shortage_lines(inner)
    for client in first:
        ping_pong(client, b"and after")


def test_ready_line_says_what_the_limit_allows(lab):
    """The soft limit is raised to the hard one, and the log says how many."""
    allowed = []
    for hard in (256, 1024):
        options = {"prefix": ["prlimit", f"--nofile=64:{hard}"]}
        outer = lab.outer(options=options)
        line = outer.wait_log("outer", "ready")
        limits = Path(f"/proc/{outer.pid}/limits").read_text()
        row = next(r for r in limits.splitlines() if "open files" in r)
        assert row.split()[3:5] == [str(hard), str(hard)]
        assert hard / 8 <= line["sessions_max"] <= hard / 2, line
        allowed.append(line["sessions_max"])
    assert allowed[0] < allowed[1]


@pytest.mark.parametrize("workers, limit", [(0, 33), (4, 64), (64, 512)])
def test_with_hardly_any_descriptors_one_at_a_time(lab, workers, limit):
    """There is always room for one: accepting never pauses for good."""
    prefix = ["prlimit", f"--nofile={limit}:{limit}"]
    outer = lab.outer(Workers=workers, options={"prefix": prefix})
    lab.inner(outer, lab.echo(), MaxFreeConn=2)
    outer.wait_joined(1)
    for _ in range(3):
        assert request(outer.clients, b"one", 10) == b"one"


def pipes(outer: Outer) -> int:
    fds = Path(f"/proc/{outer.pid}/fd")
    return sum("pipe:" in os.readlink(fd) for fd in fds.iterdir())


def fill(sock: socket.socket) -> None:
    """Writes until nothing has fitted for a while."""
    sock.settimeout(0.3)
    with contextlib.suppress(TimeoutError):
        while True:
            sock.send(bytes(1 << 18))


def drain(sock: socket.socket) -> None:
    sock.settimeout(0.3)
    with contextlib.suppress(TimeoutError):
        while sock.recv(1 << 20):
            pass


def test_room_that_comes_of_closed_pipes_is_seen(lab):
    """Pipes are kept for a while after the last session; then there is room."""
    place = listen()
    outer = lab.outer(Workers=0, Pump="auto",
                      options={"prefix": ["prlimit", "--nofile=64:64"]})
    lab.inner(outer, lab.add(place), MaxFreeConn=28, BufferSize="16K")
    outer.wait_joined(28)
    client = lab.add(connect(outer.clients))
    client.sendall(b"q")
    target = lab.add(accept(place))
    fill(client)
    fill(target)
    if pipes(outer) == 0:
        pytest.skip("nothing is spliced here")
    other = lab.add(connect(outer.clients))
    outer.wait_log("front", level="warn")
    drain(client)
    drain(target)
    for sock in (other, client, target):
        reset(sock)
    with connect(outer.clients) as late:
        late.sendall(b"late")
        place.settimeout(8 * SCALE)
        while True:             # those of the others come first
            served, _ = place.accept()
            served.settimeout(5 * SCALE)
            with served, contextlib.suppress(ConnectionResetError):
                if served.recv(4) == b"late":
                    break
