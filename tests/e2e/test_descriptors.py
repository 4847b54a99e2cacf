"""Out of descriptors: said once, what runs goes on, and it ends well."""
from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import pytest

from harness import SCALE, VALGRIND, Program, wait_until
from lab import OUTER_DEFAULTS, Outer
from sockets import Address, connect, ping_pong, request

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
