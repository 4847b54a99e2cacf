"""What an inner lets the outer dial, seen by an outer written from the page."""
from __future__ import annotations

import json
import signal

import pytest

import peers
from harness import SCALE
from lab import Lab
from peers import FakeOuter, OuterLink
from sockets import (accept, address_of, address_text, listen, recv_exactly)

R_NO_SERVICE = 20


class Roles:
    """A fake outer that sorts the links of an inner by their role."""

    def __init__(self, fake: FakeOuter, **welcome) -> None:
        self.fake, self.welcome = fake, welcome
        self.waiting: dict[str, list[OuterLink]] = {}

    def next(self, role: str, timeout: float | None = None) -> OuterLink:
        while not self.waiting.get(role):
            link = self.fake.accept_raw(timeout)
            link.handshake(self.fake.key, self.fake.ping, **self.welcome)
            self.waiting.setdefault(link.hello.json()["role"],
                                    []).append(link)
        return self.waiting[role].pop(0)

    def standby(self) -> OuterLink:
        return self.next("standby")

    def control(self, timeout: float | None = None) -> OuterLink:
        return self.next("control", timeout)


def port_of(listener) -> int:
    return address_of(listener)[1]


def serves(link: OuterLink, listener, **request) -> OuterLink:
    """A session that must come to the listener."""
    link.start(b"ping", **request)
    with accept(listener) as served:
        assert recv_exactly(served, 4) == b"ping"
        served.sendall(b"pong")
        assert link.recv(4) == b"pong"
    link.close()
    return link


def refuses(link: OuterLink, code: int, **request) -> None:
    """REFUSED with that code; the link stands by again."""
    session = link.forward(**request)
    got = link.expect(peers.REFUSED, timeout=5 * SCALE)
    assert (got.session, got.code) == (session, code), got.payload


def nobody(listener) -> None:
    listener.settimeout(0.2)
    with pytest.raises(TimeoutError):
        listener.accept()


def start(lab: Lab, fake: FakeOuter, **settings):
    """An inner with one standby, and its file."""
    file = lab.inner_file(RegisterAddress=fake.url, MaxFreeConn=1, **settings)
    return lab.start_inner(file).wait_ready(), file


@pytest.mark.short
def test_without_allow_targets_the_own_ones_alone(lab, fake, target):
    """By their text, as the file has it."""
    with listen() as other:
        start(lab, fake, ProxyAddress=address_text(address_of(target)))
        link = fake.accept()
        for text in (address_text(address_of(other)),
                     f"tcp://localhost:{port_of(target)}",
                     f"127.0.0.1:{port_of(target)}", "unix:///etc/passwd"):
            refuses(link, peers.R_NOT_ALLOWED, target=text)
        nobody(other)
        serves(link, target, target=address_text(address_of(target)))
    lab.programs[-1].session(service="default", why="done",
                             target=address_text(address_of(target)))


def test_allow_targets_bounds_what_is_dialed(lab, fake, target):
    """Blocks and ports; all else is refused, and nobody dials it."""
    with listen() as allowed, listen() as forbidden:
        inner, _ = start(
            lab, fake, ProxyAddress=address_text(address_of(target)),
            AllowTargets=[f"127.0.0.0/8:{port_of(allowed)}"])
        link = fake.accept()
        refuses(link, peers.R_NOT_ALLOWED,
                target=address_text(address_of(forbidden)))
        serves(link, allowed, service=77,
               target=address_text(address_of(allowed)))
        nobody(forbidden)
        inner.session(service="77", target=address_text(address_of(allowed)))


def test_a_service_called_default_is_number_0(lab, fake, target):
    """Services without ProxyAddress; HELLO says that it registers."""
    with listen() as web:
        start(lab, fake, Services=[
            {"Name": "web", "Proxy": address_text(address_of(web))},
            {"Name": "default", "Proxy": address_text(address_of(target))}])
        link = fake.accept()
        serves(link, target)


def test_services_without_a_default_have_no_number_0(lab, fake, target):
    start(lab, fake, Services=[
        {"Name": "web", "Proxy": address_text(address_of(target))}])
    link = fake.accept()
    refuses(link, R_NO_SERVICE)
    refuses(link, R_NO_SERVICE, service=5)
    serves(link, target, target=address_text(address_of(target)))


def test_sighup_takes_other_targets(lab, fake, target):
    """The next FORWARD is judged by the new file, on links that stand; a wrong
    file changes nothing."""
    with listen() as other:
        inner, file = start(
            lab, fake, ProxyAddress=address_text(address_of(target)))
        roles = Roles(fake)
        link = roles.standby()
        other_text = address_text(address_of(other))
        refuses(link, peers.R_NOT_ALLOWED, target=other_text)
        good = json.loads(file.read_text())
        mark = inner.mark()
        file.write_text(json.dumps(good | {"AllowTargets": ["nothing"]}))
        inner.signal(signal.SIGHUP)
        inner.wait_log("app", level="error", after=mark, says="AllowTargets")
        refuses(link, peers.R_NOT_ALLOWED, target=other_text)
        file.write_text(json.dumps(good | {
            "AllowTargets": [f"*:{port_of(other)}"]}))
        mark = inner.mark()
        inner.signal(signal.SIGHUP)
        line = inner.wait_log("app", "configuration read anew", after=mark)
        assert line["taken"] == "AllowTargets"
        serves(link, other, target=other_text)
        link = roles.standby()
        file.write_text(json.dumps(good | {"ProxyAddress": other_text}))
        mark = inner.mark()
        inner.signal(signal.SIGHUP)
        inner.wait_log("app", "configuration read anew", after=mark)
        refuses(link, peers.R_NOT_ALLOWED,
                target=address_text(address_of(target)))
        serves(link, other)
