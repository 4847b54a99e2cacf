"""HealthCheck: the inner tries its targets and tells the outer of bad ones."""
from __future__ import annotations

import json
import signal
import threading
import time

import pytest

import peers
from harness import SCALE
from peers import REGISTER, OuterLink
from sockets import (accept, address_of, address_text, free_port, listen,
                     recv_exactly)
from test_services_inner import Roles, serves, start


def health_of(link: OuterLink, timeout: float | None = None) -> dict:
    """What the next REGISTER says of each service."""
    said = link.expect(REGISTER, timeout=timeout).json()
    return {one["name"]: one.get("healthy", True) for one in said["services"]}


def service(name: str, listener, **settings) -> dict:
    return {"Name": name, "Proxy": address_text(address_of(listener)),
            "HealthCheck": "tcp", "HealthInterval": 0.1, **settings}


class Web:
    """Answers each connection with what it is told to; counts them."""

    def __init__(self) -> None:
        self.listener = listen()
        self.answer = b"HTTP/1.1 200 OK\r\n\r\n"
        self.asked: list[bytes] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.listener.settimeout(None)
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with sock:
                sock.settimeout(5)
                got = b""
                try:
                    while not got.endswith(b"\r\n\r\n"):
                        more = sock.recv(4096)
                        if not more:
                            break
                        got += more
                    self.asked.append(got)
                    if self.answer:
                        sock.sendall(self.answer)
                except OSError:
                    pass

    def close(self) -> None:
        self.listener.shutdown(2)
        self.listener.close()


@pytest.mark.short
@pytest.mark.parametrize("workers", [0, 2])
def test_a_closed_port_is_bad_and_an_open_one_good(lab, fake, target, workers):
    """Two failures in a row, one success; other services are not touched."""
    dead = listen(("127.0.0.1", free_port()))
    address = address_of(dead)
    inner, _ = start(lab, fake, Workers=workers, Services=[
        service("own", target), service("dead", dead)])
    roles = Roles(fake)
    control = roles.control()
    assert health_of(control) == {"own": True, "dead": True}
    dead.close()
    assert health_of(control) == {"own": True, "dead": False}
    line = inner.wait_log("service", "the target is bad", level="warn")
    assert line["name"] == "dead" and "refused" in line["why"].lower()
    with listen(address):
        assert health_of(control) == {"own": True, "dead": True}
        inner.wait_log("service", "the target is good again", name="dead")
    assert len(inner.grep("service", name="dead")) == 2


