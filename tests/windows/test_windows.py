"""Both programs for Windows and for Linux, in all four pairs, from outside."""
from __future__ import annotations

import asyncio
import hashlib
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import termios
import time
from pathlib import Path

import pytest

from harness import DEADLINE, KEY, MIB, parse_line, wait_gone, wait_until
from lab import Inner, Outer, Restarted
from sockets import (accept, connect, curl, free_port, how_a_client_ends,
                     how_it_ends, http_url, listen, open_stream, ping_pong,
                     recv_all, request)
from streams import Worker, receive_stream, send_stream
from targets import digest_then_all
from wine import BINARIES, COMPILER, Exe, Twin, WindowsLab, windows_path

SIDES = pytest.mark.parametrize("side", ["outer", "inner"])
PROGRAMS = pytest.mark.parametrize("side", ["outer_server", "inner_server"])


# --- what goes through ------------------------------------------------------

@pytest.mark.tls
def test_a_page_by_curl(pair):
    """A page of nginx's, asked for by curl, and all of it, ten times."""
    page = os.urandom(MIB + 1)
    nginx = pair.nginx(f"    location / {{ root {pair.dir}; }}")
    pair.path("page").write_bytes(page)
    outer, _ = pair.tunnel(nginx)
    for _ in range(10):
        assert curl(http_url(outer.clients, "/page")) == page


async def all_at_once(outer: Outer, count: int) -> int:
    """So many clients, each served while every other one is still there, and
    then to its end; returns how many."""
    everyone = asyncio.Barrier(count)

    async def client(number: int) -> bool:
        token = f"client {number}".encode() * 50
        reader, writer = await open_stream(outer.clients)
        try:
            writer.write(token)
            assert await reader.readexactly(len(token)) == token
            await everyone.wait()
            writer.write(token)
            writer.write_eof()
            return await reader.read() == token
        finally:
            writer.close()

    async with asyncio.timeout(45):
        return sum(await asyncio.gather(*(client(n) for n in range(count))))


@pytest.mark.tls
def test_200_clients(pair, figure):
    """200 sessions at one time, and each client gets what it sent."""
    outer, _ = pair.tunnel(pair.echo(), standbys=10,
                           outer={"QueueTimeout": 30})
    began = time.monotonic()
    assert asyncio.run(all_at_once(outer, 200)) == 200
    figure(f"200 clients at once, {pair}: {time.monotonic() - began:.1f} s")
    outer.session(count=200, why="done")


@pytest.mark.tls
def test_100_mib_each_way(pair, figure):
    """100 MiB up and 100 MiB down at one time in one session, intact."""
    size = 100
    listener = pair.add(listen())
    outer, _ = pair.tunnel(listener, standbys=1)
    began = time.monotonic()
    with connect(outer.clients) as client, accept(listener) as served:
        workers = [Worker(send_stream, client, size, 0),
                   Worker(send_stream, served, size, 1 << 40),
                   Worker(receive_stream, served),
                   Worker(receive_stream, client)]
        sent_up, sent_down, got_up, got_down = [
            worker.result(80) for worker in workers]
    assert got_up == (sent_up, size * MIB)
    assert got_down == (sent_down, size * MIB)
    figure(f"100 MiB each way, {pair}: {time.monotonic() - began:.1f} s")
    line = outer.session()
    assert (line["up"], line["down"]) == (size * MIB, size * MIB)


@pytest.mark.tls
def test_client_ends_its_direction_first(pair):
    """After its end of input the target still answers, at length."""
    outer, _ = pair.tunnel(pair.target(digest_then_all))
    data = os.urandom(3 * MIB)
    assert request(outer.clients, data) == \
        hashlib.sha256(data).digest() + data


@pytest.mark.tls
def test_target_ends_its_direction_first(pair):
    """After the target's end of input the client still sends, at length."""
    listener = pair.add(listen())
    outer, _ = pair.tunnel(listener)
    data = os.urandom(3 * MIB)
    with connect(outer.clients) as client, accept(listener) as served:
        served.sendall(b"that was all")
        served.shutdown(socket.SHUT_WR)
        assert recv_all(client) == b"that was all"
        sender = Worker(client.sendall, data)
        received = b""
        while len(received) < len(data):
            received += served.recv(MIB)
        sender.result(10)
        client.shutdown(socket.SHUT_WR)
        assert received == data and served.recv(1) == b""
    outer.session()


