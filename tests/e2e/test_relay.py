"""One request through both programs: pages, half-close, resets, addresses."""
from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import DEADLINE, PLAIN, SCALE, wait_until
from sockets import (accept, address_text, connect, curl, free_port,
                     how_a_client_ends, how_it_ends, http_url, is_quiet, listen,
                     open_stream, parse_address, ping_pong, recv_all,
                     recv_exactly, request, reset, tcp_sockets_of, timed_talk,
                     wait_read)
from targets import NGINX, Unanswering, digest_then_all, echo, greet_first

SIZES = [0, 1, 65536, 10 << 20]


def random_bytes(size: int) -> bytes:
    return os.urandom(size)


# --- pages ----------------------------------------------------------------

@pytest.mark.short
def test_page_from_python_web_server(lab):
    """A page of http.server comes through the tunnel unchanged."""
    page = random_bytes(100_000)
    directory = lab.new_dir("www")
    (directory / "page.bin").write_bytes(page)
    outer, _ = lab.tunnel(lab.web(directory))
    assert curl(http_url(outer.clients, "/page.bin")) == page


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_page_from_nginx(lab, kind):
    """A page of a real nginx comes through, over TCP and a Unix socket."""
    page = random_bytes(1 << 20)
    directory = lab.new_dir("www")
    (directory / "page.bin").write_bytes(page)
    at = str(lab.path("target.sock")) if kind == "unix" else None
    web = lab.nginx(f"    root {directory};", at)
    outer, _ = lab.tunnel(web)
    assert curl(http_url(outer.clients, "/page.bin")) == page
    assert curl(http_url(outer.clients, "/page.bin"), "-0") == page


@pytest.mark.short
def test_session_lines_agree_on_both_sides(lab):
    """Each session leaves one line on each side: same id, same counts."""
    outer, inner = lab.tunnel(lab.target(digest_then_all))
    sock = connect(outer.clients)
    port = sock.getsockname()[1]
    sock.sendall(b"x" * 1000)
    sock.shutdown(socket.SHUT_WR)
    assert len(recv_all(sock)) == 1032
    sock.close()
    ours, theirs = outer.session(), inner.session(why="done")
    for line in (ours, theirs):
        assert line["level"] == "info"
        assert (line["up"], line["down"]) == (1000, 1032), line
        assert line["duration"] >= 0 and line["why"], line
        assert str(port) in str(line["client"]), line
    assert ours["id"] == theirs["id"] is not None
    assert ours["service"] and theirs["target"]
    assert ours["wait"] >= 0 and ours["ready"] >= 0, ours
    assert len(outer.grep("session", "finished")) == 1


# --- many -----------------------------------------------------------------

@pytest.mark.heavy
def test_burst_of_1000_clients_with_10_standbys(lab, machine, figure):
    """All of 1000 clients at once get their own bytes back, none is refused."""
    timing = {} if PLAIN else {"QueueTimeout": 5 * SCALE,
                               "ForwardTimeout": 5 * SCALE}
    outer, _ = lab.tunnel(lab.echo(), standbys=10, outer=timing)
    tokens = [os.urandom(32) + b"%08d" % i for i in range(1000)]

    async def everybody():
        return await asyncio.gather(
            *(timed_talk(outer.clients, token, 60 * SCALE)
              for token in tokens), return_exceptions=True)

    answers = asyncio.run(everybody())
    failed = [a for a in answers if isinstance(a, BaseException)]
    assert not failed, (len(failed), failed[:5])
    wrong = [i for i, (reply, _) in enumerate(answers) if reply != tokens[i]]
    assert not wrong, wrong[:10]
    slowest = max(seconds for _, seconds in answers)
    figure(f"burst of 1000 clients on 10 standbys: {len(answers)} served, "
           f"slowest {slowest:.2f} s")
    outer.session(count=1000)
    ids = {line["id"] for line in outer.grep("session", "finished")}
    assert len(ids) == 1000


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 8000,
                    reason="the hard limit of descriptors is too low")
