"""Programs under test: started, watched by their log lines, always ended."""
from __future__ import annotations

import atexit
import datetime
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterable

REPO = Path(__file__).resolve().parents[2]
BINARIES = Path(os.environ.get("TP_BIN") or REPO)
SANITIZED = os.environ.get("TP_SANITIZED") == "1"
VALGRIND = os.environ.get("TP_VALGRIND") == "1"
PLAIN = not SANITIZED and not VALGRIND
# How much longer than in the plain build things may take.
SCALE = 8.0 if VALGRIND else 3.0 if SANITIZED else 1.0
DEADLINE = 15.0 * SCALE
KEY = "e2e-key-0123456789abcdef"
MIB = 1 << 20

# Shorter ones may be words of the log itself.
KEY_LEAST = 8
_keys_in_use = {KEY}


def use_key(key: str | None) -> str | None:
    """Notes a key that no log may show; returns it."""
    if key and len(key) >= KEY_LEAST:
        _keys_in_use.add(key)
    return key


def shown_keys(text: str) -> bool:
    """Whether a key in use, or the hex digits of one, stands in the text."""
    return any(key in text or key.encode().hex() in text.lower()
               for key in _keys_in_use)


_VALGRIND = ("valgrind", "--error-exitcode=99", "--leak-check=full", "-q",
             "--track-fds=no")
# So that nothing outlives a test run that is killed itself.
_DIE_WITH_US = ("setpriv", "--pdeathsig", "KILL") \
    if shutil.which("setpriv") else ()
_REPORTS = re.compile(
    r"AddressSanitizer|LeakSanitizer|runtime error:|UndefinedBehavior"
    r"|ThreadSanitizer|Assertion .* failed|stack smashing|double free")


class Line(dict):
    """One JSON log line; missing fields read as None."""

    def __missing__(self, key: str) -> None:
        return None

    @property
    def when(self) -> float:
        """The program's own time stamp in seconds."""
        return datetime.datetime.fromisoformat(self["time"]).timestamp()

    def says(self, pattern: str) -> bool:
        """Whether message or any field matches, in any case."""
        return any(re.search(pattern, str(value), re.IGNORECASE)
                   for key, value in self.items() if key != "time")


def parse_line(raw: bytes | str) -> Line:
    """A log line as a Line; what is no JSON object becomes a message."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    try:
        value = json.loads(text)
        if isinstance(value, dict):
            return Line(value)
    except ValueError:
        pass
    return Line(message=text.rstrip("\n"), part="", level="unparsed")


def matcher(part: str | None = None, message: str | None = None,
            level: str | None = None, says: str | None = None,
            **fields: Any) -> Callable[[Line], bool]:
    """A predicate for log lines; says is a pattern in message or any field."""
    def match(line: Line) -> bool:
        return ((part is None or line["part"] == part)
                and (message is None or line["message"] == message)
                and (level is None or line["level"] in level.split("|"))
                and all(line[k] == v for k, v in fields.items())
                and (says is None or line.says(says)))
    return match


def wait_until(condition: Callable[[], Any], what: str,
               timeout: float | None = None, every: float = 0.01) -> Any:
    """Polls until condition() is true; where no event exists."""
    limit = time.monotonic() + (DEADLINE if timeout is None else timeout)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > limit:
            raise AssertionError(f"not in time: {what} (last: {value!r})")
        time.sleep(every)


def stays_true(condition: Callable[[], Any], what: str, seconds: float,
               every: float = 0.02) -> None:
    """Watches that something does not happen for so long."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        assert condition(), what
        time.sleep(every)


def stays_equal(value: Callable[[], Any], wanted: Any, what: str,
                seconds: float) -> None:
    """The same, and says what was seen instead."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        seen = value()
        assert seen == wanted, f"{what}: found {seen}, wanted {wanted}"
        time.sleep(0.02)


def write_json(path: Path, settings: dict[str, Any]) -> Path:
    path.write_text(json.dumps(settings, indent=2) + "\n")
    path.chmod(0o600)
    return path


# --- what the system says about a process ---------------------------------

def count_fds(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def thread_states(pid: int) -> list[str]:
    """The state letter of each thread, as in proc(5)."""
    return [stat.read_text().rpartition(")")[2].split()[0]
            for stat in Path(f"/proc/{pid}/task").glob("*/stat")]


def memory_kib(pid: int, field: str = "VmRSS") -> int:
    """VmRSS now, or VmHWM, the peak, from /proc."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise AssertionError(f"no {field} for process {pid}")


