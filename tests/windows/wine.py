"""Programs for Windows, run by wine: started, told to stop, and all ended."""
from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path, PureWindowsPath
from typing import Any, Iterable

from harness import REPO, Program, run_once, thread_states, wait_until
from lab import Inner, Lab, Outer

# Where the .exe files are; beside them nothing is needed.
BINARIES = Path(os.environ.get("TP_WINDOWS") or REPO / "build/windows")
COMPILER = "x86_64-w64-mingw32-gcc"
SOURCE = Path(__file__).with_name("console_event.c")
LIMIT = 120     # seconds for wine's own programs

# Without the first word a crash starts a debugger, and the exit status may
# be 0.
ENVIRONMENT = {"WINEDEBUG": "-all",
               "WINEDLLOVERRIDES": "winedbg.exe=d;mscoree=;mshtml="}


def windows_path(path: Path) -> str:
    """As a program for Windows sees a path of this machine's."""
    return str(PureWindowsPath("Z:\\", *path.absolute().parts[1:]))


class Exe(Program):
    """A program for Windows. kill -INT is a Ctrl-C there; of SIGTERM it
    knows nothing. Files among the arguments get the names they have there."""

    stop_signal = signal.SIGINT

    def __init__(self, name: str, args: Iterable[str], directory: Path, *,
                 prefix: Iterable[str] = (), binary: Path | None = None,
                 **options: Any) -> None:
        args = [windows_path(Path(word)) if word.startswith("/") else word
                for word in args]
        super().__init__(name, args, directory, prefix=(*prefix, "wine"),
                         binary=binary or BINARIES / f"{name}.exe", **options)


    def kill(self) -> None:
        """As Program's, once it is at rest: wine 8 keeps the sockets of one
        that is killed while a select() of its returns."""
        wait_until(self._rests, "it is at rest", every=0)
        super().kill()

    def _rests(self) -> bool:
        before = self._switches()
        time.sleep(0.1)
        return self._switches() == before and \
            set(thread_states(self.pid)) == {"S"}       # not starved

    def _switches(self) -> int:
        """How often its threads have gone to sleep, as in proc(5)."""
        return sum(int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)",
                                 status.read_text(), re.M)[1])
                   for status in Path(f"/proc/{self.pid}/task").glob(
                       "*/status"))


class OuterExe(Exe, Outer):
    """A running outer_server.exe."""


class InnerExe(Exe, Inner):
    """A running inner_server.exe."""


class WindowsLab(Lab):
    """A bench whose programs are each for the system that is named, "linux"
    or "windows"."""

    def __init__(self, outer: str = "windows", inner: str = "windows") -> None:
        super().__init__()
        self._name = f"{outer} outer, {inner} inner"
        if outer == "windows":
            self.outer_type = OuterExe
        if inner == "windows":
            self.inner_type = InnerExe

    def __str__(self) -> str:
        return self._name

    def run_once(self, name: str, *args: str, **options: Any,
                 ) -> subprocess.CompletedProcess[str]:
        """A program for Windows that ends by itself. Its text as it is."""
        options.setdefault("binary", BINARIES / f"{name}.exe")
        return run_once(name, *args, prefix=("wine",), cwd=self.dir,
                        **options)


class Twin:
    """A program under a name of its own, to be found by."""

    EVENTS = {"close": 2, "logoff": 5, "shutdown": 6}       # wincon.h

    def __init__(self, lab: WindowsLab, name: str) -> None:
        place = lab.new_dir("twin")
        self.exe = place / f"{name}-{os.getpid()}-{time.time_ns()}.exe"
        shutil.copy(BINARIES / f"{name}.exe", self.exe)
        self._event = place / "console_event.exe"
        subprocess.run([COMPILER, "-o", self._event, SOURCE], check=True,
                       timeout=60)

    def hears(self, event: str) -> None:
        """An event of its console, as the system says it."""
        subprocess.run(["wine", str(self._event), self.exe.name,
                        str(self.EVENTS[event])], check=True, timeout=30,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


# --- wine itself ------------------------------------------------------------

class Wine:
    """A Windows of our own: a folder, and the processes that make it up.
    TP_WINEPREFIX names a folder where one is already; it is ended, but kept.
    """

    def __init__(self) -> None:
        self._ended = False
        self._made = None if "TP_WINEPREFIX" in os.environ \
            else tempfile.mkdtemp(prefix="tp-wine-")
        prefix = self._made or os.environ["TP_WINEPREFIX"]
        self._mark = f"TP_WINE_RUN={os.getpid()}-{time.time_ns()}"
        name, _, value = self._mark.partition("=")
        os.environ.update(ENVIRONMENT, WINEPREFIX=prefix, **{name: value})
        for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
            os.environ.pop(variable, None)

    def start(self) -> None:
        """Its processes start here, and stay: one that a program under test
        started would hold that program's standard output open. The first
        program makes the folder and boots; wineboot -i would boot twice, and
        there would be two service managers."""
        self._stop()
        self._run("wineserver", "-p")
        self._run("wine", "cmd", "/c", "exit")

    def _stop(self) -> None:
        for option in ("-k", "-w"):     # it is no fault when there is none
            subprocess.run(["wineserver", option], timeout=LIMIT,
                           stderr=subprocess.DEVNULL)

    def _run(self, *argv: str) -> None:
        subprocess.run(argv, stdin=subprocess.DEVNULL, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       timeout=LIMIT)

    def processes(self) -> list[str]:
        """Whatever was started with our environment, but for Python."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                ours = self._mark.encode() in \
                    (entry / "environ").read_bytes().split(b"\0")
                if ours and not os.path.samefile(entry / "exe",
                                                 sys.executable):
                    command = (entry / "cmdline").read_bytes()
                    found.append(f"{entry.name} " + command.decode(
                        errors="replace").replace("\0", " ").strip())
            except OSError:
                pass        # it has ended, or is not ours
        return found

    def end(self) -> list[str]:
        """Ends it, once; returns what the tests left, and what does not end."""
        if self._ended:
            return []
        self._ended = True
        left = [text for text in self.processes() if "_server" in text]
        self._stop()
        try:
            wait_until(lambda: not self.processes(), "wine ends", 10)
        except AssertionError:
            left += [text for text in self.processes() if text not in left]
        if self._made:
            shutil.rmtree(self._made, ignore_errors=True)
        return left
