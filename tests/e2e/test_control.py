"""The control link of a real inner, seen by an outer written from the page."""
from __future__ import annotations

import json
import signal

import pytest

import peers
from harness import SCALE, stays_true
from peers import (ERROR, GOAWAY, KEEPALIVE, REGISTER, REGISTERED, FakeOuter,
                   OuterLink, json_frame)
from sockets import accept, address_of, address_text, listen_in_a_row
from test_services_inner import (R_NO_SERVICE, Roles, port_of, refuses,
                                 serves, start)

WEB = {"Name": "web", "Proxy": "tcp://127.0.0.1:3000",
       "RemoteListen": "tcp://:8080"}


def registered(link: OuterLink, *services: dict) -> dict:
    """Takes REGISTER and answers it; returns what it said."""
    said = link.expect(REGISTER).json()
    link.send(json_frame(REGISTERED, services=list(services)))
    return said


@pytest.mark.short
@pytest.mark.parametrize("workers", [0, 2])
def test_services_are_registered(lab, fake, target, workers):
    """REGISTER says what the file says; FORWARD goes by the ids of
    REGISTERED."""
    text = address_text(address_of(target))
    inner, _ = start(lab, fake, Workers=workers, Services=[
        WEB, {"Name": "own", "Proxy": text, "Weight": 3},
        {"Name": "ssh", "Proxy": "tcp://127.0.0.1:22",
         "RemoteListen": "tcp://:22"}], AllowTargets=["10.0.0.0/8:22"])
    outer = Roles(fake)
    standby, control = outer.standby(), outer.control()
    assert standby.hello.json()["registers"] is True
    assert control.hello.json()["registers"] is True
    said = registered(
        control, {"name": "web", "id": 7, "address": "tcp://0.0.0.0:8080"},
        {"name": "own", "id": 9}, {"name": "ssh", "error": "port 22: no"})
    assert said == {
        "services": [
            {"name": "web", "target": "tcp://127.0.0.1:3000",
             "listen": "tcp://:8080"},
            {"name": "own", "target": text, "weight": 3},
            {"name": "ssh", "target": "tcp://127.0.0.1:22",
             "listen": "tcp://:22"}],
        "allow": ["10.0.0.0/8:22"]}
    line = inner.wait_log("service", "registered", name="web")
    assert line["address"] == "tcp://0.0.0.0:8080" and line["id"] == 7
    inner.wait_log("service", "registered", name="own", id=9)
    line = inner.wait_log("service", "not registered", level="warn")
    assert line["name"] == "ssh" and line["why"] == "port 22: no"
    serves(standby, target, service=9)
    refuses(outer.standby(), R_NO_SERVICE, service=0)
    inner.session(service="own", target=text, why="done")


def test_what_is_not_registered_is_asked_for_again(lab, fake):
    """A port may be free by then; the log tells of it once."""
    inner, _ = start(lab, fake, Services=[WEB], MaxRetryInterval=0.3)
    control = Roles(fake).control()
    first = registered(control, {"name": "web", "error": "port 8080: taken"})
    mark = inner.mark()
    again = registered(control, {"name": "web", "error": "port 8080: taken"})
    assert again == first
    registered(control, {"name": "web", "id": 3,
                         "address": "tcp://0.0.0.0:8080"})
    inner.wait_log("service", "registered", id=3, after=mark)
    assert len(inner.grep("service", "not registered")) == 1


def test_a_plain_inner_keeps_none_unless_asked(lab, fake, target):
    start(lab, fake, ProxyAddress=address_text(address_of(target)))
    link = fake.accept()
    assert "registers" not in link.hello.json()
    assert fake.nobody_comes(1.5)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_plain_inner_registers_its_default_when_asked(lab, fake, target,
                                                        workers):
    """WELCOME says "control":true; once is enough."""
    text = address_text(address_of(target))
    start(lab, fake, ProxyAddress=text, Workers=workers)
    outer = Roles(fake, control=True)
    standby, control = outer.standby(), outer.control()
    assert registered(control, {"name": "default", "id": 0}) == {
        "services": [{"name": "default", "target": text}], "allow": []}
    serves(standby, target)
    outer.standby()
    assert fake.nobody_comes(0.5)


