"""Armour on the public port: who may come, how many, how fast."""
from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import signal
import socket
import time

import pytest

from harness import PLAIN, SCALE, run_once, wait_until
from sockets import (Address, connect, how_it_ends, is_quiet, ping_pong,
                     recv_exactly, request, reset)
from targets import digest_then_all


def ends_of(address: Address, source: str = "") -> str:
    """How a client of that source ends who says nothing: "open" at first."""
    try:
        with connect(address, source=source) as sock:
            return how_it_ends(sock)
    except ConnectionResetError:
        return "reset"


def served(address: Address, source: str = "") -> bool:
    with connect(address, source=source) as sock:
        ping_pong(sock, b"hello")
    return True


def denials(outer, message: str = "refused") -> list:
    return outer.grep("front", message)


def test_allow_from(lab):
    """Only those of the list are served; a stranger costs one line."""
    outer, _ = lab.tunnel(lab.echo(), outer={
        "AllowFrom": ["127.0.0.1", "127.0.1.0/24"]})
    for _ in range(20):
        assert ends_of(outer.clients, "127.0.0.2") == "reset"
    assert ends_of(outer.clients, "127.0.2.1") == "reset"
    assert served(outer.clients, "127.0.0.1")
    assert served(outer.clients, "127.0.1.77")
    outer.wait_log("front", "refused", count=2)
    lines = denials(outer)
    assert len(lines) == 2, lines
    assert all(line["why"] == "not in AllowFrom" for line in lines)
    assert lines[0]["client"].startswith("127.0.0.2:")
    # whoever is refused is no session, and never was one
    outer.session(count=2)
    assert len(outer.grep("session", "finished")) == 2
    outer.ask_to_end()
    again = outer.wait_log("front", "refused again")
    assert (again["client"], again["count"]) == ("127.0.0.2", 19)


def test_deny_wins(lab):
    outer, _ = lab.tunnel(lab.echo(), outer={
        "AllowFrom": ["127.0.0.0/8"], "DenyFrom": ["127.0.0.128/25"]})
    assert served(outer.clients, "127.0.0.127")
    assert ends_of(outer.clients, "127.0.0.128") == "reset"
    assert ends_of(outer.clients, "127.0.0.255") == "reset"
    assert served(outer.clients, "127.0.1.0")
    outer.wait_log("front", "refused", count=2)
    assert {line["why"] for line in denials(outer)} == {"in DenyFrom"}


def test_deny_alone_lets_others_in(lab):
    outer, _ = lab.tunnel(lab.echo(), outer={"DenyFrom": ["127.0.0.2"]})
    assert ends_of(outer.clients, "127.0.0.2") == "reset"
    assert served(outer.clients, "127.0.0.1")


def test_ipv6_and_mapped(lab):
    """A socket for both kinds sees IPv4 clients as IPv6: they count as IPv4."""
    outer, _ = lab.tunnel(lab.echo(), outer={
        "OuterServerAddress": "tcp://:0",
        "AllowFrom": ["127.0.0.1", "::/0"], "DenyFrom": ["fe80::/10"]})
    port = outer.clients[1]
    assert served(("127.0.0.1", port))
    assert served(("::1", port))
    assert ends_of(("127.0.0.1", port), "127.0.0.2") == "reset"


def test_unix_socket_has_no_address(lab):
    path = str(lab.path("public.sock"))
    outer, _ = lab.tunnel(lab.echo(), outer={
        "OuterServerAddress": "unix://" + path, "AllowFrom": ["192.0.2.1"]})
    assert request(path, b"hello") == b"hello"
    assert not denials(outer)


def test_bad_block_is_named(lab):
    file = lab.outer_file(AllowFrom=["10.0.0.0/8", "10.0.0.1/8"])
    result = run_once("outer_server", "-c", str(file))
    assert result.returncode == 2
    assert '10.0.0.1/8": bits are set behind those that count' in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_check_shows_the_lists(lab):
    file = lab.outer_file(AllowFrom=["10.0.0.0/8", "::ffff:192.0.2.1"])
    result = run_once("outer_server", "-c", str(file), "--check")
    assert "AllowFrom = 10.0.0.0/8, 192.0.2.1\nDenyFrom = (none)\n" \
        in result.stdout


def hold(lab, address: Address, source: str = "") -> socket.socket:
    """A session that is known to relay."""
    sock = lab.add(connect(address, source=source))
    ping_pong(sock, b"hello")
    return sock


@pytest.mark.parametrize("workers", [0, 2])
def test_sessions_per_address(lab, workers):
    """A place is free again when a session ends, wherever it relayed."""
    outer, _ = lab.tunnel(lab.echo(), standbys=6, outer={
        "MaxSessionsPerAddress": 2, "Workers": workers})
    for _ in range(10):
        held = [wait_until(lambda: try_hold(lab, outer.clients),
                           "a place to be free") for _ in range(2)]
        for _ in range(3):
            assert ends_of(outer.clients) == "reset"
        for sock in held:
            ping_pong(sock, b"still here")
            sock.close()
    assert served(outer.clients, "127.0.0.2")
    outer.wait_log("front", "refused")
    lines = denials(outer)
    assert len(lines) == 1 and \
        lines[0]["why"] == "MaxSessionsPerAddress reached", lines


