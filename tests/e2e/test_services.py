"""Services: several public addresses, each for its own inner and target."""
from __future__ import annotations

import contextlib
import json
import signal
import time
from pathlib import Path

import pytest

from harness import SCALE, stays_true
from lab import Lab, Outer
from peers import REGISTER, REGISTERED, FakeInner, frame, json_frame
from sockets import (connect, free_port, free_ports, listen, ping_pong,
                     recv_exactly, request, reset)


def any_port(name: str, **more) -> dict:
    return {"Name": name, "Listen": "tcp://127.0.0.1:0", **more}


def answers(text: str):
    """A server that says who it is, and then echoes."""
    async def handler(reader, writer) -> None:
        writer.write(text.encode())
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    return handler


def who(address) -> str:
    with connect(address) as sock:
        return recv_exactly(sock, 5).decode()


def change(outer: Outer, file: Path, **settings) -> int:
    old = json.loads(file.read_text())
    file.write_text(json.dumps(old | settings))
    mark = outer.mark()
    outer.signal(signal.SIGHUP)
    outer.wait_log("app", "configuration read anew", after=mark)
    return mark


def test_each_service_has_its_inner(lab):
    """Plain inners, told apart by InnerId."""
    outer = lab.outer(OuterServerAddress=None, Services=[
        any_port("one", Inner="first"), any_port("two", Inner="second")])
    for name in ("first", "second"):
        lab.inner(outer, lab.target(answers(name[:5].ljust(5))),
                  InnerId=name, MaxFreeConn=2)
    outer.wait_joined(4)
    for _ in range(5):
        assert who(outer.public("one")) == "first"
        assert who(outer.public("two")) == "secon"
    assert outer.session(service="two")["service"] == "two"


def test_default_beside_others(lab):
    """OuterServerAddress is the service default, of every plain inner."""
    outer = lab.outer(Services=[any_port("web", Inner="shop")])
    lab.inner(outer, lab.echo(), InnerId="shop", MaxFreeConn=2)
    outer.wait_joined(2)
    assert request(outer.clients, b"one") == b"one"
    assert request(outer.public("web"), b"two") == b"two"


def test_a_key_for_other_services(lab):
    """The outer tells what its inner has no key for, and serves the rest."""
    outer = lab.outer(
        Keys=[{"Inner": "shop", "Key": "the key of the shop", "Services":
               ["web"]}],
        Services=[any_port("web", Inner="shop"),
                  any_port("nas", Inner="shop")])
    lab.inner(outer, lab.target(answers("mine!")), InnerId="shop",
              AuthKey="the key of the shop", MaxFreeConn=2)
    outer.wait_joined(2)
    line = outer.wait_log("service", level="warn", service="nas")
    assert "Services of the inner's key" in line["message"]
    assert line["inner"] == "shop"
    assert who(outer.public("web")) == "mine!"


def test_a_key_for_other_ports(lab):
    """Of each service all public ports are to be among them, whoever has made
    it; a Unix socket has none."""
    one, two = free_port(), free_ports(2)
    place = "tcp://127.0.0.1:%d"
    path = str(lab.path("public.sock"))
    key = {"Inner": "shop", "Key": "the key of the shop"}
    named = {"web": [place % one], "part": [place % two, place % (two + 1)],
             "unix": ["unix://" + path]}
    file = lab.outer_file(
        QueueTimeout=0.5, Keys=[key | {"Ports": [one, two]}],
        Services=[any_port(name, Listen=listen, Inner="shop")
                  for name, listen in named.items()])
    outer = lab.start_outer(file).wait_ready()
    inner = lab.inner(outer, lab.target(answers("mine!")), InnerId="shop",
                      AuthKey=key["Key"], MaxFreeConn=2)
    outer.wait_joined(2)
    line = outer.wait_log("service", level="warn", service="part")
    assert "Ports of the inner's key" in line["message"]
    inner.wait_log("service", "not registered", name="default",
                   why="its public port is not among Ports of the key")
    assert who(("127.0.0.1", one)) == "mine!"
    assert who(path) == "mine!"
    for place in (outer.clients, ("127.0.0.1", two), ("127.0.0.1", two + 1)):
        with connect(place) as sock, pytest.raises(ConnectionResetError):
            sock.recv(1)
    assert not outer.grep("service", level="warn", service="web")
    change(outer, file, Keys=[key])
    for place in (outer.clients, ("127.0.0.1", two + 1)):
        assert who(place) == "mine!"


