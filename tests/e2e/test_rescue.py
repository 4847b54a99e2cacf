"""Clients and inners that could be lost by a hair, and are not."""
from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

import peers
from classic import ClassicInner
from harness import SCALE
from peers import FakeInner, frame
from sockets import (accept, connect, listen, ping_pong, recv_all,
                     recv_exactly, request, reset, timed_talk,
                     wait_acknowledged, wait_read)
from targets import Unanswering


def dead_address(lab) -> str:
    """An address at which connections are refused."""
    holder = lab.add(socket.socket())
    holder.bind(("127.0.0.1", 0))
    return f"tcp://127.0.0.1:{holder.getsockname()[1]}"


async def crowd(outer, count: int) -> list[float]:
    """So many clients at once; how long each waited for its own bytes."""
    async def one(number: int) -> float:
        token = b"client-%d" % number
        reply, seconds = await timed_talk(outer.clients, token, 30 * SCALE)
        assert reply == token, reply
        return seconds
    return await asyncio.gather(*map(one, range(count)))


def fill(client: socket.socket) -> None:
    """Sends until nothing more is taken."""
    deadline = client.gettimeout()
    client.settimeout(0.5)
    with pytest.raises(TimeoutError):
        while True:
            client.sendall(bytes(1 << 16))
    client.settimeout(deadline)


def join(lab, outer, **settings) -> FakeInner:
    return lab.standby(outer, **settings)


# --- two inners -----------------------------------------------------------

@pytest.mark.heavy
def test_a_dead_target_beside_a_good_one_costs_nobody(lab, machine):
    """Refused by one inner, waited for at the other, even in a crowd."""
    outer = lab.outer(QueueTimeout=5 * SCALE)
    lab.inner(outer, lab.echo(), InnerId="good")
    lab.inner(outer, dead_address(lab), InnerId="bad")
    outer.wait_joined(20)
    for _ in range(2):
        assert len(asyncio.run(crowd(outer, 100))) == 100


@pytest.mark.heavy
def test_crowds_while_one_of_two_inners_is_stopped(lab, machine, figure):
    """Who has a link in a moment is waited for, not the one that is silent."""
    outer = lab.outer()
    target = lab.echo()
    lab.inner(outer, target, InnerId="live")
    outer.wait_joined(10)
    stopped = lab.inner(outer, target, InnerId="stopped")
    outer.wait_joined(20)
    stopped.signal(signal.SIGSTOP)
    slowest = [max(asyncio.run(crowd(outer, count))) for count in (5, 20, 20)]
    stopped.signal(signal.SIGCONT)
    figure("one of two inners stopped, crowds of 5, 20, 20: slowest "
           + ", ".join(f"{seconds:.2f} s" for seconds in slowest))
    assert max(slowest) < 2 * SCALE, slowest


def test_refused_by_one_a_client_gets_to_a_suspect(lab):
    """Suspects are taken last, never forbidden."""
    outer = lab.outer(Workers=0)        # of one shard the order is known
    suspect, second, first = [join(lab, outer, inner="s", instance="1" * 16)
                              for _ in range(3)]
    with connect(outer.clients):
        first.take_forward()            # and says nothing
        second.take_forward()           # nor does this one, until he leaves
    refusing = join(lab, outer, inner="r", instance="2" * 16)
    with connect(outer.clients):
        asked = refusing.take_forward()
        refusing.send(peers.refused_frame(asked.session, 16, "no"))
        assert suspect.take_forward().session == asked.session


def test_a_slow_handshake_does_not_make_a_long_silence(lab):
    """How long AUTH took says little about how soon FORWARD is answered."""
    outer = lab.outer()
    good = join(lab, outer, inner="g", instance="1" * 16)
    slow = lab.add(FakeInner(outer.links, inner="s", instance="2" * 16))
    slow.send(frame(peers.HELLO, slow.hello()))
    challenge = slow.expect(peers.CHALLENGE)
    time.sleep(2)                       # the slowness under test
    slow.send(slow.auth_for(challenge))
    slow.check_welcome(slow.expect(peers.WELCOME))
    outer.wait_joined(2)
    with connect(outer.clients):
        began = time.monotonic()
        slow.expect(peers.FORWARD)
        good.expect(peers.FORWARD, timeout=10)
        assert time.monotonic() - began < 2 * SCALE


# --- stopping -------------------------------------------------------------

def test_drain_does_not_wait_for_a_link_that_was_refused(lab):
    """A dial that fails during a drain ends its link and then the program."""
    slow = lab.add(Unanswering())
    outer = lab.outer()
    inner = lab.inner(outer, slow, MaxFreeConn=2, DialTimeout=1,
                      DrainTimeout=60)
    outer.wait_joined(2)
    with connect(outer.clients):
        inner.wait_log("spare", "state", to="dialing")
        inner.ask_to_end()
        assert inner.wait(15 * SCALE) == 0


def test_goaway_is_sent_though_nothing_relays(lab):
    """The last words of an outer that ends at once."""
    outer = lab.outer()
    link = join(lab, outer)
    outer.ask_to_end()
    assert link.expect(peers.GOAWAY)
    assert outer.wait(10 * SCALE) == 0


# --- ends that are easy to miss -------------------------------------------

