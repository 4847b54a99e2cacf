"""User and Group: bound as root, run as somebody else, and no way back."""
from __future__ import annotations

import os
import pwd
import shutil
import signal
from pathlib import Path

import pytest

from admin import API, Api
from harness import KEY, VALGRIND, Program, run_once, wait_until
from sockets import free_port, request

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another"),
    pytest.mark.skipif(VALGRIND, reason="valgrind's own files are root's"),
]
NOBODY = pwd.getpwnam("nobody")


def ids_of(pid: int) -> list[dict[str, list[str]]]:
    """Each thread's status, as in proc(5)."""
    return [{key: value.split() for key, _, value in
             (line.partition(":") for line in
              status.read_text().splitlines())}
            for status in Path(f"/proc/{pid}/task").glob("*/status")]


def assert_nobody(program: Program, gid: int = NOBODY.pw_gid) -> None:
    """All threads, by all ids, in no other group, with no capability."""
    for status in ids_of(program.pid):
        assert status["Uid"] == [str(NOBODY.pw_uid)] * 4
        assert status["Gid"] == [str(gid)] * 4
        assert status["Groups"] == [str(gid)]
        assert status["NoNewPrivs"] == ["1"]
        for kind in ("CapEff", "CapPrm", "CapInh"):
            assert int(status[kind][0], 16) == 0


def give_to_nobody(path: Path) -> Path:
    shutil.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    return path


@pytest.mark.parametrize("workers", [0, 2])
def test_runs_as_that_user(lab, workers):
    """Both programs, in all threads, and they work."""
    outer, inner = lab.tunnel(
        lab.echo(), outer={"User": "nobody", "Workers": workers},
        inner={"User": "nobody", "Workers": workers})
    assert_nobody(outer)
    assert_nobody(inner)
    assert len(ids_of(outer.pid)) >= 1 + workers
    assert request(outer.clients, b"hello") == b"hello"
    for program in (outer, inner):
        line = program.wait_log("app", "privileges given up")
        assert (line["user"], line["uid"]) == ("nobody", NOBODY.pw_uid)


def test_a_group_of_its_own(lab):
    daemon = pwd.getpwnam("daemon").pw_gid
    outer = lab.outer(User="nobody", Group="daemon")
    assert_nobody(outer, daemon)


def test_without_user_nothing_changes(lab):
    outer = lab.outer()
    status = ids_of(outer.pid)[0]
    assert status["Uid"] == ["0"] * 4
    assert status["NoNewPrivs"] == ["1"]


def test_descriptors_are_raised_before(lab):
    outer = lab.outer(User="nobody",
                      options={"prefix": ["prlimit", "--nofile=100:5000"]})
    assert outer.wait_log("outer", "ready")["descriptors"] == 5000


def test_mappings_are_the_users(lab):
    """What root would make for the database, the user can write to."""
    file = lab.outer_file(User="nobody", AdminAddress=API)
    outer = lab.start_outer(file).wait_ready()
    port = free_port()
    Api(outer).create(port)
    base = lab.path("data/mappings.db")
    assert base.owner() == base.parent.owner() == "nobody"
    outer.kill()
    outer = lab.start_outer(file).wait_ready()
    Api(outer).remove(port)


def test_log_is_opened_anew(lab):
    """It was opened as the user, so the user can do it again."""
    folder = give_to_nobody(lab.new_dir("log"))
    log, old = folder / "outer.log", folder / "outer.log.1"
    outer = lab.start_outer(lab.outer_file(User="nobody", LogFile=str(log)))
    wait_until(lambda: log.exists() and "ready" in log.read_text(), "ready")
    assert log.stat().st_uid == NOBODY.pw_uid
    log.rename(old)
    outer.signal(signal.SIGHUP)
    wait_until(lambda: log.exists() and "opened anew" in log.read_text(),
               "the new log")
    assert log.stat().st_uid == NOBODY.pw_uid


def test_log_that_the_user_cannot_open(lab):
    """Found at the start, not at the first SIGHUP."""
    log = lab.new_dir("log") / "outer.log"
    result = run_once("outer_server", "-c", str(
        lab.outer_file(User="nobody", LogFile=str(log))))
    assert result.returncode == 2
    assert result.stderr == (f"outer_server: LogFile {log}: "
                             "Permission denied, as user nobody\n")
    assert not log.exists()


def test_unix_socket_is_removed(lab):
    folder = give_to_nobody(lab.new_dir("run"))
    path = folder / "public.sock"
    outer, _ = lab.tunnel(lab.echo(), outer={
        "OuterServerAddress": f"unix://{path}", "User": "nobody"})
    assert request(str(path), b"hello") == b"hello"
    outer.ask_to_end()
    assert outer.wait() == 0
    assert not path.exists()
    assert not outer.grep("outer", level="warn")


def test_unix_socket_that_will_stay_is_told(lab):
    path = lab.new_dir("run") / "public.sock"
    outer = lab.outer(OuterServerAddress=f"unix://{path}", User="nobody")
    line = outer.wait_log("outer", level="warn", says="will stay behind")
    assert line["address"] == f"unix://{path}"


def test_unknown_group(lab):
    file = lab.outer_file(User="nobody", Group="no such one")
    result = run_once("outer_server", "-c", str(file), "--check")
    assert result.returncode == 2
    assert result.stderr.endswith(': Group: found "no such one"; expected a '
                                  "group of this system\n")


def as_nobody(lab, **settings) -> tuple[int, str]:
    """How the outer ends, started by nobody; what it says."""
    file = give_to_nobody(lab.outer_file(**settings))
    prefix = ["setpriv", f"--reuid={NOBODY.pw_uid}",
              f"--regid={NOBODY.pw_gid}", "--clear-groups"]
    program = lab.start_outer(file, prefix=prefix)
    program.expected = {0, 1, 2}
    if settings["User"] == "nobody" and "Group" not in settings:
        program.wait_ready()
        program.ask_to_end()
    return program.wait(), program.stderr()


@pytest.mark.parametrize("settings", [
    {"User": "daemon"}, {"User": "root"},
    {"User": "nobody", "Group": "daemon"}])
def test_refused_when_not_root(lab, settings):
    code, said = as_nobody(lab, **settings)
    assert code == 1
    assert said == (f"outer_server: User: cannot run as {settings['User']}: "
                    "not started as root; start it as root, or as that user "
                    "with that group\n")


def test_that_user_already(lab):
    assert as_nobody(lab, User="nobody")[0] == 0


@pytest.mark.parametrize("mode, warned", [
    (0o600, ""), (0o640, ""), (0o660, ""), (0o644, "may read the key"),
    (0o604, "may read the key"), (0o602, "may change the file")])
@pytest.mark.parametrize("where", ["AuthKey", "Keys", "elsewhere"])
def test_exposed_file_is_warned_about(lab, mode, warned, where):
    """Read by others it is only a danger while there is a key in it."""
    keys = {"AuthKey": {}, "Keys": {"AuthKey": None, "Keys": [
        {"Inner": "inner-1", "Key": KEY}]}, "elsewhere": {"AuthKey": None}}
    file = lab.outer_file(**keys[where])
    file.chmod(mode)
    outer = lab.start_outer(file, env={"TRANSPONDER_AUTH_KEY": KEY}
                            if where == "elsewhere" else None).wait_ready()
    lines = outer.grep("config", level="warn")
    if "read" in warned and where == "elsewhere":
        warned = ""
    assert len(lines) == (1 if warned else 0), lines
    assert not warned or (warned in lines[0]["message"]
                          and lines[0]["file"] == str(file))