def test_forward_may_come_before_registered(lab, fake, target):
    """Two links: what was said first may be heard last. It waits."""
    text = address_text(address_of(target))
    start(lab, fake, Services=[{"Name": "own", "Proxy": text}])
    outer = Roles(fake)
    standby, control = outer.standby(), outer.control()
    control.expect(REGISTER)
    session = standby.forward(service=4)
    assert standby.receive().kind == KEEPALIVE
    assert standby.quiet(0.05)      # not for long: it waits for a second
    control.send(json_frame(REGISTERED, services=[{"name": "own", "id": 4}]))
    standby.expect_ready(session)
    accept(target).close()


def test_a_range_is_served_port_by_port(lab, fake):
    """By the public port of FORWARD and the first one of REGISTERED."""
    first, second = map(lab.add, listen_in_a_row())
    port = port_of(first)
    start(lab, fake, Services=[
        {"Name": "two", "Proxy": f"tcp://127.0.0.1:{port}-{port + 1}",
         "RemoteListen": "tcp://:6000-6001"}])
    outer = Roles(fake)
    standby, control = outer.standby(), outer.control()
    registered(control, {"name": "two", "id": 3,
                         "address": "tcp://0.0.0.0:6000-6001"})
    serves(standby, second, service=3, public_port=6001)
    serves(outer.standby(), first, service=3, public_port=6000)
    link = outer.standby()
    for port in (5999, 6002, 0):
        refuses(link, peers.R_NOT_ALLOWED, service=3, public_port=port)


def test_sighup_registers_anew(lab, fake, target):
    """The whole of it again, over the same link; ids stay while it is asked."""
    text = address_text(address_of(target))
    inner, file = start(lab, fake, Services=[{"Name": "own", "Proxy": text}])
    outer = Roles(fake)
    standby, control = outer.standby(), outer.control()
    registered(control, {"name": "own", "id": 5})
    inner.wait_log("service", "registered", name="own")
    old = json.loads(file.read_text())
    mark = inner.mark()
    file.write_text(json.dumps(old | {"Services": old["Services"] + [WEB]}))
    inner.signal(signal.SIGHUP)
    said = control.expect(REGISTER).json()
    assert [s["name"] for s in said["services"]] == ["own", "web"]
    serves(standby, target, service=5)
    control.send(json_frame(REGISTERED, services=[
        {"name": "own", "id": 5}, {"name": "web", "id": 6}]))
    inner.wait_log("service", "registered", name="web", after=mark)
    assert not inner.grep("service", name="own", after=mark)
    mark = inner.mark()
    file.write_text(json.dumps(old | {"Services": [WEB, WEB]}))
    inner.signal(signal.SIGHUP)
    inner.wait_log("app", level="error", after=mark, says="twice")
    assert control.quiet(0.3)


def test_registered_may_come_by_itself(lab, fake, target):
    """What has changed is told, and counts."""
    text = address_text(address_of(target))
    inner, _ = start(lab, fake, Services=[{"Name": "own", "Proxy": text}])
    outer = Roles(fake)
    standby, control = outer.standby(), outer.control()
    registered(control, {"name": "own", "error": "its port is taken"})
    inner.wait_log("service", "not registered", name="own")
    control.send(json_frame(REGISTERED, services=[{"name": "own", "id": 8}]))
    inner.wait_log("service", "registered", name="own")
    serves(standby, target, service=8)


@pytest.mark.parametrize("services", [True, False])
def test_an_older_outer_knows_no_control_links(lab, fake, target, services):
    """ERROR 3: an error once where it matters; standbys go on."""
    text = address_text(address_of(target))
    more = {"Services": [{"Name": "default", "Proxy": text}]} if services \
        else {"ProxyAddress": text, "AllowTargets": ["*:1"]}
    inner, _ = start(lab, fake, MaxRetryInterval=0.3, **more)
    standby = fake.accept()
    for _ in range(3):
        link = fake.accept_raw()
        hello = link.expect(peers.HELLO).json()
        assert hello["role"] == "control"
        link.send(peers.frame(ERROR, b"\0\3not allowed"))
        link.close()
    serves(standby, target)
    if services:
        line = inner.wait_log("control", level="error")
        assert "not allowed" in line["why"]
    assert len(inner.grep("control", level="error|warn")) == int(services)
    assert not inner.grep("keeper", level="error")