def test_a_target_of_the_outers_file(lab):
    """FORWARD names it; the inner serves it if it is its own. A plain inner
    says so too, and the outer tells what nobody serves."""
    target = lab.target(answers("mine!"))
    other = lab.target(answers("other"))
    outer = lab.outer(QueueTimeout=0.5, Services=[
        any_port("own", Inner="shop", Target=target.url),
        any_port("wrong", Inner="shop", Target=other.url)])
    lab.inner(outer, target, InnerId="shop", MaxFreeConn=2)
    outer.wait_joined(2)
    line = outer.wait_log("service", level="warn", service="wrong")
    assert "AllowTargets" in line["message"] and line["target"] == other.url
    assert who(outer.public("own")) == "mine!"
    mark = outer.mark()
    with pytest.raises(ConnectionResetError):
        with connect(outer.public("wrong")) as sock:
            sock.recv(1)
    assert outer.session(after=mark, service="wrong")["why"] == \
        "no standby in time"
    assert other.accepted == 0


def test_ports_in_a_row(lab):
    """The nth public port leads to the nth of the target."""
    fake_target = "tcp://127.0.0.1:7000-7002"
    first = free_ports(3)
    outer = lab.outer(Services=[{
        "Name": "range", "Inner": "fake", "Target": fake_target,
        "Listen": f"tcp://127.0.0.1:{first}-{first + 2}"}])
    for nth in range(3):
        link = lab.standby(outer)
        client = lab.add(connect(("127.0.0.1", first + nth)))
        forward = link.take_forward()
        assert forward.target == f"tcp://127.0.0.1:{7000 + nth}"
        assert forward.public_port == first + nth
        reset(client)
        link.close()


def test_who_waits_for_one_service_is_in_nobodys_way(lab):
    """Each has a queue of its own."""
    outer = lab.outer(QueueLength=2, QueueTimeout=30, Services=[
        any_port("dead", Inner="nobody")])
    lab.inner(outer, lab.echo(), MaxFreeConn=2)
    outer.wait_joined(2)
    waiting = [lab.add(connect(outer.public("dead"))) for _ in range(2)]
    mark = outer.mark()
    with contextlib.suppress(ConnectionResetError):
        lab.add(connect(outer.public("dead")))
    assert outer.session(after=mark)["why"] == "the queue is full"
    for _ in range(10):
        assert request(outer.clients, b"x") == b"x"
    assert len(waiting) == 2


def test_limits_of_a_service(lab):
    """AllowFrom and MaxSessions of its own, in place of the top level's."""
    outer = lab.outer(DenyFrom=["127.0.0.9"], Services=[
        any_port("few", MaxSessions=1, Inner="fake"),
        any_port("some", AllowFrom=["127.0.0.2"], Inner="fake"),
        any_port("all", DenyFrom=["127.0.0.8"], Inner="fake")])
    for _ in range(12):     # each is silent, and a client goes to the next one
        lab.standby(outer)
    with pytest.raises(ConnectionResetError):
        with connect(outer.public("some"), source="127.0.0.3") as sock:
            sock.recv(1)
    lab.add(connect(outer.public("all"), source="127.0.0.9"))
    first = lab.add(connect(outer.public("few")))
    outer.wait_log("front", "MaxSessions of a service reached")
    second = lab.add(connect(outer.public("few")))     # in the backlog
    mark = outer.mark()
    lab.add(connect(outer.public("some"), source="127.0.0.2"))
    outer.wait_log("standby", "state", to="starting", after=mark)
    reset(first)
    outer.wait_log("front", "room for sessions of a service again")
    outer.wait_log("standby", "state", to="starting", after=mark, count=2)
    second.close()


