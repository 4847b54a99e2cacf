#!/usr/bin/env python3
"""bench.py - what the tunnel costs, beside no tunnel and beside HAProxy.

The same client asks the same web server by each way in turn, round after
round; medians are printed, with the ratio to the direct way of the same
round. Everything is on loopback and in a temporary directory. Exits 1 when
any request failed.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import platform
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

import load
import ways

MIB = 1 << 20


@dataclasses.dataclass
class Form:
    """How long it all takes."""
    rounds: int
    seconds: int            # of each run of wrk
    big_bytes: int
    sessions: int           # idle at once


FULL = Form(rounds=3, seconds=4, big_bytes=1024 * MIB, sessions=1000)
SHORT = Form(rounds=1, seconds=1, big_bytes=64 * MIB, sessions=100)

# Name, measurement, title, unit of value and cost, digits of both.
MEASURES = [
    ("requests", load.requests_kept,
     f"Small requests, {load.CONNECTIONS} connections kept",
     "per s", "CPU us each", 0, 1),
    ("connections", load.requests_new,
     f"A connection for each request, {load.CONNECTIONS} at once",
     "per s", "CPU us each", 0, 1),
    ("download", load.download,
     "One download", "GiB/s", "CPU s/GiB", 2, 2),
]


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def first_number(*argv):
    """The version in what a program says of itself."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found.group(0) if found else "?"


def machine():
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", cpuinfo)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    versions = {
        "transponder": first_number(ways.BINARIES / "outer_server", "--version"),
        "nginx": first_number("nginx", "-v"),
        "wrk": first_number("wrk", "-v"),
        "curl": first_number("curl", "--version"),
    }
    if shutil.which("haproxy"):
        versions["haproxy"] = first_number("haproxy", "-v")
    return {
        "cpu": model.group(1) if model else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / load.GIB),
        "kernel": platform.release(),
        "versions": versions,
    }


def measure_speed(running, web, form):
    """By measure and way, one result a round."""
    results = {m[0]: {way.name: [] for way in running} for m in MEASURES}
    for turn in range(form.rounds):
        for name, run, title, *_ in MEASURES:
            # None is always first or last.
            at = turn % len(running)
            for way in running[at:] + running[:at]:
                progress(f"round {turn + 1}/{form.rounds}: {title}: {way.name}")
                results[name][way.name].append(run(way, web, form))
    return results


def summary(rounds, direct):
    """The medians of one way's rounds."""
    def median(field):
        return statistics.median(getattr(r, field) for r in rounds)
    return {
        "value": median("value"),
        "ratio": statistics.median(
            r.value / d.value if d.value else 0
            for r, d in zip(rounds, direct)),
        "cost": median("cost"),
        "errors": sum(r.errors for r in rounds),
        "client_share": median("client_share"),
        "other_share": median("other_share"),
        "rounds": [r.value for r in rounds],
    }


def run(form, top):
    """Everything that is measured, as one dictionary."""
    report = {**machine(), "form": dataclasses.asdict(form), "idle_session": {}}

    def new_dir(name):
        path = top / name
        path.mkdir()
        return path

    started = []
    try:
        web = ways.Nginx(new_dir("web"), form.big_bytes)
        started.append(web)
        running = []
        for kind in ways.available():
            running.append(kind(new_dir(kind.name), web.port))
            started.append(running[-1])
        load.download(running[0], web, form)    # the file into memory
        speed = measure_speed(running, web, form)
    finally:
        for programs in reversed(started):
            programs.end()
    for name, by_way in speed.items():
        report[name] = {way: summary(rounds, by_way["direct"])
                        for way, rounds in by_way.items()}
    for kind in ways.available():
        if kind is not ways.Direct:
            progress(f"{form.sessions} idle sessions: {kind.name}")
            size, errors = load.idle_memory(
                kind, new_dir(kind.name + "-idle"), form.sessions)
            report["idle_session"][kind.name] = {"bytes": size, "errors": errors}
    progress("")
    return report


def count_errors(report):
    return sum(row["errors"]
               for name in [m[0] for m in MEASURES] + ["idle_session"]
               for row in report[name].values())


def print_report(report):
    form = report["form"]
    print(f"{report['cores']} x {report['cpu']}, {report['memory_gib']} GiB, "
          f"Linux {report['kernel']}")
    print(", ".join(f"{k} {v}" for k, v in report["versions"].items()))
    print(f"rounds: {form['rounds']}, of {form['seconds']} s and "
          f"{form['big_bytes'] // MIB} MiB; medians; all on loopback")
    for name, _, title, unit, cost, digits, cost_digits in MEASURES:
        print(f"\n{title}\n  {'':14}{unit:>10}{'ratio':>8}"
              f"{cost:>13}{'errors':>8}{'client':>8}")
        for way, row in report[name].items():
            spent = "-" if way == "direct" else f"{row['cost']:.{cost_digits}f}"
            print(f"  {way:14}{row['value']:10.{digits}f}{row['ratio']:8.2f}"
                  f"{spent:>13}{row['errors']:8}{row['client_share']:8.0%}")
    print(f"\nMemory of a session, {form['sessions']} idle\n"
          f"  {'':14}{'KiB':>10}{'errors':>8}")
    for way, row in report["idle_session"].items():
        print(f"  {way:14}{row['bytes'] / 1024:10.1f}{row['errors']:8}")
    print("\nratio: to the direct way in the same round. CPU: of the relay's "
          "processes.\nclient: the load generator's share of all CPU time.")
    other = max(row["other_share"] for m in MEASURES
                for row in report[m[0]].values())
    if other > 0.15:
        print(f"Not a quiet machine: up to {other:.0%} of the CPU time went to "
              "processes of others.")


def main():
    parser = argparse.ArgumentParser(prog="dev bench", description=__doc__)
    parser.add_argument("--short", action="store_true",
                        help="a few seconds: does every way work?")
    parser.add_argument("--json", action="store_true",
                        help="print the figures as JSON")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="tp-bench-") as top:
        report = run(SHORT if options.short else FULL, pathlib.Path(top))
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print_report(report)
    errors = count_errors(report)
    if errors:
        print(f"bench: {errors} errors", file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