@pytest.mark.parametrize("how", ["while it is not read", "after its FIN"])
def test_reset_of_a_client_nobody_reads(lab, how):
    """Back-pressure or a half-close does not hide that the client is gone.
    PeerTimeout: Linux may drop a reset that comes to a full buffer (RFC 5961);
    then the next probe finds out."""
    listener = lab.add(listen())
    outer, inner = lab.tunnel(listener, outer={"PeerTimeout": 4})
    client = connect(outer.clients, buffers=1 << 16)
    with accept(listener) as served:
        if how == "after its FIN":
            client.sendall(b"q")
            client.shutdown(socket.SHUT_WR)
            assert recv_all(served) == b"q"
        else:
            fill(client)
        reset(client)
        for program in (outer, inner):
            program.wait_log("session", "finished", timeout=12 * SCALE)
        assert outer.session()["why"] == "reset by the client"


def test_answer_of_a_go_inner_that_leaves_the_upload_unread(lab):
    """What it sent is delivered though it closes with bytes unread."""
    outer = lab.outer()
    link = lab.add(ClassicInner.join(outer.links))
    outer.wait_joined(1)
    answer = bytes(range(250)) * 600
    with connect(outer.clients, buffers=1 << 14) as client:
        link.begin()
        fill(client)
        link.send(answer)
        link.finish()
        wait_acknowledged(link.sock)    # or what is on its way would be lost
        wait_read(link.sock)
        link.close()                    # unread bytes: a reset follows
        assert recv_exactly(client, len(answer)) == answer


@pytest.mark.parametrize("size", [1, 50_000])
def test_a_go_inner_is_gone_before_its_answer_is_read(lab, size):
    """Its bytes, its FIN and the reset behind them are all there when the
    outer, which still has bytes to write to it, looks: the answer comes."""
    outer = lab.outer()
    link = lab.add(ClassicInner.join(outer.links))
    outer.wait_joined(1)
    answer = random.Random(size).randbytes(size)
    with connect(outer.clients, buffers=1 << 14) as client:
        link.begin()
        fill(client)
        outer.signal(signal.SIGSTOP)
        link.send(answer)
        link.finish()
        wait_acknowledged(link.sock)
        link.close()                    # unread bytes: a reset follows
        outer.signal(signal.SIGCONT)
        assert recv_exactly(client, len(answer)) == answer


@pytest.mark.parametrize("full", [False, True], ids=["at first", "when full"])
def test_a_client_that_sends_on_and_reads_late(lab, full):
    """The answer of a go inner waits for it, though it is slower than most
    last words are given; what it sends meanwhile goes nowhere, also what the
    outer holds of it for the inner."""
    outer = lab.outer()
    link = lab.add(ClassicInner.join(outer.links))
    outer.wait_joined(1)
    answer = random.Random(1).randbytes(300_000)
    with connect(outer.clients, buffers=1 << 14) as client:
        link.begin()

        def send_on() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client.sendall(bytes(1 << 14))
        if full:
            fill(client)
        sender = threading.Thread(target=send_on, daemon=True)
        sender.start()
        link.send(answer)
        link.finish()
        outer.session()
        time.sleep(4)                   # the slowness under test
        assert recv_exactly(client, len(answer)) == answer
        reset(client)
        sender.join()


# --- limits ---------------------------------------------------------------

def test_silent_strangers_do_not_use_up_maxlinks(lab):
    """Who has not authenticated does not count."""
    outer = lab.outer(MaxLinks=3)
    for _ in range(5):
        lab.add(connect(outer.links))
    join(lab, outer)


@pytest.mark.heavy
def test_maxlinks_is_no_outage(lab):
    """An inner that wants more links than it may have goes on serving."""
    outer = lab.outer(MaxLinks=3)
    lab.inner(outer, lab.echo(), MaxFreeConn=5, MaxRetryInterval=60)
    outer.wait_joined(3)
    outer.wait_log("standby", "closed", why="MaxLinks reached", count=4,
                   timeout=20 * SCALE)
    for number in range(10):
        assert request(outer.clients, b"%d" % number) == b"%d" % number


def test_a_new_link_ends_the_suspicion(lab):
    """Who comes back with a handshake is heard: nobody waits beside it."""
    outer = lab.outer(QueueTimeout=8)
    gone = join(lab, outer, inner="a", instance="a" * 16)
    with connect(outer.clients):
        gone.take_forward()             # and never answers
        outer.wait_log("standby", "closed", why="no answer to FORWARD")
    other = join(lab, outer, inner="b", instance="b" * 16)
    with connect(outer.clients):
        other.ready(other.take_forward().session)   # its only link is used up
        back = join(lab, outer, inner="a", instance="a" * 16)
        with connect(outer.clients):
            began = time.monotonic()
            back.take_forward()
            assert time.monotonic() - began < 2 * SCALE


def cpu_by_thread(pid: int) -> dict[int, int]:
    """Nanoseconds that each thread of a process has run."""
    return {int(stat.parent.name): int(stat.read_text().split()[0])
            for stat in Path(f"/proc/{pid}/task").glob("*/schedstat")}


def test_lasting_sessions_use_all_threads(lab):
    """Eight that come one after another do not all stay on one thread."""
    outer = lab.outer(Workers=3)
    lab.inner(outer, lab.echo(), MaxFreeConn=8)
    clients = []
    for number in range(8):
        outer.wait_joined(8 + number)
        clients.append(lab.add(connect(outer.clients)))
        ping_pong(clients[-1], b"x")
    before = cpu_by_thread(outer.pid)
    for _ in range(200):
        for client in clients:
            ping_pong(client, bytes(65536))
    after = cpu_by_thread(outer.pid)
    spent = sorted(after[tid] - before[tid] for tid in after)
    assert spent[-3] > spent[-1] / 10, "of four threads two did nearly nothing"