def try_hold(lab, address: Address) -> socket.socket | None:
    try:
        return hold(lab, address)
    except (OSError, AssertionError):
        return None


@pytest.mark.parametrize("workers", [0, 2])
def test_max_sessions(lab, workers):
    """Who comes at the limit waits in the kernel, and is served after all."""
    outer, _ = lab.tunnel(lab.echo(), standbys=6, outer={
        "MaxSessions": 3, "Workers": workers, "QueueTimeout": 1})
    assert outer.wait_log("outer", "ready")["sessions_max"] == 3
    held = [hold(lab, outer.clients) for _ in range(3)]
    outer.wait_log("front", says="MaxSessions reached", level="warn")
    late = [lab.add(connect(outer.clients)) for _ in range(4)]
    for sock in late:
        sock.sendall(b"late")
    # longer than anybody waits for a link
    assert all(is_quiet(sock, 0.3 * SCALE) for sock in late)
    for sock in held:
        ping_pong(sock, b"still here")
    while late:
        held.pop(0).close()
        sock = late.pop(0)
        assert recv_exactly(sock, 4) == b"late"
        held.append(sock)
    lines = outer.grep("front", level="warn")
    assert len(lines) == 1, lines
    for sock in held:
        sock.close()
    outer.wait_log("front", says="accepting goes on")
    assert not outer.grep("session", "finished", why="no standby in time")


def test_new_sessions_per_second(lab):
    outer, _ = lab.tunnel(lab.echo(), outer={
        "NewSessionsPerSecond": 1, "NewSessionsBurst": 4})
    began = time.monotonic()
    ends = [try_served(outer.clients) for _ in range(30)]
    most = 4 + time.monotonic() - began
    assert 4 <= sum(ends) <= most
    assert ends[:4] == [True] * 4
    assert served(outer.clients, "127.0.0.2")
    outer.wait_log("front", "refused")
    assert {line["why"] for line in denials(outer)} == \
        {"NewSessionsPerSecond exceeded"}
    wait_until(lambda: try_served(outer.clients), "the next second", every=0.1)


def try_served(address: Address) -> bool:
    try:
        return served(address)
    except (OSError, AssertionError):
        return False


def test_burst_alone_is_refused(lab):
    file = lab.outer_file(NewSessionsBurst=4)
    result = run_once("outer_server", "-c", str(file))
    assert result.returncode == 2
    assert "NewSessionsBurst: found it without NewSessionsPerSecond" \
        in result.stderr


def test_reload_takes_lists(lab):
    """SIGHUP changes who may come, and ends no session."""
    file = lab.outer_file(DenyFrom=["127.0.0.2"], MaxSessions=2)
    outer = lab.start_outer(file).wait_ready()
    lab.inner(outer, lab.echo())
    held = hold(lab, outer.clients)
    assert ends_of(outer.clients, "127.0.0.2") == "reset"
    hold(lab, outer.clients)
    outer.wait_log("front", says="MaxSessions reached")
    settings = json.loads(file.read_text())
    file.write_text(json.dumps(settings | {"DenyFrom": ["127.0.0.1"],
                                           "MaxSessions": 5}))
    outer.signal(signal.SIGHUP)
    assert not outer.wait_log("app", says="read anew")["level"] == "error"
    assert served(outer.clients, "127.0.0.2")
    assert ends_of(outer.clients) == "reset"
    ping_pong(held, b"still here")


KIB = 1024


class Sink:
    """A handler that says a byte, reads to the end and counts."""

    def __init__(self) -> None:
        self.bytes = 0

    async def __call__(self, reader, writer) -> None:
        writer.write(b"!")
        while data := await reader.read(1 << 16):
            self.bytes += len(data)


async def flood(reader, writer) -> None:
    """A handler that sends for ever."""
    while True:
        writer.write(b"f" * (64 * KIB))
        await writer.drain()


def drink(lab, address: Address, seconds: float) -> tuple[int, float]:
    """All that two clients get in so long: how many bytes, and how long it
    was."""
    began, got = time.monotonic(), 0
    socks = [lab.add(connect(address)) for _ in range(2)]
    while (left := began + seconds - time.monotonic()) > 0:
        for sock in select.select(socks, [], [], left)[0]:
            got += len(sock.recv(1 << 16))
    return got, time.monotonic() - began


def assert_rate(got: int, rate: int, seconds: float) -> None:
    """As fast as it may be, by wide bounds: the start has two ticks' worth,
    and what waits in sockets and pieces under way comes on top."""
    assert got <= rate * (seconds + 0.4) + 128 * KIB, got
    assert got >= rate * seconds / 3, got


