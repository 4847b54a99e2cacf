"""--service: each program as a service of Windows' own manager."""
from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any, Iterator

import pytest

from admin import API
from harness import REPO, wait_until
from sockets import free_port
from test_windows import PROGRAMS, file_for
from wine import BINARIES, Twin, WindowsLab, windows_path

SERVICES = {"outer_server": "TransponderOuter",
            "inner_server": "TransponderInner"}
# With all that makes it write somewhere.
SETTINGS = {"outer_server": {"AdminAddress": API}, "inner_server": {}}


@pytest.fixture
def manager_alone() -> Iterator[None]:
    """One test at a time: with wine, whoever says that he is a service is the
    one that is being started just then."""
    with open(Path(os.environ["WINEPREFIX"], "tests.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def manager(*words: str) -> subprocess.CompletedProcess[str]:
    """net.exe or sc.exe, which talk to the service manager."""
    return subprocess.run(["wine", *words], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60)


def service(lab: WindowsLab, side: str, word: str, file: Path, **options: Any,
            ) -> subprocess.CompletedProcess[str]:
    return lab.run_once(side, "--service", word, "-c", windows_path(file),
                        **options)


def assert_line(result: subprocess.CompletedProcess[str], *says: str) -> None:
    """It failed, with one line that says all of that."""
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    for part in says:
        assert part in result.stderr


def wait_stopped(name: str, status: int) -> None:
    """The manager knows that it has ended, and with what exit status."""
    def look() -> bool:
        said = manager("sc", "query", name).stdout
        return "STOPPED" in said and \
            re.search(r"SERVICE_EXIT_CODE +: (\d+)", said)[1] == str(status)

    wait_until(look, f"{name} has stopped with {status}")


def folders_of_readme(name: str) -> list[str]:
    """What is to be made beside the file, and may be written to by LocalService;
    it may only read all else."""
    text = (REPO / name).read_text()
    made = re.search(r"^mkdir (C:.*)$", text, re.M)[1]
    granted = re.findall(r'^icacls (\S+) /grant "\*S-1-5-19:\(OI\)\(CI\)M"$',
                         text, re.M)
    assert made.split() == granted
    return [re.fullmatch(r"C:\\transponder\\(\w+)", path)[1]
            for path in granted]


def make_a_mapping(log: str) -> None:
    """By the API that the log tells of."""
    address = re.search(r'for="the API" .*?address=tcp://(\S+)', log)[1]
    request = urllib.request.Request(
        f"http://{address}/api/mapping/create",
        json.dumps({"port": free_port()}).encode(),
        {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=15) as answer:
        assert json.load(answer)["success"] is True


def run_as_service(lab: WindowsLab, side: str, file: Path, twin: Twin) -> None:
    """From start to stop, whoever logs off; what it writes is in the folders
    that README names."""
    name, log = SERVICES[side], file.with_name("logs") / "service.log"
    before = {*lab.dir.iterdir()}
    assert manager("net", "start", name).returncode == 0
    wait_until(lambda: "RUNNING" in manager("sc", "query", name).stdout,
               f"{name} runs")
    assert "ready" in log.read_text()
    if side == "outer_server":
        make_a_mapping(log.read_text())
        assert file.with_name("data").joinpath("mappings.db").exists()
    twin.hears("logoff")
    assert manager("net", "stop", name).returncode == 0
    wait_stopped(name, 0)
    assert {*lab.dir.iterdir()} == before
    text = log.read_text()
    assert "the service manager" in text and text.endswith("stopped\n")
    assert "second signal:" not in text
    good = file.read_text()
    file.write_text("{")                # it does not run with that
    manager("net", "start", name)
    wait_stopped(name, 2)
    file.write_text(good)
    lab.dir.chmod(0o777)                # nor where everybody may write
    manager("net", "start", name)
    wait_stopped(name, 1)
    lab.dir.chmod(0o700)
    assert log.read_text() == text


@PROGRAMS
def test_service(lab, side, manager_alone):
    """Installed once, started and stopped by the manager, removed; all in one
    test, for there is one service of that name."""
    lab.dir.chmod(0o700)
    file = file_for(lab, side, LogFile="logs/service.log", LogFormat="text",
                    **SETTINGS[side])
    for folder in folders_of_readme("README"):
        lab.path(folder).mkdir()
    twin = Twin(lab, side)
    service(lab, side, "remove", file)      # what a failure may have left
    result = service(lab, side, "install", file, binary=twin.exe)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"net start {SERVICES[side]}" in result.stdout
    try:
        assert_line(service(lab, side, "install", file), SERVICES[side],
                    "exists")
        run_as_service(lab, side, file, twin)
    finally:
        result = service(lab, side, "remove", file)
    assert (result.returncode, result.stderr) == (0, "")
    assert_line(service(lab, side, "remove", file), SERVICES[side])


def test_the_other_readme():
    """Its reader makes the same folders."""
    assert folders_of_readme("README.zh") == folders_of_readme("README")


@PROGRAMS
def test_folder_of_others_is_refused(lab, side):
    """Where everybody may write, everybody could be the service."""
    file = file_for(lab, side)
    lab.dir.chmod(0o777)
    assert_line(service(lab, side, "install", file), lab.dir.name, "Everyone",
                "icacls")


@PROGRAMS
def test_file_of_others_is_refused(lab, side):
    """A file may be written to by more than may write to its folder."""
    lab.dir.chmod(0o700)
    file = file_for(lab, side)
    file.chmod(0o666)
    assert_line(service(lab, side, "install", file), file.name, "Everyone",
                "/reset")


@PROGRAMS
@pytest.mark.parametrize("folder, exe", [(0o777, 0o755), (0o755, 0o777)],
                         ids=["its folder", "the program"])
def test_program_of_others_is_refused(lab, side, folder, exe):
    """The configuration's folder may be another than the program's."""
    lab.dir.chmod(0o700)
    file, place = file_for(lab, side), lab.new_dir("elsewhere")
    program = Path(shutil.copy(BINARIES / f"{side}.exe", place))
    place.chmod(folder)
    program.chmod(exe)
    says = place.name + "\"" if folder == 0o777 else program.name + "\""
    assert_line(lab.run_once(side, "--service", "install", "-c",
                             windows_path(file), binary=program),
                says, "Everyone", "icacls")


@PROGRAMS
def test_only_the_manager_runs_it(lab, side, manager_alone):
    lab.dir.chmod(0o700)
    assert_line(service(lab, side, "run", file_for(lab, side)),
                "only the service manager")


@PROGRAMS
def test_bad_file_is_not_installed(lab, side):
    lab.dir.chmod(0o700)
    file = file_for(lab, side, LogLevel="loud")
    result = service(lab, side, "install", file)
    assert result.returncode == 2 and "LogLevel" in result.stderr