@pytest.mark.tls
def test_a_reset_arrives(pair):
    """A target that is not there: the client sees a reset, not an end."""
    outer, _ = pair.tunnel(f"tcp://127.0.0.1:{free_port()}")
    assert how_a_client_ends(outer.clients) == "reset"


# --- killed and started again -----------------------------------------------

@pytest.mark.tls
def test_outer_killed_and_restarted(pair):
    """Sessions end with it; the inner finds its next run, on the same port."""
    target = pair.echo()
    place = Restarted(pair)
    inner = pair.inner(place.outer, target, MaxFreeConn=3)
    place.outer.wait_joined(3)
    for _ in range(2):
        with connect(place.outer.clients) as client:
            ping_pong(client, b"x")
            place.kill()
            assert how_it_ends(client) != "open"
        wait_until(lambda: target.open == 0, "the target's session ends")
        outer = place.start()
        outer.wait_joined(3)
        assert request(outer.clients, b"again") == b"again"
    assert inner.running()


@pytest.mark.tls
def test_inner_killed_and_restarted(pair):
    """Sessions end with it, its links are gone; who waits is served by its
    next run."""
    target = pair.echo()
    outer, inner = pair.tunnel(target, outer={"QueueTimeout": 30})
    for _ in range(2):
        with connect(outer.clients) as client:
            ping_pong(client, b"x")
            inner.kill()
            assert how_it_ends(client) != "open"
        wait_until(lambda: outer.link_count() == 0, "its links are gone")
        wait_until(lambda: target.open == 0, "the target's session ends")
        waiting = Worker(request, outer.clients, b"patient")
        mark = outer.mark()
        inner = pair.inner(outer, target, MaxFreeConn=3)
        outer.wait_joined(3, after=mark)
        assert waiting.result(15) == b"patient"
    assert outer.running()


# --- Ctrl-C -----------------------------------------------------------------

@SIDES
def test_ctrl_c_drains(pair, side):
    """What runs goes on to its end, nobody new gets in, exit status 0."""
    listener = pair.add(listen())
    outer, inner = pair.tunnel(
        listener, outer={"DrainTimeout": 60, "QueueTimeout": 0.5},
        inner={"DrainTimeout": 60})
    program = outer if side == "outer" else inner
    data = os.urandom(MIB)
    with connect(outer.clients) as client, accept(listener) as served:
        client.sendall(b"before")
        assert served.recv(6) == b"before"
        program.signal(signal.SIGINT)
        stopping = program.wait_log("app", says="^stopping")
        assert stopping["signal"] == \
            ("Ctrl-C" if isinstance(program, Exe) else "SIGINT")
        if side == "outer":
            wait_until(lambda: refused(outer), "new clients are refused")
        else:
            wait_until(lambda: outer.link_count() == 1, "idle links leave")
        sender = Worker(client.sendall, data)
        received = b""
        while len(received) < len(data):
            received += served.recv(MIB)
        assert received == data
        sender.result(10)
        assert program.running()
        client.shutdown(socket.SHUT_WR)
        assert served.recv(1) == b""
        served.sendall(b"the answer")
        served.shutdown(socket.SHUT_WR)
        assert recv_all(client) == b"the answer"
    assert program.wait() == 0
    assert program.grep("app", "stopped")


def refused(outer: Outer) -> bool:
    try:
        connect(outer.clients, 1).close()
    except OSError:
        return True
    return False


@SIDES
def test_a_second_ctrl_c_stops_at_once(pair, side):
    """Who does not want to wait for the drain says so twice."""
    outer, inner = pair.tunnel(pair.echo(), outer={"DrainTimeout": 60},
                               inner={"DrainTimeout": 60})
    program = outer if side == "outer" else inner
    with connect(outer.clients) as client:
        ping_pong(client, b"x")
        program.signal(signal.SIGINT)
        program.wait_log("app", says="^stopping")
        assert not wait_gone(program.pid, 0.3)
        ping_pong(client, b"still here")
        program.signal(signal.SIGINT)
        assert program.wait(3) == 0
        assert program.grep("app", says="^second signal")
        assert how_it_ends(client) != "open"