@pytest.mark.parametrize("workers", [0, 2])
def test_rate_limit_of_all(lab, workers):
    """Downwards, of two sessions together, also on several threads."""
    rate = 1024 * KIB
    outer, _ = lab.tunnel(lab.target(flood), standbys=6, outer={
        "RateLimit": rate, "Workers": workers})
    got, seconds = drink(lab, outer.clients, 3)
    # what shards that have just begun or ended had is theirs for 100 ms more
    assert_rate(got, rate, seconds + (0.2 if workers else 0))
    assert {line["how"] for line in outer.grep("pump", "started")} == {"bev"}


def test_rate_limit_of_a_session(lab):
    """Each has its own; the other direction is not slowed by it."""
    rate = 512 * KIB
    outer, _ = lab.tunnel(lab.target(flood), outer={
        "RateLimitPerSession": "512K"})
    got, seconds = drink(lab, outer.clients, 3)
    assert_rate(got, 2 * rate, seconds)


def test_rate_limit_upwards(lab):
    """By what arrives at the target, beside the same without a limit."""
    rate, seconds = 512 * KIB, 3
    arrived = []
    for settings in ({"RateLimit": rate}, {}):
        sink = Sink()
        outer, _ = lab.tunnel(lab.target(sink), outer=settings)
        sock = lab.add(connect(outer.clients))
        assert recv_exactly(sock, 1) == b"!"
        sock.setblocking(False)
        began = time.monotonic()
        while (left := began + seconds - time.monotonic()) > 0:
            if select.select([], [sock], [], left)[1]:
                with contextlib.suppress(BlockingIOError):
                    sock.send(bytes(64 * KIB))
        arrived.append(sink.bytes)
        took = time.monotonic() - began
        if settings:
            assert_rate(arrived[0], rate, took)
        sock.close()
    assert arrived[1] > 5 * arrived[0], arrived


def test_limited_session_is_whole(lab):
    """Half-close and every byte, as without a limit."""
    outer, _ = lab.tunnel(lab.target(digest_then_all), outer={
        "RateLimit": "8M", "RateLimitPerSession": "4M"})
    data = os.urandom(3 << 20)
    reply = request(outer.clients, data)
    assert reply == hashlib.sha256(data).digest() + data
    line = outer.session(why="done")
    assert (line["up"], line["down"]) == (len(data), len(data) + 32)


def served_or_paused(outer, sock: socket.socket) -> str:
    if not is_quiet(sock, 0.02):
        return "served"
    told = outer.grep("front", level="warn")
    return "paused" if told and is_quiet(sock, 0.5 * SCALE) else ""


@pytest.mark.parametrize("pump", ["copy", "bev"])
@pytest.mark.parametrize("workers", [0, 2])
def test_max_buffer_memory(lab, machine, pump, workers):
    """Clients who do not read cannot fill the machine: others wait at the
    bound, are served when there is room, and nobody loses a byte."""
    outer, _ = lab.tunnel(lab.target(flood), standbys=6, outer={
        "MaxBufferMemory": "1M", "BufferSize": "256K", "Pump": pump,
        "Workers": workers, "QueueTimeout": 30})
    before = outer.rss_kib()
    slow = []
    while True:     # until one waits: what is held may leave for a while
        late = lab.add(connect(outer.clients, buffers=16 * KIB))
        if wait_until(lambda: served_or_paused(outer, late),
                      "it is served, or waits") == "paused":
            break
        slow.append(late)       # some hold little: the kernel has the rest
        assert len(slow) < 1000, "it holds as much as it likes"
    line = outer.wait_log("front", says="MaxBufferMemory reached")
    assert line["level"] == "warn" and line["held"] > 3 << 18
    # each may have the least that a direction may hold on top
    if PLAIN:
        assert outer.rss_kib() - before < (12 << 10) + len(slow) * 40
    for sock in slow[1:]:
        reset(sock)
    assert recv_exactly(late, 100 * KIB) == b"f" * (100 * KIB)
    assert recv_exactly(slow[0], 3000 * KIB) == b"f" * (3000 * KIB)
    outer.wait_log("front", says="accepting goes on")


def test_denied_crowd_is_in_nobodys_way(lab):
    """A thousand tries of 250 addresses: clients are served meanwhile, the log
    and the descriptors do not grow with them."""
    outer, _ = lab.tunnel(lab.echo(), outer={"DenyFrom": ["127.0.1.0/24"]})
    held = hold(lab, outer.clients)
    fds, tries = outer.fds(), 1000
    for number in range(tries):
        assert ends_of(outer.clients, f"127.0.1.{1 + number % 250}") == "reset"
        if number % 50 == 0:
            ping_pong(held, b"still here")
            assert served(outer.clients)
    assert outer.fds() <= fds + 10
    assert len(denials(outer)) == 64
    held.close()
    outer.ask_to_end()
    outer.wait()
    again = sum(line["count"] for line in denials(outer, "refused again"))
    others = denials(outer, "refused, from further addresses")
    assert len(others) == 1
    assert 64 + again + others[0]["count"] == tries