def test_limits_of_an_address_are_counted_by_service(lab):
    """MaxSessionsPerAddress of its own; the others have none."""
    outer = lab.outer(Services=[any_port("few", Inner="x",
                                         MaxSessionsPerAddress=1),
                                any_port("free", Inner="x")])
    lab.inner(outer, lab.echo(), InnerId="x", MaxFreeConn=4)
    outer.wait_joined(4)
    first = lab.add(connect(outer.public("few")))
    outer.wait_log("standby", "state", to="starting")
    with pytest.raises(ConnectionResetError):
        with connect(outer.public("few")) as sock:
            sock.recv(1)
    for _ in range(2):
        lab.add(connect(outer.public("free")))
    outer.wait_log("standby", "state", to="starting", count=3)
    reset(first)
    outer.session(service="few")
    lab.add(connect(outer.public("few")))
    outer.wait_log("standby", "state", to="starting", count=4)


MANY = 1_000_000


def within_share(address, tries: int = 6) -> int:
    """How many clients one after the other are served."""
    good = 0
    for _ in range(tries):
        with contextlib.suppress(ConnectionResetError, AssertionError), \
                connect(address) as sock:
            ping_pong(sock, b"x")
            good += 1
    return good


@pytest.mark.parametrize("own,good", [
    ({"MaxSessionsPerAddress": MANY}, 2),           # rate and burst from above
    ({"NewSessionsPerSecond": 1, "MaxSessionsPerAddress": MANY}, 2),
    ({"NewSessionsBurst": 4}, 4)])                  # the rate alone
def test_limits_that_a_service_does_not_set(lab, own, good):
    """They are the top level's, by a count of its own."""
    outer = lab.outer(
        NewSessionsPerSecond=1, NewSessionsBurst=2, Services=[
            any_port("own", Inner="x", **own), any_port("none", Inner="x")])
    lab.inner(outer, lab.echo(), InnerId="x", MaxFreeConn=4)
    outer.wait_joined(4)
    began = time.monotonic()
    assert good <= within_share(outer.public("own")) <= \
        good + time.monotonic() - began
    began = time.monotonic()
    assert 2 <= within_share(outer.public("none")) + \
        within_share(outer.clients) <= 2 + time.monotonic() - began


def test_sessions_of_an_address_that_a_service_does_not_set(lab):
    """Of a service that sets how fast they may come."""
    outer = lab.outer(
        MaxSessionsPerAddress=1, OuterServerAddress=None, Services=[
            any_port("own", Inner="x", NewSessionsPerSecond=MANY)])
    lab.inner(outer, lab.echo(), InnerId="x", MaxFreeConn=4)
    outer.wait_joined(4)
    with connect(outer.public("own")) as sock:
        ping_pong(sock, b"x")
        assert within_share(outer.public("own")) == 0
    assert outer.wait_log("front", "refused")["why"] == \
        "MaxSessionsPerAddress reached"


def seconds_at(address, size: int = 160_000) -> float:
    began = time.monotonic()
    assert request(address, b"x" * size, 20 * SCALE) == b"x" * size
    return time.monotonic() - began


@pytest.mark.parametrize("own,top", [
    ({"RateLimitPerSession": "100M"}, {"RateLimit": "64K"}),
    ({"RateLimit": "100M"}, {"RateLimitPerSession": "64K"})])
def test_a_rate_that_a_service_does_not_set(lab, own, top):
    """It is the top level's, for its sessions by themselves; also after a
    reload of a file whose top level waits for a restart."""
    file = lab.outer_file(OuterServerAddress=None, **top, Services=[
        any_port("own", Inner="x", **own)])
    outer = lab.start_outer(file).wait_ready()
    lab.inner(outer, lab.echo(), InnerId="x", MaxFreeConn=4)
    outer.wait_joined(4)
    assert seconds_at(outer.public("own")) > 1.5
    mark = change(outer, file, **dict.fromkeys(top, "100M"), Services=[
        any_port("own", Inner="x", MaxSessions=9, **own)])
    outer.wait_log("service", "changed", service="own", after=mark)
    assert seconds_at(outer.public("own", after=mark)) > 1.5


