"""Services with both real programs: addresses that outlive restarts, many
inners, changes under load."""
from __future__ import annotations

import asyncio
import json
import random
import signal
import threading
import time
from typing import Any, Callable

import pytest

from harness import PLAIN, SCALE, wait_until
from lab import Lab, Outer
from peers import FakeInner
from sockets import Address, connect, free_port, recv_exactly, talk
from test_services import any_port, control, offer


def names_itself(name: str):
    """A server that says its name and echoes."""
    async def handler(reader, writer) -> None:
        data = await reader.readexactly(4)
        writer.write(name.encode() + b"/" + data)
        await writer.drain()
    return handler


async def ask(address: Address, deadline: float) -> str:
    """The name of whoever answers, and that the answer is to this question."""
    question = b"%04d" % random.randrange(10000)
    answer = await talk(address, question, deadline)
    name, _, said = answer.partition(b"/")
    assert said == question, answer
    return name.decode()


class Visitors(threading.Thread):
    """So many new clients a second at one address, who must all be answered by
    the right one."""

    def __init__(self, places: dict[str, Address], rate: int) -> None:
        super().__init__()
        self.places, self.rate = places, rate
        self.over = threading.Event()
        self.served, self.faults = 0, []

    async def _one(self, name: str) -> None:
        try:
            got = await ask(self.places[name], 20 * SCALE)
            assert got == name, f"{got} instead of {name}"
            self.served += 1
        except (AssertionError, OSError, asyncio.TimeoutError) as problem:
            self.faults.append(f"{name}: {problem!r}")

    async def _all(self) -> None:
        tasks, began, made = set(), time.monotonic(), 0
        while not self.over.is_set():
            due = int((time.monotonic() - began) * self.rate)
            while made < due:
                names = list(self.places)
                task = asyncio.ensure_future(
                    self._one(names[made % len(names)]))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                made += 1
            await asyncio.sleep(0.01)
        await asyncio.gather(*tasks)

    def run(self) -> None:
        asyncio.run(self._all())

    def finish(self) -> str:
        self.over.set()
        self.join()
        assert not self.faults, (len(self.faults), self.faults[:5])
        return f"{self.served} clients, none lost"


