"""The life of both programs: nohup, signals, log files, systemd."""
from __future__ import annotations

import os
import pty
import signal
import socket
import time
from pathlib import Path

import pytest

from harness import (BINARIES, DEADLINE, KEY, SCALE, VALGRIND, parse_line,
                     run_once, wait_gone, wait_until)
from sockets import (connect, how_a_client_ends, how_it_ends, parse_address,
                     ping_pong, request)


# --- nohup ----------------------------------------------------------------

class OnTerminal:
    """A shell on a terminal of its own that starts programs with nohup."""

    def __init__(self, lab) -> None:
        self.dir = lab.new_dir("nohup")
        self.pids: list[int] = []
        self.shell, self.master = pty.fork()
        if self.shell == 0:
            os.chdir(self.dir)
            os.execv("/bin/sh", ["sh", "-i"])
        self._type("stty -echo\n")

    def _type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def nohup(self, name: str, file: Path) -> Path:
        """Starts a program in the background; returns its log."""
        log = self.dir / f"{name}.log"
        note = self.dir / f"{name}.pid"
        self._type(f"nohup {BINARIES / name} -c {file} >{log} 2>&1 & "
                   f"echo $! >{note}\n")
        wait_until(lambda: note.exists() and note.read_text().strip(),
                   "it is started")
        self.pids.append(int(note.read_text()))
        return log

    def hang_up(self) -> None:
        """Closes the terminal, as a lost ssh connection does."""
        if self.master is not None:
            os.close(self.master)
            self.master = None
            os.waitpid(self.shell, 0)

    def close(self) -> None:
        if self.master is not None:
            os.kill(self.shell, signal.SIGKILL)
            self.hang_up()
        for pid in self.pids:
            try:
                os.kill(pid, signal.SIGTERM)
                if not wait_gone(pid, DEADLINE):
                    os.kill(pid, signal.SIGKILL)
                    raise AssertionError(f"{pid} did not end after SIGTERM")
            except ProcessLookupError:
                pass


def logged(path: Path, part: str, message: str, **fields) -> list:
    lines = [parse_line(raw) for raw in path.read_text().splitlines()]
    return [line for line in lines
            if line["part"] == part and line["message"] == message
            and all(line[k] == v for k, v in fields.items())]


def wait_logged(path: Path, part: str, message: str, count: int = 1, **fields):
    return wait_until(
        lambda: path.exists() and
        len(logged(path, part, message, **fields)) >= count
        and logged(path, part, message, **fields)[-1],
        f"{count} of {part}: {message} in {path}")


def test_nohup_survives_its_terminal(lab, figure):
    """Started with nohup ... &, terminal closed: both go on serving."""
    target = lab.echo()
    terminal = lab.add(OnTerminal(lab))
    log = terminal.nohup("outer_server", lab.outer_file())
    links, clients = [
        parse_address(wait_logged(log, "listen", "listening",
                                  **{"for": what})["address"])
        for what in ("links", "clients")]
    terminal.nohup("inner_server", lab.inner_file(
        RegisterAddress=f"tcp://127.0.0.1:{links[1]}",
        ProxyAddress=target.url, MaxFreeConn=2))
    wait_logged(log, "standby", "joined", 2)
    with connect(clients) as client:
        ping_pong(client, b"before")
        terminal.hang_up()
        ping_pong(client, b"the session goes on")
    for number in range(20):
        assert request(clients, b"%d" % number) == b"%d" % number
    for pid in terminal.pids:
        os.kill(pid, signal.SIGHUP)
    assert request(clients, b"harmless") == b"harmless"
    assert not any(wait_gone(pid, 0) for pid in terminal.pids)
    figure("nohup on a closed terminal: 1 session went on, 20 of 20 new "
           "clients served")


# --- ending ---------------------------------------------------------------

@pytest.mark.short
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_drains_the_outer(lab, number):
    """What runs may finish, new clients are refused, the exit status is 0."""
    outer, _ = lab.tunnel(lab.echo(), outer={"DrainTimeout": 30},
                          inner={"DrainTimeout": 30})
    with connect(outer.clients) as client:
        ping_pong(client, b"before")
        outer.signal(number)

        def refused() -> bool:
            try:
                connect(outer.clients, 1).close()
            except OSError:
                return True
            return False
        wait_until(refused, "new clients are refused")
        ping_pong(client, b"x" * 100_000)
        assert outer.running()
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert outer.wait() == 0
    assert outer.grep("session", "finished")