def test_a_rate_of_its_own(lab):
    """RateLimit of one service slows nobody else down."""
    outer = lab.outer(Services=[
        any_port("slow", Inner="x", RateLimit="64K"),
        any_port("fast", Inner="x")])
    lab.inner(outer, lab.echo(), InnerId="x", MaxFreeConn=4)
    outer.wait_joined(4)
    slow, fast = outer.public("slow"), outer.public("fast")
    assert seconds_at(slow) > 1.5 > seconds_at(fast) / SCALE
    assert seconds_at(slow) > 1.5                   # the group is made anew


def test_reload_changes_only_what_differs(lab):
    """Untouched services keep listeners and sessions."""
    file = lab.outer_file(Services=[
        any_port("stays", Inner="fake"),
        {"Name": "goes", "Listen": own_address(), "Inner": "fake"}])
    outer = lab.start_outer(file).wait_ready()
    lab.inner(outer, lab.echo(), InnerId="fake", MaxFreeConn=3)
    outer.wait_joined(3)
    stays, goes = outer.public("stays"), outer.public("goes")
    old = [lab.add(connect(place)) for place in (stays, goes, outer.clients)]
    for sock in old:
        ping_pong(sock, b"x")
    mark = change(outer, file, Services=[
        any_port("stays", Inner="fake"), any_port("new", Inner="fake")])
    outer.wait_log("service", "removed", service="goes", after=mark)
    outer.wait_log("service", "added", service="new", after=mark)
    for sock in old:                        # what runs goes on
        ping_pong(sock, b"y")
    assert request(stays, b"1") == b"1"
    assert request(outer.public("new", after=mark), b"2") == b"2"
    with pytest.raises(ConnectionRefusedError):
        connect(goes)
    assert not outer.grep("listen", "listening", service="stays", after=mark)


def test_a_file_that_is_wrong_changes_nothing(lab):
    file = lab.outer_file(Services=[any_port("web", Inner="shop")])
    outer = lab.start_outer(file).wait_ready()
    place = outer.public("web")
    good = json.loads(file.read_text())
    for bad, says in (
            ([any_port("web"), any_port("web")], "two named"),
            ([any_port("default")], "that is OuterServerAddress"),
            ([any_port("x", Target="tcp://h:1-2",
                       Listen="tcp://127.0.0.1:7000-7002")],
             "another number of ports")):
        file.write_text(json.dumps(good | {"Services": bad}))
        mark = outer.mark()
        outer.signal(signal.SIGHUP)
        line = outer.wait_log("app", level="error", after=mark)
        assert says in line["why"], line
    with connect(place):
        pass


def test_a_taken_port_at_reload_is_told_and_tried_again(lab):
    """And changes nothing for the others."""
    file = lab.outer_file()
    outer = lab.start_outer(file).wait_ready()
    taken = lab.add(listen())
    url = "tcp://127.0.0.1:%d" % taken.getsockname()[1]
    mark = change(outer, file, Services=[
        {"Name": "taken", "Listen": url}, any_port("fine")])
    line = outer.wait_log("service", "left out", after=mark)
    assert line["service"] == "taken" and "in use" in line["why"]
    outer.public("fine", after=mark)
    taken.close()
    mark = outer.mark()
    outer.signal(signal.SIGHUP)
    outer.public("taken", after=mark)


# --- what inners register ---------------------------------------------------

class Control(FakeInner):
    """A control link of a fake inner."""

    def register(self, *services: dict, allow: list[str] = []) -> list[dict]:
        self.send(json_frame(REGISTER, services=list(services),
                             allow=list(allow)))
        return self.expect(REGISTERED).json()["services"]


def control(lab: Lab, outer: Outer, inner: str = "fake", **more) -> Control:
    mark = outer.mark()
    link = lab.add(Control(outer.links, inner=inner, role="control",
                           **{"registers": True, **more}).handshake())
    outer.wait_log("standby", "control link joined", after=mark)
    return link


def offer(name: str, listen: str | None = "tcp://127.0.0.1:0",
          target: str = "tcp://127.0.0.1:80", **more) -> dict:
    more |= {} if listen is None else {"listen": listen}
    return {"name": name, "target": target, **more}


