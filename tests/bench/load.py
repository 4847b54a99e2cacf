"""load.py - what the clients do, and what it cost whom."""
import dataclasses
import os
import pathlib
import re
import resource
import selectors
import socket
import subprocess
import threading
import time

from ways import TICKS

CONNECTIONS = 64
GIB = 1 << 30


@dataclasses.dataclass
class Result:
    """One measurement of one way."""
    value: float            # what the measure counts, per its unit
    cost: float             # relay's CPU: µs per request, or s per GiB
    errors: int
    client_share: float     # of all CPU time used meanwhile
    other_share: float      # the same for processes that are not ours


def busy_seconds():
    """CPU time that the whole machine has spent so far."""
    line = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()
    user, nice, system, _, _, irq, softirq, steal = map(int, line[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Meter:
    """CPU time used between its making and read()."""

    def __init__(self, way, web):
        self.way, self.web = way, web
        self.before = self.now()

    def now(self):
        return (busy_seconds(), children_seconds(), self.way.cpu(),
                self.web.cpu())

    def read(self):
        """Relay's seconds, the client's share, and the share of strangers."""
        busy, client, relay, web = (
            after - before for after, before in zip(self.now(), self.before))
        busy = max(busy, 1 / TICKS)
        other = max(0.0, busy - client - relay - web)
        return relay, client / busy, other / busy


def wrk(way, web, seconds, *options):
    meter = Meter(way, web)
    done = subprocess.run(
        ["wrk", f"-t{min(2, os.cpu_count())}", f"-c{CONNECTIONS}",
         f"-d{seconds}s", "--timeout", "5s", *options,
         f"http://127.0.0.1:{way.port}/small"],
        capture_output=True, text=True, check=False)
    relay, client, other = meter.read()
    requests = re.search(r"(\d+) requests in", done.stdout)
    rate = re.search(r"Requests/sec: +([\d.]+)", done.stdout)
    if done.returncode != 0 or not requests or not rate:
        raise SystemExit(f"bench: wrk: {done.stdout}{done.stderr}")
    errors = sum(map(int, re.findall(
        r"(?:connect|read|write|timeout|responses:) (\d+)", done.stdout)))
    count = int(requests.group(1))
    return Result(float(rate.group(1)), relay * 1e6 / max(count, 1),
                  errors + (count == 0), client, other)


def requests_kept(way, web, form):
    """Small requests on connections that are kept."""
    return wrk(way, web, form.seconds)


def requests_new(way, web, form):
    """A connection for every request."""
    return wrk(way, web, form.seconds, "-H", "Connection: close")


def download(way, web, form):
    """One big download; the value is in GiB per second."""
    meter = Meter(way, web)
    done = subprocess.run(
        ["curl", "-sS", "-o", os.devnull, "-w", "%{size_download} %{time_total}",
         f"http://127.0.0.1:{way.port}/big"],
        capture_output=True, text=True, check=False)
    relay, client, other = meter.read()
    size, seconds = (float(word) for word in done.stdout.split())
    failed = done.returncode != 0 or size != form.big_bytes
    return Result(size / GIB / seconds, relay / (max(size, 1) / GIB), failed,
                  client, other)


class Greeter(threading.Thread):
    """A target that greets each connection with a byte and keeps it."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.listener.getsockname()[1]
        self.kept = []
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.send(b"x")
            self.kept.append(connection)

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.join()
        for connection in [self.listener, *self.kept]:
            connection.close()


def greeted(clients, seconds=20):
    """How many of the clients hear from the target in time."""
    waiting = selectors.DefaultSelector()
    for client in clients:
        waiting.register(client, selectors.EVENT_READ)
    count, limit = 0, time.monotonic() + seconds
    while waiting.get_map() and time.monotonic() < limit:
        for key, _ in waiting.select(limit - time.monotonic()):
            count += key.fileobj.recv(1) == b"x"
            waiting.unregister(key.fileobj)
    waiting.close()
    return count


def idle_memory(kind, directory, sessions):
    """Bytes per idle session of a relay just started, and the errors."""
    greeter = Greeter()
    way = kind(directory, greeter.port)
    clients = []
    try:
        time.sleep(0.5)
        before = way.pss()
        clients = [socket.create_connection(("127.0.0.1", way.port))
                   for _ in range(sessions)]
        errors = sessions - greeted(clients)
        time.sleep(0.5)
        return (way.pss() - before) / sessions, errors
    finally:
        for client in clients:
            client.close()
        way.end()
        greeter.end()