@pytest.mark.parametrize("header", ["off", "v1", "v2"])
def test_http_is_asked_for_its_status(lab, fake, header):
    """The path, the status that is expected; with a PROXY header, where the
    service has one."""
    web = lab.add(Web())
    web.answer = b"HTTP/1.0 503 Busy\r\n\r\n"
    inner, _ = start(lab, fake, Services=[service(
        "web", web.listener, HealthCheck="http", HealthPath="/health?x=1",
        HealthStatus=204, SendProxyProtocol=header)])
    control = Roles(fake).control()
    if health_of(control)["web"]:
        assert not health_of(control)["web"]
    assert "status 503" in inner.wait_log("service", level="warn")["why"]
    web.answer = b"HTTP/1.1 204 No Content\r\n\r\n"
    assert health_of(control)["web"]
    port = address_of(web.listener)[1]
    start_of = {"off": b"", "v1": b"PROXY UNKNOWN\r\n",
                "v2": b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"}[header]
    assert web.asked[0].startswith(
        start_of + b"GET /health?x=1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % port)


@pytest.mark.parametrize("answer, why", [
    (b"", "closed without an answer"), (b"HTTP/1.1 2", "without an answer"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "no HTTP/1"),
    (b"HTTP/2.0x200 OK\r\n", "no HTTP/1"),
    (b"HTTP/1.1 \x1b[2 x\r\n", r"status \?\[2")])
def test_what_is_no_good_answer(lab, fake, answer, why):
    web = lab.add(Web())
    web.answer = answer
    inner, _ = start(lab, fake, Services=[service(
        "web", web.listener, HealthCheck="http")])
    inner.wait_log("service", "the target is bad", says=why)


def test_a_target_that_says_nothing_is_bad(lab, fake, target):
    """It accepts and stays silent: DialTimeout, twice."""
    inner, _ = start(lab, fake, DialTimeout=0.3, Services=[service(
        "web", target, HealthCheck="http")])
    inner.wait_log("service", "the target is bad", says="no answer in time")


def test_asking_again_does_not_break_off_a_try(lab, fake, target):
    """What is not registered is asked for more often than a try takes."""
    inner, _ = start(lab, fake, DialTimeout=1, MaxRetryInterval=0.2, Services=[
        service("web", target, HealthCheck="http")])
    control = Roles(fake).control()
    for _ in range(50):
        if not health_of(control)["web"]:
            break
        control.send(peers.json_frame(peers.REGISTERED, services=[
            {"name": "web", "error": "not yet"}]))
    inner.wait_log("service", "the target is bad", says="no answer in time",
                   timeout=1)


def test_without_standbys_it_is_tried_too_and_told_later(lab, fake):
    """What was found before the control link was there is in its first
    REGISTER; and a new link says it again."""
    dead = listen(("127.0.0.1", free_port()))
    services = [service("dead", dead)]
    dead.close()
    inner, _ = start(lab, fake, Services=services)
    inner.wait_log("service", "the target is bad")
    roles = Roles(fake)
    control = roles.control()
    assert health_of(control) == {"dead": False}
    assert control.quiet(0.3)           # that was all
    control.close()
    assert health_of(roles.control(5 * SCALE)) == {"dead": False}


def test_sighup_keeps_what_is_known(lab, fake, target):
    """Of a service that stays the same; an other one begins as good, and one
    that is no longer tried is good."""
    dead = listen(("127.0.0.1", free_port()))
    services = [service("dead", dead)]
    dead.close()
    inner, file = start(lab, fake, Services=services)
    control = Roles(fake).control()
    if health_of(control)["dead"]:
        health_of(control)
    old = json.loads(file.read_text())

    def reread(*now: dict) -> dict:
        file.write_text(json.dumps(old | {"Services": list(now)}))
        inner.signal(signal.SIGHUP)
        return health_of(control)

    mark = inner.mark()
    assert reread(*services, service("own", target)) == {
        "dead": False, "own": True}
    assert not inner.grep("service", "the target is bad", after=mark)
    assert reread(services[0] | {"HealthCheck": "off"}) == {"dead": True}
    assert reread(services[0] | {"HealthInterval": 0.2}) == {"dead": True}
    assert not health_of(control)["dead"]


def test_many_that_turn_bad_are_told_together(lab, fake):
    """One REGISTER or a few, not one for each."""
    dead = listen(backlog=1024)         # else many try again after a second
    many = [service(f"dead-{i}", dead, HealthInterval=0.3) for i in range(200)]
    start(lab, fake, Services=many)
    control = Roles(fake).control()
    assert all(health_of(control).values())
    began, said = time.monotonic(), 0
    dead.close()
    while any(health_of(control).values()):
        said += 1
    # every 100 ms, as long as checks go on to find it
    assert said <= (time.monotonic() - began) / 0.1 + 2 and said < 100


def test_a_bad_one_still_serves_who_comes(lab, fake, target):
    """The outer decides; what it asks for is dialed."""
    inner, _ = start(lab, fake, Services=[
        {**service("web", target, HealthCheck="http"), "Name": "default"}])
    standby = Roles(fake).standby()
    target.settimeout(5)
    for _ in range(2):
        accept(target).close()
    inner.wait_log("service", "the target is bad")
    session = standby.forward()
    standby.expect_ready(session)
    standby.send(peers.frame(peers.START), b"real")
    while True:         # tries come in between
        with accept(target) as served:
            if recv_exactly(served, 4) == b"real":
                break