def own_address() -> str:
    """That nobody else takes once it is free."""
    return f"tcp://127.0.0.1:{free_port()}"


def place_of(answer: dict):
    host, port = answer["address"].removeprefix("tcp://").rsplit(":", 1)
    return host, int(port)


def serve(link: FakeInner, client, text: bytes) -> int:
    """Answers FORWARD and says text; the service's id."""
    forward = link.take_forward()
    link.ready(forward.session, text)
    assert recv_exactly(client, len(text)) == text
    return forward.service


def test_an_inner_asks_for_a_public_address(lab):
    outer = lab.outer(ReleaseAfter=30)
    link = control(lab, outer, instance="1" * 16)
    answer, = link.register(offer("web"))
    assert answer["name"] == "web" and answer["id"] >= 1
    standby = lab.standby(outer, instance="1" * 16, registers=True)
    client = lab.add(connect(place_of(answer)))
    assert serve(standby, client, b"hello") == answer["id"]


def test_who_registers_is_given_no_other_clients(lab):
    """Neither of default nor of what it has not registered."""
    outer = lab.outer(QueueTimeout=1, Services=[any_port("other")])
    lab.standby(outer, instance="1" * 16, registers=True)
    control(lab, outer, instance="1" * 16).register(offer("web"))
    for place in (outer.clients, outer.public("other")):
        mark = outer.mark()
        lab.add(connect(place))
        assert outer.session(after=mark)["why"] == "no standby in time"


def test_default_and_named_ones_of_the_outers_file(lab):
    """Those that it asks no address for are served where the outer has one."""
    outer = lab.outer(Services=[any_port("web"),
                                any_port("till", Inner="other")])
    link = control(lab, outer, instance="1" * 16)
    web, default, till = link.register(
        offer("web", None), offer("default", None), offer("till", None))
    assert default["id"] == 0 and web["id"] > 0
    assert place_of(web) == outer.public("web")
    assert "no service of that name" in till["error"]
    for place, number in ((outer.public("web"), web["id"]),
                          (outer.clients, 0)):
        standby = lab.standby(outer, instance="1" * 16, registers=True)
        assert serve(standby, lab.add(connect(place)), b"x") == number


def test_an_address_beside_the_outers_own(lab):
    """Of the name default too: OuterServerAddress is another place for it."""
    outer = lab.outer()
    link = control(lab, outer, instance="1" * 16)
    answer, = link.register(
        offer("default", f"tcp://127.0.0.1:{free_port()}"))
    assert place_of(answer) != outer.clients and answer["id"] > 0
    again, = link.register(offer("default", answer["address"]))
    assert again == answer
    for place, number in ((place_of(answer), answer["id"]),
                          (outer.clients, 0)):
        standby = lab.standby(outer, instance="1" * 16, registers=True)
        assert serve(standby, lab.add(connect(place)), b"x") == number


def test_a_run_that_gets_services_serves_default_no_more(lab):
    """A plain run registers others after a reload: the newest counts."""
    outer = lab.outer(QueueTimeout=0.5)
    link = control(lab, outer, instance="1" * 16, registers=False)
    assert link.register(offer("default", None))[0]["id"] == 0
    lab.standby(outer, instance="1" * 16)
    answer, = link.register(offer("web"))
    mark = outer.mark()
    lab.add(connect(outer.clients))
    assert outer.session(after=mark)["why"] == "no standby in time"
    standby = lab.standby(outer, instance="1" * 16)
    serve(standby, lab.add(connect(place_of(answer))), b"x")


def test_an_unhealthy_one_is_passed_over(lab):
    outer = lab.outer(QueueTimeout=30)
    first = control(lab, outer, instance="1" * 16)
    answer, = first.register(offer("web", healthy=False))
    client = lab.add(connect(place_of(answer)))
    standby = lab.standby(outer, instance="1" * 16, registers=True)
    stays_true(lambda: not outer.grep("session", "state", to="starting"),
               "served by a sick one", 0.3)
    assert first.register(offer("web", healthy=True)) == [answer]
    serve(standby, client, b"well")