@SIDES
def test_closed_window_drains_for_4_s(lab, side):
    """What runs may go on for so long, whatever DrainTimeout says; then it
    ends by itself, before the system would end it."""
    twin = Twin(lab, f"{side}_server")
    settings = {"DrainTimeout": 60, "options": {"binary": twin.exe}}
    outer, inner = lab.tunnel(lab.echo(), **{side: settings})
    program = outer if side == "outer" else inner
    with connect(outer.clients) as client:
        ping_pong(client, b"x")
        twin.hears("close")
        stopping = program.wait_log("app", says="^stopping")
        assert (stopping["signal"], stopping["drain"]) == \
            ("the window was closed", 4)
        ping_pong(client, b"still here")
        assert program.wait() == 0
        assert how_it_ends(client) != "open"
    cut = program.wait_log("app", says="^drain timeout")
    assert 3.9 < cut.when - stopping.when < 5


@SIDES
def test_ctrl_c_with_nothing_to_wait_for(pair, side):
    """Without a session the end is at once, however long the drain may be."""
    outer, inner = pair.tunnel(pair.echo(), outer={"DrainTimeout": 60},
                               inner={"DrainTimeout": 60})
    program = outer if side == "outer" else inner
    program.signal(signal.SIGINT)
    assert program.wait(3) == 0


class Console:
    """A program for Windows on a terminal of its own, its console."""

    def __init__(self, lab: WindowsLab, name: str, file: Path) -> None:
        self.shown = b""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            try:
                termios.tcsetwinsize(0, (100, 400))     # no line is broken
                os.execvp("wine", ["wine", str(BINARIES / f"{name}.exe"),
                                   "-c", windows_path(file)])
            finally:
                os._exit(127)
        lab.add(self)

    def wait_shown(self, pattern: bytes) -> re.Match:
        limit = time.monotonic() + DEADLINE
        while not (found := re.search(pattern, self.shown)):
            left = limit - time.monotonic()
            assert left > 0 and select.select([self.master], [], [], left)[0], \
                f"{pattern!r} is not in {self.shown!r}"
            self.shown += os.read(self.master, 1 << 16)
        return found

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def wait(self) -> int:
        """The exit status; what it still shows is read meanwhile."""
        ended = Worker(os.waitpid, self.pid, 0)
        while True:
            try:
                self.shown += os.read(self.master, 1 << 16)
            except OSError:         # the last one on it has gone
                break
        self.pid = None
        return os.waitstatus_to_exitcode(ended.result(DEADLINE)[1])

    def close(self) -> None:
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)


@PROGRAMS
def test_ctrl_c_typed_at_a_console(lab, side):
    """The key itself: the first drains, the second ends it at once; lines
    are shown as they come."""
    lab.outer_type, lab.inner_type = Outer, Inner       # the other program
    settings = {"DrainTimeout": 60, "LogFormat": "text"}
    if side == "outer_server":
        console = Console(lab, side, lab.outer_file(**settings))
        links, clients = (
            ("127.0.0.1", int(console.wait_shown(
                rb"for=%s .*?address=tcp://127.0.0.1:(\d+)\D" % who)[1]))
            for who in (b"links", b"clients"))
        lab.inner(f"tcp://127.0.0.1:{links[1]}", lab.echo())
    else:
        outer = lab.outer()
        clients = outer.clients
        console = Console(lab, side, lab.inner_file(
            RegisterAddress=outer.links_url, ProxyAddress=lab.echo().url,
            **settings))
    with connect(clients) as client:
        ping_pong(client, b"before")
        console.type(b"\x03")
        console.wait_shown(b"stopping: .* signal=Ctrl-C drain=60.000")
        ping_pong(client, b"it drains")
        console.type(b"\x03")
        assert console.wait() == 0
        assert b"second signal" in console.shown
        assert how_it_ends(client) != "open"


# --- what it says -----------------------------------------------------------