@pytest.mark.short
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_drains_the_inner(lab, number):
    """The inner's session finishes; its idle links leave; exit status 0."""
    outer, inner = lab.tunnel(lab.echo(), outer={"QueueTimeout": 0.5},
                              inner={"DrainTimeout": 30})
    with connect(outer.clients) as client:
        ping_pong(client, b"before")
        inner.signal(number)
        wait_until(lambda: outer.link_count() == 1, "idle links leave",
                   12 * SCALE)
        assert how_a_client_ends(outer.clients) == "reset"
        ping_pong(client, b"x" * 100_000)
        assert inner.running()
    assert inner.wait() == 0


@pytest.mark.parametrize("name", ["outer", "inner"])
def test_a_second_signal_ends_at_once(lab, name):
    """Who does not want to wait for the drain signals twice."""
    outer, inner = lab.tunnel(lab.echo(), outer={"DrainTimeout": 60},
                              inner={"DrainTimeout": 60})
    program = outer if name == "outer" else inner
    program.expected = None
    with connect(outer.clients) as client:
        ping_pong(client, b"x")
        program.signal(signal.SIGTERM)
        program.wait_log("app", says="^stopping")
        assert not wait_gone(program.pid, 0.5)
        program.signal(signal.SIGTERM)
        program.wait()
        assert how_it_ends(client) != "open"


@pytest.mark.parametrize("name", ["outer", "inner"])
def test_drain_timeout_cuts(lab, name):
    """A session that does not finish is cut at DrainTimeout; exit status 0."""
    outer, inner = lab.tunnel(lab.echo(), **{name: {"DrainTimeout": 1}})
    program = outer if name == "outer" else inner
    with connect(outer.clients) as client:
        ping_pong(client, b"x")
        began = time.monotonic()
        program.signal(signal.SIGTERM)
        assert program.wait(5 * SCALE) == 0
        assert time.monotonic() - began > 0.8
        assert how_it_ends(client) != "open"


def test_idle_programs_end_at_once(lab):
    """With nothing running SIGTERM needs no drain, however long it is."""
    outer, inner = lab.tunnel(lab.echo(), outer={"DrainTimeout": 60},
                              inner={"DrainTimeout": 60})
    outer.signal(signal.SIGTERM)
    assert outer.wait(3 * SCALE) == 0
    inner.signal(signal.SIGTERM)
    assert inner.wait(3 * SCALE) == 0


# --- log files ------------------------------------------------------------

@pytest.mark.short
def test_sighup_reopens_the_log(lab):
    """After a rename and SIGHUP new lines go to a new file."""
    path, old = lab.path("outer.log"), lab.path("outer.log.1")
    outer = lab.start_outer(lab.outer_file(LogFile=str(path)))
    clients = parse_address(wait_logged(path, "listen", "listening",
                                        **{"for": "clients"})["address"])
    wait_logged(path, "outer", "ready")
    path.rename(old)
    outer.signal(signal.SIGHUP)
    wait_until(path.exists, "a new file")
    size = old.stat().st_size
    outer.signal(signal.SIGTERM)
    assert outer.wait() == 0
    assert path.read_text() and old.stat().st_size == size
    assert not outer.lines, "lines on standard output as well"
    assert clients


def test_a_log_that_nobody_reads(lab):
    """A fifo in the file's place keeps nobody waiting, now or at SIGHUP."""
    path = lab.path("outer.log")
    outer = lab.start_outer(lab.outer_file(LogFile=str(path)))
    clients = parse_address(wait_logged(path, "listen", "listening",
                                        **{"for": "clients"})["address"])
    wait_logged(path, "outer", "ready")
    old = path.rename(lab.path("outer.log.1"))
    os.mkfifo(path)
    outer.signal(signal.SIGHUP)
    wait_logged(old, "app",
                "cannot open the log file anew: the old one stays")
    connect(clients).close()
    done = run_once("outer_server", "-c",
                    str(lab.outer_file(LogFile=str(path))))
    assert done.returncode == 2
    assert str(path) in done.stderr and done.stderr.count("\n") == 1
    outer.signal(signal.SIGTERM)
    assert outer.wait() == 0