def test_addresses_outlive_the_inner(lab):
    """It comes back as another run and finds who waited."""
    outer = lab.outer(ReleaseAfter=60, QueueTimeout=30)
    link = control(lab, outer, instance="1" * 16)
    answer, = link.register(offer("web"))
    link.close()
    outer.wait_log("inner", "no links left")
    client = lab.add(connect(place_of(answer)))
    again, = control(lab, outer, instance="2" * 16).register(
        offer("web", answer["address"]))
    assert again["id"] == answer["id"] or place_of(again) == place_of(answer)
    standby = lab.standby(outer, instance="2" * 16, registers=True)
    serve(standby, client, b"back")


def test_addresses_are_released(lab):
    """ReleaseAfter that long after its last link."""
    outer = lab.outer(ReleaseAfter=0.1)
    link = control(lab, outer, instance="1" * 16)
    answer, = link.register(offer("web", own_address()))
    link.close()
    outer.wait_log("service", "closed: its inner is gone", service="web")
    with pytest.raises(ConnectionRefusedError):
        connect(place_of(answer))


def test_registering_again_replaces_all(lab):
    outer = lab.outer()
    link = control(lab, outer, instance="1" * 16)
    one, two = link.register(offer("one", own_address()),
                             offer("two", own_address()))
    again, three = link.register(offer("two", two["address"]),
                                 offer("three"))
    assert place_of(again) == place_of(two) and again["id"] == two["id"]
    with pytest.raises(ConnectionRefusedError):
        connect(place_of(one))
    for answer in (again, three):
        connect(place_of(answer)).close()
    assert link.register() == []
    with pytest.raises(ConnectionRefusedError):
        connect(place_of(two))


def test_what_may_be_asked_for(lab):
    """PortRange, PortBlacklist, the scope of a key, what others have."""
    base = free_ports(6)
    outer = lab.outer(
        PortRange={"from": base, "end": base + 4}, PortBlacklist=[base + 1],
        Keys=[{"Inner": "edge", "Key": "a key for the edge 1234",
               "Services": ["web"], "Ports": [base + 2]}])
    place = "tcp://127.0.0.1:%d"
    free = control(lab, outer, "free", instance="1" * 16)
    edge = control(lab, outer, "edge", instance="2" * 16,
                   key="a key for the edge 1234")
    got = free.register(
        offer("a", place % (base + 5)), offer("b", place % (base + 1)),
        offer("c", place % base), offer("d", "udp://x"),
        offer("e", "unix:///tmp/x"), offer("f", place % base))
    for answer, says in zip(got, ("PortRange", "PortBlacklist", None,
                                  "tcp://", "only a tcp://", "service c")):
        assert says in answer["error"] if says else "error" not in answer
    got = edge.register(
        offer("web", place % (base + 3)), offer("ssh", place % (base + 2)))
    assert "among Ports" in got[0]["error"]
    assert "not for this service" in got[1]["error"]
    got = edge.register(offer("web", place % base))
    assert "error" in got[0]
    got = edge.register(offer("web", place % (base + 2)))
    assert place_of(got[0])[1] == base + 2


def test_no_name_is_looked_up_for_an_inner(lab):
    """Its name server could keep the outer waiting as long as it likes."""
    outer = lab.outer()
    link = control(lab, outer, instance="1" * 16)
    name, number = link.register(offer("name", "tcp://localhost:0"),
                                 offer("number", "tcp://[::1]:0"))
    assert "by its number" in name["error"] and "error" not in number


def test_ports_of_a_key_hold_for_each_client(lab):
    """A port that was given stays closed to who may not have it any more."""
    key = {"Inner": "edge", "Key": "a key for the edge 1234"}
    port = free_port()
    file = lab.outer_file(QueueTimeout=20, Keys=[key | {"Ports": [port]}])
    outer = lab.start_outer(file).wait_ready()
    link = control(lab, outer, "edge", instance="2" * 16, key=key["Key"])
    place = place_of(*link.register(offer("web", f"tcp://127.0.0.1:{port}")))
    standby = lab.standby(outer, inner="edge", instance="2" * 16,
                          key=key["Key"], registers=True)
    change(outer, file, Keys=[key | {"Ports": [port + 1]}])
    client = lab.add(connect(place))
    assert standby.quiet(0.5)
    change(outer, file, Keys=[key])
    serve(standby, client, b"hello")