@pytest.mark.heavy
def test_2000_idle_clients_answer_afterwards(lab, machine, figure):
    """2000 clients connected and idle at once are all kept, then answered."""
    count = 2000
    target = lab.echo()
    patient = {"QueueTimeout": 30 * SCALE}  # idleness is tested, not speed
    outer, _ = lab.tunnel(target, standbys=10, outer=patient)

    async def everybody():
        streams = []
        while len(streams) < count:         # in crowds that the queue holds
            streams += await asyncio.gather(
                *(open_stream(outer.clients) for _ in range(250)))
            await asyncio.to_thread(
                wait_until, lambda: target.open == len(streams),
                "all sessions reach the target", 30 * SCALE)
        dropped = outer.grep("session", "finished")
        assert not dropped, dropped[:3]

        async def one(number: int) -> bool:
            reader, writer = streams[number]
            token = b"%016d" % number
            writer.write(token)
            reply = await reader.readexactly(16)
            writer.close()
            return reply == token
        return await asyncio.gather(*map(one, range(count)))

    answered = asyncio.run(asyncio.wait_for(everybody(), 80 * SCALE))
    assert all(answered)
    figure(f"{count} clients idle at once: {sum(answered)} answered "
           "afterwards, 0 dropped")


# --- half-close -----------------------------------------------------------

@pytest.mark.parametrize("size", [
    pytest.param(size, marks=[pytest.mark.short] if size < 1 << 20 else [])
    for size in SIZES])
def test_half_close_still_gets_the_whole_reply(lab, figure, size):
    """The client's FIN is passed on; the reply made after it arrives whole."""
    outer, _ = lab.tunnel(lab.target(digest_then_all))
    data = random_bytes(size)
    reply = request(outer.clients, data)
    assert reply[:32] == hashlib.sha256(data).digest()
    assert reply[32:] == data
    figure(f"half-close after {size:8} bytes: all {len(reply)} bytes of the "
           "reply came")


@pytest.mark.parametrize("size", SIZES)
def test_target_half_closes_first(lab, size):
    """The target's FIN is passed on while the client still sends."""
    listener = lab.add(listen())
    outer, _ = lab.tunnel(listener)
    data = random_bytes(size)
    with connect(outer.clients) as client, accept(listener) as served:
        served.sendall(b"bye")
        served.shutdown(socket.SHUT_WR)
        assert recv_all(client) == b"bye"
        sender = threading.Thread(target=client.sendall, args=(data,))
        sender.start()
        assert recv_exactly(served, size) == data
        sender.join()
        assert is_quiet(served, 0.1)
        client.shutdown(socket.SHUT_WR)
        assert served.recv(1) == b""


def test_client_fin_while_queued_is_no_hang_up(lab):
    """A client that sends and shuts down while it waits is served later."""
    outer = lab.outer(QueueTimeout=30)
    target = lab.target(digest_then_all)
    before = outer.fds()
    with connect(outer.clients) as client:
        client.sendall(b"early")
        client.shutdown(socket.SHUT_WR)
        wait_until(lambda: outer.fds() > before, "the client is queued")
        lab.inner(outer, target, MaxFreeConn=1)
        assert recv_all(client) == hashlib.sha256(b"early").digest() + b"early"


@pytest.mark.parametrize("size", [0, 1, 65536])
def test_server_that_speaks_first(lab, size):
    """A greeting arrives although the client has sent nothing."""
    outer, _ = lab.tunnel(lab.target(greet_first))
    with connect(outer.clients) as client:
        assert recv_exactly(client, 11) == b"220 hello\r\n"
        ping_pong(client, random_bytes(size))


async def answer_in_pairs(reader, writer) -> None:
    """Two bytes for two bytes, each in a segment of its own."""
    while True:
        await reader.readexactly(2)
        for answer in (b"y", b"z"):
            writer.write(answer)
            await asyncio.sleep(0)


def test_small_writes_are_not_held_back(lab):
    """No piece waits for the other side's acknowledgement (Nagle)."""
    outer, _ = lab.tunnel(lab.target(answer_in_pairs), standbys=1)
    with connect(outer.clients) as client:
        began = time.monotonic()
        for _ in range(100):
            client.sendall(b"a")
            wait_read(client)       # or both would leave in one piece
            client.sendall(b"b")
            assert recv_exactly(client, 2) == b"yz"
        assert time.monotonic() - began < 100 * 0.03 * SCALE    # Nagle: 0.04