@pytest.mark.parametrize("name", ["outer", "inner"])
def test_ignored_sighup_stays_ignored(lab, name):
    """Started with SIGHUP ignored, as nohup does: it stays harmless."""
    options = {"ignore_hup": True}
    outer = lab.outer(options=options)
    target = lab.echo()
    inner = lab.inner(outer, target, options=options, MaxFreeConn=1)
    program = outer if name == "outer" else inner
    status = Path(f"/proc/{program.pid}/status").read_text()
    ignored = int(status.split("SigIgn:")[1].split()[0], 16)
    assert ignored & 1 << (signal.SIGHUP - 1)
    program.signal(signal.SIGHUP)
    assert request(outer.clients, b"x") == b"x"


@pytest.mark.parametrize("name", ["outer", "inner"])
def test_sighup_with_standard_output_is_harmless(lab, name):
    """Nothing to reopen, nothing to end."""
    outer, inner = lab.tunnel(lab.echo(), standbys=1)
    program = outer if name == "outer" else inner
    for _ in range(3):
        program.signal(signal.SIGHUP)
        assert request(outer.clients, b"x") == b"x"
    assert program.running()


def test_text_log_is_one_line_per_event(lab):
    """time level part: message key=value, with milliseconds."""
    outer = lab.start_outer(lab.outer_file(LogFormat="text"))
    line = outer.wait_log(says=r"outer: ready")["message"]
    when, level, rest = line.split(None, 2)
    assert parse_when(when) and level == "info"
    assert rest.startswith("outer: ready")


def parse_when(text: str) -> bool:
    import re
    return bool(re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", text))


def test_every_line_is_json_when_json_is_wanted(lab):
    """Warnings about the configuration file as well."""
    outer = lab.outer(AuthKey="am&persand", InnerServerAddress="tcp://:0")
    assert outer.grep(says="--generate-key") and outer.grep(says="classic")
    assert not outer.grep(level="unparsed")


@pytest.mark.parametrize("level, absent", [
    ("error", {"info", "warn", "debug"}), ("warn", {"info", "debug"}),
    ("info", {"debug"})])
def test_log_level(lab, level, absent):
    """No line below LogLevel is written."""
    public = lab.path("public.sock")
    outer = lab.start_outer(lab.outer_file(
        LogLevel=level, OuterServerAddress=f"unix://{public}"))
    wait_until(public.exists, "it listens")
    outer.signal(signal.SIGTERM)
    assert outer.wait() == 0
    assert not absent & {line["level"] for line in outer.lines}


# --- systemd --------------------------------------------------------------

@pytest.mark.skipif(VALGRIND, reason="valgrind is the parent")
@pytest.mark.parametrize("kind", ["path", "abstract"])
@pytest.mark.parametrize("name", ["outer", "inner"])
def test_sd_notify(lab, name, kind):
    """READY=1 once it serves, STOPPING=1 when it is told to end."""
    where = str(lab.path("notify.sock")) if kind == "path" \
        else f"@tp-e2e-{lab.dir.name}"
    inbox = lab.add(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    inbox.bind(where.replace("@", "\0", 1))
    inbox.settimeout(DEADLINE)
    options = {"env": {"NOTIFY_SOCKET": where}}
    if name == "outer":
        program = lab.outer(options=options)
    else:
        program = lab.inner(lab.outer(), lab.echo(), options=options)
    said = inbox.recv(4096).decode().split("\n")
    assert "READY=1" in said
    program.signal(signal.SIGTERM)
    while "STOPPING=1" not in said:
        said = inbox.recv(4096).decode().split("\n")
    assert program.wait() == 0


# --- beside what was there ------------------------------------------------

def test_key_is_not_in_ps_or_logs(lab):
    """The key shows up in no log, argument list or environment."""
    outer, inner = lab.tunnel(lab.echo(), standbys=1)
    assert request(outer.clients, b"x") == b"x"
    for program in (outer, inner):
        for name in ("cmdline", "environ"):
            raw = Path(f"/proc/{program.pid}/{name}").read_bytes()
            assert KEY.encode() not in raw
        assert KEY not in program.tail(1000)


def test_port_that_is_taken(lab):
    """Another program at the address: a clear line, no exit status 0."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        outer = lab.start_outer(lab.outer_file(
            OuterServerAddress=f"tcp://127.0.0.1:{port}"))
        outer.expected = {1, 2}
        assert outer.wait() in (1, 2)
        assert str(port) in outer.stderr() and "in use" in outer.stderr()
