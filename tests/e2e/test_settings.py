"""Command line, configuration files and Unix sockets that are listened on."""
from __future__ import annotations

import grp
import os
import re
import shutil
import stat
from pathlib import Path

import pytest

from harness import BINARIES, KEY, REPO, VALGRIND, run_once, wait_until
from lab import INNER_DEFAULTS, OUTER_DEFAULTS
from sockets import connect, listen, request

PROGRAMS = ["outer_server", "inner_server"]

# The file of the Go version's README, comments and repeated key included.
GO_OUTER = """\
    {
        "InnerServerAddress": "tcp://0.0.0.0:9090",// where inners connect
        "OuterServerAddress": "tcp://0.0.0.0:8080",// the public side
        "OuterServerAddress": "unix:///var/run/transponderouter.sock",// or so
        "AuthKey":"123456"// the same on both sides
    }
"""
GO_INNER = """\
    {
        "RegisterAddress": "tcp://127.0.0.1:9090",// the outer
        "ProxyAddress": "tcp://127.0.0.1:80",// the target
        "AuthKey":"123456",// the same on both sides
        "MaxFreeConn": 50// how many standbys
    }
"""


def settings_of(name: str) -> dict:
    return dict(OUTER_DEFAULTS) if name == "outer_server" else \
        {**INNER_DEFAULTS, "RegisterAddress": "tcp://127.0.0.1:9090",
         "ProxyAddress": "tcp://127.0.0.1:80"}


# --- options --------------------------------------------------------------

@pytest.mark.short
@pytest.mark.parametrize("name", PROGRAMS)
def test_help(lab, name):
    """--help names every option, on standard output, with status 0."""
    result = run_once(name, "--help", cwd=lab.dir)
    assert result.returncode == 0
    for option in ("-c", "--check", "--generate-key", "--help", "--version"):
        assert option in result.stdout


@pytest.mark.short
@pytest.mark.parametrize("name", PROGRAMS)
def test_version(lab, name):
    """--version prints one line with a number."""
    result = run_once(name, "--version", cwd=lab.dir)
    assert result.returncode == 0
    assert re.search(r"\d+\.\d+", result.stdout)
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.short
@pytest.mark.parametrize("name", PROGRAMS)
def test_generate_key(lab, name):
    """--generate-key prints 256 random bits as hex, never the same twice."""
    keys = {run_once(name, "--generate-key", cwd=lab.dir).stdout
            for _ in range(3)}
    assert len(keys) == 3
    assert all(re.fullmatch(r"[0-9a-f]{64}\n", key) for key in keys)


@pytest.mark.short
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("word", ["install", "remove", "run"])
def test_service_is_for_windows(lab, name, word):
    """Where units are files, --service says so."""
    result = run_once(name, "--service", word, cwd=lab.dir)
    assert result.returncode == 1
    assert "systemd" in result.stderr and not result.stdout
    result = run_once(name, "--service", word.upper(), cwd=lab.dir)
    assert result.returncode == 2
    assert f'"{word.upper()}"' in result.stderr


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("option", ["--nonsense", "-x", "argument"])
def test_unknown_option(lab, name, option):
    """A wrong command line is an error that is said, not ignored."""
    result = run_once(name, option, cwd=lab.dir)
    assert result.returncode in (1, 2)
    assert result.stderr.strip()


@pytest.mark.short
@pytest.mark.parametrize("name", PROGRAMS)
def test_check_prints_settings_but_no_key(lab, name):
    """--check reads the file, prints every setting, hides the key, exits."""
    file = lab._file(name, settings_of(name) | {"DrainTimeout": 7.5})
    result = run_once(name, "-c", str(file), "--check", cwd=lab.dir)
    assert result.returncode == 0, result.stderr
    assert re.search(r"DrainTimeout\W+7\.5", result.stdout)
    assert "AuthKey" in result.stdout
    assert KEY not in result.stdout + result.stderr


