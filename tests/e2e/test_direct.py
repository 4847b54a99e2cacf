"""Direct mode: the outer dials the target itself, and no inner is asked."""
from __future__ import annotations

import json
import signal
import socket

import pytest

from admin import API, Api, admin, public, refused
from harness import MIB, SCALE, wait_until
from sockets import (connect, free_port, free_ports, how_a_client_ends,
                     ping_pong, recv_exactly, request, reset)
from targets import Unanswering
from test_services import answers, who


def direct(name: str, target: str, **more) -> dict:
    return {"Name": name, "Listen": "tcp://127.0.0.1:0", "Target": target,
            "Tunnel": False} | more


@pytest.mark.parametrize("workers", [0, 2])
def test_without_an_inner(lab, workers):
    """Bytes both ways, a half-close, many at once; one line each."""
    target = lab.echo()
    outer = lab.outer(Workers=workers, Services=[direct("echo", target.url)])
    place = outer.public("echo")
    assert request(place, b"hello") == b"hello"
    line = outer.session(service="echo")
    assert (line["up"], line["down"], line["why"]) == (5, 5, "done")
    data = bytes(range(256)) * (4 * MIB // 256)
    assert request(place, data) == data
    socks = [lab.add(connect(place)) for _ in range(20)]
    for sock in socks:
        ping_pong(sock, b"ping")
    assert outer.joined() == 0


def test_who_speaks_first(lab):
    """The target does: nothing waits for the client's bytes."""
    target = lab.target(answers("first"))
    outer = lab.outer(Services=[direct("mail", target.url)])
    assert who(outer.public("mail")) == "first"


def test_each_port_its_target(lab):
    """The nth public port leads to the nth of the target."""
    ports, first = free_ports(2), free_ports(2)
    for nth in range(2):
        lab.target(answers(f"nth-{nth}"), address=("127.0.0.1", ports + nth))
    lab.outer(Services=[direct("range", f"tcp://127.0.0.1:{ports}-{ports + 1}",
                               Listen=f"tcp://127.0.0.1:{first}-{first + 1}")])
    for nth in range(2):
        assert who(public(first + nth)) == f"nth-{nth}"


def test_by_name_and_over_a_unix_socket(lab):
    target = lab.target(answers("named"))
    path = str(lab.path("target.sock"))
    local = lab.target(answers("local"), address=path)
    assert local.url.startswith("unix://")
    outer = lab.outer(Services=[
        direct("name", f"tcp://localhost:{target.address[1]}"),
        direct("unix", local.url)])
    for _ in range(3):
        assert who(outer.public("name")) == "named"
        assert who(outer.public("unix")) == "local"


def test_a_target_that_is_not_there(lab):
    """Refused, silent, without an address: the client is reset, and the line
    says why."""
    silent = lab.add(Unanswering())
    outer = lab.outer(ForwardTimeout=0.3, Services=[
        direct("down", f"tcp://127.0.0.1:{free_port()}"),
        direct("silent", silent.url),
        direct("unknown", "tcp://no-such-name.invalid:80")])
    for name, why in (("down", "target refused the connection"),
                      ("silent", "target timed out")):
        assert how_a_client_ends(outer.public(name)) == "reset"
        assert outer.session(service=name)["why"].startswith(why)
    assert how_a_client_ends(outer.public("unknown")) == "reset"
    assert outer.session(service="unknown")["why"].startswith("target ")


def test_a_client_who_leaves_while_it_is_dialed(lab):
    silent = lab.add(Unanswering())
    outer = lab.outer(ForwardTimeout=60, Services=[
        direct("silent", silent.url)])
    fds = outer.fds()
    sock = connect(outer.public("silent"))
    outer.wait_log("session", "state", to="starting")
    reset(sock)
    assert "left" in outer.session(service="silent")["why"]
    wait_until(lambda: outer.fds() <= fds, "nothing is left open")


def test_its_limits(lab):
    target = lab.echo()
    outer = lab.outer(IdleTimeout=1 + SCALE / 2, Services=[
        direct("few", target.url, MaxSessions=1, AllowFrom=["127.0.0.1"])])
    place = outer.public("few")
    with pytest.raises(ConnectionResetError):
        with connect(place, source="127.0.0.3") as sock:
            sock.recv(1)
    first = lab.add(connect(place))
    ping_pong(first, b"one")
    second = lab.add(connect(place))            # in the backlog
    second.sendall(b"two")
    outer.wait_log("front", "MaxSessions of a service reached")
    assert outer.session(service="few")["why"] == "idle for too long"
    assert recv_exactly(second, 3) == b"two"


def test_what_the_outer_stops_is_cut(lab):
    target = lab.echo()
    silent = lab.add(Unanswering())
    outer = lab.outer(DrainTimeout=0.3, Workers=2, ForwardTimeout=60,
                      Services=[direct("echo", target.url),
                                direct("silent", silent.url)])
    socks = [lab.add(connect(outer.public("echo"))) for _ in range(4)]
    for sock in socks:
        ping_pong(sock, b"here")
    for _ in range(2):
        lab.add(connect(outer.public("silent")))
    outer.wait_log("session", "state", to="starting", count=6)
    outer.signal(signal.SIGTERM)
    assert outer.wait() == 0
    assert len(outer.grep("session", "finished", why="the outer stops")) == 6


def test_other_keys_end_no_direct_session(lab):
    """It has none."""
    target = lab.echo()
    file = lab.outer_file(Services=[direct("echo", target.url)])
    outer = lab.start_outer(file).wait_ready()
    sock = lab.add(connect(outer.public("echo")))
    ping_pong(sock, b"before")
    settings = json.loads(file.read_text())
    file.write_text(json.dumps(settings | {"AuthKey": "another-key-0123456"}))
    outer.signal(signal.SIGHUP)
    outer.wait_log("app", "configuration read anew")
    ping_pong(sock, b"after")


def test_a_mapping_without_a_tunnel(lab):
    """Made by the API, and there again after a crash."""
    target = lab.target(answers("piped"))
    file = lab.outer_file(AdminAddress=API)
    outer = lab.start_outer(file).wait_ready()
    api = Api(outer)
    port = free_port()
    made = api.create(port, tunnel=False, target_ip="127.0.0.1",
                      target_port=target.address[1])
    assert made["tunnel"] is False
    assert who(public(port)) == "piped"
    outer.kill()
    outer = lab.start_outer(file).wait_ready()
    assert who(public(port)) == "piped"
    api = Api(outer)
    with connect(public(port)) as sock:
        assert recv_exactly(sock, 5) == b"piped"
        (one,) = api.get("/api/sessions")["sessions"]
        assert (one["state"], one["inner"]) == ("relaying", "")
        api.post(f"/api/sessions/{one['id']}/kill")
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    api.remove(port)
    assert refused(port)


# --- targets that lead back --------------------------------------------------


def test_a_mapping_never_leads_to_itself(lab):
    """Nor to another one that the outer dials: what comes of it would be its
    own client, without end."""
    outer, api = admin(lab)
    one, two, three, far = (free_port() for _ in range(4))
    other = "target_port: found tcp://127.0.0.1:{}, an address of the service "

    def ask(port, status, message, **more):
        answer = api.ask("POST", "/api/mapping/create",
                         {"port": port, "tunnel": False} | more)
        assert (answer.status, message in answer.message) == (status, True), \
            answer

    ask(one, 400, f"target_port: found tcp://127.0.0.1:{one}, where the "
        "mapping itself listens")
    ask(one, 400, "itself", target_port=one)
    ask(one, 400, "itself", target_ip="localhost")
    ask(one, 400, "nobody can be reached", target_ip="0.0.0.0")
    ask(one, 400, "itself", target_ip="127.7.7.7")
    ask(one, 400, "itself", target_ip="::1")
    ask(one, 400, "itself", target_ip="::ffff:127.0.0.1")
    assert not api.mappings()
    ask(one, 200, "", listen_ip="127.0.0.1", target_ip="127.0.0.2")
    ask(two, 409, other.format(one), target_port=one)
    ask(two, 200, "", target_port=three)
    ask(three, 409, f"port: found {three}, the target of the service "
        f"port-{two}", target_port=far)
    api.create(three, target_port=two)          # by an inner: not a circle
    assert set(api.mappings()) == {one, two, three}


def test_services_of_the_file_and_mappings_make_no_circle(lab):
    """One of them is left out, whichever comes second."""
    file = lab.outer_file(AdminAddress=API)
    outer = lab.start_outer(file).wait_ready()
    here, there = free_port(), free_port()
    Api(outer).create(here, tunnel=False, target_port=there)
    settings = json.loads(file.read_text())
    back = direct("back", f"tcp://127.0.0.1:{here}",
                  Listen=f"tcp://127.0.0.1:{there}")
    file.write_text(json.dumps(settings | {"Services": [back]}))
    outer.signal(signal.SIGHUP)
    assert outer.wait_log("service", "left out")["why"] == (
        f"service back: its Target is an address of the service port-{here}, "
        "and neither has a tunnel")
    assert refused(there)
    outer.kill()
    outer = lab.start_outer(file).wait_ready()
    assert outer.wait_log("mapping", "cannot be restored")["why"] == (
        f"target_port: found tcp://127.0.0.1:{there}, an address of the "
        "service back, which has no tunnel either")
    assert refused(here)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_circle_by_a_name(lab, workers):
    """What it means is known once it has been dialed."""
    name = socket.gethostname()
    try:
        socket.getaddrinfo(name, 80)
    except OSError:
        pytest.skip(f"{name}, this machine's name, has no address")
    port = free_port()
    outer = lab.outer(Workers=workers, Services=[
        direct("named", f"tcp://{name}:{port}", Listen=f"tcp://:{port}")])
    fds = outer.fds()
    for _ in range(5):
        assert how_a_client_ends(public(port)) == "reset"
    outer.wait_log("session", "finished", service="named", why=(
        "the target is an address of a service with Tunnel false of this "
        "outer"))
    wait_until(lambda: outer.fds() <= fds, "nothing is left open")
    assert len(outer.grep("session", "finished")) < 100


@pytest.mark.parametrize("workers", [0, 2])
def test_a_circle_that_only_dialing_shows(lab, workers):
    """Of one service and of two: each client is reset, and that is all."""
    ports = free_ports(3)
    link = lab.path("link")
    link.symlink_to(lab.path("unix.sock"))
    outer = lab.outer(Workers=workers, Services=[
        direct("self", f"tcp://127.1:{ports}",
               Listen=f"tcp://0.0.0.0:{ports}"),
        direct("there", f"tcp://0x7f.1:{ports + 2}",
               Listen=f"tcp://127.0.0.1:{ports + 1}"),
        direct("back", f"tcp://127.1:{ports + 1}",
               Listen=f"tcp://:{ports + 2}"),
        direct("unix", f"unix://{link}",
               Listen=f"unix://{lab.path('unix.sock')}")])
    fds = outer.fds()
    for nth in range(3):
        assert how_a_client_ends(public(ports + nth)) == "reset"
    assert how_a_client_ends(str(lab.path("unix.sock"))) == "fin"
    for name in ("self", "there", "back", "unix"):
        outer.wait_log("session", "finished", service=name, why=(
            "the target is an address of a service with Tunnel false of this "
            "outer"))
    assert outer.grep("session", "the target is an address of a service with "
                      "Tunnel false of this outer", level="warn")
    wait_until(lambda: outer.fds() <= fds, "nothing is left open")
    ended = len(outer.grep("session", "finished"))
    assert ended < 100