def test_every_connection_sends_at_once(lab):
    """TCP_NODELAY is on at all four ends of a session and on the standbys: of
    Nagle's wait the clock shows little where acknowledgements come soon."""
    outer, inner = lab.tunnel(lab.echo(), standbys=1)
    with connect(outer.clients) as client:
        ping_pong(client, b"relayed")
        outer.wait_joined(2)            # the next standby
        for program in (outer, inner):
            try:
                ends = tcp_sockets_of(program.pid)
            except PermissionError as problem:
                pytest.skip(f"no look at another program's sockets: {problem}")
            held = [end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                    for end in ends]
            names = [end.getpeername() for end in ends]
            for end in ends:
                end.close()
            assert len(held) == 3 and all(held), (program.name, held, names)


def test_silent_client_keeps_its_session(lab):
    """A client that says nothing harms nobody and may speak later."""
    outer, _ = lab.tunnel(lab.echo(), standbys=1)
    with connect(outer.clients) as silent:
        for _ in range(20):
            assert request(outer.clients, b"other") == b"other"
        ping_pong(silent, b"at last")


# --- resets ---------------------------------------------------------------

def converse(client: socket.socket, served: socket.socket, who: str) -> None:
    """Bytes from one end or both: then the session is relayed for certain."""
    if who != "target":
        client.sendall(b"some")
        assert recv_exactly(served, 4) == b"some"
    if who != "client":
        served.sendall(b"more")
        assert recv_exactly(client, 4) == b"more"


@pytest.mark.parametrize("spoke", ["client", "target", "both"])
def test_client_reset_is_passed_on(lab, spoke):
    """The target sees a reset, not an orderly end, when the client resets."""
    listener = lab.add(listen())
    outer, _ = lab.tunnel(listener)
    client = connect(outer.clients)
    with accept(listener) as served:
        converse(client, served, spoke)
        reset(client)
        assert how_it_ends(served) == "reset"
    outer.session()


@pytest.mark.parametrize("spoke", ["client", "target", "both"])
def test_target_reset_is_passed_on(lab, spoke):
    """The client sees a reset when the target resets."""
    listener = lab.add(listen())
    outer, _ = lab.tunnel(listener)
    with connect(outer.clients) as client:
        served = accept(listener)
        converse(client, served, spoke)
        reset(served)
        assert how_it_ends(client) == "reset"
    outer.session()


def test_client_reset_while_queued_is_forgotten(lab):
    """A client that resets while it waits costs no standby and no session."""
    outer = lab.outer(QueueTimeout=30)
    target = lab.echo()
    before = outer.fds()
    client = connect(outer.clients)
    wait_until(lambda: outer.fds() > before, "the client is queued")
    reset(client)
    wait_until(lambda: outer.fds() == before, "the client is forgotten")
    lab.inner(outer, target, MaxFreeConn=1)
    outer.wait_joined(1)
    assert request(outer.clients, b"next") == b"next"
    lost = outer.grep("standby", "closed", why="no answer to FORWARD")
    assert 1 <= target.accepted <= 1 + len(lost)


# --- targets that cannot be reached ---------------------------------------

def closed_port() -> str:
    return f"tcp://127.0.0.1:{free_port()}"


BAD_TARGETS = {
    "refused": (closed_port, "refused"),
    "unreachable": (lambda: "tcp://224.0.0.1:80", "unreach|refused|failed"),
    "no such name": (lambda: "tcp://no-such-name.invalid:80",
                     "name|resol|timed out"),
    "no such socket": (lambda: "unix:///nonexistent/tp.sock",
                       "no such|refused|failed|not found"),
}


@pytest.mark.parametrize("case", [
    pytest.param(name, marks=[pytest.mark.short] if name == "refused" else [])
    for name in BAD_TARGETS])
def test_bad_target_resets_the_client_and_keeps_the_link(lab, case):
    """The client is reset, the log says why, the same link serves the next."""
    make, why = BAD_TARGETS[case]
    outer, inner = lab.tunnel(make(), standbys=1, inner={"DialTimeout": 2})
    for number in range(1, 8):
        assert how_a_client_ends(outer.clients) == "reset"
        line = outer.session(count=number)
        assert line.says(why), line
    inner.wait_log(says=why, level="info|warn|error")
    # One stands by, one was made while the first was taken; both are reused,
    # or sent away when the pool shrinks.
    assert outer.joined() <= 5, "the link was not reused"


