"""SendProxyProtocol: the target hears who the client is before all else."""
from __future__ import annotations

import struct

import pytest

import peers
from peers import EARLY, session_frame
from sockets import (accept, address_of, address_text, is_quiet, listen,
                     recv_all, recv_exactly)
from test_services_inner import Roles, start

V1 = b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 80\r\n"
V1_6 = b"PROXY TCP6 2001:db8::1 2001:db8::2 40000 80\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
NAMED = b"\xe5\0\3own"
V2 = SIGNATURE + b"\x21\x11" + struct.pack("!H", 12 + len(NAMED)) \
    + bytes([192, 0, 2, 7, 192, 0, 2, 1]) + struct.pack("!HH", 40000, 80) \
    + NAMED
LOCAL = SIGNATURE + b"\x20\x00\0\0"
IPV6 = {"family": 6, "client": bytes.fromhex("20010db8" + "0" * 23 + "1"),
        "public": bytes.fromhex("20010db8" + "0" * 23 + "2")}
UNIX = {"family": 0, "client": b"", "public": b"", "client_port": 0,
        "public_port": 0}


@pytest.fixture
def roles(lab, fake, target, request):
    """An outer to an inner whose service "own", number 4, has the header."""
    start(lab, fake, Services=[
        {"Name": "own", "Proxy": address_text(address_of(target)),
         "SendProxyProtocol": getattr(request, "param", "v1")}])
    roles = Roles(fake)
    control = roles.control()
    control.expect(peers.REGISTER)
    control.send(peers.json_frame(peers.REGISTERED, services=[
        {"name": "own", "id": 4}]))
    return roles


@pytest.mark.parametrize("roles, request_of, header", [
    ("v1", {}, V1), ("v1", IPV6, V1_6), ("v1", UNIX, b"PROXY UNKNOWN\r\n"),
    ("v2", {}, V2), ("V2", UNIX, LOCAL)], indirect=["roles"])
def test_the_header_comes_first(roles, target, request_of, header):
    """With READY, before START, so that a server may speak first."""
    link = roles.standby()
    session = link.forward(service=4, **request_of)
    with accept(target) as served:
        link.expect_ready(session)
        assert recv_exactly(served, len(header)) == header
        assert is_quiet(served, 0.1)
        served.sendall(b"220 hello")
        assert link.recv(9) == b"220 hello"
        link.send(peers.frame(peers.START), b"from the client")
        link.finish()
        assert recv_all(served) == b"from the client"


@pytest.mark.parametrize("when", ["before", "after"])
def test_early_bytes_come_behind_it(roles, target, when):
    """Wherever EARLY comes: with FORWARD, or after READY."""
    link = roles.standby()
    early = session_frame(EARLY, 99, b"early ")
    if when == "before":
        session = link.forward(early, session=99, service=4)
        link.expect_ready(session)
    else:
        session = link.forward(session=99, service=4)
        link.expect_ready(session)
        link.send(early)
    with accept(target) as served:
        link.send(peers.frame(peers.START), b"and late")
        link.finish()
        assert recv_all(served) == V1 + b"early and late"


def test_each_session_has_its_own(roles, target):
    """A refused one before it leaves nothing behind, on the same link."""
    address = address_of(target)
    target.close()
    link = roles.standby()
    for port in (1, 2):
        link.forward(session_frame(EARLY, port, b"x"), session=port,
                     service=4, client_port=port)
        assert link.expect(peers.REFUSED).code == peers.R_REFUSED
    with listen(address) as again:
        link.start(b"now", service=4, client_port=3)
        with accept(again) as served:
            link.finish()
            assert recv_all(served) == V1.replace(b"40000", b"3") + b"now"


def test_other_targets_get_none(lab, fake, target):
    """Not one that AllowTargets lets be dialed, nor an other service."""
    with listen() as other:
        start(lab, fake, Services=[
            {"Name": "own", "Proxy": address_text(address_of(target)),
             "SendProxyProtocol": "v2"},
            {"Name": "default", "Proxy": address_text(address_of(other))}],
            AllowTargets=["localhost:*"])
        roles = Roles(fake)
        for request in ({}, {"target": "tcp://localhost:%d"
                             % address_of(target)[1]}):
            link = roles.standby()
            link.start(b"bare", **request)
            with accept(target if request else other) as served:
                link.finish()
                assert recv_all(served) == b"bare"