WRONG = {
    "unknown key": ({"DrianTimeout": 5}, ["DrianTimeout", "DrainTimeout"]),
    "wrong type": ({"DrainTimeout": "soon"}, ["DrainTimeout"]),
    "out of range": ({"HandshakeTimeout": 9999}, ["HandshakeTimeout"]),
    "bad choice": ({"LogFormat": "xml"}, ["LogFormat", "json"]),
    "no key": ({"AuthKey": None}, ["AuthKey"]),
    "empty key": ({"AuthKey": ""}, ["AuthKey"]),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_wrong_file_is_one_line_and_status_2(lab, name, case, check):
    """File, line, column, key, what was found, what is expected."""
    change, words = WRONG[case]
    settings = {k: v for k, v in (settings_of(name) | change).items()
                if v is not None}
    file = lab._file("wrong", settings)
    result = run_once(name, "-c", str(file), *(["--check"] if check else []),
                      cwd=lab.dir)
    assert result.returncode == 2
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert file.name in lines[0] and all(word in lines[0] for word in words)
    if case not in ("no key",):
        assert re.search(r":\d+:\d+", lines[0]), lines[0]
    assert KEY not in result.stdout + result.stderr


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "nonsense",
                                  '{"AuthKey": "%s"' % KEY, "\0" * 100,
                                  "[" * 10000])
def test_file_that_is_no_configuration(lab, name, text):
    """One line, status 2, and no key in it."""
    file = lab.path("broken.json")
    file.write_text(text)
    result = run_once(name, "-c", str(file), cwd=lab.dir)
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert KEY not in result.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_file_that_is_not_there(lab, name):
    """The line names the file."""
    result = run_once(name, "-c", "/nonexistent/file.json", cwd=lab.dir)
    assert result.returncode == 2
    assert "/nonexistent/file.json" in result.stderr


@pytest.mark.parametrize("name, text, shown", [
    ("outer_server", GO_OUTER, "unix:///var/run/transponderouter.sock"),
    ("inner_server", GO_INNER, "50")])
def test_files_of_the_go_version(lab, name, text, shown):
    """Comments and a repeated key, the last one of which wins."""
    file = lab.path("go.json")
    file.write_text(text)
    result = run_once(name, "-c", str(file), "--check", cwd=lab.dir)
    assert result.returncode == 0, result.stderr
    assert shown in result.stdout
    assert "123456" not in result.stdout + result.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_byte_order_mark_crlf_and_other_case(lab, name):
    """What editors on other systems leave is accepted; case with a warning."""
    lines = [f'"{key}": ' + (f'"{value}"' if isinstance(value, str)
                             else str(value))
             for key, value in settings_of(name).items() if key != "AuthKey"]
    text = "\ufeff{\r\n/* all */\r\n" + ",\r\n".join(
        lines + [f'"authkey": "{KEY}"']) + "\r\n}\r\n"
    file = lab.path("windows.json")
    file.write_bytes(text.encode())
    result = run_once(name, "-c", str(file), "--check", cwd=lab.dir)
    assert result.returncode == 0, result.stderr
    assert re.search("case.*AuthKey", result.stdout + result.stderr)


def shown_by_check(name: str, directory: Path, binary: Path | None) -> str:
    result = run_once(name, "--check", cwd=directory, binary=binary)
    return result.stdout if result.returncode == 0 else \
        f"status {result.returncode}"


@pytest.mark.skipif(VALGRIND, reason="valgrind is the executable")
@pytest.mark.parametrize("name", PROGRAMS)
def test_where_the_file_is_looked_for(lab, name):
    """-c, else beside the executable, else in the working directory."""
    home, work = lab.new_dir("home"), lab.new_dir("work")
    program = home / name
    shutil.copy2(BINARIES / name, program)
    wanted = name.replace("_server", ".config.json")

    def put(directory: Path, drain: int) -> Path:
        made = lab._file("any", settings_of(name) | {"DrainTimeout": drain})
        return Path(shutil.move(made, directory / wanted))
    put(work, 11)
    assert re.search(r"DrainTimeout\W+11\b",
                     shown_by_check(name, work, program))
    put(home, 22)
    assert re.search(r"DrainTimeout\W+22\b",
                     shown_by_check(name, work, program))
    given = lab._file("given", settings_of(name) | {"DrainTimeout": 33})
    result = run_once(name, "-c", str(given), "--check", cwd=work,
                      binary=program)
    assert re.search(r"DrainTimeout\W+33\b", result.stdout)
    (home / wanted).unlink()
    (work / wanted).unlink()
    assert shown_by_check(name, work, program) == "status 2"


@pytest.mark.parametrize("name", PROGRAMS)
def test_sample_files_are_good(lab, name):
    """The files beside the programs pass their own check."""
    file = REPO / name.replace("_server", ".config.json")
    result = run_once(name, "-c", str(file), "--check", cwd=lab.dir)
    assert result.returncode == 0, result.stderr


SAMPLE = "please-change-this-key"


