"""--service: each program as a service of Windows' own manager."""
from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness import wait_until
from test_windows import PROGRAMS, file_for
from wine import BINARIES, Twin, WindowsLab, windows_path

SERVICES = {"outer_server": "TransponderOuter",
            "inner_server": "TransponderInner"}


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


def run_as_service(lab: WindowsLab, side: str, file: Path, twin: Twin) -> None:
    """From start to stop, whoever logs off; its files are beside the
    configuration file."""
    name, log = SERVICES[side], file.with_name("service.log")
    assert not log.exists()
    assert manager("net", "start", name).returncode == 0
    wait_until(lambda: "RUNNING" in manager("sc", "query", name).stdout,
               f"{name} runs")
    assert "ready" in log.read_text()
    twin.hears("logoff")
    assert manager("net", "stop", name).returncode == 0
    wait_stopped(name, 0)
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
def test_service(lab, side):
    """Installed once, started and stopped by the manager, removed; all in one
    test, for there is one service of that name."""
    lab.dir.chmod(0o700)
    file = file_for(lab, side, LogFile="service.log", LogFormat="text")
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
def test_only_the_manager_runs_it(lab, side):
    lab.dir.chmod(0o700)
    assert_line(service(lab, side, "run", file_for(lab, side)),
                "only the service manager")


@PROGRAMS
def test_bad_file_is_not_installed(lab, side):
    lab.dir.chmod(0o700)
    file = file_for(lab, side, LogLevel="loud")
    result = service(lab, side, "install", file)
    assert result.returncode == 2 and "LogLevel" in result.stderr
