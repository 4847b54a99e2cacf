#!/usr/bin/env python3
"""bench.py - what the tunnel costs, beside no tunnel and beside other relays.

Every way is asked the same in turn, round after round; medians are printed.
All is on this machine, on free ports, in a temporary directory. Exits 1 when
something asked by a usual way was not answered right; a goal that is not met
is only told.
"""
import argparse
import dataclasses
import json
import pathlib
import resource
import signal
import statistics
import sys
import tempfile

import goals
import machine
import special
import table
import ways
from measure import ROWS
from programs import NotPermitted, Target

MIB = 1 << 20
SPECIAL = ("memory", "standby", "line")


@dataclasses.dataclass
class Form:
    """How much of it all."""
    rounds: int
    seconds: int            # of each run of wrk
    bulk_bytes: int         # in all streams together
    requests: int           # each on a connection of its own
    setups: int
    pingpongs: int
    sessions: tuple         # idle at once: few, many
    standbys: int
    line_requests: int
    quiet: float            # seconds without change: memory has settled


FULL = Form(rounds=3, seconds=3, bulk_bytes=2048 * MIB, requests=20000,
            setups=2000, pingpongs=20000, sessions=(1000, 9000),
            standbys=1000, line_requests=10, quiet=4.0)
SHORT = Form(rounds=1, seconds=2, bulk_bytes=64 * MIB, requests=1000,
             setups=100, pingpongs=1000, sessions=(50, 200), standbys=100,
             line_requests=3, quiet=0.2)


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


class Bench:
    def __init__(self, form, rows, kinds, top):
        self.form, self.rows, self.kinds, self.top = form, rows, kinds, top
        self.made = 0

    def new_dir(self, name):
        """A directory of its own for everything that is started."""
        self.made += 1
        path = self.top / f"{self.made}-{name.replace(' ', '-')}"
        path.mkdir()
        return path

    def run(self):
        """Everything that is measured, as one dictionary."""
        report = {}
        target = Target(self.new_dir("target"))
        try:
            report.update(self.speed(target))
            report.update(self.memory(target))
        finally:
            target.end()
        if "line" in self.rows:
            report["line"] = self.line()
        return report

    def turns(self):
        """Round after round, the ways, another one first each time."""
        for turn in range(self.form.rounds):
            at = turn % len(self.kinds)
            yield turn + 1, self.kinds[at:] + self.kinds[:at]

    def speed(self, target):
        rows = [row for row in ROWS if row.name in self.rows]
        results = {row.name: {kind.name: [] for kind in self.kinds}
                   for row in rows}
        running = {}
        try:
            for kind in self.kinds if rows else ():
                running[kind.name] = kind.start(self.new_dir(kind.name), target)
            for turn, kinds in self.turns():
                for row in rows:
                    for kind in kinds:
                        progress(f"round {turn}: {row.title}: {kind.name}")
                        results[row.name][kind.name].append(
                            row.run(running[kind.name], target, self.form))
        finally:
            for way in running.values():
                way.end()
        return {row.name: {"title": row.title, "unit": row.unit,
                           "cost_unit": row.cost_unit,
                           "ways": summary(row, results[row.name])}
                for row in rows}

    def memory(self, target):
        measures = {"memory": special.idle_memory,
                    "standby": special.standby_memory}
        report = {}
        for name in [name for name in measures if name in self.rows]:
            results = {}
            for turn, kinds in self.turns():
                for kind in kinds:
                    if kind.name == "direct" or \
                            (name == "standby" and not kind.ours):
                        continue
                    progress(f"round {turn}: {name}: {kind.name}")
                    results.setdefault(kind.name, []).append(measures[name](
                        kind, self.new_dir(name), target, self.form))
            report[name] = {"ways": by_way(self.kinds, results)}
        return report

    def line(self):
        kinds = special.line_kinds(self.kinds)
        try:
            line = special.LongLine(self.new_dir, kinds)
        except NotPermitted as why:
            return {"skipped": str(why)}
        try:
            rounds = [line.measure(self.form, progress)
                      for _ in range(self.form.rounds)]
        finally:
            line.end()
        return {"ways": {kind.name: special.medians([r[kind.name]
                                                     for r in rounds])
                         for kind in kinds}}


def by_way(kinds, results):
    return {kind.name: special.medians(results[kind.name])
            for kind in kinds if kind.name in results}


def summary(row, results):
    """The medians of each way's rounds, and the ratio to direct."""
    def ratio(figures, direct):
        mine, other = figures[row.ratio_of], direct[row.ratio_of]
        return mine / other if mine is not None and other else 0.0
    return {name: {**special.medians(rounds),
                   "ratio": statistics.median(map(ratio, rounds,
                                                  results["direct"])),
                   "rounds": rounds}
            for name, rounds in results.items()}


def count_errors(report, kinds):
    usual = {kind.name for kind in kinds if kind.usual}
    return sum(figures["errors"] for part in report.values()
               for name, figures in part.get("ways", {}).items()
               if name in usual or name.startswith("transponder"))


def words(text):
    return [word for word in text.split(",") if word]


def numbers(text):
    return [int(word) for word in words(text)]


def parse():
    names = [row.name for row in ROWS] + list(SPECIAL)
    parser = argparse.ArgumentParser(
        prog="dev bench", description=__doc__.partition("\n\n")[2])
    parser.add_argument("--short", action="store_true",
                        help="half a minute: does every row work?")
    parser.add_argument("--json", action="store_true",
                        help="print all figures as JSON")
    parser.add_argument("--rounds", type=int, metavar="N")
    parser.add_argument("--only", type=words, default=names, metavar="ROW,...",
                        help="of " + ", ".join(names))
    parser.add_argument("--with", type=words, default=[], dest="others",
                        metavar="WAY,...", help="also: socat, ssh, tls (ours over TLS), "
                        "stunnel")
    parser.add_argument("--pump", type=words, default=[], metavar="PUMP,...",
                        help="ours with each of these pumps too")
    parser.add_argument("--workers", type=numbers, default=[], metavar="N,...",
                        help="ours with each of these numbers of workers too")
    options = parser.parse_args()
    for given, known in ((options.only, names),
                         (options.others, ways.ON_REQUEST)):
        for word in given:
            if word not in known:
                parser.error(f"{word}: not one of {', '.join(known)}")
    if (options.rounds or 1) < 1:
        parser.error("--rounds: at least 1")
    variants = []
    for key, values in (("Pump", options.pump), ("Workers", options.workers)):
        for value in values:
            if not all(ways.knows(program, key, value)
                       for program in ("outer", "inner")):
                parser.error(f"{key}={value}: the programs do not know that")
            variants.append(ways.ours({key: value}, {key: value},
                                      f"transponder {key}={value}", usual=False))
    options.kinds = [*ways.USUAL[:2], *variants, *ways.USUAL[2:],
                     *(ways.ON_REQUEST[word] for word in options.others)]
    return options


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    form = dataclasses.replace(SHORT if options.short else FULL)
    form.rounds = options.rounds or form.rounds
    with tempfile.TemporaryDirectory(prefix="tp-bench-") as top:
        measured = Bench(form, options.only, options.kinds,
                         pathlib.Path(top)).run()
    progress("")
    report = {**machine.describe(options.others),
              "form": dataclasses.asdict(form), **measured}
    report["goals"] = [] if options.short else goals.judge(report)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        table.print_report(report)
    errors = count_errors(measured, options.kinds)
    if errors:
        print(f"bench: {errors} errors", file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