def test_a_lost_control_link_comes_back_alone(lab, fake, target):
    """The standbys are left in peace; all is registered again."""
    start(lab, fake, Services=[WEB])
    outer = Roles(fake)
    standby, control = outer.standby(), outer.control()
    registered(control, {"name": "web", "id": 1})
    for how in ("fin", "goaway", "silence"):
        if how == "goaway":
            control.send(json_frame(GOAWAY, reason="shutdown"))
        if how != "silence":
            control.close()
        else:
            control.send(peers.frame(peers.FORWARD,
                                     peers.Request().encode()))
            control.expect_error(peers.E_PROTOCOL)
        control = outer.control(5 * SCALE)
        registered(control, {"name": "web", "id": 1})
    assert not standby.readable(0)


def test_it_pings_and_is_not_left_without(lab, target):
    """KEEPALIVE both ways; three intervals of silence end it."""
    fake = lab.add(FakeOuter(ping=0.4 + 0.3 * SCALE))
    start(lab, fake, Services=[WEB])
    outer = Roles(fake)
    outer.standby()
    control = outer.control()
    registered(control, {"name": "web", "id": 1})
    for _ in range(3):
        assert control.receive(2 * SCALE).kind == KEEPALIVE
        control.send(peers.frame(KEEPALIVE))
    assert control.ends(5 * SCALE) != "open"


def test_a_stopping_inner_says_so(lab, fake):
    inner, _ = start(lab, fake, Services=[WEB])
    outer = Roles(fake)
    standby, control = outer.standby(), outer.control()
    registered(control, {"name": "web", "id": 1})
    inner.ask_to_end()
    assert control.expect(GOAWAY).json() == {"reason": "shutdown"}
    assert control.ends() == "fin"
    standby.close()


@pytest.mark.parametrize("bad", [
    peers.frame(REGISTERED, b"{}"),
    peers.frame(REGISTERED, b'{"services":[{"name":"web"}]}'),
    peers.frame(REGISTER, b'{"services":[]}'),
    peers.frame(peers.START)])
def test_what_no_outer_says(lab, fake, bad):
    """A protocol error of that link alone, and one line."""
    inner, _ = start(lab, fake, Services=[WEB])
    outer = Roles(fake)
    standby, control = outer.standby(), outer.control()
    control.expect(REGISTER)
    control.send(bad)
    control.expect_error(peers.E_PROTOCOL)
    inner.wait_log("spare", "closed", level="warn", state="control")
    outer.control(5 * SCALE)
    assert not standby.readable(0)


def test_a_long_answer_is_read(lab, fake, target):
    """64 KiB of REGISTERED, far over what a standby may send."""
    text = address_text(address_of(target))
    names = [f"service-{i:03}" for i in range(500)]
    inner, _ = start(lab, fake, Services=[
        {"Name": name, "Proxy": text} for name in names])
    outer = Roles(fake)
    standby, control = outer.standby(), outer.control()
    registered(control, *({"name": name, "id": i + 1,
                           "address": "tcp://[2001:db8::1]:" + str(10000 + i)}
                          for i, name in enumerate(names)))
    inner.wait_log("service", "registered", name=names[-1])
    serves(standby, target, service=500)


def test_an_other_key_brings_another_control_link(lab, fake, target):
    """As with standbys: when one link has joined with it."""
    text = address_text(address_of(target))
    inner, file = start(lab, fake, Services=[
        {"Name": "own", "Proxy": text}])
    outer = Roles(fake)
    outer.standby()
    control = outer.control()
    registered(control, {"name": "own", "id": 5})
    key = str(peers.use_key("another-key-of-16-bytes"))
    file.write_text(json.dumps(json.loads(file.read_text())
                               | {"AuthKey": key}))
    fake.key = key
    inner.signal(signal.SIGHUP)
    again = outer.control(5 * SCALE)
    assert control.ends() != "open"
    registered(again, {"name": "own", "id": 5})


def test_without_standbys_nobody_registers(lab, target):
    """While there is an outage the control link is not tried either."""
    fake = lab.add(FakeOuter())
    inner, _ = start(lab, fake, Services=[WEB])
    roles = set()
    for _ in range(3):
        link = fake.accept_raw(5 * SCALE)
        roles.add(link.expect(peers.HELLO).json()["role"])
        link.close()
    assert roles == {"standby"}
    stays_true(lambda: not inner.grep("control"), "no word of it", 0.2)
