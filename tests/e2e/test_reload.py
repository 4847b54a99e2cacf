"""SIGHUP: the configuration file is read anew, whole or not at all."""
from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from harness import BINARIES, DEADLINE, Program, run_once
from lab import Lab
from sockets import listen, request

PROGRAMS = ["outer", "inner"]


def start(lab: Lab, name: str) -> tuple[Program, Path]:
    """A running program and its file."""
    if name == "outer":
        file = lab.outer_file()
        return lab.start_outer(file).wait_ready(), file
    target = lab.add(listen())
    file = lab.inner_file(RegisterAddress="tcp://127.0.0.1:1",
                          ProxyAddress="tcp://127.0.0.1:%d"
                          % target.getsockname()[1])
    return lab.start_inner(file).wait_ready(), file


def hang_up(program: Program) -> int:
    mark = program.mark()
    program.signal(signal.SIGHUP)
    return mark


def change(file: Path, **settings) -> None:
    old = json.loads(file.read_text())
    file.write_text(json.dumps(old | settings))


@pytest.mark.short
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_bad_file_changes_nothing(lab, name):
    """One line says what and where; the program goes on."""
    program, file = start(lab, name)
    good = file.read_text()
    for bad, says in (("{", str(file)), (good[:-3], str(file)),
                      (good.replace("AuthKey", "AuthKeyy"), "did you mean"),
                      ("", "found nothing")):
        file.write_text(bad)
        mark = hang_up(program)
        line = program.wait_log("app", level="error", after=mark)
        assert says in line["why"], line
        assert not program.grep("app", "configuration read anew", after=mark)
    file.unlink()
    mark = hang_up(program)
    assert "no such file" in program.wait_log(
        "app", level="error", after=mark)["why"]
    file.write_text(good)
    mark = hang_up(program)
    program.wait_log("app", after=mark,
                     message="configuration read anew: no other keys to take")
    assert not program.grep("app", level="warn|error", after=mark)


@pytest.mark.short
@pytest.mark.parametrize("name", PROGRAMS)
def test_what_needs_a_restart_is_named(lab, name):
    """In one line, all of it, and nothing else."""
    program, file = start(lab, name)
    change(file, PeerTimeout=59, Workers=3, LogFile="")
    mark = hang_up(program)
    line = program.wait_log("app", level="warn", after=mark)
    assert set(line["keys"].split(", ")) == {"PeerTimeout", "Workers"}
    assert "restart" in line["message"]
    assert len(program.grep("app", level="warn", after=mark)) == 1


@pytest.mark.short
def test_a_reload_is_in_nobodys_way(lab):
    """Sessions and links go on."""
    outer, inner = lab.tunnel(lab.echo(), standbys=2)
    for program in (outer, inner):
        mark = hang_up(program)
        program.wait_log("app", says="read anew", after=mark)
        assert request(outer.clients, b"x") == b"x"
    assert not [line for line in outer.grep("standby", "closed")
                if line["why"] != "no answer to FORWARD"]   # it had no time


@pytest.mark.parametrize("name", ["outer_server", "inner_server"])
def test_a_fifo_is_no_configuration_file(lab, name):
    """Nobody waits for who may write to it."""
    fifo = lab.path("config.json")
    os.mkfifo(fifo)
    result = run_once(name, "-c", str(fifo))
    assert result.returncode == 2
    line, = result.stderr.splitlines()
    assert f"{fifo}: found no regular file" in line


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_fifo_in_its_place_changes_nothing(lab, name):
    program, file = start(lab, name)
    file.unlink()
    os.mkfifo(file)
    mark = hang_up(program)
    assert "found no regular file" in program.wait_log(
        "app", level="error", after=mark)["why"]


def test_a_pipe_of_the_shell_is_read_once(lab):
    """bash's <(...): at the start, not at SIGHUP."""
    file = lab.outer_file()
    read, write = os.pipe()
    os.write(write, file.read_bytes())
    os.close(write)
    done = subprocess.run([BINARIES / "outer_server", "--check", "-c",
                           "/dev/stdin"], stdin=read, capture_output=True,
                          timeout=DEADLINE)
    os.close(read)
    assert done.returncode == 0, done.stderr