def file_for(lab: WindowsLab, side: str, **settings) -> Path:
    """A good configuration file, but for settings."""
    if side == "outer_server":
        return lab.outer_file(**settings)
    return lab.inner_file(**{"RegisterAddress": "tcp://127.0.0.1:9",
                             "ProxyAddress": "tcp://127.0.0.1:9",
                             **settings})


def assert_refused(lab: WindowsLab, side: str, args: list[str], *says: str,
                   ) -> None:
    """Exit status 2 and one line, which holds each text of says."""
    result = lab.run_once(side, *args)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{side}: ")
    assert result.stderr.endswith("\n") and result.stderr.count("\n") == 1
    for text in says:
        assert text in result.stderr
    assert KEY not in result.stderr


@PROGRAMS
@pytest.mark.parametrize("settings, says", [
    ({"NoSuchKey": 1}, "NoSuchKey: unknown key"),
    ({"LogLevel": "loud"}, "LogLevel"),
    ({"DrainTimeout": "soon"}, "DrainTimeout"),
    ({"AuthKey": None}, "AuthKey"),
], ids=["unknown key", "wrong word", "wrong type", "missing key"])
def test_bad_setting(lab, side, settings, says):
    """One line that names the file and the key, and exit status 2."""
    file = file_for(lab, side, **settings)
    assert_refused(lab, side, ["-c", windows_path(file)], file.name, says)
    assert_refused(lab, side, ["--check", "-c", file.name], file.name, says)


@PROGRAMS
def test_bad_file(lab, side):
    """No JSON, no file, or a folder: one line with its name."""
    lab.path("text.json").write_text('{ "AuthKey": "x"\n')
    assert_refused(lab, side, ["-c", "text.json"], "text.json:")
    assert_refused(lab, side, ["-c", "none.json"], "none.json: no such file")
    assert_refused(lab, side, ["-c", windows_path(lab.dir)], lab.dir.name)


@PROGRAMS
def test_file_as_an_editor_there_writes_it(lab, side):
    """CR LF at each line's end, and a comment, are as good as LF."""
    file = file_for(lab, side)
    text = file.read_text().replace("{", "{ // written on Windows", 1)
    file.write_bytes(text.replace("\n", "\r\n").encode())
    result = lab.run_once(side, "--check", "-c", windows_path(file))
    assert (result.returncode, result.stderr) == (0, "")
    assert "AuthKey = ***\n" in result.stdout


@pytest.mark.parametrize("side, key", [
    ("outer_server", "InnerServerAddress"),
    ("outer_server", "OuterServerAddress"),
    ("inner_server", "RegisterAddress"), ("inner_server", "ProxyAddress")])
def test_unix_address_is_refused(lab, side, key):
    """No Unix sockets there: said at once, with the file and the key."""
    file = file_for(lab, side, **{key: "unix:///run/name.sock"})
    for args in (["-c", windows_path(file)], ["--check", "-c", file.name]):
        assert_refused(lab, side, args, f"{file.name}:", key, "Unix socket")


