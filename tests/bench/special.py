"""special.py - rows that start ways of their own: memory, and a long line."""
import json
import statistics
import subprocess
import time

import ways
from measure import load
from programs import LOAD, Delay, Target

KIB = 1024


def settled_pss(way, quiet, limit=15):
    """Its memory once that has not changed for some seconds."""
    since, now = way.pss(), time.monotonic()
    calm, end = now + quiet, now + limit
    while time.monotonic() < min(calm, end):
        time.sleep(quiet / 10)
        pss = way.pss()
        if abs(pss - since) > 64 * KIB:
            since, calm = pss, time.monotonic() + quiet
    return way.pss()


class Idlers:
    """A client that holds as many idle connections as it is told."""

    def __init__(self, way):
        self.process = subprocess.Popen(
            [LOAD, "idle", way.host, str(way.port)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.errors = 0

    def hold(self, count):
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        self.errors += json.loads(self.process.stdout.readline())["errors"]

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def idle_memory(kind, directory, target, form):
    """Of one way, just started: idle sessions come, stay, and go."""
    way = kind.start(directory, target)
    idlers = Idlers(way)
    try:
        before = settled_pss(way, form.quiet)
        pipes_before = way.pipes()
        result = {}
        for size, count in zip(("few", "many"), form.sessions):
            result[size] = result[f"{size}_pipes"] = None
            if count > kind.most_sessions:
                continue
            idlers.hold(count)
            pss = settled_pss(way, form.quiet)
            result[size] = (pss - before) / count
            result[f"{size}_pipes"] = way.pipes() - pipes_before
            result["total"] = pss
        idlers.hold(0)
        result["left"] = settled_pss(way, 3 * form.quiet) - before
        return {**result, "before": before, "errors": idlers.errors}
    finally:
        idlers.end()
        way.end()


def standby_memory(kind, directory, target, form):
    """What each standby takes: of a big pool more than of a small one."""
    sizes = []
    for free in (10, form.standbys):
        place = directory / str(free)
        place.mkdir()
        way = ways.Transponder(
            place, target, outer=kind.start.keywords["outer"],
            scheme=kind.start.keywords["scheme"], inner={**(kind.start.keywords["inner"] or {}), "MaxFreeConn": free})
        try:
            sizes.append(settled_pss(way, form.quiet))
        finally:
            way.end()
    return {"each": (sizes[1] - sizes[0]) / (form.standbys - 10), "errors": 0}


class LongLine:
    """The ways through a round trip of 50 ms: each link crosses it once."""
    ROUND_TRIP_MS = 50
    AT_ONCE = 30        # on a pool of 10

    def __init__(self, new_dir, kinds):
        self.started, self.running = [], []
        try:
            self.line = Delay(new_dir("line"), self.ROUND_TRIP_MS / 2)
            self.started.append(self.line)
            near, far = self.line.near, self.line.far
            self.target = Target(new_dir("line-target"), far)
            self.started.append(self.target)
            for kind in kinds:
                way = kind.start(new_dir(f"line {kind.name}"), self.target,
                                 near=near, far=far)
                self.started.append(way)
                self.running.append((kind, way))
        except BaseException:
            self.end()
            raise

    def measure(self, form, progress):
        """By way, of one round; times in round trips as measured now."""
        direct = next(way for kind, way in self.running
                      if kind.name == "direct")
        trip = load(direct, "rounds", 10)
        results = {}
        for kind, way in self.running:
            progress(f"through {self.ROUND_TRIP_MS} ms: {kind.name}")
            way.ready()
            time.sleep(3 * self.ROUND_TRIP_MS / 1000)   # authenticated too
            single = load(way, "requests", form.line_requests, 1)
            time.sleep(1)
            way.ready()
            burst = load(way, "requests", self.AT_ONCE, self.AT_ONCE)
            time.sleep(3 * self.ROUND_TRIP_MS / 1000)
            results[kind.name] = {
                "round_trip_ms": trip["round_p50"] / 1e3,
                "first": in_trips(single["first_p50"], trip),
                "slowest_of_30": in_trips(burst["first_max"], trip),
                "errors": single["errors"] + burst["errors"] + trip["errors"],
            }
        return results

    def end(self):
        for programs in reversed(self.started):
            programs.end()


def in_trips(microseconds, trip):
    if microseconds is None or not trip["round_p50"]:
        return None
    return microseconds / trip["round_p50"]


def line_kinds(kinds):
    """The usual ways, and ours without early data."""
    chosen = [kind for kind in kinds if kind.usual]
    chosen.insert(2, ways.ours(outer={"EarlyData": "off"},
                               name="transponder EarlyData=off"))
    return chosen


def medians(rounds):
    """The median of each figure over the rounds; errors are added up."""
    result = {}
    for field in rounds[0]:
        values = [r[field] for r in rounds if r[field] is not None]
        if field == "errors":
            result[field] = sum(values)
        else:
            result[field] = statistics.median(values) if values else None
    return result
