"""measure.py - what the clients do by a way, and what it cost whom.

A row measures one way once and returns a dictionary of figures:
  value, p50, p99  per the row's unit; microseconds
  cost             CPU of the relay's processes, per the row's unit
  errors           of what was asked
  load, other      shares of all cores: of client and target, of strangers
"""
import dataclasses
import json
import os
import pathlib
import re
import resource
import subprocess
import time
import typing

from programs import LOAD, TICKS

CONNECTIONS = 64
GIB = 1 << 30


def busy_seconds():
    """CPU time that the whole machine has spent so far."""
    line = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()
    user, nice, system, _, _, irq, softirq, steal = map(int, line[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Meter:
    """CPU time used between its making and shares()."""

    def __init__(self, way, target):
        self.way, self.target = way, target
        self.before = self.now()

    def now(self):
        return (time.monotonic(), busy_seconds(), children_seconds(),
                self.way.cpu(), self.target.cpu())

    def shares(self, figures, count):
        """Adds to the figures what count units of work took."""
        wall, busy, client, relay, target = (
            after - before for after, before in zip(self.now(), self.before))
        cores = wall * os.cpu_count()
        strangers = max(0.0, busy - client - relay - target)
        return {**figures, "cost": relay / max(count, 1e-9),
                "load": (client + target) / cores, "other": strangers / cores}


def load(way, command, *words):
    """What bench_load says, as a dictionary."""
    done = subprocess.run(
        [*way.near.prefix, LOAD, command, way.host, str(way.port),
         *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode != 0 or not done.stdout.endswith("}\n"):
        raise SystemExit(f"bench: bench_load {command}: {done.stderr}")
    return json.loads(done.stdout)


def bulk(direction, streams):
    def run(way, target, form):
        meter = Meter(way, target)
        said = load(way, "bulk", direction, streams, form.bulk_bytes // streams)
        size = said["bytes"] / GIB
        return meter.shares({"value": size / said["seconds"],
                             "errors": said["errors"]}, size)
    return run


WRK_UNITS = {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}


def keepalive(way, target, form):
    """wrk asks on connections that are kept."""
    meter = Meter(way, target)
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{form.seconds}s", "--latency",
         "--timeout", "5s", f"http://{way.host}:{way.port}/small"],
        capture_output=True, text=True, check=False)
    count = re.search(r"(\d+) requests in", done.stdout)
    rate = re.search(r"Requests/sec: +([\d.]+)", done.stdout)
    if done.returncode != 0 or not count or not rate:
        raise SystemExit(f"bench: wrk: {done.stdout}{done.stderr}")
    count = int(count.group(1))
    figures = {"value": float(rate.group(1)), "errors": (count == 0) + sum(
        map(int, re.findall(r"(?:connect|read|write|timeout|responses:) (\d+)",
                            done.stdout)))}
    for percent in ("50", "99"):
        number, unit = re.search(
            rf"^ +{percent}% +([\d.]+)(\w+)$", done.stdout, re.M).groups()
        figures[f"p{percent}"] = float(number) * WRK_UNITS[unit]
    return meter.shares(figures, count / 1e6)


def connections(way, target, form):
    """A connection for every request."""
    meter = Meter(way, target)
    said = load(way, "requests", form.requests, CONNECTIONS)
    return meter.shares(
        {"value": said["count"] / said["seconds"], "errors": said["errors"],
         "p50": said["whole_p50"], "p99": said["whole_p99"]},
        said["count"] / 1e6)


def one_by_one(command, field, count_field):
    def run(way, target, form):
        way.ready()
        meter = Meter(way, target)
        said = load(way, command, getattr(form, count_field))
        return meter.shares(
            {"value": said["count"] / said["seconds"], "errors": said["errors"],
             "p50": said[f"{field}_p50"], "p99": said[f"{field}_p99"]},
            said["count"] / 1e6)
    return run


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    title: str
    run: typing.Callable
    unit: str
    cost_unit: str
    ratio_of: str = "value"     # the figure that is set beside direct's
    digits: int = 0


def bulk_row(direction, streams):
    word = "Download" if direction == "down" else "Upload"
    number = "1 stream" if streams == 1 else f"{streams} streams"
    return Row(f"{direction}{streams}", f"{word}, {number}",
               bulk(direction, streams), "GiB/s", "CPU s/GiB", digits=2)


ROWS = [
    bulk_row("down", 1), bulk_row("down", 8),
    bulk_row("up", 1), bulk_row("up", 8),
    Row("keepalive", f"HTTP, {CONNECTIONS} connections kept (wrk)",
        keepalive, "per s", "CPU us each"),
    Row("connections",
        f"HTTP, a connection for each request, {CONNECTIONS} at once",
        connections, "per s", "CPU us each"),
    Row("setup", "Set-up: connect, and a byte there and back",
        one_by_one("setup", "first", "setups"), "per s", "CPU us each", "p50"),
    Row("pingpong", "Ping-pong: a byte there and back, connection kept",
        one_by_one("rounds", "round", "pingpongs"), "per s", "CPU us each",
        "p50"),
]