def test_port_that_is_taken(lab):
    """Another program at the address: its line names it, exit status 1."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        outer = lab.start_outer(lab.outer_file(
            OuterServerAddress=f"tcp://127.0.0.1:{port}"))
        outer.expected = {1}
        assert outer.wait() == 1
        assert f"127.0.0.1:{port}: address already in use" in outer.stderr()


@PROGRAMS
def test_log_file(lab, side):
    """Lines end in LF alone, are there at once, and each run adds its own."""
    path = lab.path("its.log")
    file = file_for(lab, side, LogFile=windows_path(path))
    start, part = (lab.start_outer, "outer") if side == "outer_server" \
        else (lab.start_inner, "inner")
    for run in (1, 2):
        program = start(file)
        lines = wait_until(lambda: logged(path, part, "ready", run), "a log")
        if part == "outer":     # an inner goes on to dial
            assert lines[-1]["message"] == "ready"
        program.signal(signal.SIGINT)
        assert program.wait() == 0 and not program.lines
    assert len(logged(path, "app", "stopped", 2)) >= 2
    assert b"\r" not in path.read_bytes()


def logged(path: Path, part: str, message: str, count: int) -> list:
    """All lines of a log when the one in question is there so often."""
    raw = path.read_bytes() if path.exists() else b""
    lines = [parse_line(line) for line in raw.split(b"\n")[:-1]]
    assert not any(line["level"] == "unparsed" for line in lines)
    found = [line for line in lines
             if (line["part"], line["message"]) == (part, message)]
    return lines if len(found) >= count else []


def test_log_file_can_be_moved_away(lab):
    """Somebody may rename the log that is being written."""
    path, old = lab.path("its.log"), lab.path("old.log")
    outer = lab.start_outer(lab.outer_file(LogFile=windows_path(path)))
    wait_until(lambda: logged(path, "outer", "ready", 1), "a log")
    moved = subprocess.run(
        ["wine", "cmd", "/c", "ren", windows_path(path), "old.log"],
        timeout=15, capture_output=True, stdin=subprocess.DEVNULL)
    assert moved.returncode == 0 and old.exists() and not path.exists()
    outer.signal(signal.SIGINT)
    assert outer.wait() == 0
    assert logged(old, "app", "stopped", 1)


@PROGRAMS
def test_standard_output(lab, side):
    """Lines on standard output end in LF, at once, as those in a file."""
    file = file_for(lab, side, LogFormat="text")
    for args in (["--help"], ["--check", "-c", windows_path(file)]):
        result = subprocess.run(
            ["wine", str(BINARIES / f"{side}.exe"), *args], capture_output=True,
            timeout=15, stdin=subprocess.DEVNULL)
        assert result.returncode == 0 and result.stderr == b""
        assert result.stdout.endswith(b"\n") and b"\r" not in result.stdout
    start = lab.start_outer if side == "outer_server" else lab.start_inner
    start(file).wait_log(says=r"^\S+T\S+ info +(outer|inner): ready")


@PROGRAMS
def test_keys_differ(lab, side):
    """--generate-key: 256 bits, other ones each time."""
    keys = {lab.run_once(side, "--generate-key").stdout for _ in range(3)}
    assert len(keys) == 3
    assert all(len(bytes.fromhex(key.strip())) == 32 for key in keys)


@PROGRAMS
def test_folder_whose_name_is_not_ascii(lab, side):
    """Its file is found beside the program, named on the command line, and
    named in messages, all in UTF-8."""
    place = lab.new_dir("Größe und 大小")
    exe, config = place / f"{side}.exe", side.replace("_server", ".config.json")
    shutil.copy(BINARIES / exe.name, exe)
    file = file_for(lab, side, LogFile=windows_path(place / "its.log"))
    named = shutil.copy(file, place / config)
    for args in ([], ["-c", windows_path(place / config)]):
        result = lab.run_once(side, "--check", *args, binary=exe)
        assert (result.returncode, result.stderr) == (0, "")
        assert f"{windows_path(Path(named))} is good:\n" in \
            result.stdout.replace("/", "\\")
        assert f"LogFile = {windows_path(place / 'its.log')}\n" in result.stdout
    part = "outer" if side == "outer_server" else "inner"
    program = lab.track(Exe(side, [], lab.dir, binary=exe))
    wait_until(lambda: logged(place / "its.log", part, "ready", 1), "a log")
    program.signal(signal.SIGINT)
    assert program.wait() == 0


# --- the tests themselves ---------------------------------------------------

CRASHES = {
    "write to address 0": "*(volatile int *)0 = 1; return 0;",
    "abort": "abort();",
    "wrong exit status": "return 3;",
}


@pytest.mark.parametrize("kind", CRASHES)
def test_a_crash_is_a_failure(lab, kind):
    """Were it not so, nothing above would say that a program crashed."""
    source, exe = lab.path("crash.c"), lab.path("crash.exe")
    source.write_text("#include <stdlib.h>\nint\nmain(void)\n{\n"
                      f"\t{CRASHES[kind]}\n}}\n")
    subprocess.run([COMPILER, "-o", exe, source], check=True, timeout=60)
    program = Exe("crash", [], lab.dir, binary=exe)
    assert program.wait() != 0
    assert any("exit status" in fault for fault in program.finish())