def test_target_that_does_not_answer_times_out(lab):
    """DialTimeout bounds the dial; the client is reset, the link reused."""
    target = lab.add(Unanswering())
    outer, _ = lab.tunnel(target, standbys=1, inner={"DialTimeout": 0.5})
    assert how_a_client_ends(outer.clients, 3 * SCALE) == "reset"
    assert outer.session().says("timed out|timeout|time")
    lost = outer.grep("standby", "closed", why="no answer to FORWARD")
    assert outer.joined() <= 2 + len(lost)
    target.let_in()


# --- addresses ------------------------------------------------------------

def test_unix_sockets_on_both_ends(lab):
    """Public side and target as Unix sockets."""
    public, private = str(lab.path("public.sock")), str(lab.path("target.sock"))
    outer, _ = lab.tunnel(lab.target(digest_then_all, address=private),
                          outer={"OuterServerAddress": "unix://" + public})
    assert outer.clients == public
    assert request(public, b"abc") == hashlib.sha256(b"abc").digest() + b"abc"


def test_ipv6_everywhere(lab):
    """[::1] for links, clients and the target."""
    outer = lab.outer(InnerServerAddress="tcp://[::1]:0",
                      OuterServerAddress="tcp://[::1]:0")
    assert outer.links[0] == outer.clients[0] == "::1"
    target = lab.target(echo, address=("::1", 0))
    lab.inner(address_text(outer.links), target, MaxFreeConn=1)
    outer.wait_joined(1)
    assert request(outer.clients, b"six") == b"six"


def test_names_are_resolved(lab):
    """localhost as a name, to listen on, to register at and as the target."""
    outer = lab.outer(InnerServerAddress="tcp://localhost:0",
                      OuterServerAddress="tcp://localhost:0")
    target = lab.echo()
    lab.inner(f"tcp://localhost:{outer.links[1]}",
              f"tcp://localhost:{target.address[1]}", MaxFreeConn=1)
    outer.wait_joined(1)
    assert request(outer.clients, b"name") == b"name"


def test_empty_host_means_every_address(lab):
    """tcp://:0 listens on IPv4 and IPv6 alike, for links and clients."""
    outer = lab.outer(InnerServerAddress="tcp://:0",
                      OuterServerAddress="tcp://:0")
    target = lab.echo()
    lines = outer.grep("listen", "listening")
    links = {parse_address(l["address"])[1] for l in lines
             if l["for"] == "links"}
    clients = {parse_address(l["address"])[1] for l in lines
               if l["for"] == "clients"}
    assert len(links) == len(clients) == 1, "one port for both families"
    for host in ("127.0.0.1", "[::1]"):
        lab.inner(f"tcp://{host}:{min(links)}", target, MaxFreeConn=1)
    outer.wait_joined(2)
    for host in ("127.0.0.1", "::1"):
        assert request((host, min(clients)), b"any") == b"any"


def test_every_address_of_a_name_is_tried(lab):
    """localhost leads to a target that listens on one family only."""
    target = lab.target(echo, address=("127.0.0.1", 0))
    outer, _ = lab.tunnel(f"tcp://localhost:{target.address[1]}", standbys=1)
    for _ in range(3):
        assert request(outer.clients, b"x", DEADLINE) == b"x"


@pytest.mark.parametrize("pump", ["auto", "copy", "bev"])
@pytest.mark.parametrize("whose", ["client", "target"])
def test_urgent_data_in_front_of_the_rest(lab, pump, whose):
    """One MSG_OOB byte, which anybody may send: the rest arrives, and its end;
    splice(2) alone would stop before it for ever."""
    place = listen()
    lab.add(place)
    settings = {"Pump": pump}
    outer, _ = lab.tunnel(place, outer=settings, inner=settings)
    with connect(outer.clients) as client:
        client.sendall(b"q")
        with accept(place) as served:
            assert recv_exactly(served, 1) == b"q"
            sender, reader = ((client, served) if whose == "client"
                              else (served, client))
            sent = bytes(2_000_000) + bytes(200_000)
            with ThreadPoolExecutor(1) as pool:
                got = pool.submit(recv_all, reader)
                sender.sendall(bytes(2_000_000))    # so that it is spliced
                sender.sendall(bytes(200_000))
                sender.send(b"!", socket.MSG_OOB)
                sender.sendall(b"behind it")
                sender.shutdown(socket.SHUT_WR)
                text = got.result(60)
            # the urgent byte itself is in band or not, as the system has it
            assert text.replace(b"!", b"") == sent + b"behind it"