def start_visitors(lab: Lab, places: dict[str, Address],
                   rate: int = 200) -> Visitors:
    visitors = Visitors(places, rate if PLAIN else rate // 4)
    visitors.start()

    class End:
        def close(self) -> None:
            visitors.over.set()
            visitors.join()
    lab.add(End())
    return visitors


def registering(lab: Lab, outer: Outer, *services: dict, **more):
    """A real inner with services of its own."""
    return lab.inner(outer, None, Services=list(services), **more)


def asks(name: str, target, listen: str | None = "tcp://127.0.0.1:0", **more):
    more |= {} if listen is None else {"RemoteListen": listen}
    return {"Name": name, "Proxy": target.url, **more}


@pytest.mark.short
def test_an_inner_asks_and_is_served(lab):
    """From RemoteListen to the target, with nothing in the outer's file."""
    outer = lab.outer()
    registering(lab, outer, asks("web", lab.target(names_itself("web"))),
                asks("ssh", lab.target(names_itself("ssh"))))
    for name in ("web", "ssh"):
        place = outer.public(name)
        assert asyncio.run(ask(place, 10 * SCALE)) == name


def test_the_outers_service_and_the_inners_target(lab):
    """Named by both files; a target of AllowTargets too."""
    other = lab.target(names_itself("other"))
    outer = lab.outer(Services=[
        any_port("web"), any_port("other", Inner="home", Target=other.url),
        any_port("wrong", Inner="home", Target="tcp://127.0.0.1:1")])
    inner = registering(
        lab, outer, asks("web", lab.target(names_itself("web")), None),
        InnerId="home", AllowTargets=[other.url])
    inner.wait_log("service", "registered")
    for name in ("web", "other"):
        assert asyncio.run(ask(outer.public(name), 10 * SCALE)) == name


def test_ports_survive_restarts_of_the_inner(lab):
    """Clients that come in between wait for it."""
    outer = lab.outer(QueueTimeout=60)
    target = lab.target(names_itself("web"))
    inner = registering(lab, outer, asks("web", target), InnerId="home")
    place = outer.public("web")
    for _ in range(3):
        inner.kill()
        waiting = lab.add(connect(place))
        waiting.sendall(b"1234")
        inner = registering(lab, outer, asks("web", target), InnerId="home")
        assert recv_exactly(waiting, 8) == b"web/1234"
    assert not outer.grep("service", "closed: its inner is gone")


def test_ports_survive_a_restart_of_the_outer(lab):
    """The inner comes back and asks for them again."""
    port = free_port()
    file = lab.outer_file(InnerServerAddress=f"tcp://127.0.0.1:{free_port()}")
    outer = lab.start_outer(file).wait_ready()
    registering(lab, outer, asks("web", lab.target(names_itself("web")),
                                 f"tcp://127.0.0.1:{port}"))
    outer.public("web")
    outer.kill()
    outer = lab.start_outer(file).wait_ready()
    assert outer.public("web") == ("127.0.0.1", port)
    assert asyncio.run(ask(("127.0.0.1", port), 10 * SCALE)) == "web"


def while_nobody_is_silent(outer: Outer, run: Callable[[], Any]) -> Any:
    """Again, if an inner had no time for half a second: it is passed over
    then."""
    for _ in range(5):
        mark, got = outer.mark(), run()
        if not outer.grep("standby", "closed", after=mark,
                          why="no answer to FORWARD"):
            return got
    raise AssertionError("an inner was silent each time")


def test_weights_are_kept(lab):
    """Three of four clients go to the one of weight 3."""
    outer = lab.outer(Services=[any_port("web")])
    served = {}
    for name, weight in (("big", 3), ("small", 1)):
        link = control(lab, outer, name, instance=name[0].encode().hex() * 8)
        link.register(offer("web", None, weight=weight))
        served[name] = [lab.standby(outer, inner=name, registers=True,
                                    instance=link.fields["instance"])
                        for _ in range(16)]
    idle = sum(served.values(), [])

    def asked() -> list[FakeInner]:
        return [link for link in idle if link.readable(0)]
    for _ in range(16):
        lab.add(connect(outer.public("web")))
        link, = wait_until(asked, "a FORWARD is there", every=0.0002)
        link.ready(link.take_forward().session)     # or it counts as silent
        idle.remove(link)
    assert {name: sum(link not in idle for link in links)
            for name, links in served.items()} == {"big": 12, "small": 4}


def test_weights_are_of_one_service(lab):
    """Two services of the same inners, with weights that cross: clients of the
    one in turn with clients of the other."""
    outer = lab.outer(Services=[any_port("web"), any_port("nas")])
    for name, weights in (("aaa", {"web": 3, "nas": 1}),
                          ("bbb", {"web": 1, "nas": 3})):
        target = lab.target(names_itself(name))
        registering(lab, outer, *(
            asks(service, target, None, Weight=weight)
            for service, weight in weights.items()), InnerId=name).wait_log(
                "service", "registered", count=2)
    outer.wait_joined(20)
    said: dict[str, list[str]] = {}

    def take_turns() -> None:
        said.update(web=[], nas=[])
        for _ in range(40):
            for service, seen in said.items():
                seen.append(asyncio.run(ask(outer.public(service),
                                            10 * SCALE)))
    while_nobody_is_silent(outer, take_turns)
    assert 25 <= said["web"].count("aaa") <= 35, said
    assert 25 <= said["nas"].count("bbb") <= 35, said


def sized(lab: Lab, outer: Outer) -> None:
    """Two inners for the service web, one ten times as large."""
    for name, size in (("big", 50), ("small", 5)):
        registering(lab, outer, asks("web", lab.target(names_itself(name)),
                                     None),
                    InnerId=name, MaxFreeConn=size).wait_log(
                        "service", "registered")
    outer.wait_joined(55)


@pytest.mark.parametrize("workers", [0, 2])
def test_inners_of_different_sizes_take_turns(lab, workers):
    """What counts is how many of its own standbys an inner has idle, not how
    many that are."""
    outer = lab.outer(Services=[any_port("web")], Workers=workers)
    sized(lab, outer)
    place = outer.public("web")
    said = while_nobody_is_silent(outer, lambda: [
        asyncio.run(ask(place, 10 * SCALE)) for _ in range(60)])
    assert 15 <= said.count("big") <= 45, said

    async def at_once() -> list[str]:
        return await asyncio.gather(*(ask(place, 10 * SCALE)
                                      for _ in range(40)))
    said = while_nobody_is_silent(outer, lambda: asyncio.run(at_once()))
    # At least: the small one may be slower to replace what it gave before.
    assert said.count("small") >= 1 and said.count("big") > 2, said


def test_an_inner_that_is_busier_for_its_size_is_passed_over(lab):
    """Of 10 and of 4 standbys that nobody replaces each gives its part, all the
    way to the last ones."""
    outer = lab.outer(Services=[any_port("web")], QueueTimeout=60)
    idle = {name: [lab.standby(outer, inner=name, instance=name * 4)
                   for _ in range(size)]
            for name, size in (("aaaa", 10), ("bbbb", 4))}
    link = control(lab, outer, "aaaa", instance="aaaa" * 4)
    link.register(offer("web", None))
    link = control(lab, outer, "bbbb", instance="bbbb" * 4)
    link.register(offer("web", None))

    def left() -> tuple[int, int]:
        for link in sum(idle.values(), []):
            if link not in taken and link.readable(0):
                link.ready(link.take_forward().session)
                taken.append(link)
        return tuple(sum(link not in taken for link in links)
                     for links in idle.values())
    taken, seen = [], []
    for number in range(14):
        lab.add(connect(outer.public("web")))
        wait_until(lambda: sum(left()) == 13 - number, "a FORWARD is there",
                   every=0.0002)
        seen.append(left())
    assert all(abs(4 * a - 10 * b) <= 20 for a, b in seen), seen
    assert seen[-1] == (0, 0)


@pytest.mark.once
@pytest.mark.heavy
def test_answers_come_from_the_right_one(lab, machine, figure):
    """Two services and two inners under 200 clients at once."""
    seconds = 30 if PLAIN else 5
    outer = lab.outer(Services=[any_port("left"), any_port("right")],
                      LogLevel="info", QueueTimeout=30)
    for name in ("left", "right"):
        registering(lab, outer,
                    asks(name, lab.target(names_itself(name)), None),
                    InnerId=name, MaxFreeConn=20, LogLevel="info")
    places = {name: outer.public(name) for name in ("left", "right")}
    wrong, served = [], 0

    async def client(number: int, until: float) -> None:
        nonlocal served
        name = ("left", "right")[number % 2]
        while time.monotonic() < until:
            got = await ask(places[name], 30 * SCALE)
            served += 1
            if got != name:
                wrong.append((name, got))

    async def crowd() -> None:
        until = time.monotonic() + seconds
        await asyncio.gather(*(client(n, until) for n in range(200)))

    asyncio.run(crowd())
    assert not wrong and served > 200
    figure(f"two services, two inners, 200 clients at once for {seconds} s: "
           f"{served} answers, none from the wrong one")


@pytest.mark.heavy
def test_changes_are_nobody_elses_concern(lab, machine, figure):
    """Services come, go and change, an inner is replaced, one of two stops:
    clients of what is not touched lose nothing."""
    file = lab.outer_file(LogLevel="info", QueueTimeout=30, Services=[
        any_port("stays", Inner="home"), any_port("pair")])
    outer = lab.start_outer(file).wait_ready()
    settings = json.loads(file.read_text())
    stays = lab.target(names_itself("stays"))
    lab.inner(outer, stays, InnerId="home", MaxFreeConn=20, LogLevel="info")
    two = [registering(lab, outer,
                       asks("pair", lab.target(names_itself("pair")), None),
                       InnerId=name, MaxFreeConn=20, LogLevel="info",
                       DrainTimeout=30)
           for name in ("first", "second")]
    visitors = start_visitors(lab, {
        "stays": outer.public("stays"), "pair": outer.public("pair")})
    until, turn, others = time.monotonic() + 8, 0, []
    while time.monotonic() < until:
        turn += 1
        mark = outer.mark()
        name = f"extra{turn}"
        extra = registering(lab, outer,
                            asks(name, lab.target(names_itself("x"))),
                            InnerId="guest", LogLevel="info")
        outer.public(name, after=mark)          # replaces the one before
        settings["Services"] = settings["Services"][:2] + [
            any_port(f"file{turn}"), any_port(f"more{turn}")]
        file.write_text(json.dumps(settings))
        outer.signal(signal.SIGHUP)
        outer.wait_log("service", "added", service=f"more{turn}", after=mark)
        others.append(extra)
        if len(others) > 3:                     # the outer knows 64 old runs
            for one in others:
                one.signal(signal.SIGTERM)
            while others:
                others.pop().wait()
    two[0].signal(signal.SIGTERM)
    two[0].wait()
    two[1].signal(signal.SIGHUP)
    time.sleep(1)                               # more of them meanwhile
    figure(f"{turn} times services added, changed and removed, inners "
           f"replaced, under load: {visitors.finish()}")


@pytest.mark.once
@pytest.mark.heavy
def test_a_hundred_inners(lab, machine, figure):
    """Ten standbys each, and a public address each."""
    count = 100 if PLAIN else 20
    outer = lab.outer(LogLevel="info", MaxLinks=5000)
    target = lab.target(names_itself("x"))
    began = time.monotonic()
    for number in range(count):
        file = lab.inner_file(
            RegisterAddress=outer.links_url, ProxyAddress=None,
            InnerId=f"inner{number}", LogLevel="info", MaxFreeConn=10,
            Services=[asks(f"service{number}", target)])
        lab.start_inner(file)
    places = [outer.public(f"service{number}", after=0) for number in
              range(count)]
    wait_until(lambda: outer.link_count() == count * 11, "all their links")
    took = time.monotonic() - began

    async def all_of_them() -> list[str]:
        return await asyncio.gather(*(ask(place, 20 * SCALE)
                                      for place in places))
    assert asyncio.run(all_of_them()) == ["x"] * count
    figure(f"{count} inners, 10 standbys each: all there after {took:.1f} s, "
           f"each served, outer {outer.rss_kib() // 1024} MiB")