@pytest.mark.parametrize("key, address, warned", [
    ("short", "tcp://0.0.0.0:0", True), ("short", "tcp://:0", True),
    ("short", "tcp://127.0.0.1:0", True), ("short", "tcp://[::1]:0", True),
    ("x" * 15, "tcp://0.0.0.0:0", True), ("x" * 16, "tcp://0.0.0.0:0", False),
    (SAMPLE, "tcp://0.0.0.0:0", True), (SAMPLE, "tcp://localhost:0", False)])
def test_short_key(lab, key, address, warned):
    """Warned about, with the command that makes a good one; that of the
    samples where other machines can come."""
    outer = lab.outer(AuthKey=key, InnerServerAddress=address)
    assert len(outer.grep(says="--generate-key")) == warned


# --- Unix sockets that are listened on ------------------------------------

@pytest.mark.short
def test_stale_socket_is_taken_over(lab):
    """A socket file that nobody listens at any more is in nobody's way."""
    path = str(lab.path("public.sock"))
    listen(path).close()
    outer = lab.outer(OuterServerAddress=f"unix://{path}")
    inner = lab.inner(outer, lab.echo(), MaxFreeConn=1)
    assert request(path, b"x") == b"x"
    inner.kill()        # it would go on dialing a port that others may have
    outer.kill()
    again = lab.outer(OuterServerAddress=f"unix://{path}")
    lab.inner(again, lab.echo(), MaxFreeConn=1)
    assert request(path, b"y") == b"y"


def test_live_socket_is_left_alone(lab):
    """Somebody listens there: a clear line, an exit, the other unharmed."""
    path = str(lab.path("public.sock"))
    with listen(path) as live:
        outer = lab.start_outer(
            lab.outer_file(OuterServerAddress=f"unix://{path}"))
        outer.expected = {1, 2}
        assert outer.wait() in (1, 2)
        line, = outer.stderr().splitlines()
        assert path in line and re.search("in use|another program", line)
        assert os.path.exists(path)
        while True:         # its own look whether somebody is there
            with connect(path) as client:
                served, _ = live.accept()
                with served:
                    client.sendall(b"?")
                    if served.recv(1) == b"?":
                        return


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_what_is_no_socket_is_left_alone(lab, kind):
    """A path that is something else is never removed."""
    path = lab.path("precious")
    if kind == "file":
        path.write_text("data")
    else:
        path.mkdir()
    outer = lab.start_outer(
        lab.outer_file(OuterServerAddress=f"unix://{path}"))
    outer.expected = {1, 2}
    assert outer.wait() in (1, 2)
    assert str(path) in outer.stderr()
    assert path.is_dir() if kind == "directory" else path.read_text() == "data"


@pytest.mark.parametrize("setting, mode", [
    (None, 0o666), ("0600", 0o600), ("0660", 0o660), (660, 0o660)])
def test_socket_mode(lab, setting, mode):
    """SocketMode, by default as open as a TCP port, whatever the umask is."""
    path = lab.path("public.sock")
    before = os.umask(0o077)
    try:
        lab.outer(OuterServerAddress=f"unix://{path}", SocketMode=setting)
    finally:
        os.umask(before)
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change owners")
@pytest.mark.parametrize("settings", [
    {"SocketGroup": "nogroup"}, {"SocketOwner": "nobody"},
    {"SocketOwner": "nobody", "SocketGroup": "nogroup"}], ids=str)
def test_socket_owner_and_group(lab, settings):
    """SocketOwner and SocketGroup, by name."""
    path = lab.path("public.sock")
    lab.outer(OuterServerAddress=f"unix://{path}", **settings)
    made = path.stat()
    assert made.st_gid == (grp.getgrnam("nogroup").gr_gid
                           if "SocketGroup" in settings else os.getegid())
    assert made.st_uid == (65534 if "SocketOwner" in settings else 0)


def test_unknown_group_is_an_error(lab):
    """A group that does not exist ends the start with one line that says so."""
    outer = lab.start_outer(lab.outer_file(
        OuterServerAddress=f"unix://{lab.path('public.sock')}",
        SocketGroup="no-such-group"))
    outer.expected = {1, 2}
    assert outer.wait() in (1, 2)
    line, = outer.stderr().splitlines()
    assert "SocketGroup" in line


def test_links_over_a_unix_socket(lab):
    """InnerServerAddress may be a Unix socket as well."""
    path = str(lab.path("links.sock"))
    outer = lab.outer(InnerServerAddress=f"unix://{path}")
    lab.inner(f"unix://{path}", lab.echo(), MaxFreeConn=2)
    outer.wait_joined(2)
    for number in range(5):
        assert request(outer.clients, b"%d" % number) == b"%d" % number
    wait_until(lambda: outer.joined() >= 2, "links come back")