def test_an_outer_that_stops_opens_nothing(lab):
    """While clients still wait its ports are for the next one."""
    outer = lab.outer(DrainTimeout=30)
    link = control(lab, outer, instance="1" * 16)
    answer, = link.register(offer("web"))
    client = lab.add(connect(place_of(answer)))
    link.register(offer("web"))  # by then the client is accepted
    outer.signal(signal.SIGTERM)
    outer.wait_log("app", signal="SIGTERM")
    web, late = link.register(offer("web"), offer("late"))
    assert web["id"] == answer["id"]
    assert "the outer is stopping" in late["error"]
    standby = lab.standby(outer, instance="1" * 16, registers=True)
    serve(standby, client, b"hello")
    client.close()
    standby.close()
    assert outer.wait() == 0


def test_who_asks_again_and_again_fills_no_log(lab):
    """An inner is told each time; the outer's log says so much a second."""
    outer = lab.outer()
    link = control(lab, outer, instance="1" * 16)
    wrong = [offer(f"s{n}", None) for n in range(100)]
    for _ in range(10):
        assert len(link.register(*wrong)) == 100
    outer.wait_log("service", "not registered", count=20)
    assert len(outer.grep("service", "not registered")) < 500


def test_nobody_takes_all_descriptors(lab):
    """Public addresses have a quarter of them."""
    outer = lab.outer(options={"prefix": ["prlimit", "--nofile=1024:1024"]})
    link = control(lab, outer, instance="1" * 16)
    got = link.register(*(offer(f"s{n}") for n in range(200)))
    errors = [answer["error"] for answer in got if "error" in answer]
    assert len(got) - len(errors) == 127 and "descriptors" in errors[0]
    standby = lab.standby(outer, instance="1" * 16, registers=True)
    good = next(answer for answer in got if "error" not in answer)
    serve(standby, lab.add(connect(place_of(good))), b"x")


def test_a_port_of_another_program(lab):
    outer = lab.outer()
    taken = lab.add(listen())
    link = control(lab, outer, instance="1" * 16)
    bad, good = link.register(
        offer("bad", "tcp://127.0.0.1:%d" % taken.getsockname()[1]),
        offer("good"))
    assert "in use" in bad["error"] and "address" in good


@pytest.mark.parametrize("payload", [
    b"", b"{", b"[]", b'{"services":1}',
    b'{"services":[{"name":"a","target":"x"},{"name":"a","target":"x"}]}'])
def test_a_bad_register_ends_the_link_alone(lab, payload):
    outer = lab.outer()
    link = control(lab, outer, instance="1" * 16, registers=False)
    standby = lab.standby(outer, instance="1" * 16)
    link.send(frame(REGISTER, payload))
    link.expect_error(1)
    lab.add(connect(outer.clients))
    assert standby.take_forward().session > 0


def test_a_control_link_serves_nobody(lab):
    """It stands by for REGISTER alone, and says that it lives."""
    outer = lab.outer(PingInterval=0.5 + SCALE / 2, QueueTimeout=0.3)
    link = control(lab, outer, instance="1" * 16)
    link.register(offer("default", None))
    mark = outer.mark()
    lab.add(connect(outer.clients))
    assert outer.session(after=mark)["why"] == "no standby in time"
    outer.wait_log("standby", "closed", state="control",
                   why="silent for three ping intervals")


def test_a_key_that_goes_takes_the_control_link(lab):
    file = lab.outer_file(Keys=[{"Inner": "edge", "Key": "another key 123456"}])
    outer = lab.start_outer(file).wait_ready()
    link = control(lab, outer, "edge", key="another key 123456")
    link.register(offer("web"))
    change(outer, file, Keys=[{"Inner": "edge", "Key": "a new key 12345678"}])
    link.expect_error(2)
