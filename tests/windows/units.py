#!/usr/bin/env python3
"""units.py TAP LOG - whether every unit test has run, or was skipped by name.

TAP is what Check wrote of the tests that ran, LOG what the program printed:
"skipped: SUITE: TEST: WHY". The sources tell which tests there are.
"""
import pathlib
import re
import sys

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "unit"
RAN = re.compile(r"^(ok|not ok) \d+ - (?:.*/)?(\w+)\.[ch]:(\w+):(\w+):", re.M)
SKIPPED = re.compile(r"^skipped: (\w+): (.*): (.*?)\r?$", re.M)


def tests():
    """(file, test) of every one."""
    for path in sorted(SOURCES.glob("test_*.c")):
        for name in re.findall(r"^START_TEST\((\w+)\)", path.read_text(),
                               re.M):
            yield path.stem, name


def owner(place, case, name):
    """The file of a test that ran. Check tells where its last assertion stood:
    if that is a helper's file, the name tells, or the case of a name that
    several files have."""
    files = [file for file, other in tests() if other == name]
    if place in files:
        return place
    return files[0] if len(files) == 1 else f"test_{case}"


def main(tap, log):
    ran, owners = {}, {}
    for verdict, *of in RAN.findall(pathlib.Path(tap).read_text()):
        key = tuple(of)
        if key not in owners:
            owners[key] = owner(*of)
        ran.setdefault((owners[key], of[2]), []).append(verdict == "ok")
    skipped = dict.fromkeys(
        SKIPPED.findall(pathlib.Path(log).read_text(errors="replace")))
    whole = {(f"test_{suite}", name) for suite, name, _ in skipped}
    missing = [test for test in tests() if test not in ran | dict.fromkeys(whole)]
    passed = [test for test in ran if all(ran[test])]
    print(f"unit tests: {len(passed)} of {len(list(tests()))} passed "
          f"({sum(map(len, ran.values()))} checks), {len(skipped)} skipped:")
    for suite, name, why in skipped:
        print(f"  {suite}: {name}: {why}")
    for file, name in missing:
        print(f"{file}.c: {name} has not run, and nobody says why")
    return 1 if missing or len(passed) < len(ran) or not ran else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