def wait_gone(pid: int, timeout: float) -> bool:
    """Whether a process, child or not, ends within timeout."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        import select
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(timeout * 1000))
    finally:
        os.close(fd)


def stacks(pid: int) -> str:
    """Where the threads of a program are, where there is a debugger."""
    if shutil.which("gdb") is None:
        return "no gdb to tell where it is"
    return subprocess.run(
        ["gdb", "-p", str(pid), "-batch", "-ex", "thread apply all bt 12"],
        capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL).stdout


@functools.cache
def _sanitizer_options() -> dict[str, str]:
    """With tsan.supp where programs of any user can read it, which is not so
    of a repository in somebody's own folder; and with the longest history, for
    what is suppressed is known by both stacks, also the one of a while ago."""
    place = Path(tempfile.mkdtemp(prefix="tp-tsan-"))
    atexit.register(shutil.rmtree, place)
    suppressions = shutil.copyfile(REPO / "tests/e2e/tsan.supp",
                                   place / "tsan.supp")
    place.chmod(0o755)
    suppressions.chmod(0o644)
    return {"TSAN_OPTIONS": "halt_on_error=1:exitcode=66:history_size=7:"
                            f"suppressions={suppressions}",
            "ASAN_OPTIONS": "detect_leaks=1",
            "UBSAN_OPTIONS": "print_stacktrace=1"}


class Program:
    """A started program, its log lines, and how it must end."""

    live: set["Program"] = set()
    stop_signal = signal.SIGTERM

    def __init__(self, name: str, args: Iterable[str], directory: Path, *,
                 prefix: Iterable[str] = (), binary: Path | None = None,
                 env: dict[str, str] | None = None,
                 ignore_hup: bool = False) -> None:
        self.name = name
        argv = [*_DIE_WITH_US, *prefix, *(_VALGRIND if VALGRIND else ()),
                str(binary or BINARIES / name), *args]
        number = len(list(directory.glob(f"{name}*.stderr")))
        self.stderr_path = directory / f"{name}-{number}.stderr"
        self.lines: list[Line] = []
        self.expected: set[int] | None = {0}
        self._changed = threading.Condition()
        self._eof = self._asked = False
        environment = {**os.environ, **(env or {})}
        if SANITIZED:
            environment = _sanitizer_options() | environment
        before = signal.getsignal(signal.SIGHUP)
        if ignore_hup:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            with open(self.stderr_path, "wb") as stderr:
                self.process = subprocess.Popen(
                    argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=stderr, cwd=directory, env=environment,
                    start_new_session=True, pipesize=MIB)
        finally:
            if ignore_hup:
                signal.signal(signal.SIGHUP, before)
        self.pid = self.process.pid
        Program.live.add(self)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            line = parse_line(raw)
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._eof = True
            self._changed.notify_all()

    # --- the log ---

    def mark(self) -> int:
        """A place in the log: pass it as after= to see only newer lines."""
        return len(self.lines)

    def grep(self, part: str | None = None, message: str | None = None,
             after: int = 0, **fields: Any) -> list[Line]:
        match = matcher(part, message, **fields)
        return [line for line in self.lines[after:] if match(line)]

    def wait_log(self, part: str | None = None, message: str | None = None, *,
                 count: int = 1, after: int = 0, timeout: float | None = None,
                 **fields: Any) -> Line:
        """Waits for the count-th matching line since after; returns it."""
        match = matcher(part, message, **fields)
        limit = time.monotonic() + (DEADLINE if timeout is None else timeout)
        seen, at = 0, after
        with self._changed:
            while True:
                while at < len(self.lines):
                    if match(self.lines[at]):
                        seen += 1
                        if seen == count:
                            return self.lines[at]
                    at += 1
                left = limit - time.monotonic()
                if self._eof or left <= 0:
                    why = "it ended" if self._eof else "not in time"
                    wanted = {"part": part, "message": message, **fields}
                    raise AssertionError(
                        f"{self.name}: {why}: {seen} of {count} lines "
                        f"{wanted}\n{self.tail()}")
                self._changed.wait(left)

    def session(self, after: int = 0, timeout: float | None = None,
                count: int = 1, **fields: Any) -> Line:
        """The line of a finished session."""
        return self.wait_log("session", "finished", after=after, count=count,
                             timeout=timeout, **fields)

    def tail(self, lines: int = 40) -> str:
        texts = [json.dumps(line) for line in self.lines[-lines:]]
        return "\n".join([f"-- {self.name} {self.pid}, last lines:", *texts,
                          "-- standard error:", self.stderr()[-4000:]])

    def stderr(self) -> str:
        return self.stderr_path.read_text(errors="replace")

    def shows_keys(self) -> bool:
        """Whether any line that it has written has a key in it."""
        return shown_keys(self.stderr()) or any(
            shown_keys(str(value)) for line in self.lines
            for value in line.values())

    # --- its life ---

    def running(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        """Sends it; after SIGSTOP every thread has stopped."""
        if SANITIZED:
            self._let_it_sleep()
        self.process.send_signal(number)
        if number == signal.SIGSTOP:
            wait_until(lambda: all(state == "T" for state in
                                   thread_states(self.pid)), "it has stopped")

    def _let_it_sleep(self) -> None:
        """ThreadSanitizer puts a signal off that comes just before the main
        thread sleeps, until something else wakes it. One that has much to do
        is woken anyway."""
        limit = time.monotonic() + 1
        while time.monotonic() < limit and self.running():
            stat = Path(f"/proc/{self.pid}/stat").read_text()
            if stat.rpartition(")")[2].split()[0] in "STZ":
                return
            time.sleep(0.001)

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, with every log line read."""
        code = self.process.wait(DEADLINE if timeout is None else timeout)
        self._reader.join(5)
        return code

    def kill(self) -> None:
        """SIGKILL, as a crash or a power cut would; not a fault at the end."""
        self.expected = None
        self.process.kill()
        self.wait()

    def fds(self) -> int:
        return count_fds(self.pid)

    def rss_kib(self) -> int:
        return memory_kib(self.pid)

    def peak_kib(self) -> int:
        return memory_kib(self.pid, "VmHWM")

    def ask_to_end(self) -> None:
        """stop_signal, once: a second one would cut the drain."""
        if self.running() and not self._asked:
            self._asked = True
            self.signal(signal.SIGCONT)
            self.signal(self.stop_signal)

    def finish(self) -> list[str]:
        """Ends it if it still runs; returns what was not as it must be."""
        faults = []
        self.ask_to_end()
        try:
            code = self.wait()
        except subprocess.TimeoutExpired:
            faults.append(f"did not end after {self.stop_signal.name}\n"
                          f"{stacks(self.pid)}")
            self.process.kill()
            code = self.wait()
        else:
            if self.expected is not None and code not in self.expected:
                faults.append(f"exit status {code}, not in {self.expected}")
        Program.live.discard(self)
        self.process.stdout.close()
        found = _REPORTS.search(self.stderr())
        if found:
            faults.append(f"report on standard error: {found.group()}")
        if self.shows_keys():
            faults.append("its log or its standard error shows a key")
        return [f"{self.name} {self.pid}: {fault}\n{self.tail(15)}"
                for fault in faults]


@atexit.register
def _end_what_is_left() -> None:
    for program in list(Program.live):
        try:
            os.killpg(program.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def run_once(name: str, *args: str, cwd: Path | None = None,
             binary: Path | None = None, prefix: Iterable[str] = (),
             timeout: float | None = None, env: dict[str, str] | None = None,
             ) -> subprocess.CompletedProcess[str]:
    """Runs a program that ends by itself, as --help does."""
    argv = [*prefix, *(_VALGRIND if VALGRIND else ()),
            str(binary or BINARIES / name), *args]
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=timeout or DEADLINE,
                          env={**os.environ, **(env or {})})
