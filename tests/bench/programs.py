"""programs.py - processes started in a directory, what they use, their end."""
import ctypes
import dataclasses
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ.get("TP_BIN") or TOP)
LOAD, DELAY = TOP / "bench_load", TOP / "bench_delay"
TICKS = os.sysconf("SC_CLK_TCK")
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
LISTEN, ESTABLISHED = "0A", "01"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a program runs: words before its command, and its address."""
    prefix: tuple = ()
    address: str = "127.0.0.1"


HERE = Place()
used_ports = set()


def free_port():
    """A free port below those that the system gives to outgoing connections."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in used_ports:
            used_ports.add(port)
            return port


def wait_for(condition, process, what, seconds=20):
    """What condition returns once it is true, while the process lives."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        value = condition()
        if value:
            return value
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise SystemExit(f"bench: {what} did not start")


def sockets_at(pid, port, state):
    """How many sockets of a local port, seen from where the process is."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/net/tcp").read_text().split("\n")
    except OSError:     # it has ended
        return 0
    count = 0
    for line in lines[1:]:
        words = line.split()
        count += (len(words) > 3 and words[3] == state
                  and int(words[1].rpartition(":")[2], 16) == port)
    return count


def family(pid):
    """A process and all that it has started, as far as they live."""
    found = [pid]
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return found
    for child in children.split():
        found += family(int(child))
    return found


def cpu_of(pid):
    """Seconds of CPU of a process with all its threads, ended ones too, and
    of its children that have ended."""
    try:
        # The clock of another process: clock_getcpuclockid(3), in ns.
        seconds = time.clock_gettime((~pid << 3) | 2)
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:     # it has just ended: its parent counts it now
        return 0.0
    fields = stat.rpartition(")")[2].split()
    return seconds + (int(fields[13]) + int(fields[14])) / TICKS


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Programs:
    """Some processes in a directory, ended together."""

    def __init__(self, directory):
        self.dir = directory
        self.running = []

    def start(self, *argv, place=HERE):
        log = self.dir / f"{len(self.running)}-{pathlib.Path(argv[0]).name}.log"
        with open(log, "wb") as out:
            process = subprocess.Popen(
                [str(a) for a in (*place.prefix, *argv)], cwd=self.dir,
                stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, preexec_fn=die_with_parent,
                start_new_session=True)     # Ctrl-C is ours: see end()
        self.running.append(process)
        return process, log

    def listens(self, process, port):
        wait_for(lambda: any(sockets_at(pid, port, LISTEN)
                             for pid in family(process.pid)),
                 process, pathlib.Path(process.args[0]).name)

    def pids(self):
        return [pid for process in self.running for pid in family(process.pid)]

    def cpu(self):
        """Seconds of CPU used so far."""
        return sum(map(cpu_of, self.pids()))

    def pss(self):
        """Bytes of memory, with shared pages divided among their users."""
        total = 0
        for pid in self.pids():
            try:
                text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:     # ended just now
                continue
            total += int(re.search(r"^Pss: +(\d+)", text, re.M).group(1)) * 1024
        return total

    def pipes(self):
        """How many descriptors of pipes they hold."""
        count = 0
        for pid in self.pids():
            try:
                count += sum(os.readlink(fd).startswith("pipe:")
                             for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir())
            except OSError:     # ended just now
                pass
        return count

    def end(self):
        for process in reversed(self.running):
            if process.poll() is not None:
                print(f"bench: {process.args[0]} ended by itself "
                      f"({process.returncode})", file=sys.stderr)
            process.terminate()
        for process in reversed(self.running):
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running = []


class Target(Programs):
    """What all ways lead to: bench_load serve."""

    def __init__(self, directory, place=HERE):
        super().__init__(directory)
        self.place = place
        process, log = self.start(LOAD, "serve", place.address, 0, place=place)
        self.port = wait_for(lambda: first_line(log), process, "target")["port"]


class NotPermitted(Exception):
    """What cannot be measured by this user, or on this system."""


class Delay(Programs):
    """Two namespaces, and a line between them that holds each packet."""
    NOT_PERMITTED = 77      # its exit code then

    def __init__(self, directory, one_way_ms):
        super().__init__(directory)
        process, log = self.start(DELAY, one_way_ms)
        try:
            spaces = wait_for(lambda: first_line(log), process, "bench_delay")
        except SystemExit as failure:
            process.kill()
            if process.wait() == self.NOT_PERMITTED:
                raise NotPermitted(log.read_text().strip()) from failure
            raise
        self.near = Place(("nsenter", f"--net={spaces['near']}"), "10.98.0.1")
        self.far = Place(("nsenter", f"--net={spaces['far']}"), "10.98.0.2")


def first_line(log):
    """The first line of output, as JSON, or None until it is there."""
    line, end, _ = log.read_text().partition("\n")
    return json.loads(line) if end and line.startswith("{") else None
